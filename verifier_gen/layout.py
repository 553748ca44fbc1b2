"""Where everything sits in the calldata and in the memory of the generated verifier.

Both are fixed by the verifying key, so the contract addresses them by constants.
"""

from __future__ import annotations

from dataclasses import dataclass

WORD = 32
HEAD = 4 + 3 * WORD
"""Selector, context and the two offsets."""

EVALUATIONS = (
    *("Q1", "Q2", "Q3", "Q4", "QM", "QC", "QE", "QI", "QL", "SIGMA1", "SIGMA2", "SIGMA3", "SIGMA4"),
    *("A", "B", "C", "D", "A_NEXT", "B_NEXT", "C_NEXT", "D_NEXT"),
    *("Z_PRIME", "Z_PRIME_NEXT", "TP_NEXT", "TG_NEXT"),
    *("G_ZETA", "G_ZETA_INV", "H_ZETA", "H_ZETA_INV", "S_ZETA", "S_ZETA_INV"),
)
PREPROCESSED = EVALUATIONS[:13]
P_VALUES = ("PCOL_ZETA", "PCOL_ZETA_INV", "PROW_ZETA", "PROW_ZETA_INV")

BODY: tuple[tuple[str, int], ...] = (
    *(("DELTA", 1), ("V", 1)),
    *((name, 2) for name in ("H", "Q", "G", "SD")),
    *((name, 1) for name in P_VALUES),
    *(("C1", 2), ("C2", 2)),
    *((name, 1) for name in EVALUATIONS),
    *(("W", 2), ("W_PRIME", 2), ("INVERSE", 1)),
)
"""Fields of a proof after the witness columns' commitments, and their words (points have two)."""

SCALARS = tuple(name for name, words in BODY if words == 1)
POINTS = tuple(name for name, words in BODY if words == 2)

DENOMINATORS = (
    *("ZH", "ZETA", "Z13_Y", "Z4_Y", "Z4_YW", "Z3_Y", "Z3_YW"),
    *("Z_ZETA", "ZZETA_1", "Z_ALPHA", "Z2_ZETA", "Z2ZETA_1"),
)
"""Denominators other than the public inputs' y - w^i, in the order of their products."""

OTHER_SLOTS = (
    *("ALPHA", "GAMMA", "BETA_P", "GAMMA_P", "ALPHA_P", "Y", "YW", "BETA", "Z", "OMEGA"),
    *("PI", "TG", "TP", "INTERNAL_0", "INTERNAL_1", "INTERNAL_2", "INTERNAL_3"),
    *("D_ZETA", "D_ZETA_INV", "H_ALPHA"),
    *("S_C0", "S_C1", "S_C2", "S_G", "S_H", "S_SD", "S_ONE"),
)

MEMORY_START = 0x80
PAIRS_BYTES = 18 * WORD


def proof_words(num_witness_columns: int) -> int:
    return 2 * num_witness_columns + sum(words for _, words in BODY)


def witness_name(column: int) -> str:
    return f"WITNESS_{column}"


@dataclass(frozen=True)
class CalldataLayout:
    """Byte offsets in the calldata of verify(bytes32,uint256[],uint256[])."""

    offsets: dict[str, int]
    proof_offset: int
    """Offset of the proof's length word as the ABI counts it, from the end of the selector."""
    size: int

    @classmethod
    def build(cls, num_words: int, num_witness_columns: int) -> CalldataLayout:
        proof_length = HEAD + WORD * (1 + num_words)
        position = proof_length + WORD
        offsets = {"WORDS": HEAD + WORD}
        witness = [(witness_name(i), 2) for i in range(num_witness_columns)]
        for name, words in (*witness, *BODY):
            offsets[name] = position
            position += WORD * words
        return cls(offsets, proof_length - 4, position)


@dataclass(frozen=True)
class MemoryLayout:
    """Addresses of the `M_` slots."""

    addresses: dict[str, int]
    end: int

    @classmethod
    def build(cls, num_words: int, num_witness_columns: int) -> MemoryLayout:
        statement_bytes = 3 * WORD + WORD * num_words + 2 * WORD * num_witness_columns
        buffer_bytes = max(statement_bytes, WORD * (1 + len(EVALUATIONS)), PAIRS_BYTES)
        addresses = {
            "BUFFER": MEMORY_START,
            "PAIRS": MEMORY_START,
            "SUM": MEMORY_START,
            "TERM": MEMORY_START + 2 * WORD,
            "TERM_Y": MEMORY_START + 3 * WORD,
            "SCALAR": MEMORY_START + 4 * WORD,
            "OMEGA_Q": MEMORY_START + 12 * WORD,
        }
        position = MEMORY_START + buffer_bytes

        def slot(name: str, words: int = 1) -> None:
            nonlocal position
            addresses[name] = position
            position += WORD * words

        slot("SEED")
        slot("WORDS", num_words)
        for name in ("DELTA", "THETA", "ZETA", "V", *P_VALUES):
            slot(name)
        for name in DENOMINATORS:
            slot(f"DEN_{name}")
        for name in DENOMINATORS[1:]:
            slot(f"PREFIX_{name}")
        for name in OTHER_SLOTS:
            slot(name)
        return cls(addresses, position)


def num_public(num_words: int) -> int:
    """Public inputs of the outer circuit: seed, words, delta, theta, zeta, v and the four values of P."""
    return 1 + num_words + 4 + len(P_VALUES)
