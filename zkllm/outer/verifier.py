"""The final verifier in pure Python: a statement, a context and a proof's body against a verifying key.

It accepts exactly what the generated contract accepts. docs/protocol.md, 5 and 6.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from zkllm.errors import ProofError, StatementError
from zkllm.field import R
from zkllm.outer.keys import VerifyingKey
from zkllm.outer.opening import OPENINGS, batch_weights, denominators, derive, opening_entries, product
from zkllm.outer.transcript import INVERSE, SCHEDULE, Transcript, decode_body, seed_of, statement_digest
from zkllm.pcs.bn128 import bn
from zkllm.pcs.curve import (
    G1_GENERATOR,
    Point,
    Point2,
    decode_g1,
    decode_g2,
    linear_combination_g1,
    negate_g1,
    pairing_product_is_one,
)
from zkllm.statement import DIGEST_BYTES, unpack_sealed_words, unpack_words

Observer = Callable[[str, bytes | int], None]
Pairs = list[tuple[Point, Point2]]


@dataclass(frozen=True)
class Equation:
    """What is left of a proof when all but its pairing was checked: it holds if prod e(P, Q) over the pairs
    (A, [1]_2), (-W', [tau]_2), (-omega C_q, [tau^b]_2) is 1. `state`: the transcript's last, behind omega."""

    vk: VerifyingKey
    state: bytes
    pairs: Pairs


def check_words(vk: VerifyingKey, words: list[int]) -> None:
    """The statement's limits: 1 <= k <= T <= N, ids of the vocabulary, the pad id after x_T. These are what
    soundness rests on: whatever the words, only the verifier's own check counts. Of a sealed statement: P is
    canonical, and the answered ids are of the vocabulary."""
    try:
        if vk.sealed:
            _, answer = unpack_sealed_words(words, vk.k)
            check_ids(vk, answer)
            return
        T, ids = unpack_words(words, vk.N)
    except StatementError as error:
        raise ProofError(f"statement: {error}") from None
    if not vk.k <= T <= vk.N:
        raise ProofError(f"statement: T = {T} is not between k = {vk.k} and N = {vk.N}")
    check_ids(vk, ids)
    if any(token != vk.pad_id for token in ids[T + 1 :]):
        raise ProofError(f"statement: an id after x_T is not the pad id {vk.pad_id}")


def check_ids(vk: VerifyingKey, ids: list[int]) -> None:
    if max(ids) >= vk.vocab_size:
        raise ProofError(f"statement: id {max(ids)} is not below the vocabulary's size {vk.vocab_size}")


def verify(
    vk: VerifyingKey, context: bytes, words: list[int], body: bytes, trace: Observer | None = None
) -> None:
    """Raises ProofError, whose message starts with the name of the check that failed."""
    require_pairing(equation(vk, context, words, body, trace).pairs)


def equation(
    vk: VerifyingKey, context: bytes, words: list[int], body: bytes, trace: Observer | None = None
) -> Equation:
    """All checks but the pairing. Raises ProofError as `verify` does."""
    if len(context) != DIGEST_BYTES:
        raise ProofError(f"context: expected {DIGEST_BYTES} bytes, got {len(context)}")
    check_words(vk, words)
    witness, scalars, points = decode_body(body, vk.num_witness_columns)
    digest = statement_digest(vk.verifier_id, context, words, witness)
    transcript, challenges = replay(vk, digest, {**scalars, **points}, trace)
    pairs = opening_pairs(vk, words, seed_of(digest), witness, scalars, points, challenges)
    return Equation(vk, transcript.state, pairs)


def require_pairing(pairs: Pairs) -> None:
    if not pairing_product_is_one(pairs):
        raise ProofError("pairing: the opening does not hold")


def draw_challenges(
    vk: VerifyingKey, digest: bytes, messages: Mapping[str, bytes | int], trace: Observer | None = None
) -> dict[str, int]:
    """The challenges of the replayed transcript."""
    return replay(vk, digest, messages, trace)[1]


def replay(
    vk: VerifyingKey, digest: bytes, messages: Mapping[str, bytes | int], trace: Observer | None = None
) -> tuple[Transcript, dict[str, int]]:
    """The transcript after its last challenge, and all challenges."""
    transcript = Transcript(vk.verifier_id, digest)
    challenges = {
        r.challenge: transcript.challenge(r.challenge, {m: messages[m] for m in r.messages}) for r in SCHEDULE
    }
    if trace is not None:
        for name, value in transcript.log:
            trace(name, value)
    return transcript, challenges


def opening_pairs(
    vk: VerifyingKey,
    words: list[int],
    seed: int,
    witness: list[bytes],
    scalars: dict[str, int],
    points: dict[str, bytes],
    challenges: dict[str, int],
) -> Pairs:
    """Checks the inverse; the pairs of the pairing equation:

    A = sum s_e C_e - (sum s_e rem_e(z)) G - W + z W' + omega (C_f - C_g + alpha C_q), s_e = beta^e / Z_e(z);
    e(A, [1]_2) e(-W', [tau]_2) e(-omega C_q, [tau^b]_2) = 1.
    """
    c = challenges
    divisors = denominators(vk.domain, vk.num_public, c)
    if product(divisors) * scalars[INVERSE] % R != 1:
        raise ProofError("inverse: it is not that of the product of the denominators")
    derived = derive(vk.domain, words, seed, scalars, c)
    z, omega = c["z"], c["omega"]
    weights = dict.fromkeys((o.commitment for o in OPENINGS), 0)
    generator = 0
    entries = opening_entries(vk.domain, vk.b_log2, scalars, derived, c)
    for entry, s in zip(entries, batch_weights(entries, c["beta"], z), strict=True):
        weights[entry.commitment] += s
        generator -= s * entry.remainder_at(z)
    weights["g"] -= omega
    decoded = {name: decode_g1(data) for name, data in points.items()} | {"C0": decode_g1(vk.c0)}
    terms = [(scalar % R, decoded[name]) for name, scalar in weights.items()]
    terms += [(generator % R, decode_g1(G1_GENERATOR)), (R - 1, decoded["W"]), (z, decoded["W_prime"])]
    terms.append((omega * c["alpha"] % R, decoded["q"]))
    power = omega
    for commitment in (*vk.fixed_commitments, *witness):  # C_f = sum theta^g C_g
        terms.append((power, decode_g1(commitment)))
        power = power * c["theta"] % R
    return [
        (linear_combination_g1(terms), bn.G2),
        (negate_g1(decoded["W_prime"]), decode_g2(vk.g2_tau)),
        (negate_g1(linear_combination_g1([(omega, decoded["q"])])), decode_g2(vk.g2_tau_b)),
    ]
