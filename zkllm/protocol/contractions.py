"""Columns' coefficients, seen as rows of b, summed along one of the two axes without being made.

A column is a sum of tensors' integers at aligned places (`columns.py`), so its sums with weights of columns
or of rows are contractions of those integers. A block of b coefficients or more is whole rows; a smaller one
lies within a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from ..field import R
from ..kernels.interface import Kernels, Piece, Vector
from ..mapped import release
from .columns import column_slabs
from .data import Tensors
from .layout import Layout


@dataclass(frozen=True)
class _Rows:
    """Whole rows: row l `stride` + i of the column, from `first` on, is sum over slots of values[l, slot, i],
    with `axes` axes for i."""

    first: int
    stride: int
    factors: list[int]  # of the slots
    values: np.ndarray
    axes: int

    @property
    def height(self) -> int:
        return prod(self.values.shape[2 : 2 + self.axes])


@dataclass(frozen=True)
class _Part:
    """Part of a row: sum over slots of values[slot], from `place` of the row on."""

    row: int
    place: int
    factors: list[int]
    values: np.ndarray


@dataclass(frozen=True)
class RowSums:
    """Of the columns of a layout, seen as 2^mu coefficients, b = 2^b_log2 a row."""

    kernels: Kernels
    layout: Layout
    tensors: Tensors
    mu: int
    b_log2: int
    masks: Sequence[Mapping[int, int]] = ()  # of each column: coefficients by their address

    @property
    def num_rows(self) -> int:
        return 1 << self.mu - self.b_log2

    def along_rows(self, coefficients: Sequence[int], weights: Vector) -> Vector:
        """h[row] = sum_g coefficients[g] sum_col weights[col] C_g[row, col]."""
        k, pieces = self.kernels, list[Piece[Vector]]()
        for column, coefficient in enumerate(coefficients):
            for row, place, mask in self._masks(column):
                pieces.append((row, 1, [coefficient * mask % R], k.slice(weights, place, place + 1)))
            for part in self._parts(column):
                factors = k.from_list(part.factors)
                if isinstance(part, _Part):
                    count = part.values[0].size
                    own = k.slice(weights, part.place, part.place + count)
                    sums = k.contract(part.values, part.values.shape, 1, own, part.values.ndim - 1)
                    value = k.contract(sums, (len(part.factors),), 0, factors)
                    pieces.append((part.row, 1, [coefficient], value))
                    continue
                shape, height = part.values.shape, part.height
                sums = k.contract(part.values, shape, 2 + part.axes, weights, len(shape) - 2 - part.axes)
                layers = k.contract(sums, (*shape[:2], height), 1, factors)
                for l in range(shape[0]):
                    rows = k.slice(layers, l * height, (l + 1) * height)
                    pieces.append((part.first + l * part.stride, 1, [coefficient], rows))
            self.release(column)
        return k.sum_tables(self.num_rows, pieces)

    def along_columns(self, coefficients: Sequence[int], x: int) -> Vector:
        """g[col] = sum_g coefficients[g] sum_row x^row C_g[row, col]."""
        k, total = self.kernels, self.kernels.zeros(1 << self.b_log2)
        for column, coefficient in enumerate(coefficients):
            total = k.combine([total, self.column_along_columns(column, x)], [1, coefficient])
            self.release(column)
        return total

    def column_along_columns(self, column: int, x: int) -> Vector:
        """sum_row x^row C[row, col] of one column; what was read stays resident."""
        k, pieces, powers = self.kernels, list[Piece[Vector]](), list(_powers(x, self.num_rows))
        vector = k.from_list(powers)
        for row, place, mask in self._masks(column):
            pieces.append((place, 1, [mask * powers[row] % R], k.from_list([1])))
        for part in self._parts(column):
            if isinstance(part, _Part):
                factors = [f * powers[part.row] % R for f in part.factors]
                pieces.append((part.place, 1, factors, part.values[np.newaxis]))
                continue
            layers = [powers[part.first + l * part.stride] for l in range(len(part.values))]
            heads = [k.from_list(layers), k.from_list(part.factors), k.slice(vector, 0, part.height)]
            weights = k.tensor_product(heads)
            shape = part.values.shape
            pieces.append((0, 1, [1], k.contract(part.values, shape, 0, weights, 2 + part.axes)))
        return k.sum_tables(1 << self.b_log2, pieces)

    def release(self, column: int) -> None:
        """What was read of it need not stay resident."""
        release(values for _, _, _, values in column_slabs(self.layout, self.tensors, column))

    def _masks(self, column: int) -> Iterator[tuple[int, int, int]]:
        """(row, place in it, mask)."""
        for address, mask in (self.masks[column] if self.masks else {}).items():
            yield (*divmod(address, 1 << self.b_log2), mask)

    def _parts(self, column: int) -> Iterator[_Rows | _Part]:
        for offset, stride, shifts, values in column_slabs(self.layout, self.tensors, column):
            factors = [pow(2, s, R) for s in shifts]
            size = prod(values.shape[2:])
            if size >> self.b_log2:
                split, axes = _split(values, size >> self.b_log2)
                yield _Rows(offset >> self.b_log2, stride >> self.b_log2, factors, split, axes)
                continue
            for l, layer in enumerate(values):
                row, place = divmod(offset + l * stride, 1 << self.b_log2)
                yield _Part(row, place, factors, layer)


def _powers(x: int, count: int) -> Iterator[int]:
    power = 1
    for _ in range(count):
        yield power
        power = power * x % R


def _split(values: np.ndarray, height: int) -> tuple[np.ndarray, int]:
    """A view of a block (layer, slot, ..) whose first `axes` axes behind the slots have `height` entries: the
    axis in which the rows end is cut in two. Axes and `height` are powers of two."""
    shape, axes = list(values.shape), 2
    while height > 1 and shape[axes] <= height:
        height //= shape[axes]
        axes += 1
    if height > 1:
        shape[axes : axes + 1] = [height, shape[axes] // height]
        axes += 1
    return values.reshape(shape), axes - 2
