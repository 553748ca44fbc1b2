"""Where everything sits in the calldata and in the memory of the generated verifier.

Both are fixed by the verifying key and the protocol's order of messages, so the contract addresses them by
constants: `CD_` of calldata, `M_` of memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from verifier_gen.spec import Modulus, VerifierSpec

WORD = 32
POINT = 2 * WORD
SELECTOR = 4
HEAD = SELECTOR + 3 * WORD
"""Selector, context and the two offsets."""
WORDS_OFFSET = 3 * WORD
"""Offset of the statement's length word as the ABI counts it, from the end of the selector."""

NAMES = {
    "pc": "PCOL_ZETA",
    "pci": "PCOL_ZETA_INV",
    "pr": "PROW_ZETA",
    "pri": "PROW_ZETA_INV",
    "z": "Z_PRIME",
    "z_next": "Z_PRIME_NEXT",
}
"""What the contract calls messages of a proof, where it is not their name in capitals."""

MEMORY_START = 0x80
PAIR = POINT + 2 * POINT
"""Bytes of a pair of points, one of G1 and one of G2, in the pairing precompile's input."""
NUM_PAIRS = 3

DERIVED = (
    *("STATE", "PI", "TG", "TP", "INTERNAL_0", "INTERNAL_1", "INTERNAL_2", "INTERNAL_3"),
    *("D_ZETA", "D_ZETA_INV", "H_ALPHA"),
)
"""Results of the phases, beside the batch's scalars; the transcript's last state."""


def field_name(message: str) -> str:
    """A message of the proof, as `CD_` and, where it is a public input, `M_` say it."""
    column = message.removeprefix("witness")
    return f"WITNESS_{column}" if column.isdigit() else NAMES.get(message, message.upper())


def point_name(point: str) -> str:
    """Where polynomials are opened."""
    return "YW" if point == "y_next" else point.upper()


def modulus_name(modulus: Modulus) -> str:
    """Z13_Y is z^13 - y, Z2ZETA_1 is zeta z^2 - 1."""
    power = "Z" if modulus.degree == 1 else f"Z{modulus.degree}"
    point = point_name(modulus.point)
    return f"{power}{point}_1" if modulus.inverted else f"{power}_{point}"


def denominator_names(spec: VerifierSpec) -> tuple[str, ...]:
    """Denominators other than the public inputs' y - w^i, in the order of their products."""
    return ("ZH", "ZETA", *dict.fromkeys(modulus_name(o.modulus) for o in spec.openings))


def commitments(spec: VerifierSpec) -> tuple[str, ...]:
    """What is opened, in order."""
    return tuple(dict.fromkeys(o.commitment for o in spec.openings))


def field_bytes(spec: VerifierSpec) -> dict[str, int]:
    """Fields of the proof in order, and their sizes. No two may have one name in the contract."""
    counted = Counter(field_name(name) for name, _ in spec.body)
    twice = [name for name, count in counted.items() if count > 1]
    if twice:
        raise ValueError(f"two messages of the proof would have one name in the contract: {', '.join(twice)}")
    return {field_name(name): POINT if is_point else WORD for name, is_point in spec.body}


@dataclass(frozen=True)
class CalldataLayout:
    """Byte offsets in the calldata of verify(bytes32,uint256[],uint256[])."""

    offsets: dict[str, int]
    sizes: dict[str, int]
    proof_offset: int
    """Offset of the proof's length word as the ABI counts it."""
    size: int

    @classmethod
    def build(cls, spec: VerifierSpec) -> CalldataLayout:
        statement_bytes = WORD * spec.num_words
        proof_length = HEAD + WORD + statement_bytes
        position = proof_length + WORD
        offsets = {"WORDS": HEAD + WORD}
        sizes = {"WORDS": statement_bytes} | field_bytes(spec)
        for name, size in field_bytes(spec).items():
            offsets[name] = position
            position += size
        return cls(offsets, sizes, proof_length - SELECTOR, position)

    def runs(self, names: Iterable[str]) -> list[tuple[str, int]]:
        """Fields one after the other, cut where they are apart in calldata: (first field, bytes) a piece."""
        pieces: list[tuple[str, int]] = []
        for name in names:
            first, size = pieces[-1] if pieces else ("", 0)
            if pieces and self.offsets[first] + size == self.offsets[name]:
                pieces[-1] = (first, size + self.sizes[name])
            else:
                pieces.append((name, self.sizes[name]))
        return pieces


@dataclass(frozen=True)
class MemoryLayout:
    """Addresses of the `M_` slots."""

    addresses: dict[str, int]
    end: int

    @classmethod
    def build(cls, spec: VerifierSpec) -> MemoryLayout:
        addresses = {
            "BUFFER": MEMORY_START,
            # the pairing's input, of which the sum and the third pair's point are computed in place
            "PAIRS": MEMORY_START,
            "SUM": MEMORY_START,
            "TERM": MEMORY_START + POINT,
            "TERM_Y": MEMORY_START + POINT + WORD,
            "SCALAR": MEMORY_START + 2 * POINT,
            "OMEGA_Q": MEMORY_START + 2 * PAIR,
        }
        position = MEMORY_START + _buffer_bytes(spec)

        def slot(name: str, size: int = WORD) -> None:
            nonlocal position
            if name in addresses:
                raise ValueError(f"two values would have the slot M_{name}")
            addresses[name] = position
            position += size

        publics = dict.fromkeys(public_slot(name) for name in spec.public_inputs)
        for name in publics:
            slot(name, WORD * spec.num_words if name == "WORDS" else WORD)
        denominators = denominator_names(spec)
        for name in denominators:
            slot(f"DEN_{name}")
        for name in denominators[1:]:
            slot(f"PREFIX_{name}")
        for challenge in (r.challenge for r in spec.rounds):
            if challenge.upper() not in publics:
                slot(challenge.upper())
            if challenge == "y":
                slot(point_name("y_next"))
        for name in (*DERIVED, *(f"S_{c.upper()}" for c in commitments(spec)), "S_ONE"):
            slot(name)
        return cls(addresses, position)


def public_slot(public_input: str) -> str:
    """The slot of one of the circuit's public inputs, which lie in their order: words have one together."""
    return "WORDS" if public_input.startswith("word") else field_name(public_input)


def _buffer_bytes(spec: VerifierSpec) -> int:
    """What the longest message to hash takes, or the pairing."""
    sizes = field_bytes(spec)
    words, witness = WORD * spec.num_words, sum(sizes[field_name(w)] for w in spec.witness)
    hashed = [sum({"words": words, "witness": witness}.get(part, WORD) for part in spec.statement)]
    for i, r in enumerate(spec.rounds):
        hashed.append(
            WORD * (1 if i else len(spec.chain_start)) + sum(sizes[field_name(m)] for m in r.messages)
        )
    return max(*hashed, NUM_PAIRS * PAIR)
