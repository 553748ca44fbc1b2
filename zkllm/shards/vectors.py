"""Vectors that are in workers: they are handed from kernel to kernel, and nobody else looks inside."""

from __future__ import annotations

from dataclasses import dataclass

from .pool import Kept


@dataclass(frozen=True)
class Range:
    """Elements [start, stop) of a vector."""

    start: int
    stop: int
    kept: Kept


@dataclass(frozen=True, eq=False)
class Rows:
    """A vector in ranges, one for a worker at most, in ascending order; each has a row of zeros behind it."""

    size: int
    row: int
    ranges: tuple[Range, ...]

    def __len__(self) -> int:
        return self.size


@dataclass(frozen=True, eq=False)
class Summed:
    """The sum of vectors of one length, each in a worker."""

    size: int
    terms: tuple[Kept, ...]

    def __len__(self) -> int:
        return self.size
