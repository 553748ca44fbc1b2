"""Several proofs with one pairing, as the settlement contract's `settleMany` checks them.

docs/protocol.md, 5.4. Equation i says P_i = 0 for a point P_i = A_i - tau W'_i - tau^b omega_i C_q,i. With
rho drawn from all of them, sum rho^i P_i = 0 says that each holds, but for (count - 1) / r.
"""

from __future__ import annotations

from collections.abc import Sequence

from zkllm.errors import ProofError
from zkllm.field import R
from zkllm.hashing import keccak256
from zkllm.outer.transcript import encode_scalar
from zkllm.outer.verifier import Equation
from zkllm.pcs.curve import Point, Point2, encode_g1, encode_g2, linear_combination_g1, pairing_product_is_one

BATCH_TAG = keccak256(b"zkllm.v2.batch")


def encode_equation(equation: Equation) -> bytes:
    """The words that a verifier contract's `pairingInput` returns."""
    vk = equation.vk
    head = equation.state + vk.srs_digest + encode_scalar(int(vk.development_srs))
    return head + b"".join(encode_g1(p) + encode_g2(q) for p, q in equation.pairs)


def batch_weight(equations: Sequence[Equation]) -> int:
    """rho, from every word of every equation."""
    digest = keccak256(BATCH_TAG, encode_scalar(len(equations)), *map(encode_equation, equations))
    return int.from_bytes(digest, "big") % R


def check_batch(equations: Sequence[Equation]) -> None:
    """ProofError unless every equation holds. They are at least one, under one SRS."""
    if not equations:
        raise ValueError("a batch has at least one proof")
    srs = {(e.vk.srs_digest, e.vk.srs_kind, e.vk.g2_tau) for e in equations}
    if len(srs) > 1:
        raise ProofError("SRS: the proofs were made under different ones")
    rho, power = batch_weight(equations), 1
    sums: dict[bytes, tuple[list[tuple[int, Point]], Point2]] = {}  # by the points of G2
    for equation in equations:
        for p, q in equation.pairs:
            sums.setdefault(encode_g2(q), ([], q))[0].append((power, p))
        power = power * rho % R
    if not pairing_product_is_one([(linear_combination_g1(terms), q) for terms, q in sums.values()]):
        raise ProofError("pairing: the opening of at least one of the proofs does not hold")
