"""Fills the template `Verifier.sol.template` from a `VerifierSpec`. Equal keys give equal text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import resources
from string import Template

from verifier_gen.layout import (
    DENOMINATORS,
    POINTS,
    PREPROCESSED,
    SCALARS,
    CalldataLayout,
    MemoryLayout,
    num_public,
    proof_words,
    witness_name,
)
from verifier_gen.spec import G2_GENERATOR, G2Point, VerifierSpec
from zkllm.field import P, R

CONTRACT_NAME = "ZkLLMVerifier"


def render_verifier(spec: VerifierSpec) -> str:
    """Solidity source of the verifier."""
    text = resources.files("verifier_gen").joinpath("Verifier.sol.template").read_text(encoding="utf-8")
    return Template(text).substitute(_scalars(spec) | _blocks(spec))


def _hex32(value: int | bytes) -> str:
    number = value if isinstance(value, int) else int.from_bytes(value, "big")
    return f"0x{number:064x}"


def _g2(prefix: str, point: G2Point) -> dict[str, str]:
    names = ("X_1", "X_0", "Y_1", "Y_0")
    return {f"{prefix}_{name}": _hex32(value) for name, value in zip(names, point, strict=True)}


def _scalars(spec: VerifierSpec) -> dict[str, str]:
    size = 1 << spec.log2_size
    values = {
        "N": str(spec.N),
        "K": str(spec.k),
        "VERSION": str(spec.version),
        "NUM_WORDS": str(spec.num_words),
        "PROOF_WORDS": str(proof_words(spec.num_witness_columns)),
        "VOCABULARY_SIZE": str(spec.vocabulary_size),
        "DEVELOPMENT_SRS": "true" if spec.development_srs else "false",
        "LOG2_SIZE": str(spec.log2_size),
        "LOG2_B": str(spec.log2_b),
        "VERIFIER_ID": _hex32(spec.verifier_id),
        "MODEL_ID": _hex32(spec.model_id),
        "VOCABULARY_ROOT": _hex32(spec.vocabulary_root),
        "SRS_DIGEST": _hex32(spec.srs_digest),
        "TAG": _hex32(spec.tag),
        "R": _hex32(R),
        "P": _hex32(P),
        "INVERSE_OF_2": _hex32(spec.inverse(2)),
        "INVERSE_OF_SIZE": _hex32(spec.inverse(size)),
        "ROOT": _hex32(spec.omega),
        "C0_X": _hex32(spec.c0[0]),
        "C0_Y": _hex32(spec.c0[1]),
    }
    assert spec.cosets[0] == 1, "the template leaves out the multiplication by wire a's coset"
    for name, coset in zip("BCD", spec.cosets[1:], strict=True):
        values[f"COSET_{name}"] = str(coset)
    for i, entry in enumerate(spec.diagonal):
        values[f"DIAGONAL_{i}"] = _hex32(entry)
    values |= _g2("G2", G2_GENERATOR) | _g2("TAU", spec.g2_tau) | _g2("TAU_B", spec.g2_tau_b)
    return values


def _blocks(spec: VerifierSpec) -> dict[str, str]:
    fixed, witness = range(len(spec.fixed_columns)), range(spec.num_witness_columns)
    publics = range(num_public(spec.num_words))
    points = (*(witness_name(i) for i in witness), *POINTS)
    return {
        "CALLDATA_LAYOUT": _calldata_constants(spec),
        "MEMORY_LAYOUT": _memory_constants(spec),
        "FIXED_COLUMNS": _lines(
            1,
            (
                f"uint256 private constant FIXED_{i}_{axis} = {_hex32(value)};"
                for i, point in enumerate(spec.fixed_columns)
                for axis, value in zip("XY", point, strict=True)
            ),
        ),
        "WORDS": _lines(
            3,
            (f"all := or(all, calldataload(add(CD_WORDS, {32 * i:#x})))" for i in range(1, spec.num_words)),
        ),
        "SCALAR_CHECKS": _lines(3, _scalar_checks()),
        "POINT_CHECKS": _lines(3, (line for name in points for line in _point_check(name))),
        "SQUARINGS_Y": _lines(4, ["power := mulmod(power, power, r)"] * spec.log2_size),
        "SQUARINGS_ZETA": _lines(
            3,
            [
                "power := mulmod(power, power, r)",
                "powerInverse := mulmod(powerInverse, powerInverse, r)",
            ]
            * spec.log2_b,
        ),
        "PREFIX_PRODUCTS": _lines(
            3,
            (
                line
                for name in DENOMINATORS[1:]
                for line in (
                    f"mstore(M_PREFIX_{name}, product)",
                    f"product := mulmod(product, mload(M_DEN_{name}), r)",
                )
            ),
        ),
        "MINUS_ROOTS": _lines(
            1,
            (
                f"uint256 private constant MINUS_ROOT_{i} = {_hex32(R - pow(spec.omega, i, R))};"
                for i in publics
            ),
        ),
        "PUBLIC_INPUTS": _lines(3, (line for i in publics[1:] for line in _public_input(i))),
        "SUFFIX_INVERSES": _lines(
            3,
            (
                line
                for name in reversed(DENOMINATORS[1:])
                for line in (
                    f"own := mulmod(inverse, mload(M_PREFIX_{name}), r)",
                    f"inverse := mulmod(inverse, mload(M_DEN_{name}), r)",
                    f"mstore(M_DEN_{name}, own)",
                )
            ),
        ),
        "HORNER_C0": _lines(
            3,
            (
                f"rem := addmod(mulmod(rem, z, r), calldataload(CD_{name}), r)"
                for name in reversed(PREPROCESSED[:-1])
            ),
        ),
        "TERMS": _lines(3, _terms(len(fixed), len(witness))),
    }


def _scalar_checks() -> Iterator[str]:
    first, *others = SCALARS
    yield "valid :="
    for name in others:
        yield f"    and(lt(calldataload(CD_{name}), r),"
    yield f"    lt(calldataload(CD_{first}), r)" + ")" * len(others)


def _point_check(name: str) -> tuple[str, ...]:
    return (
        "{",
        f"    let x := calldataload(CD_{name})",
        f"    let y := calldataload(add(CD_{name}, 0x20))",
        "    let onCurve := eq(mulmod(y, y, p), addmod(mulmod(mulmod(x, x, p), x, p), 3, p))",
        "    valid := and(valid, and(or(onCurve, iszero(or(x, y))), and(lt(x, p), lt(y, p))))",
        "}",
    )


def _public_input(i: int) -> tuple[str, ...]:
    """n/d becomes n/d + public_i (-w^i) / (y - w^i)."""
    return (
        f"factor := addmod(y, MINUS_ROOT_{i}, r)",
        f"own := mulmod(mload(add(M_SEED, {32 * i:#x})), MINUS_ROOT_{i}, r)",
        "numerator := addmod(mulmod(numerator, factor, r), mulmod(own, denominator, r), r)",
        "denominator := mulmod(denominator, factor, r)",
    )


def _terms(num_fixed: int, num_witness: int) -> Iterator[str]:
    """The sum of `_combineCommitments`, in line: a function's jumps would cost a tenth of the gas beside the
    precompiles'."""
    yield from _term(("C0_X", "C0_Y"), "mload(M_S_C0)")
    for name in ("C1", "C2", "H", "SD"):
        yield from _term(f"CD_{name}", f"mload(M_S_{name})")
    yield from _term("CD_W_PRIME", "mload(M_Z)")
    yield from _term(("1", "2"), "mload(M_S_ONE)")
    yield from _term("CD_G", "addmod(mload(M_S_G), sub(r, omega), r)")
    yield from _term("CD_Q", "mulmod(omega, mload(M_ALPHA), r)")
    columns: list[str | tuple[str, str]] = [(f"FIXED_{i}_X", f"FIXED_{i}_Y") for i in range(num_fixed)]
    columns += [f"CD_{witness_name(i)}" for i in range(num_witness)]
    for i, column in enumerate(columns):
        if i:
            yield "power := mulmod(power, theta, r)"
        yield from _term(column, "power")


def _term(point: str | tuple[str, str], scalar: str) -> Iterator[str]:
    """M_SUM += scalar * point; a point is one of the calldata, or two coordinates."""
    if isinstance(point, str):
        yield f"calldatacopy(M_TERM, {point}, 0x40)"
    else:
        yield f"mstore(M_TERM, {point[0]})"
        yield f"mstore(M_TERM_Y, {point[1]})"
    yield f"mstore(M_SCALAR, {scalar})"
    yield "ok := and("
    yield "    staticcall(gas(), 0x06, M_SUM, 0x80, M_SUM, 0x40),"
    yield "    and(staticcall(gas(), 0x07, M_TERM, 0x60, M_TERM, 0x40), ok)"
    yield ")"


def _lines(depth: int, lines: Iterable[str]) -> str:
    return "\n".join("    " * depth + line for line in lines)


def _constants(items: list[tuple[str, int]]) -> str:
    return _lines(1, (f"uint256 private constant {name} = {value:#06x};" for name, value in items))


def _calldata_constants(spec: VerifierSpec) -> str:
    layout = CalldataLayout.build(spec.num_words, spec.num_witness_columns)
    offsets = layout.offsets
    witness_bytes = 64 * spec.num_witness_columns
    items = [
        ("CD_SIZE", layout.size),
        ("CD_PROOF_OFFSET", layout.proof_offset),
        ("WORDS_BYTES", 32 * spec.num_words),
        ("WITNESS_BYTES", witness_bytes),
        ("CD_WITNESS", offsets["DELTA"] - witness_bytes),
        *((f"CD_{name}", offset) for name, offset in offsets.items()),
        ("CD_W_Y", offsets["W"] + 32),
        ("CD_W_PRIME_Y", offsets["W_PRIME"] + 32),
    ]
    return _constants(items)


def _memory_constants(spec: VerifierSpec) -> str:
    layout = MemoryLayout.build(spec.num_words, spec.num_witness_columns)
    return _constants([*((f"M_{name}", a) for name, a in layout.addresses.items()), ("M_END", layout.end)])
