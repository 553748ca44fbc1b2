"""Fills the template `Verifier.sol.template` from a `VerifierSpec`. Equal descriptions give equal text.

The template holds the phases' arithmetic; whatever has an order, a place or a length is put in here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import resources
from string import Template

from verifier_gen.curve import G2_COORDINATES, PAIRING, omega_q_lines, pair_lines, point_checks, term_lines
from verifier_gen.offsets import (
    HEAD,
    NUM_PAIRS,
    PAIR,
    POINT,
    SELECTOR,
    WORD,
    WORDS_OFFSET,
    CalldataLayout,
    MemoryLayout,
    field_bytes,
    field_name,
    public_slot,
)
from verifier_gen.openings import batch_lines, inverse_lines, modulus_lines, prefix_lines
from verifier_gen.spec import VerifierSpec
from verifier_gen.transcript import public_input_lines, round_lines, statement_lines

CONTRACT_NAME = "ZkLLMVerifier"
FREE_MEMORY_POINTER = 0x40
"""Solidity's."""


def render_verifier(spec: VerifierSpec) -> str:
    """Solidity source of the verifier."""
    text = resources.files("verifier_gen").joinpath("Verifier.sol.template").read_text(encoding="utf-8")
    return Template(text).substitute(_values(spec) | _blocks(spec))


def _hex32(value: int | bytes) -> str:
    number = value if isinstance(value, int) else int.from_bytes(value, "big")
    return f"0x{number:064x}"


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _values(spec: VerifierSpec) -> dict[str, str]:
    size = 1 << spec.log2_size
    return {
        "N": str(spec.N),
        "K": str(spec.k),
        "VERSION": str(spec.version),
        "NUM_WORDS": str(spec.num_words),
        "LIMB_BITS": str(spec.limb_bits),
        "LIMBS_PER_WORD": str(spec.limbs_per_word),
        "SEALED": _boolean(spec.sealed),
        "STATEMENT_SAID": "the sealed prompt P, and the K certified ids packed into"
        if spec.sealed
        else "the length T and the ids x_0..x_N packed into",
        "OR_SEALED_PROMPT": ", or the sealed prompt is not below r" if spec.sealed else "",
        "PROOF_WORDS": str(sum(field_bytes(spec).values()) // WORD),
        "NUM_PREPROCESSED": str(max(len(o.remainder) for o in spec.openings if o.commitment == "C0")),
        "VOCABULARY_SIZE": str(spec.vocabulary_size),
        "DEVELOPMENT_SRS": _boolean(spec.development_srs),
        "LOG2_SIZE": str(spec.log2_size),
        "LOG2_B": str(spec.log2_b),
        "VERIFIER_ID": _hex32(spec.verifier_id),
        "MODEL_ID": _hex32(spec.model_id),
        "VOCABULARY_ROOT": _hex32(spec.vocabulary_root),
        "SRS_DIGEST": _hex32(spec.srs_digest),
        "TAG": _hex32(spec.tag),
        "R": _hex32(spec.order),
        "P": _hex32(spec.modulus),
        "INVERSE_OF_2": _hex32(spec.inverse(2)),
        "INVERSE_OF_SIZE": _hex32(spec.inverse(size)),
        "ROOT": _hex32(spec.root),
        "C0_X": _hex32(spec.c0[0]),
        "C0_Y": _hex32(spec.c0[1]),
        "WORD": f"{WORD:#x}",
        "PAIRING": f"{PAIRING:#04x}",
        "PAIRS_WORDS": str(NUM_PAIRS * PAIR // WORD),
        "AT_WORDS": f"{SELECTOR + WORD:#x}",
        "AT_PROOF": f"{SELECTOR + 2 * WORD:#x}",
        "WORDS_OFFSET": f"{WORDS_OFFSET:#x}",
        "FREE_MEMORY_POINTER": f"{FREE_MEMORY_POINTER:#x}",
    }


def _blocks(spec: VerifierSpec) -> dict[str, str]:
    layout = CalldataLayout.build(spec)
    squared = "power := mulmod(power, power, r)"
    squared_inverse = "powerInverse := mulmod(powerInverse, powerInverse, r)"
    return {
        "COSETS": _lines(1, _cosets(spec)),
        "DIAGONAL": _constants((f"DIAGONAL_{i}", _hex32(x)) for i, x in enumerate(spec.diagonal)),
        "MINUS_ROOTS": _constants(
            (f"MINUS_ROOT_{i}", _hex32(spec.order - pow(spec.root, i, spec.order)))
            for i in range(len(spec.public_inputs))
        ),
        "FIXED_COLUMNS": _constants(
            (f"FIXED_{i}_{axis}", _hex32(value))
            for i, point in enumerate(spec.fixed_columns)
            for axis, value in zip("XY", point, strict=True)
        ),
        "G2_POINTS": _constants(_g2_points(spec)),
        "CALLDATA_LAYOUT": _constants(_calldata(spec, layout)),
        "MEMORY_LAYOUT": _constants(_memory(spec)),
        "WORDS": _lines(3, _words(spec)),
        "SCALAR_CHECKS": _lines(3, _scalar_checks(spec)),
        "POINT_CHECKS": _lines(3, point_checks(spec)),
        "STATEMENT": _lines(3, statement_lines(spec)),
        "ROUNDS": _lines(3, round_lines(spec, layout)),
        "PUBLIC_INPUT_COPIES": _lines(3, public_input_lines(spec, layout)),
        "SQUARINGS_Y": _lines(4, [squared] * spec.log2_size),
        "SQUARINGS_ZETA": _lines(3, [squared, squared_inverse] * spec.log2_b),
        "MODULI": _lines(4, modulus_lines(spec)),
        "PREFIX_PRODUCTS": _lines(3, prefix_lines(spec)),
        "PUBLIC_INPUTS": _lines(3, _public_inputs(spec)),
        "INVERSES": _lines(3, inverse_lines(spec)),
        "BATCH": _lines(3, batch_lines(spec)),
        "TERMS": _lines(3, term_lines(spec)),
        "OMEGA_Q": _lines(3, omega_q_lines()),
        "PAIRS": _lines(3, pair_lines()),
    }


def _cosets(spec: VerifierSpec) -> Iterator[str]:
    first, *others = spec.cosets
    if first != 1:
        raise ValueError("the template leaves out the multiplication by wire a's coset, which must be 1")
    for name, coset in zip("BCD", others, strict=True):
        yield _constant(f"COSET_{name}", str(coset))


def _g2_points(spec: VerifierSpec) -> Iterator[tuple[str, str]]:
    for name, point in (("G2", spec.g2), ("TAU", spec.g2_tau), ("TAU_B", spec.g2_tau_b)):
        for coordinate, value in zip(G2_COORDINATES, point, strict=True):
            yield f"{name}_{coordinate}", _hex32(value)


def _words(spec: VerifierSpec) -> Iterator[str]:
    """`valid` becomes whether words have no bit above their limbs, and a sealed prompt is below r: a proof
    shows it modulo r alone."""
    first, *others = (
        f"calldataload(add(CD_WORDS, {WORD * i:#x}))" if i else "calldataload(CD_WORDS)"
        for i in range(int(spec.sealed), spec.num_words)
    )
    yield f"let all := {first}"
    yield from (f"all := or(all, {word})" for word in others)
    yield f"valid := iszero(shr({spec.limb_bits * spec.limbs_per_word}, all))"
    if spec.sealed:
        yield "valid := and(valid, lt(calldataload(CD_WORDS), R))"


def _scalar_checks(spec: VerifierSpec) -> Iterator[str]:
    first, *others = (name for name, size in field_bytes(spec).items() if size == WORD)
    yield "valid :="
    for name in others:
        yield f"    and(lt(calldataload(CD_{name}), r),"
    yield f"    lt(calldataload(CD_{first}), r)" + ")" * len(others)


def _public_inputs(spec: VerifierSpec) -> Iterator[str]:
    """n/d, from the first public input on, becomes n/d + public_i (-w^i) / (y - w^i)."""
    slot = f"M_{public_slot(spec.public_inputs[0])}"
    yield "let factor := addmod(y, MINUS_ROOT_0, r)"
    yield f"let numerator := mulmod(mload({slot}), MINUS_ROOT_0, r)"
    yield "let denominator := factor"
    for i in range(1, len(spec.public_inputs)):
        yield f"factor := addmod(y, MINUS_ROOT_{i}, r)"
        yield f"own := mulmod(mload(add({slot}, {WORD * i:#x})), MINUS_ROOT_{i}, r)"
        yield "numerator := addmod(mulmod(numerator, factor, r), mulmod(own, denominator, r), r)"
        yield "denominator := mulmod(denominator, factor, r)"


def _calldata(spec: VerifierSpec, layout: CalldataLayout) -> Iterator[tuple[str, str]]:
    witness = [field_name(name) for name in spec.witness]
    offsets = {name: offset for name, offset in layout.offsets.items() if name != "WORDS"}
    places = {
        "CD_SIZE": layout.size,
        "CD_PROOF_OFFSET": layout.proof_offset,
        "WORDS_BYTES": layout.sizes["WORDS"],
        "WITNESS_BYTES": POINT * len(witness),
        "CD_WITNESS": offsets[witness[0]],
        "CD_WORDS": HEAD + WORD,
        **{f"CD_{name}": offset for name, offset in offsets.items()},
        "CD_W_Y": offsets["W"] + WORD,
        "CD_W_PRIME_Y": offsets["W_PRIME"] + WORD,
    }
    return ((name, f"{place:#06x}") for name, place in places.items())


def _memory(spec: VerifierSpec) -> Iterator[tuple[str, str]]:
    layout = MemoryLayout.build(spec)
    for name, address in layout.addresses.items():
        yield f"M_{name}", f"{address:#06x}"
    yield "M_END", f"{layout.end:#06x}"
    yield "PAIRS_BYTES", f"{NUM_PAIRS * PAIR:#06x}"


def _lines(depth: int, lines: Iterable[str]) -> str:
    return "\n".join("    " * depth + line if line else "" for line in lines)


def _constants(items: Iterable[tuple[str, str]]) -> str:
    return _lines(1, (_constant(name, value) for name, value in items))


def _constant(name: str, value: str) -> str:
    return f"uint256 private constant {name} = {value};"
