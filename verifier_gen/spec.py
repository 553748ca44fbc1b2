"""What the generated contract depends on, spelt out as numbers and names: a verifying key, and the protocol's
order of messages, challenges and openings. Whoever has a key describes it so; the generator knows no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

Point = tuple[int, int]
G2Point = tuple[int, int, int, int]
"""(x imaginary, x real, y imaginary, y real), the order of the pairing precompile."""


class Round(Protocol):
    """Messages, by their names in `VerifierSpec.body`, then the challenge."""

    @property
    def challenge(self) -> str: ...

    @property
    def messages(self) -> tuple[str, ...]: ...


class Modulus(Protocol):
    """X^degree - point; inverted: point X^degree - 1. The point: a challenge, or y_next, that is w y."""

    @property
    def degree(self) -> int: ...

    @property
    def point(self) -> str: ...

    @property
    def inverted(self) -> bool: ...


class Opening(Protocol):
    """The commitment's polynomial modulo the modulus; coefficients of the remainder are messages, or values
    that the contract derives."""

    @property
    def commitment(self) -> str: ...

    @property
    def modulus(self) -> Modulus: ...

    @property
    def remainder(self) -> tuple[str, ...]: ...

    @property
    def note(self) -> str: ...


@dataclass(frozen=True)
class VerifierSpec:
    """Everything that differs between two generated verifiers, and everything that has an order."""

    # the curve and the circuit's domain
    order: int  # r, of the group
    modulus: int  # p, of its coordinates
    log2_size: int  # n, the circuit's rows
    root: int  # w, a generator of the domain
    cosets: tuple[int, ...]  # of the wires, in the permutation argument
    diagonal: tuple[int, ...]  # of Poseidon2's internal matrix, less one

    # the key
    version: int
    N: int
    k: int
    sealed: bool  # a statement is P and the certified ids, in place of T and all ids
    log2_b: int
    num_words: int
    limb_bits: int
    limbs_per_word: int
    fixed_columns: tuple[Point, ...]
    c0: Point
    vocabulary_size: int
    verifier_id: bytes
    model_id: bytes
    vocabulary_root: bytes
    srs_digest: bytes
    development_srs: bool
    g2: G2Point
    g2_tau: G2Point
    g2_tau_b: G2Point
    tag: bytes

    # the protocol's text
    witness: tuple[str, ...]  # commitments at the start of the body
    body: tuple[tuple[str, bool], ...]  # all of a proof: (name, whether it is a point)
    statement: tuple[str, ...]  # what the first digest is of: tag, verifier_id, context, words, witness
    chain_start: tuple[str, ...]  # before the first round's messages: verifier_id, H
    rounds: tuple[Round, ...]
    public_inputs: tuple[str, ...]  # of the circuit: seed, words, messages and challenges
    openings: tuple[Opening, ...]

    def inverse(self, x: int) -> int:
        return pow(x, -1, self.order)
