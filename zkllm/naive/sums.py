"""The inner protocol's sums over dense hypercubes, entry by entry."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod

import numpy as np

from ..bits import ceil_log2
from ..field import R
from ..kernels.interface import Factor, Piece, Segment, SumKernels, Weight
from .vectors import Values, accumulate, eq_table, from_table, sum_tables


class SumcheckInstance:
    """See `SumKernels.sumcheck`."""

    def __init__(
        self,
        sizes: Sequence[int],
        factors: Sequence[Factor[Values]],
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


class ReductionInstance(SumcheckInstance):
    """See `SumKernels.reduction`."""

    def __init__(self, mu: int, columns: Sequence[tuple[Sequence[Weight[Values]], Sequence[Piece[Values]]]]):
        factors: list[Factor[Values]] = []
        for weights, data in columns:
            e = [0] * (1 << mu)
            for address, coefficient, vectors in weights:
                accumulate(e, address, coefficient, vectors)
            factors += [((0,), e), ((0,), sum_tables(1 << mu, data))]
        super().__init__([1 << mu], factors, [(1, [2 * g, 2 * g + 1]) for g in range(len(columns))])


class LogUpTree:
    """See `SumKernels.logup_tree`."""

    def __init__(self, total: int, segments: Sequence[Segment], alpha: int, beta: int):
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
        return self.instance.round()

    def bind(self, c: int) -> None:
        assert self.instance is not None
        self.instance.bind(c)

    def values(self) -> list[int]:
        return self.instance.values() if self.instance else self.single

    def children(self) -> tuple[Values, Values, Values, Values]:
        p0, p1, q0, q1 = self.instance.tables if self.instance else [[x] for x in self.single]
        return p0, p1, q0, q1


class NaiveSums(SumKernels[Values]):
    def sumcheck(
        self,
        sizes: Sequence[int],
        factors: Sequence[Factor[Values]],
        terms: Sequence[tuple[int, Sequence[int]]],
        tau: Sequence[Sequence[int]] | None = None,
    ) -> SumcheckInstance:
        return SumcheckInstance(sizes, factors, terms, tau)

    def reduction(
        self, mu: int, columns: Sequence[tuple[Sequence[Weight[Values]], Sequence[Piece[Values]]]]
    ) -> ReductionInstance:
        return ReductionInstance(mu, columns)

    def count_lookups(
        self,
        counts: np.ndarray,
        inputs: np.ndarray,
        shift: int,
        causal: tuple[int, int] | None = None,
        outputs: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> bool:
        complete, (own, entries) = True, outputs or (np.zeros(0), np.zeros(0))
        own, entries = own.reshape(-1), entries.reshape(-1)
        for i, (place, x) in enumerate(np.ndenumerate(inputs)):
            if causal is not None and place[causal[1]] > place[causal[0]]:
                continue
            row = int(x) + shift
            if 0 <= row < len(counts) and (outputs is None or own[i] == entries[row]):
                counts[row] += 1
            else:
                complete = False
        return complete

    def logup_tree(self, total: int, segments: Sequence[Segment], alpha: int, beta: int) -> LogUpTree:
        return LogUpTree(total, segments, alpha, beta)
