"""Naive twins of the native kernels: plain Python integers, no tricks.

They are the executable specification that the native kernels are tested against, and what the tamper suite
runs on. A vector is a list of integers in [0, r); a table is a vector or a numpy array of integers (dtype
object is allowed, for values that a cheating prover makes too large for machine words).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from math import prod

import numpy as np

from ..bits import ceil_log2
from ..field import R

Vector = list[int]
Table = Vector | np.ndarray


def from_list(values: Iterable[int]) -> Vector:
    return [int(v) % R for v in values]


def from_table(table: Table) -> Vector:
    values = table.reshape(-1).tolist() if isinstance(table, np.ndarray) else table
    return [int(v) % R for v in values]


def to_list(vector: Vector) -> list[int]:
    return list(vector)


def zeros(n: int) -> Vector:
    return [0] * n


def slice(vector: Vector, start: int, stop: int) -> Vector:
    return vector[start:stop]


def eq_table(point: Sequence[int]) -> Vector:
    """eq(x, point) for all x, MSB first."""
    values = [1]
    for c in point:
        values = [v for x in values for v in ((x - x * c) % R, x * c % R)]
    return values


def tensor_product(vectors: Sequence[Vector]) -> Vector:
    values = [1]
    for vector in vectors:
        values = [x * y % R for x in values for y in vector]
    return values


def inner(table: Table, weights: Vector) -> int:
    return sum(a * b for a, b in zip(from_table(table), weights, strict=True)) % R


def linear_combination(vectors: Sequence[Vector], coefficients: Sequence[int]) -> Vector:
    return [
        sum(c * x for c, x in zip(coefficients, xs, strict=True)) % R for xs in zip(*vectors, strict=True)
    ]


def contract(table: Table, shape: Sequence[int], axis: int, weights: Vector, count: int = 1) -> Vector:
    """Sum over `count` axes from `axis` on of a row-major table, with a weight for each of their indices."""
    values = from_table(table)
    before, n = prod(shape[:axis]), prod(shape[axis : axis + count])
    after = prod(shape[axis + count :])
    assert len(weights) == n and len(values) == before * n * after
    return [
        sum(weights[x] * values[(i * n + x) * after + j] for x in range(n)) % R
        for i in range(before)
        for j in range(after)
    ]


def write(target: Vector, address: int, table: Table) -> None:
    """Copies a table into place."""
    values = from_table(table)
    target[address : address + len(values)] = values


def accumulate(target: Vector, address: int, coefficient: int, vectors: Sequence[Vector]) -> None:
    """target[address + i] += coefficient * (product of the vectors)[i]."""
    for i, w in enumerate(tensor_product(vectors)):
        target[address + i] = (target[address + i] + coefficient * w) % R


Pieces = Sequence[tuple[int, int, Sequence[int], Table]]


def sum_tables(size: int, pieces: Pieces, passed: Callable[[], None] | None = None) -> Vector:
    """A vector of `size` elements: the sum of pieces (address, stride, coefficients, table).

    Integers with axes (layer, slot, ..) add sum_c coefficients[c] table[l, c, ..] at address + l stride; a
    vector adds coefficients[0] times itself. `passed` is called after each part of the places.
    """
    result = zeros(size)
    for address, stride, coefficients, table in pieces:
        layers = table if isinstance(table, np.ndarray) else [[table]]
        for l, layer in enumerate(layers):
            for coefficient, slot in zip(coefficients, layer, strict=True):
                for i, x in enumerate(from_table(slot), address + l * stride):
                    result[i] = (result[i] + coefficient * x) % R
    if passed is not None:
        passed()
    return result


class SumcheckInstance:
    """sum over the hypercube of named axes of sum_k coefficient_k * product of factors.

    A factor's table is row-major over its axes (real sizes); it is constant along axes it lacks and 0 off the
    real region. Variables are bound axis by axis, MSB first. With `tau` the sum is weighted by eq(tau, x),
    and `round` leaves out the eq factors of the bound variables and of the current one (Gruen, eprint
    2024/108).
    """

    def __init__(
        self,
        sizes: Sequence[int],
        factors: Sequence[tuple[Sequence[int], Table]],
        terms: Sequence[tuple[int, Sequence[int]]],
        tau: Sequence[Sequence[int]] | None = None,
    ):
        self.left = [ceil_log2(n) for n in sizes]
        self.tau = [list(t) for t in tau] if tau is not None else None
        self.terms = [(c % R, list(f)) for c, f in terms]
        self.axes = [tuple(a) for a, _ in factors]
        self.tables = []
        for axes, table in factors:  # padded to the hypercube
            values, dims = from_table(table), [sizes[a] for a in axes]
            assert len(values) == prod(dims)
            padded = []
            for index in product(*(range(1 << ceil_log2(n)) for n in dims)):
                at = 0
                for x, n in zip(index, dims, strict=True):
                    at = at * n + x if at is not None and x < n else None  # type: ignore[assignment]
                padded.append(values[at] if at is not None else 0)
            self.tables.append(padded)
        for _, f in self.terms:
            assert {a for i in f for a in self.axes[i]} == set(range(len(sizes))), "a term lacks an axis"

    def remaining(self) -> int:
        return sum(self.left)

    def _current(self) -> int:
        return next(a for a, k in enumerate(self.left) if k)

    def degree(self) -> int:
        a = self._current()
        return max(1, max(sum(a in self.axes[i] for i in f) for _, f in self.terms))

    def _at(self, i: int, index: dict[int, int]) -> int:
        at = 0
        for a in self.axes[i]:
            at = (at << self.left[a]) + index[a]
        return self.tables[i][at]

    def round(self) -> list[int]:
        a, degree = self._current(), self.degree()
        half = 1 << self.left[a] - 1
        weights = None
        if self.tau is not None:
            weights = [
                eq_table(t[len(t) - k + (b == a) :]) if k else [1]
                for b, (t, k) in enumerate(zip(self.tau, self.left, strict=True))
            ]
        values = [0] * (degree + 1)
        ranges = [range(half if b == a else 1 << k) for b, k in enumerate(self.left)]
        for x in product(*ranges):
            weight = prod(w[i] for w, i in zip(weights, x, strict=True)) % R if weights else 1
            low = dict(enumerate(x))
            high = {**low, a: x[a] + half}
            ends = [
                (self._at(i, low), self._at(i, high) if a in self.axes[i] else None)
                for i in range(len(self.tables))
            ]
            for X in range(degree + 1):
                at = [u if v is None else u + X * (v - u) for u, v in ends]
                total = sum(c * prod(at[i] for i in f) for c, f in self.terms)
                values[X] = (values[X] + weight * total) % R
        return values

    def bind(self, c: int) -> None:
        a = self._current()
        for i, axes in enumerate(self.axes):
            if a in axes:  # a is the first unbound axis, so its bit is the table's highest
                t, h = self.tables[i], len(self.tables[i]) // 2
                self.tables[i] = [(u + c * (v - u)) % R for u, v in zip(t[:h], t[h:], strict=True)]
        self.left[a] -= 1

    def values(self) -> list[int]:
        assert self.remaining() == 0
        return [t[0] for t in self.tables]


Segments = Sequence[tuple[int, int, int | np.ndarray, Table, Table | None]]
Weights = Sequence[tuple[int, int, Sequence[Vector]]]


class ReductionInstance(SumcheckInstance):
    """sum over columns g and places x of E_g(x) C_g(x).

    E_g is the sum of coefficient * (product of vectors) at an address, C_g that of its pieces (`sum_tables`).
    `values` are E_0, C_0, E_1, C_1, ..
    """

    def __init__(self, mu: int, columns: Sequence[tuple[Weights, Pieces]]):
        factors: list[tuple[Sequence[int], Table]] = []
        for weights, data in columns:
            e = zeros(1 << mu)
            for address, coefficient, vectors in weights:
                accumulate(e, address, coefficient, vectors)
            factors += [((0,), e), ((0,), sum_tables(1 << mu, data))]
        super().__init__([1 << mu], factors, [(1, [2 * g, 2 * g + 1]) for g in range(len(columns))])


class LogUpTree:
    """The fraction tree on (p, q' = q - 1), so that a missing leaf is (0, 0).

    Segments (address, tag, numerator, input, output) give, for entry i of the row-major tables, the leaf
    p = numerator, q' = alpha - tag - beta input - beta^2 output - 1 at address + i.
    """

    def __init__(self, total: int, segments: Segments, alpha: int, beta: int):
        assert total >= 1
        p, q = [0] * total, [0] * total
        for address, tag, numerator, table, output in segments:
            inputs = from_table(table)
            outputs = from_table(output) if output is not None else [0] * len(inputs)
            nums = [int(numerator)] * len(inputs) if isinstance(numerator, int) else from_table(numerator)
            for i, (n, x, y) in enumerate(zip(nums, inputs, outputs, strict=True)):
                p[address + i] = n % R
                q[address + i] = (alpha - tag - beta * x - beta * beta * y - 1) % R
        self.layers = [(p, q)]
        self.depth = max(1, ceil_log2(len(p)))
        for _ in range(self.depth):
            p, q = self.layers[-1]
            if len(p) % 2:
                p, q = p + [0], q + [0]
                self.layers[-1] = (p, q)
            pairs = [(p[i], p[i + 1], q[i], q[i + 1]) for i in range(0, len(p), 2)]
            self.layers.append(
                (
                    [(a + b + a * y + b * x) % R for a, b, x, y in pairs],
                    [(x + y + x * y) % R for _, _, x, y in pairs],
                )
            )
        self.layers.reverse()

    def root(self) -> tuple[int, int]:
        p, q = self.layers[0]
        return p[0], q[0]

    def open(self, j: int, z: Sequence[int], lam: int) -> None:
        p, q = self.layers[j + 1]
        n = len(p) // 2
        factors = [((0,), t) for t in (p[::2], p[1::2], q[::2], q[1::2])]
        terms = [(1, [0]), (1, [1]), (1, [0, 3]), (1, [1, 2]), (lam, [2]), (lam, [3]), (lam, [2, 3])]
        self.instance = (
            SumcheckInstance([1 << j], [(a, t + [0] * ((1 << j) - n)) for a, t in factors], terms, [z])
            if j
            else None
        )
        self.single = [p[0], p[1], q[0], q[1]]

    def round(self) -> list[int]:
        assert self.instance is not None
        values = self.instance.round()
        return values

    def bind(self, c: int) -> None:
        assert self.instance is not None
        self.instance.bind(c)

    def values(self) -> list[int]:
        return self.instance.values() if self.instance else self.single
