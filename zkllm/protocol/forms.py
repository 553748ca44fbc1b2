"""Linear forms: virtual tensors that are linear in committed ones.

A form is a sum of coefficient * tensor, where each axis of the tensor is tied to an axis of the form by a
sparse linear map (`Along`, `Alternate`, `Swap`, `Before`, `BeforePair`, `First`, `Padded`, `Chosen`, `Until`,
`From`, `Rows`) or contracted with a fixed weight (`At`). An axis of the form that a term does not mention is
broadcast over its REAL indices. Evaluating a form at a point is a claim on committed tensors: the maps are
transposed into weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ..bits import ceil_log2
from . import functionals as F
from .algebra import Point, Scalar, eq, eq3, eq_index, listed_at, ones_at
from .layout import Block, Layout, Tiles
from .manifest import Manifest


class AxisMap(Protocol):
    """How one axis of a tensor depends on an axis of the form (None: it does not)."""

    @property
    def axis(self) -> str | None: ...

    def functional(self, point: Point, form_size: int, size: int) -> F.Functional:
        """The weight on the tensor's axis that evaluates the form at `point` of its axis."""

    def rows(self, data: np.ndarray, position: int, form_size: int) -> np.ndarray:
        """The tensor's data with this axis replaced by the form's axis."""


def _take(data: np.ndarray, position: int, index: slice) -> np.ndarray:
    return data[(slice(None),) * position + (index,)]


@dataclass(frozen=True)
class Along:
    """The same axis, possibly under another name."""

    axis: str

    def functional(self, point: Point, form_size: int, size: int) -> F.Functional:
        return F.Eq(tuple(point), size)

    def rows(self, data: np.ndarray, position: int, form_size: int) -> np.ndarray:
        return data


@dataclass(frozen=True)
class Alternate:
    """Entry x of the form is entry 2 x + parity of the tensor."""

    axis: str
    parity: int

    def functional(self, point: Point, form_size: int, size: int) -> F.Functional:
        return F.Strided(tuple(point), form_size, self.parity, size)

    def rows(self, data: np.ndarray, position: int, form_size: int) -> np.ndarray:
        return _take(data, position, slice(self.parity, 2 * form_size, 2))


@dataclass(frozen=True)
class Swap:
    """Entry x of the form is entry 1 - x of the tensor, on an axis of two."""

    axis: str

    def functional(self, point: Point, form_size: int, size: int) -> F.Functional:
        (x,) = point
        return F.Eq((1 - x,), size)

    def rows(self, data: np.ndarray, position: int, form_size: int) -> np.ndarray:
        return _take(data, position, slice(None, None, -1))


@dataclass(frozen=True)
class Before:
    """Strict prefix sum: entry n of the form is the sum of the tensor's entries m < n."""

    axis: str

    def functional(self, point: Point, form_size: int, size: int) -> F.Functional:
        return F.Later(tuple(point), form_size, size)

    def rows(self, data: np.ndarray, position: int, form_size: int) -> np.ndarray:
        sizes = list(data.shape)
        sizes[position] = form_size
        result = np.zeros(sizes, dtype=object if data.dtype == object else np.int64)
        sums, entries = np.moveaxis(result, position, 0), np.moveaxis(data, position, 0)
        for n in range(form_size - 1):  # ten times as fast as numpy.cumsum
            np.add(sums[n], entries[n], out=sums[n + 1, ...])
        return result


@dataclass(frozen=True)
class BeforePair:
    """Prefix sum by pairs: entries 2 l and 2 l + 1 of the form are the sum of the tensor's m < 2 l."""

    axis: str

    def functional(self, point: Point, form_size: int, size: int) -> F.Functional:
        return F.LaterPairs(tuple(point), form_size, size)

    def rows(self, data: np.ndarray, position: int, form_size: int) -> np.ndarray:
        each = Before(self.axis).rows(data, position, form_size)
        of_pair = np.arange(form_size) // 2 * 2
        return np.take(each, of_pair, axis=position)


@dataclass(frozen=True)
class First:
    """The first entries of a longer axis."""

    axis: str

    def functional(self, point: Point, form_size: int, size: int) -> F.Functional:
        padding = ceil_log2(size) - len(point)
        return F.Cut((0,) * padding + tuple(point), form_size, size)

    def rows(self, data: np.ndarray, position: int, form_size: int) -> np.ndarray:
        return _take(data, position, slice(0, form_size))


@dataclass(frozen=True)
class Padded:
    """The entries of a shorter axis, and 0 beyond them."""

    axis: str

    def functional(self, point: Point, form_size: int, size: int) -> F.Functional:
        return F.Eq(tuple(point), size)

    def rows(self, data: np.ndarray, position: int, form_size: int) -> np.ndarray:
        sizes = list(data.shape)
        sizes[position] = form_size
        result = np.zeros(sizes, dtype=data.dtype)
        _take(result, position, slice(0, data.shape[position]))[...] = data
        return result


@dataclass(frozen=True)
class Chosen:
    """Entry x of the form is entry `entries[x]` of the tensor: one that several indices share."""

    axis: str
    entries: tuple[int, ...]

    def functional(self, point: Point, form_size: int, size: int) -> F.Functional:
        shared = {k: listed_at([int(e == k) for e in self.entries], point) for k in set(self.entries)}
        return F.Listed(shared, size)

    def rows(self, data: np.ndarray, position: int, form_size: int) -> np.ndarray:
        return np.take(data, self.entries, axis=position)


@dataclass(frozen=True)
class Until:
    """Entry x of the form is entry x of the tensor for x < stop, and 0 beyond."""

    axis: str
    stop: int

    def functional(self, point: Point, form_size: int, size: int) -> F.Functional:
        return F.Cut(tuple(point), self.stop, size)

    def rows(self, data: np.ndarray, position: int, form_size: int) -> np.ndarray:
        result = np.array(data)
        _take(result, position, slice(self.stop, None))[...] = 0
        return result


@dataclass(frozen=True)
class From:
    """Entry x of the form is entry x of the tensor for x >= start, and 0 before."""

    axis: str
    start: int

    def functional(self, point: Point, form_size: int, size: int) -> F.Functional:
        return F.Cut(tuple(point), size, size, self.start)

    def rows(self, data: np.ndarray, position: int, form_size: int) -> np.ndarray:
        result = np.array(data)
        _take(result, position, slice(0, self.start))[...] = 0
        return result


@dataclass(frozen=True, eq=False)
class Rows:
    """The certified rows: entry i of the form is row T - k + i, where T is known by its one-hot `hot[T -
    k]`.
    """

    axis: str
    hot: tuple[Scalar, ...]  # T = k, k + 1, .., N
    start: int | None  # T - k, where the statement is at hand (the prover)

    def functional(self, point: Point, form_size: int, size: int) -> F.Functional:
        entries: dict[int, Scalar] = {}
        for i in range(form_size):
            e = eq_index(i, point)
            for shift, h in enumerate(self.hot):
                entries[shift + i] = entries.get(shift + i, 0) + e * h
        return F.Listed(entries, size)

    def rows(self, data: np.ndarray, position: int, form_size: int) -> np.ndarray:
        assert self.start is not None
        return _take(data, position, slice(self.start, self.start + form_size))


@dataclass(frozen=True, eq=False)
class At:
    """Contracted with a fixed weight; the form does not have this axis."""

    value: F.Functional
    axis: None = None

    def functional(self, point: Point, form_size: int, size: int) -> F.Functional:
        return self.value

    def rows(self, data: np.ndarray, position: int, form_size: int) -> np.ndarray:
        return data


@dataclass(frozen=True)
class Term:
    coefficient: int
    tensor: str | None  # None: the constant 1
    maps: tuple[AxisMap, ...]


@dataclass(frozen=True)
class Opened:
    """A weighted tensor: what a term becomes once the form's axes have coordinates."""

    coefficient: Scalar
    tensor: str
    weights: tuple[F.Functional, ...]


@dataclass(frozen=True, eq=False)
class AddressTerm:
    """A tensor weighted by eq(z, address) at the addresses of `source`, whose blocks have the same spans."""

    coefficient: Scalar
    tensor: str
    source: str
    point: tuple[Scalar, ...]


Weighted = Opened | AddressTerm


@dataclass(frozen=True)
class Form:
    axes: tuple[str, ...]
    terms: tuple[Term, ...]

    def __add__(self, other: Form | int) -> Form:
        if isinstance(other, int):
            other = Form((), (Term(other, None, ()),))
        axes = self.axes + tuple(a for a in other.axes if a not in self.axes)
        return Form(axes, self.terms + other.terms)

    def __mul__(self, factor: int) -> Form:
        return Form(self.axes, tuple(replace(t, coefficient=t.coefficient * factor) for t in self.terms))

    __rmul__ = __mul__

    def __neg__(self) -> Form:
        return self * -1

    def __sub__(self, other: Form | int) -> Form:
        return self + (-other)

    def over(self, *axes: str) -> Form:
        """Broadcast over further axes."""
        return Form(self.axes + tuple(a for a in axes if a not in self.axes), self.terms)

    def open(self, manifest: Manifest, point: Mapping[str, Point]) -> tuple[Scalar, list[Opened]]:
        """(constant, weighted tensors) of the form's value at coordinates for each of its axes."""
        constant: Scalar = 0
        opened = []
        for term in self.terms:
            used = {m.axis for m in term.maps}
            coefficient: Scalar = term.coefficient
            for axis in self.axes:
                if axis not in used:
                    coefficient = coefficient * ones_at(manifest.axes[axis], point[axis])
            if term.tensor is None:
                constant = constant + coefficient
                continue
            ws = []
            for m, size in zip(term.maps, manifest.sizes(term.tensor), strict=True):
                at = point[m.axis] if m.axis is not None else ()
                ws.append(m.functional(at, manifest.axes[m.axis] if m.axis else 0, size))
            opened.append(Opened(coefficient, term.tensor, tuple(ws)))
        return constant, opened


def tensor(manifest: Manifest, name: str, *maps: AxisMap | str) -> Form:
    """The form of a tensor, or of a wide value held as limbs. A string maps an axis along itself under that
    name; without maps every axis keeps its own name."""
    if name in manifest.wide:
        wide = manifest.wide[name]
        total: Form | None = None
        for limb, shift in wide.limbs:
            form = tensor(manifest, limb, *maps) * (1 << shift)
            total = form if total is None else total + form
        assert total is not None
        return total
    spec = manifest.tensors[name]
    mapped = tuple(Along(m) if isinstance(m, str) else m for m in (maps or spec.axes))
    if len(mapped) != len(spec.axes):
        raise ValueError(f"{name} has {len(spec.axes)} axes, got {len(mapped)} maps")
    return Form(tuple(m.axis for m in mapped if m.axis is not None), (Term(1, name, mapped),))


def slots(bits: int, size: int) -> At:
    """Puts packed slots together: sum over c of 2^(bits c)."""
    return At(F.Powers(bits, size))


def ones(size: int) -> At:
    return At(F.Ones(size))


def index(i: int, size: int) -> At:
    return At(F.Listed({i: 1}, size))


def block_weight(witness: Layout, term: Opened | AddressTerm, i: int, block: Block, point: Point) -> Scalar:
    """The term's weight on its tensor's i-th block, an MLE at the block's local coordinates; `witness`: the
    layout whose addresses lookups have."""
    if isinstance(term, AddressTerm):
        source = witness.blocks[term.source][i]
        if replace(source, address=0) != replace(block, address=0):
            raise ValueError(f"{term.tensor} and {term.source} are cut differently")
        z, size = term.point, block.log2_size
        return eq_index(source.address >> size, z[: len(z) - size]) * eq(z[len(z) - size :], point)
    if isinstance(block, Tiles):
        return _weight_on_tiles(term, block, point)
    result: Scalar = 1
    at = len(point)
    for weight, (offset, k) in zip(reversed(term.weights), reversed(block.spans), strict=True):
        result = weight.block(offset, k, point[at - k : at]) * result
        at -= k
    return result


def _weight_on_tiles(term: Opened, block: Tiles, point: Point) -> Scalar:
    """Row and column share the tile: sum over d of both of their weights and eq(d, its coordinates)."""
    at, low = len(point), block.low
    tiled = [tiled_weight(term.weights[i], block, i) for i in block.axes]
    result: Scalar = 1
    for weight in reversed(tiled):  # u', then t'
        if weight.low is not None:
            result = weight.factor * (eq(weight.low, point[at - low : at]) * result)
        at -= low
    highs = [weight.high for weight in tiled if weight.high is not None]
    if highs:
        d = point[at - block.shared : at]
        result = (eq3(highs[0], highs[1], d) if len(highs) == 2 else eq(highs[0], d)) * result
    at -= block.shared
    for i in reversed(block.others):
        offset, k = block.spans[i]
        result = term.weights[i].block(offset, k, point[at - k : at]) * result
        at -= k
    return result


def tiled_weight(weight: F.Functional, block: Tiles, axis: int) -> F.Tiled:
    """A weight on the row or the column of tiles."""
    return F.on_tiles(weight, block.spans[axis][0], block.low, block.shared, block.step)
