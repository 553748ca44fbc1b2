"""Succinct functionals on one axis of a tensor.

A functional on an axis of n entries is a vector w of weights. The prover needs it dense; the verifier needs
`block(offset, k, r) = sum_{x < 2^k} w[offset + x] eq(x, r)` of an aligned dyadic block in O(log) operations.
`key()` identifies equal ones, so that claims can be merged.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ..field import R
from .algebra import Point, Scalar, dyadic_blocks, eq, eq_index, less, mass


class Functional(Protocol):
    @property
    def size(self) -> int: ...

    def dense(self) -> list[int]:
        """All entries; only where the coordinates are field elements."""

    def block(self, offset: int, k: int, r: Point) -> Scalar: ...

    def key(self) -> Hashable: ...


class Tiled(NamedTuple):
    """What a functional is on the tiles of an axis (`layout.Tiles`): factor high[d] low[x] at index x of tile
    d, high and low being eq(point, .), or 1 where there is None."""

    factor: Scalar
    high: Point | None
    low: Point | None


def on_tiles(weight: Functional, offset: int, low: int, shared: int, step: int) -> Tiled:
    """2^shared tiles of 2^low indices, 2^step apart from `offset` on."""
    if isinstance(weight, Ones):
        return Tiled(1, None, None)
    if not isinstance(weight, Eq):
        raise ValueError("a weight on an axis in tiles is eq or one")
    point, n = weight.point, len(weight.point)
    above = eq_index(offset >> step + shared, point[: n - step - shared])
    between = eq_index(offset >> low & (1 << step - low) - 1, point[n - step : n - low])
    return Tiled(above * between, point[n - step - shared : n - step], point[n - low :])


def point_key(point: Point) -> Hashable:
    return tuple(point)


def eq_vector(point: Sequence[Scalar], size: int | None = None) -> list[int]:
    """eq(x, point) for x = 0, 1, .. below size (all indices by default)."""
    values = [1]
    for c in map(int, point):
        values = [v for x in values for v in ((x - x * c) % R, x * c % R)]
    return values if size is None else values[:size]


@dataclass(frozen=True, eq=False)
class Eq:
    """w[x] = eq(x, point): the evaluation functional of the MLE. The point may be that of a longer axis."""

    point: tuple[Scalar, ...]
    size: int

    @property
    def stop(self) -> int:
        return self.size

    def dense(self) -> list[int]:
        return eq_vector(self.point, self.size)

    def block(self, offset: int, k: int, r: Point) -> Scalar:
        high = len(self.point) - k
        return eq_index(offset >> k, self.point[:high]) * eq(self.point[high:], r)

    def key(self) -> Hashable:
        return ("eq", point_key(self.point), self.size)


@dataclass(frozen=True)
class Ones:
    """w[x] = 1."""

    size: int

    def dense(self) -> list[int]:
        return [1] * self.size

    def block(self, offset: int, k: int, r: Point) -> Scalar:
        return 1

    def key(self) -> Hashable:
        return ("ones", self.size)


@dataclass(frozen=True)
class Powers:
    """w[x] = 2^(bits x): puts the slots of a packed value together."""

    bits: int
    size: int

    def dense(self) -> list[int]:
        return [pow(2, self.bits * x, R) for x in range(self.size)]

    def block(self, offset: int, k: int, r: Point) -> Scalar:
        result: Scalar = pow(2, self.bits * offset, R)
        for i, x in enumerate(reversed(r)):
            result = result * (x * (pow(2, self.bits << i, R) - 1) + 1)
        return result

    def key(self) -> Hashable:
        return ("powers", self.bits, self.size)


@dataclass(frozen=True, eq=False)
class Listed:
    """Explicit entries: scalars (wires, field elements or constants) at listed indices, 0 elsewhere."""

    entries: dict[int, Scalar]
    size: int

    def dense(self) -> list[int]:
        return [int(self.entries.get(x, 0)) % R for x in range(self.size)]

    def block(self, offset: int, k: int, r: Point) -> Scalar:
        total: Scalar = 0
        for x, w in self.entries.items():
            if offset <= x < offset + (1 << k):
                total = total + w * eq_index(x - offset, r)
        return total

    def key(self) -> Hashable:
        return ("listed", tuple(sorted(self.entries.items(), key=lambda e: e[0])), self.size)


@dataclass(frozen=True, eq=False)
class Strided:
    """w[2 x + parity] = eq(x, point) for x < inner, 0 elsewhere: picks every second LayerNorm or write."""

    point: tuple[Scalar, ...]
    inner: int
    parity: int
    size: int

    def dense(self) -> list[int]:
        result = [0] * self.size
        result[self.parity : 2 * self.inner : 2] = eq_vector(self.point, self.inner)
        return result

    def block(self, offset: int, k: int, r: Point) -> Scalar:
        if k == 0:
            if offset % 2 != self.parity or offset >> 1 >= self.inner:
                return 0
            return eq_index(offset >> 1, self.point)
        if offset + (1 << k) > 2 * self.inner:
            raise ValueError("a block of a strided axis leaves the real region")
        parity = r[-1] if self.parity else 1 - r[-1]
        return parity * Eq(self.point, self.inner).block(offset >> 1, k - 1, r[:-1])

    def key(self) -> Hashable:
        return ("strided", point_key(self.point), self.inner, self.parity, self.size)


@dataclass(frozen=True, eq=False)
class Later:
    """w[m] = sum of eq(x, point) over m < x < outer: the transpose of the strict prefix sum."""

    point: tuple[Scalar, ...]
    outer: int
    size: int

    def dense(self) -> list[int]:
        values = eq_vector(self.point, self.outer)
        result, total = [0] * self.size, sum(values[self.size + 1 :])
        for m in reversed(range(self.size)):
            total = (total + values[m + 1]) % R
            result[m] = total
        return result

    def block(self, offset: int, k: int, r: Point) -> Scalar:
        high = len(self.point) - k
        inside = eq_index(offset >> k, self.point[:high]) * less(r, self.point[high:])
        return inside + mass(offset + (1 << k), self.outer, self.point)

    def key(self) -> Hashable:
        return ("later", point_key(self.point), self.outer, self.size)


@dataclass(frozen=True, eq=False)
class LaterPairs:
    """w[m] = sum of eq(x, point) over the x of later pairs, 2 (m div 2) + 2 <= x < outer: the transpose of a
    prefix sum by pairs. m's lowest bit is free, so that in a block it counts as 1."""

    point: tuple[Scalar, ...]
    outer: int
    size: int

    def dense(self) -> list[int]:
        values = eq_vector(self.point, self.outer)
        return [sum(values[m - m % 2 + 2 :]) % R for m in range(self.size)]

    def block(self, offset: int, k: int, r: Point) -> Scalar:
        if k == 0:
            return mass(offset - offset % 2 + 2, self.outer, self.point)
        high = len(self.point) - k
        inside = eq_index(offset >> k, self.point[:high]) * less(r[:-1], self.point[high:-1])
        return inside + mass(offset + (1 << k), self.outer, self.point)

    def key(self) -> Hashable:
        return ("later pairs", point_key(self.point), self.outer, self.size)


@dataclass(frozen=True, eq=False)
class Cut:
    """w[x] = eq(x, point) for start <= x < stop, 0 elsewhere."""

    point: tuple[Scalar, ...]
    stop: int
    size: int
    start: int = 0

    def dense(self) -> list[int]:
        values = eq_vector(self.point, self.stop)[self.start :]
        return [0] * self.start + values + [0] * (self.size - self.start - len(values))

    def block(self, offset: int, k: int, r: Point) -> Scalar:
        total: Scalar = 0
        first = max(offset, self.start)
        for o, j in dyadic_blocks(first, max(first, min(offset + (1 << k), self.stop))):
            high = len(self.point) - j
            inside = eq_index((o - offset) >> j, r[: k - j]) * eq(self.point[high:], r[k - j :])
            total = total + eq_index(o >> j, self.point[:high]) * inside
        return total

    def key(self) -> Hashable:
        return ("cut", point_key(self.point), self.start, self.stop, self.size)


@dataclass(frozen=True, eq=False)
class OneHots:
    """w = sum of coefficient * [x = index], each index given by its bits (MSB first)."""

    entries: tuple[tuple[Scalar, tuple[Scalar, ...]], ...]
    size: int

    def dense(self) -> list[int]:
        result = [0] * self.size
        for coefficient, bits in self.entries:
            index = 0
            for b in bits:
                index = 2 * index + int(b)
            result[index] = (result[index] + int(coefficient)) % R
        return result

    def block(self, offset: int, k: int, r: Point) -> Scalar:
        total: Scalar = 0
        for coefficient, bits in self.entries:
            high = len(bits) - k
            total = total + coefficient * (eq_index(offset >> k, bits[:high]) * eq(bits[high:], r))
        return total

    def key(self) -> Hashable:
        return ("one-hots", self.entries, self.size)
