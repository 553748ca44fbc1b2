"""Multilinear building blocks, written once for field elements and for wires of the circuit.

Index bits are most-significant-bit first. Products are built from the least significant bit upwards and
constants from the most significant bit downwards, so that the circuit builder finds the common parts again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol, Self

from ..bits import ceil_log2


class Scalar(Protocol):
    """An element of F (`Fr`, or an integer) or a wire of the circuit: what adds, subtracts and multiplies
    among its kind and with integers. A wire has no value; whatever asks for one is the prover's alone."""

    def __add__(self, other: Self | int, /) -> Self: ...

    def __radd__(self, other: int, /) -> Self: ...

    def __sub__(self, other: Self | int, /) -> Self: ...

    def __rsub__(self, other: int, /) -> Self: ...

    def __mul__(self, other: Self | int, /) -> Self: ...

    def __rmul__(self, other: int, /) -> Self: ...

    def __neg__(self) -> Self: ...

    def __int__(self) -> int: ...


Point = Sequence[Scalar]


def eq_bit(a: Scalar, b: Scalar) -> Scalar:
    """eq(a, b) = a b + (1 - a)(1 - b) for one coordinate."""
    return 2 * (a * b) - a - b + 1


def eq(a: Point, b: Point) -> Scalar:
    """eq(a, b) = prod_i (a_i b_i + (1 - a_i)(1 - b_i)); 1 for no coordinates."""
    if len(a) != len(b):
        raise ValueError("eq: points of different length")
    result: Scalar = 1
    for x, y in zip(reversed(a), reversed(b), strict=True):
        result = eq_bit(x, y) * result
    return result


def eq3(a: Point, b: Point, c: Point) -> Scalar:
    """sum over x of eq(a, x) eq(b, x) eq(c, x) = prod_i (a_i b_i c_i + (1 - a_i)(1 - b_i)(1 - c_i)).

    The products of three in a factor cancel.
    """
    if not len(a) == len(b) == len(c):
        raise ValueError("eq3: points of different length")
    result: Scalar = 1
    for x, y, z in zip(reversed(a), reversed(b), reversed(c), strict=True):
        s = x + y
        result = (x * y + z * s - s - z + 1) * result
    return result


def eq_index(index: int, point: Point) -> Scalar:
    """eq(bits of index, point); the index has len(point) bits."""
    if index >> len(point):
        raise ValueError("eq_index: the index has more bits than the point")
    result: Scalar = 1
    for i, x in enumerate(point):
        bit = index >> (len(point) - 1 - i) & 1
        result = result * (x if bit else 1 - x)
    return result


def dyadic_blocks(start: int, stop: int) -> list[tuple[int, int]]:
    """[start, stop) as maximal aligned blocks (offset, log2 size), in ascending order."""
    blocks = []
    while start < stop:
        k = (start & -start).bit_length() - 1 if start else (stop - start).bit_length() - 1
        while (1 << k) > stop - start:
            k -= 1
        blocks.append((start, k))
        start += 1 << k
    return blocks


def mass(start: int, stop: int, point: Point) -> Scalar:
    """sum of eq(x, point) over start <= x < stop."""
    total: Scalar = 0
    for offset, k in dyadic_blocks(start, stop):
        total = total + eq_index(offset >> k, point[: len(point) - k])
    return total


def ones_at(size: int, point: Point) -> Scalar:
    """1_real of an axis: sum of eq(x, point) over the real indices x < size."""
    if len(point) != ceil_log2(size):
        raise ValueError("ones_at: wrong number of coordinates")
    return mass(0, size, point)


def eq_real(size: int, a: Point, b: Point) -> Scalar:
    """sum over x < size of eq(a, x) eq(b, x)."""
    total: Scalar = 0
    for offset, k in dyadic_blocks(0, size):
        high = len(a) - k
        prefix = eq_index(offset >> k, a[:high]) * eq_index(offset >> k, b[:high])
        total = total + prefix * eq(a[high:], b[high:])
    return total


def eq_weighted(size: int, a: Point, b: Point, factors: Sequence[int] = ()) -> Scalar:
    """sum over x < size of factors[x] eq(a, x) eq(b, x); few factors should differ from the commonest."""
    if not factors:
        return eq_real(size, a, b)
    (common, _), *_ = Counter(factors).most_common(1)
    total: Scalar = common * eq_real(size, a, b)
    for x, factor in enumerate(factors):
        if factor != common:
            total = total + (factor - common) * (eq_index(x, a) * eq_index(x, b))
    return total


def listed_at(factors: Sequence[int], point: Point) -> Scalar:
    """sum over x of factors[x] eq(x, point); few factors should differ from the commonest."""
    (common, _), *_ = Counter(factors).most_common(1)
    total: Scalar = common * ones_at(len(factors), point)
    for x, factor in enumerate(factors):
        if factor != common:
            total = total + (factor - common) * eq_index(x, point)
    return total


def less(a: Point, b: Point) -> Scalar:
    """The MLE of [x < y] on points of equal length."""
    result: Scalar = 0
    for x, y in zip(reversed(a), reversed(b), strict=True):
        result = eq_bit(x, y) * result + (1 - x) * y
    return result


def less_equal(a: Point, b: Point) -> Scalar:
    """The MLE of [x <= y]."""
    result: Scalar = 1
    for x, y in zip(reversed(a), reversed(b), strict=True):
        result = eq_bit(x, y) * result + (1 - x) * y
    return result


def causal_block(block_t: tuple[int, int], block_u: tuple[int, int], z_t: Point, z_u: Point) -> Scalar:
    """sum of [u <= t] eq(t, z_t) eq(u, z_u) over two dyadic blocks (offset, log2 size), local coordinates.

    Dyadic blocks of one axis are equal or disjoint unless one was cut further, so nested blocks are handled
    too.
    """
    (ot, kt), (ou, ku) = block_t, block_u
    if ot >= ou + (1 << ku):
        return 1
    if ou >= ot + (1 << kt):
        return 0
    if kt == ku:
        return less_equal(z_u, z_t)
    if kt > ku:  # u's block lies inside t's: compare the low bits where the high bits of t agree
        inside = (ou - ot) >> ku
        high, low = z_t[: kt - ku], z_t[kt - ku :]
        return mass(inside + 1, 1 << (kt - ku), high) + eq_index(inside, high) * less_equal(z_u, low)
    inside = (ot - ou) >> kt
    high, low = z_u[: ku - kt], z_u[ku - kt :]
    return mass(0, inside, high) + eq_index(inside, high) * less_equal(low, z_t)


def causal_at(size: int, z_t: Point, z_u: Point) -> Scalar:
    """The MLE of [u <= t < size] at (z_t, z_u): the causal mask on real rows."""
    total: Scalar = 0
    bits = len(z_t)
    for offset, k in dyadic_blocks(0, size):
        same = eq_index(offset >> k, z_u[: bits - k]) * less_equal(z_u[bits - k :], z_t[bits - k :])
        total = total + eq_index(offset >> k, z_t[: bits - k]) * (mass(0, offset, z_u) + same)
    return total


def behind_at(size: int, window: int, z_t: Point, z_u: Point) -> Scalar:
    """The MLE of [u + window <= t < size] at (z_t, z_u): what lies behind a window on real rows.

    t - u - window is subtracted bit by bit, the lowest first: of the bits so far what is kept is the borrow,
    up to 2 since two numbers are subtracted, and whether those of t are at most those of size - 1.
    """
    bits = len(z_t)
    if window >= size:
        return 0
    states: dict[tuple[int, bool], Scalar] = {(0, True): 1}
    for i in range(bits):
        t, u = z_t[bits - 1 - i], z_u[bits - 1 - i]
        both = t * u
        weights: dict[tuple[int, int], Scalar] = {
            (1, 1): both, (1, 0): t - both, (0, 1): u - both, (0, 0): both - t - u + 1
        }  # fmt: skip
        last = size - 1 >> i & 1
        moves: dict[tuple[tuple[int, bool], tuple[int, bool]], Scalar] = {}
        for borrow, below in states:
            for (x, y), weight in weights.items():
                after = (-((x - y - (window >> i & 1) - borrow) >> 1), below if x == last else x < last)
                move = (borrow, below), after
                moves[move] = moves[move] + weight if move in moves else weight
        found: dict[tuple[int, bool], Scalar] = {}
        for (before, after), weight in moves.items():
            term = weight * states[before]
            found[after] = found[after] + term if after in found else term
        states = found
    return states.get((0, True), 0)


def less_than_constant(bits: Point, bound: int) -> Scalar:
    """[value of bits < bound] for boolean bits, MSB first."""
    if bound >> len(bits):
        return 1
    return mass(0, bound, bits)
