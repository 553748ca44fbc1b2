"""The prover's data: every tensor, and the dense tables and values of linear forms over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np

from ..blinding import Blinding, FreshBlinding
from ..field import R
from ..kernels.interface import Kernels, Table, Vector
from ..mapped import release
from . import functionals as F
from .algebra import Point, Scalar, ones_at
from .forms import Form, Term
from .layout import Layout
from .manifest import Manifest

MERGED = 1 << 20  # longest weight vector that is expanded over several axes


@dataclass
class Packed:
    """A tensor of packed values: integers with a slot axis of their own, sum over slots of 2^(bits slot)."""

    values: np.ndarray
    slot_axis: int
    bits: int


Tensors = Mapping[str, np.ndarray | Packed]


def integers(tensors: Tensors, name: str) -> np.ndarray:
    """A tensor that is not packed."""
    tensor = tensors[name]
    if isinstance(tensor, Packed):
        raise TypeError(f"{name} is packed")
    return tensor


@dataclass
class ProverData:
    """All tensors of a proof: integers, packed integers; `kernels` does the field arithmetic."""

    manifest: Manifest
    kernels: Kernels
    tensors: dict[str, np.ndarray | Packed] = field(default_factory=dict)
    blinding: Blinding = field(default_factory=lambda: FreshBlinding(()))
    fixed_masks: Sequence[Mapping[int, int]] = ()  # of a hidden model's columns

    def array(self, name: str) -> np.ndarray:
        return integers(self.tensors, name)

    def masks(self, layout: Layout, column: int) -> Mapping[int, int]:
        """What hides a column: coefficients by their address, above those of tensors."""
        if not layout.fixed:
            return self.blinding.column(column)
        return self.fixed_masks[column] if self.fixed_masks else {}

    def all_masks(self, layout: Layout) -> list[Mapping[int, int]]:
        """Column by column."""
        return [self.masks(layout, g) for g in range(layout.num_columns)]

    def release(self) -> None:
        """Mapped weights need not stay resident: for after a pass over them."""
        release(t.values if isinstance(t, Packed) else t for t in self.tensors.values())

    def table(self, form: Form, axes: Sequence[str], bound: Mapping[str, Point]) -> Table:
        """The form over the free `axes` (row-major, real sizes), its other axes bound to coordinates.

        Integers (a numpy array) where nothing but small coefficients is involved, field elements otherwise.
        """
        if set(form.axes) != set(axes) | (set(bound) & set(form.axes)):
            raise ValueError(
                f"form over {form.axes}: free {tuple(axes)} and bound {tuple(bound)} do not match"
            )
        small: list[tuple[int, np.ndarray]] = []
        vectors: list[Vector] = []
        coefficients: list[int] = []
        for term in form.terms:
            table, own_axes = self._term(term, axes, bound)
            coefficient = term.coefficient
            for a in form.axes:
                if a in bound and all(m.axis != a for m in term.maps):
                    coefficient *= int(ones_at(self.manifest.axes[a], bound[a]))
            if isinstance(table, np.ndarray) and (table.dtype == object or abs(coefficient) < 1 << 62):
                index = tuple(slice(None) if a in own_axes else None for a in axes)
                small.append((coefficient, table[index]))
            else:
                if list(own_axes) != list(axes):
                    raise ValueError("a bound factor cannot be broadcast")
                vectors.append(
                    self.kernels.from_table(np.ascontiguousarray(table))
                    if isinstance(table, np.ndarray)
                    else table
                )
                coefficients.append(coefficient % R)
        if small:
            integers = self._sum(small, [self.manifest.axes[a] for a in axes])
            if not vectors:
                return integers
            vectors.append(self.kernels.from_table(np.ascontiguousarray(integers)))
            coefficients.append(1)
        if len(vectors) == 1 and coefficients == [1]:
            return vectors[0]
        return self.kernels.linear_combination(vectors, coefficients)

    def _sum(self, terms: Sequence[tuple[int, np.ndarray]], sizes: Sequence[int]) -> np.ndarray:
        """Their exact sum, of the narrowest type that it is sure to fit; a table alone stays as it is."""
        if len(terms) == 1 and terms[0][0] == 1:
            return np.broadcast_to(terms[0][1], sizes)
        if all(table.dtype != object and abs(c) < 1 << 62 for c, table in terms):
            for dtype in (np.int32, np.int64):
                out = np.empty(sizes, dtype)
                if self.kernels.sum_integers(terms, out):
                    return out
        return np.broadcast_to(sum(c * table.astype(object) for c, table in terms), sizes)

    def open(self, summands: Sequence[tuple[Scalar, Form, Mapping[str, Point]]]) -> int:
        """The value of sum coefficient * form(point)."""
        total = 0
        for coefficient, form, point in summands:
            table = self.table(form, (), point)
            value = table.reshape(-1)[0] if isinstance(table, np.ndarray) else self.kernels.to_list(table)[0]
            total += int(coefficient) * int(value)
        return total % R

    def _term(self, term: Term, axes: Sequence[str], bound: Mapping[str, Point]) -> tuple[Table, list[str]]:
        """One term without its coefficient: a table over those of `axes` that it mentions, in that order."""
        if term.tensor is None:
            return np.ones((), dtype=np.int64), []
        tensor = self.tensors[term.tensor]
        sizes = self.manifest.sizes(term.tensor)
        data: np.ndarray = tensor.values if isinstance(tensor, Packed) else tensor
        free: dict[str, int] = {}  # form axis -> position in data
        summed: list[tuple[int, Vector]] = []  # (position, weights)
        position, dropped = 0, 0
        if isinstance(tensor, Packed):
            slots = F.Powers(tensor.bits, data.shape[tensor.slot_axis])
            summed.append((tensor.slot_axis, dense_vector(self.kernels, slots)))
        for i, (m, size) in enumerate(zip(term.maps, sizes, strict=True)):
            position = i - dropped
            if isinstance(tensor, Packed) and i >= tensor.slot_axis:
                position += 1
            if m.axis is not None and m.axis not in bound:
                data = m.rows(data, position, self.manifest.axes[m.axis])
                free[m.axis] = position
                continue
            at = bound[m.axis] if m.axis is not None else ()
            weight = m.functional(at, self.manifest.axes[m.axis] if m.axis else 0, size)
            chosen = _single(weight)
            if chosen is not None and not isinstance(tensor, Packed):
                data = np.take(data, chosen, axis=position)
                dropped += 1
            elif isinstance(weight, F.Ones) and not isinstance(tensor, Packed):
                data = data.sum(axis=position, dtype=data.dtype if data.dtype == object else np.int64)
                dropped += 1
            else:
                summed.append((position, dense_vector(self.kernels, weight)))
        order = [a for a in axes if a in free]
        # as they lie in memory, so that the kernel reads long runs
        summed.sort(key=lambda item: -abs(data.strides[item[0]]))
        table = np.transpose(data, [free[a] for a in order] + [p for p, _ in summed])
        if not summed:
            return table, order
        result = self._contract(table, [w for _, w in summed])
        if isinstance(tensor, Packed):
            release([tensor.values])
        return result, order

    def _contract(self, table: np.ndarray, vectors: list[Vector]) -> Table:
        """Sums a table over its trailing axes with one weight vector each."""
        result: Table = table
        lead = list(table.shape[: table.ndim - len(vectors)])
        while vectors:
            group = [vectors.pop()]
            while vectors and prod(map(len, group)) * len(vectors[-1]) <= MERGED:
                group.insert(0, vectors.pop())
            weights = self.kernels.tensor_product(group)
            kept = [*lead, *map(len, vectors)]
            shape = [*kept, *map(len, group)]
            result = self.kernels.contract(result, shape, len(kept), weights, len(group))
        return result


def dense_vector(kernels: Kernels, weight: F.Functional) -> Vector:
    """All entries of a functional."""
    if not isinstance(weight, F.Eq | F.Cut):
        return kernels.from_list(weight.dense())
    table, stop = kernels.eq_table([int(c) for c in weight.point]), weight.stop
    start = weight.start if isinstance(weight, F.Cut) else 0
    if (start, stop) == (0, weight.size):
        return kernels.slice(table, 0, stop)
    result = kernels.zeros(weight.size)
    if start < stop:
        kernels.write(result, start, kernels.slice(table, start, stop))
    return result


def exact_table(kernels: Kernels, table: Table) -> Table:
    """A table for the kernels: integers too large for machine words (dtype object) become field elements."""
    if isinstance(table, np.ndarray) and table.dtype == np.dtype(object):
        return kernels.from_table(table)
    return table


def _single(weight: F.Functional) -> int | None:
    """The index that a weight selects, if it is a constant one-hot."""
    if isinstance(weight, F.Listed) and len(weight.entries) == 1:
        ((i, w),) = weight.entries.items()
        if isinstance(w, int) and w == 1:
            return i
    return None
