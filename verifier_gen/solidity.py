"""Fills the template `Verifier.sol.template` from a `VerifierSpec`. Equal keys give equal text."""

from __future__ import annotations

from collections.abc import Iterable
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
        "NEGATIVE_INVERSE_OF_SIZE": _hex32(R - spec.inverse(size)),
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
    columns = []
    for i in fixed:
        columns += [f"mstore(M_TERM, FIXED_{i}_X)", f"mstore(M_TERM_Y, FIXED_{i}_Y)", *_ADD_COLUMN]
    for i in witness:
        columns += [f"calldatacopy(M_TERM, CD_{witness_name(i)}, 0x40)", *_ADD_COLUMN]
    columns.pop()  # nothing uses the power of theta after the last column

    points = [witness_name(i) for i in witness] + [name for name in POINTS if name != "H"]
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
        "SCALAR_CHECKS": _lines(
            3, (f"valid := and(valid, lt(calldataload(CD_{name}), r))" for name in SCALARS if name != "DELTA")
        ),
        "POINT_CHECKS": _lines(3, (f"valid := and(valid, isPoint(CD_{name}, p))" for name in points)),
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
        "ROOTS": _lines(
            1,
            (
                f"uint256 private constant ROOT_{i} = {_hex32(pow(spec.omega, i, R))};"
                for i in range(num_public(spec.num_words))
            ),
        ),
        "PUBLIC_PREFIX_PRODUCTS": _lines(
            3,
            (
                line
                for i in range(num_public(spec.num_words))
                for line in (
                    f"mstore(add(M_PREFIX_PUBLIC, {32 * i:#x}), product)",
                    f"product := mulmod(product, addmod(y, sub(r, ROOT_{i}), r), r)",
                )
            ),
        ),
        "PUBLIC_SUFFIX_INVERSES": _lines(
            3,
            (
                line
                for i in reversed(range(num_public(spec.num_words)))
                for line in (
                    f"own := mulmod(inverse, mload(add(M_PREFIX_PUBLIC, {32 * i:#x})), r)",
                    f"own := mulmod(own, ROOT_{i}, r)",
                    f"sum := addmod(sum, mulmod(own, mload(add(M_SEED, {32 * i:#x})), r), r)",
                    f"inverse := mulmod(inverse, addmod(y, sub(r, ROOT_{i}), r), r)",
                )
            ),
        ),
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
        "COLUMNS": _lines(3, columns),
    }


_ADD_COLUMN = ("ok := and(accumulate(scalar), ok)", "scalar := mulmod(scalar, theta, r)")


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
