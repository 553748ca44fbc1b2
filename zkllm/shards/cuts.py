"""How places are cut: ranges of whole rows, stripes of addresses, parts of arrays, layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np

from ..bits import ceil_log2


@dataclass(frozen=True)
class Ranges:
    """[0, size) in as many ranges as there are workers, of whole rows but for the last."""

    size: int
    row: int
    count: int

    def of(self, worker: int) -> tuple[int, int]:
        rows = -(-self.size // self.row)
        start, stop = (self.row * (rows * w // self.count) for w in (worker, worker + 1))
        return min(start, self.size), min(stop, self.size)


@dataclass(frozen=True)
class Stripes:
    """Addresses below 2^depth by `bits` of them, those from 2^low on: the class of an address. Without these
    bits an address is the class' own, and what lies below them stays together."""

    depth: int
    low: int
    bits: int

    @property
    def width(self) -> int:
        return 1 << self.low

    @property
    def classes(self) -> int:
        return 1 << self.bits

    @property
    def high(self) -> int:
        """Bits above."""
        return self.depth - self.low - self.bits

    def own(self, address: int, number: int) -> int:
        """How many addresses of a class lie below an address."""
        whole, rest = divmod(address, self.width << self.bits)
        return whole * self.width + min(max(rest - number * self.width, 0), self.width)

    def runs(self, start: int, stop: int, number: int) -> Iterator[tuple[int, int]]:
        """Those of [start, stop) that are of a class, in order."""
        period = self.width << self.bits
        at = start // period * period + number * self.width
        while at < stop:
            first, last = max(at, start), min(at + self.width, stop)
            if first < last:
                yield first, last
            at += period


def stripes(leaves: int, workers: int) -> Stripes | None:
    """Of a tree's leaves, with as many below the stripes as above; None where there are too few."""
    depth, bits = max(1, ceil_log2(leaves)), ceil_log2(workers)
    low = (depth - bits) // 2
    return Stripes(depth, low, bits) if low >= 1 and depth - bits - low >= 1 else None


def parts(array: np.ndarray, start: int, stop: int, carried: int = 0) -> Iterator[tuple[int, np.ndarray]]:
    """Entries [start, stop) in row-major order as (where they begin, a part with as many axes), no copy.

    The first `carried` axes are whole in every part, and do not count."""
    total = prod(array.shape[carried:])
    if start >= stop:
        return
    if start == 0 and stop == total:
        yield 0, array
        return
    axis = next(i for i, n in enumerate(array.shape) if i >= carried and n > 1)
    size = total // array.shape[axis]
    at = lambda i, j: array[(slice(None),) * axis + (slice(i, j),)]
    first, last = start // size, (stop - 1) // size
    for i in sorted({first, last}):
        low, high = max(start - i * size, 0), min(stop - i * size, size)
        if (low, high) != (0, size):
            yield from ((i * size + o, part) for o, part in parts(at(i, i + 1), low, high, carried))
    whole = -(-start // size), stop // size
    if whole[0] < whole[1]:
        yield whole[0] * size, at(*whole)


def layer_axis(array: np.ndarray, stride: int) -> int | None:
    """The axis of a view along which the first axis of its base runs, which has this stride; None where it is
    not there, or not alone."""
    found = [i for i, (n, s) in enumerate(zip(array.shape, array.strides, strict=True)) if s == stride]
    return found[0] if len(found) == 1 else None
