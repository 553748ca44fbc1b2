"""Checks of powers of tau by pairings, and what kind of SRS a tau makes."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from zkllm._native import g2_from_raw, g2_powers, pairing_product_is_one
from zkllm.errors import SrsError
from zkllm.field import R
from zkllm.kernels.interface import G1Powers
from zkllm.pcs.bn128 import bn
from zkllm.pcs.curve import (
    G1_GENERATOR,
    G2_GENERATOR,
    Point,
    decode_g1,
    encode_g1,
    linear_combination_g1,
    negate_wire_g1,
)
from zkllm.pcs.development import development_g1_tau
from zkllm.pcs.srs import Progress, Srs


def kind_of(tau_g1: bytes) -> str:
    """A string with the published development tau stays a development SRS, whatever its file says; tau = 1 is
    no SRS at all."""
    if tau_g1 == G1_GENERATOR:
        raise SrsError("the .ptau file has had no contribution: tau is 1")
    return "development" if tau_g1 == development_g1_tau() else "ceremony"


def checkable_g2_powers(num_powers: int) -> int:
    """How many of [tau^(2^i)]_2, i = 0, 1, .., can be checked against so many powers in G1."""
    return (num_powers - 1).bit_length() + 1


def same_ratio(left: bytes, right: bytes, base: bytes, image: bytes) -> bool:
    """Whether right = s left in G1 and image = s base in G2 for one s that is not zero."""
    if not any(left) or not any(right):
        return False
    return pairing_product_is_one([(left, image), (negate_wire_g1(right), base)])


def shifted_sums(total: bytes, first: bytes, last: bytes, rho: int, count: int) -> tuple[bytes, bytes]:
    """(sum rho^i P_i, sum rho^i P_(i+1)) for i < count - 1, from the sum of all `count` terms rho^i P_i."""
    all_terms, minus = decode_g1(total), lambda p: bn.neg(decode_g1(p))
    low = bn.add(all_terms, bn.multiply(minus(last), pow(rho, count - 1, R)))
    high = bn.multiply(bn.add(all_terms, minus(first)), pow(rho, -1, R))
    return encode_g1(low), encode_g1(high)


def check_powers(
    points: G1Powers,
    g2_first: bytes,
    g2_squarings: tuple[bytes, ...],
    progress: Progress | None = None,
    describe: Callable[[int], str] | None = None,
) -> None:
    """points[i] = tau^i G and g2_squarings[i] = tau^(2^i) G2 for one tau that is not zero; raises SrsError.

    With random rho: e(sum rho^i P_(i+1), [1]_2) = e(sum rho^i P_i, [tau]_2), and for the whole of what is
    kept in G2, prod_i (e(P_(2^(i-1)), [tau^(2^(i-1))]_2) / e(G, [tau^(2^i)]_2))^(rho^i) = 1. `describe`: what
    to say of a G1 point that is none.
    """
    count = len(points)
    if count < 2 or points[0] != G1_GENERATOR:
        raise SrsError("powers of tau: the first point of G1 is not the generator")
    bad = points.first_invalid(progress)
    if bad is not None:
        if describe is not None:
            raise SrsError(describe(bad))
        raise SrsError(f"powers of tau: point {bad} of G1 is not a point of the curve other than infinity")
    try:
        first, *in_g2 = [g2_from_raw(raw) for raw in (g2_first, *g2_squarings)]
    except ValueError:
        raise SrsError("powers of tau: a point of G2 is outside the subgroup of order r") from None
    if first != G2_GENERATOR:
        raise SrsError("powers of tau: the first point of G2 is not the generator")
    checkable = checkable_g2_powers(count)
    if not 1 <= len(in_g2) <= checkable:
        raise SrsError(
            f"powers of tau: the file has {len(in_g2)} of [tau^(2^i)] in G2, and {count} powers in G1, which "
            f"can check 1 to {checkable}; make it again"
        )

    rho = secrets.randbelow(R - 1) + 1
    total = points.geometric_sum(rho, 0, count, progress)
    low, high = shifted_sums(total, points[0], points[count - 1], rho, count)
    if not pairing_product_is_one([(high, G2_GENERATOR), (negate_wire_g1(low), in_g2[0])]):
        raise SrsError("powers of tau: G1 does not hold the powers of the tau in G2")
    pairs: list[tuple[bytes, bytes]] = []
    for i, power in enumerate(in_g2):
        terms: list[tuple[int, Point]] = [(R - pow(rho, i, R), bn.G1)] if i else []
        if i + 1 < len(in_g2):
            terms.append((pow(rho, i + 1, R), decode_g1(points[1 << i])))
        pairs.append((encode_g1(linear_combination_g1(terms)), power))
    if not pairing_product_is_one(pairs):
        raise SrsError("powers of tau: G2 does not hold the powers of tau in G1")


def check_srs(srs: Srs, progress: Progress | None = None) -> None:
    """A string of ours, checked as if it were imported: its file may come from anyone. Raises SrsError."""
    check_powers(srs.points, g2_powers(1, 1, 1), srs.g2_raw, progress)
    if (kind := kind_of(srs.points[1])) != srs.kind:
        raise SrsError(f"the SRS calls itself {srs.kind}, its tau says {kind}")
