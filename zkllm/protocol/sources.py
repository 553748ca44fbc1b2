"""Where a tensor's numbers come from: an array of the model, an array that an execution traces, or both by a
formula.

Arrays are as the integer program holds them: an array has one axis where a tensor may have several (the width
is slot, head and feature), and no padding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Protocol

import numpy as np

WORDS = 8  # integers of up to 128 bits are traced as 8 little-endian words of 16 bits


@dataclass(frozen=True)
class Joined:
    """Axes that an array holds as one. `real`: its entries; the last ones of the axes are padding. Without
    axes: entries that are a tensor each."""

    axes: tuple[str, ...]
    real: int


Dim = str | tuple[str, ...] | Joined
"""An axis of an array, as one axis or several of a tensor."""


def _axes(dim: Dim) -> tuple[str, ...]:
    return (dim,) if isinstance(dim, str) else dim.axes if isinstance(dim, Joined) else dim


def axes_of(dims: Sequence[Dim]) -> tuple[str, ...]:
    return tuple(axis for dim in dims for axis in _axes(dim))


@dataclass(frozen=True)
class Array:
    """An array's name, type and axes. `words`: numbers of its last axis that make one integer."""

    name: str
    dtype: str
    dims: tuple[Dim, ...]
    words: int = 0

    def _padding(self, dim: Dim, sizes: Mapping[str, int]) -> int:
        return prod(sizes[a] for a in dim.axes) - dim.real if isinstance(dim, Joined) else 0

    def shape(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        real = (d.real if isinstance(d, Joined) else prod(sizes[a] for a in _axes(d)) for d in self.dims)
        return (*real, self.words) if self.words else tuple(real)

    def bytes(self, sizes: Mapping[str, int]) -> int:
        return prod(self.shape(sizes)) * np.dtype(self.dtype).itemsize

    def spread(self, values: np.ndarray, sizes: Mapping[str, int]) -> np.ndarray:
        """Over the tensor's axes, zero where they are padding."""
        if self.words:
            values = from_words(values)
        missing = [self._padding(dim, sizes) for dim in self.dims]
        if any(missing):  # 25 times as fast as numpy.pad
            padded = np.zeros(np.add(values.shape, missing), dtype=values.dtype)
            padded[tuple(map(slice, values.shape))] = values
            values = padded
        return values.reshape([sizes[a] for a in axes_of(self.dims)])


def from_words(words: np.ndarray) -> np.ndarray:
    """Little-endian base-2^16 words on the last axis as Python integers."""
    total = np.zeros(words.shape[:-1], dtype=object)
    for i in range(words.shape[-1]):
        total = total + (words[..., i].astype(object) << 16 * i)
    return total


Seen = tuple[int, int | None]
Watch = Callable[[Array, "Named"], Seen]
"""(largest magnitude in an execution, its index on the array's first axis where one has to be named)."""


def largest(array: Array, trace: Named) -> Seen:
    values = trace[array.name]
    if values.size == 0:
        return 0, None
    if array.words:  # the top word that is set anywhere decides
        tops = [max(int(x) for x in from_words(entry).reshape(-1)) for entry in values]
        at = max(range(len(tops)), key=tops.__getitem__)
        return tops[at], at
    others = tuple(range(1, values.ndim))
    by_first = np.maximum(values.max(axis=others).astype(np.int64), -values.min(axis=others).astype(np.int64))
    at = int(by_first.argmax())
    return int(by_first[at]), at


@dataclass(frozen=True)
class Packing:
    """A model's array as packed coefficients: sum over the slot axis' entries c of 2^(bits c)."""

    slot: str
    bits: int


class Named(Protocol):
    def __getitem__(self, name: str) -> np.ndarray: ...


@dataclass(frozen=True)
class Material:
    """What columns are made from: the model's arrays, those of an execution, and its N + 1 ids."""

    model: Mapping[str, np.ndarray]
    trace: Named
    ids: Sequence[int]


@dataclass(frozen=True)
class Traced:
    """The value's own array of the trace."""

    dtype: str
    words: int = 0

    @classmethod
    def signed(cls, bits: int) -> Traced:
        """Of values that are ranged by so many bits, 32 at most."""
        return cls(f"int{held_bits(bits)}")


def held_bits(bits: int) -> int:
    """Of the array's entries that hold signed values of `bits`, 32 at most."""
    return 16 if bits <= 16 else 32


@dataclass(frozen=True)
class Derived:
    """By a formula, over the array's axes or the tensor's."""

    formula: Callable[[Material], np.ndarray]


Source = Traced | Derived
