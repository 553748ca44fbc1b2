"""Vectors as lists of integers in [0, r), and the twins of the kernels on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import prod
from typing import TypeAlias

import numpy as np

from ..field import R
from ..kernels.interface import Piece, TableOf, VectorKernels

Values: TypeAlias = list[int]
Table: TypeAlias = TableOf[Values]


def from_list(values: Iterable[int]) -> Values:
    return [int(v) % R for v in values]


def from_table(table: Table) -> Values:
    return from_list(table.reshape(-1).tolist() if isinstance(table, np.ndarray) else table)


def eq_table(point: Sequence[int]) -> Values:
    values = [1]
    for c in point:
        values = [v for x in values for v in ((x - x * c) % R, x * c % R)]
    return values


def tensor_product(vectors: Sequence[Values]) -> Values:
    values = [1]
    for vector in vectors:
        values = [x * y % R for x in values for y in vector]
    return values


def accumulate(target: Values, address: int, coefficient: int, vectors: Sequence[Values]) -> None:
    """target[address + i] += coefficient * (product of the vectors)[i]."""
    for i, w in enumerate(tensor_product(vectors)):
        target[address + i] = (target[address + i] + coefficient * w) % R


def sum_tables(size: int, pieces: Sequence[Piece[Values]]) -> Values:
    result = [0] * size
    for address, stride, coefficients, table in pieces:
        layers = table if isinstance(table, np.ndarray) else [[table]]
        for l, layer in enumerate(layers):
            for coefficient, slot in zip(coefficients, layer, strict=True):
                for i, x in enumerate(from_table(slot), address + l * stride):
                    result[i] = (result[i] + coefficient * x) % R
    return result


class NaiveVectors(VectorKernels[Values]):
    def from_list(self, values: Iterable[int]) -> Values:
        return from_list(values)

    def from_table(self, table: Table) -> Values:
        return from_table(table)

    def to_list(self, vector: Values) -> list[int]:
        return list(vector)

    def zeros(self, n: int) -> Values:
        return [0] * n

    def slice(self, vector: Values, start: int, stop: int) -> Values:
        return vector[start:stop]

    def write(self, target: Values, address: int, table: Table) -> None:
        values = from_table(table)
        target[address : address + len(values)] = values

    def eq_table(self, point: Sequence[int]) -> Values:
        return eq_table(point)

    def tensor_product(self, vectors: Sequence[Values]) -> Values:
        return tensor_product(vectors)

    def inner(self, table: Table, weights: Values) -> int:
        return sum(a * b for a, b in zip(from_table(table), weights, strict=True)) % R

    def linear_combination(self, vectors: Sequence[Values], coefficients: Sequence[int]) -> Values:
        columns = zip(*vectors, strict=True)
        return [sum(c * x for c, x in zip(coefficients, xs, strict=True)) % R for xs in columns]

    def contract(
        self, table: Table, shape: Sequence[int], axis: int, weights: Values, count: int = 1
    ) -> Values:
        values = from_table(table)
        before, n = prod(shape[:axis]), prod(shape[axis : axis + count])
        after = prod(shape[axis + count :])
        assert len(weights) == n and len(values) == before * n * after
        return [
            sum(weights[x] * values[(i * n + x) * after + j] for x in range(n)) % R
            for i in range(before)
            for j in range(after)
        ]

    def sum_tables(
        self, size: int, pieces: Sequence[Piece[Values]], passed: Callable[[], None] | None = None
    ) -> Values:
        result = sum_tables(size, pieces)
        if passed is not None:
            passed()
        return result
