"""The soundness report: each error term of a shape, in bits, with its source.

Statistical terms are numerators over r (algebraic group model for the commitments); computational ones are
the work of the best known attack. `binding` is the smallest: BN254 itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2

from zkllm.field import R
from zkllm.outer.keys import VerifyingKey
from zkllm.pcs.mercury import column_bits
from zkllm.protocol.party import Party

LOG2_R = log2(R)
CEREMONY_POWERS = (1 << 29) - 1  # in G1, of the largest .ptau files: perpetual powers of tau
BN254_BITS = 100.0  # Barbulescu, Duquesne, eprint 2017/334: number field sieve on BN254's target group


@dataclass(frozen=True)
class Term:
    name: str
    bits: float
    kind: str  # "statistical" or "work"
    source: str


@dataclass(frozen=True)
class OuterSizes:
    """What the outer proof's terms depend on."""

    n_log2: int
    columns: int
    mu: int
    words: int  # of a statement

    @classmethod
    def of(cls, vk: VerifyingKey) -> OuterSizes:
        return cls(vk.n_log2, len(vk.fixed_commitments) + vk.num_witness_columns, vk.mu, vk.num_words)

    @property
    def powers(self) -> int:
        """Of tau, that a prover may use: not what proving needs (the columns, and C2's three polynomials of
        up to 5 n coefficients) but all that a ceremony has published, whatever a file of it was cut to."""
        return max(1 << self.mu, 15 << self.n_log2, CEREMONY_POWERS)


SOURCES = {
    "LogUp alpha": "eprint 2022/1530, Lemma 5: queries and table rows",
    "LogUp fingerprints": "pairs of distinct (tag, input, output) that collide under beta",
    "LogUp layers": "eprint 2023/1284, section 3: lambda and the line through two children",
    "sumcheck rounds": "degree of every round polynomial (Lund et al.)",
    "zero-check gamma": "powers of gamma batch the equations",
    "zero-check tau": "multilinear extension at a random point",
    "output points": "relations checked at random output points (Thaler 2013)",
    "product sums eta": "powers of eta batch the sums",
    "reduction beta": "powers of beta batch the claims",
}


def _statistical(name: str, numerator: int, source: str) -> Term:
    return Term(name, LOG2_R - log2(max(1, numerator)), "statistical", source)


def inner_terms(party: Party) -> list[Term]:
    """From the text itself: whoever ran it has added up the numerators."""
    return [_statistical(name, n, SOURCES[name]) for name, n in party.errors.items()]


def outer_terms(s: OuterSizes) -> list[Term]:
    """PLONK, the packed opening and Mercury, from the sizes alone (docs/security.md gives them at XL's)."""
    n, columns, powers = 1 << s.n_log2, s.columns, s.powers
    b = 1 << column_bits(s.mu)
    # An SRS is all that bounds what a pack of t polynomials holds: powers / t coefficients each. The largest
    # product in an identity is z' and four wires, powers / 3 + 4 powers / 4; five wires and a flag are less.
    identity = powers // 3 + powers + n
    degrees = {
        "permutation beta_p, gamma_p": (8 * n, "PLONK, eprint 2019/953, permutation argument over 4 wires"),
        "gates alpha_p": (4, "powers of alpha_p batch five gate equations"),
        "evaluation y": (
            identity + s.words + 10,
            "quotient identities, of degrees that the SRS allows",
        ),
        "columns theta": (columns - 1, "powers of theta batch the columns"),
        "Mercury alpha": (powers - 1, "eprint 2025/385: division by X^b - alpha"),
        "Mercury gamma": (1, "eprint 2025/385: two inner products in one"),
        "Mercury zeta": (2 * (powers - 1 + b), "eprint 2025/385: Laurent identity"),
        "opening beta": (11, "eprint 2020/081: twelve entries"),
        "opening z": (13 * (powers - 1) + 48, "eprint 2020/081: the batch, times all denominators"),
        "opening omega": (1, "the division check rides on the pairing"),
    }
    return [_statistical(name, numerator, source) for name, (numerator, source) in degrees.items()]


def work_terms(s: OuterSizes) -> list[Term]:
    return [
        Term("seed collision", 124.0, "work", "keccak256 truncated to 248 bits"),
        Term("Poseidon2 capacity", LOG2_R / 2, "work", "sponge with one lane of capacity, eprint 2023/323"),
        Term(
            "tau", LOG2_R / 2 - log2(s.powers) / 2, "work", "Cheon 2006: discrete logarithm with many powers"
        ),
        Term("BN254", BN254_BITS, "work", "eprint 2017/334"),
    ]


def report(party: Party, sizes: OuterSizes) -> list[Term]:
    """All terms; `party` has run the text of the protocol."""
    return [*inner_terms(party), *outer_terms(sizes), *work_terms(sizes)]


def security_bits(vk: VerifyingKey) -> float:
    """What binds, for a ceremony's SRS. A development SRS has none: its tau is public."""
    return min(t.bits for t in [*outer_terms(OuterSizes.of(vk)), *work_terms(OuterSizes.of(vk))])
