"""Sums whose rounds add up over workers; the variables that tell the shards apart are bound here, last.

A shard is a class of indices by low bits. A round of the variables above these is the classes' rounds added
up, each times eq at the class where the sum is weighted. Then every class has one element for each factor (or
few: the nodes of a layer that the lowest bits tell apart), and the coordinator goes on with these alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

import numpy as np

from ..bits import ceil_log2
from ..field import R
from ..kernels.interface import Factor, Segment, Sumcheck, SumKernels, VectorKernels
from ..kernels.native import FrVec
from .cuts import Stripes
from .pool import Kept, Pool
from .wire import Argument, Command, Ints, Joined


class Shares:
    """Objects of one kind, in workers, whose rounds add up with weights."""

    def __init__(self, pool: Pool, kept: Sequence[Kept], weights: Sequence[int]):
        self.pool, self.kept, self.weights = pool, list(kept), list(weights)
        self._next: list[int] | None = None

    def ask(self, *methods: Command) -> list[list[Argument]]:
        """The last answer of each object to these commands."""
        batches: dict[int, list[Command]] = {}
        for kept in self.kept:
            own = [Command(c.method, c.arguments, kept.number, lasting=c.lasting) for c in methods]
            batches.setdefault(kept.worker, []).extend(own)
        answers = {w: iter(a) for w, a in self.pool.each(batches).items()}
        return [[next(answers[kept.worker]) for _ in methods] for kept in self.kept]

    def _added(self, rounds: Sequence[Argument]) -> list[int]:
        polynomials = cast("Sequence[Sequence[int]]", rounds)
        scaled = zip(self.weights, polynomials, strict=True)
        return [
            sum(column) % R for column in zip(*([w * int(v) for v in own] for w, own in scaled), strict=True)
        ]

    def round(self) -> list[int]:
        if self._next is None:
            self._next = self._added([a[-1] for a in self.ask(Command("round"))])
        return self._next

    def bind(self, c: int, last: bool) -> None:
        """The next round comes with it, unless this was the last variable."""
        commands = [Command("bind", (c,), lasting=True)]
        answers = self.ask(*commands) if last else self.ask(*commands, Command("round"))
        self._next = None if last else self._added([a[-1] for a in answers])

    def reopened(self, weights: Sequence[int], *arguments: Argument) -> None:
        """`open` of each, after which nothing before it matters, and the first round."""
        for kept in self.kept:
            self.pool.settle(kept)
        self.weights = list(weights)
        self.ask(Command("open", arguments, lasting=True))
        self._next = None


def eq_weights(point: Sequence[int]) -> list[int]:
    """eq(point, x) for all x."""
    values = [1]
    for c in point:
        values = [v for x in values for v in ((x - x * c) % R, x * c % R)]
    return values


class CutSumcheck:
    """`SumKernels.sumcheck`, by the low bits of the last axis."""

    def __init__(
        self,
        pool: Pool,
        local: SumKernels[FrVec],
        vectors: VectorKernels[FrVec],
        sizes: Sequence[int],
        factors: Sequence[Factor[FrVec]],
        terms: Sequence[tuple[int, Sequence[int]]],
        tau: Sequence[Sequence[int]] | None,
        bits: int,
    ):
        self.local, self.vectors, self.terms, self.bits = local, vectors, list(terms), bits
        last, count = len(sizes) - 1, 1 << bits
        inner = -(-sizes[last] // count)
        self.cut = [last in axes for axes, _ in factors]
        own_sizes = [*sizes[:last], inner]
        self.high = sum(map(ceil_log2, own_sizes))
        self.tau = [list(t) for t in tau] if tau is not None else None
        own_tau = low = None
        if self.tau is not None:
            split = len(self.tau[last]) - bits
            own_tau, low = [*self.tau[:last], self.tau[last][:split]], self.tau[last][split:]
        self.low = low
        kept, batches = [], dict[int, list[Command]]()
        for number in range(count):
            worker = number % len(pool)
            own = [
                (list(axes), _class_of(table, [sizes[a] for a in axes], axes.index(last), number, count))
                if cut
                else (list(axes), table)
                for cut, (axes, table) in zip(self.cut, factors, strict=True)
            ]
            made, command = pool.keep(worker, "sumcheck", own_sizes, own, self.terms, own_tau)
            kept.append(made)
            batches.setdefault(worker, []).append(command)
        pool.each(batches)
        self.shares = Shares(pool, kept, eq_weights(low) if low is not None else [1] * count)
        self.rest: Sumcheck | None = None
        if not self.high:
            self._collect()

    def remaining(self) -> int:
        return self.high + self.bits if self.rest is None else self.rest.remaining()

    def round(self) -> list[int]:
        return self.shares.round() if self.rest is None else self.rest.round()

    def bind(self, c: int) -> None:
        if self.rest is not None:
            self.rest.bind(c)
            return
        self.high -= 1
        self.shares.bind(c, last=not self.high)
        if not self.high:
            self._collect()

    def values(self) -> list[int]:
        if self.rest is None:
            raise ValueError(f"{self.remaining()} variables are not bound yet")
        return self.rest.values()

    def _collect(self) -> None:
        """One element of each factor and class: the coordinator's."""
        values = [cast("list[int]", a[-1]) for a in self.shares.ask(Command("values"))]
        factors: list[Factor[FrVec]] = []
        for i, cut in enumerate(self.cut):
            own = [int(v[i]) for v in values]
            factors.append(
                ((0,), self.vectors.from_list(own)) if cut else ((), self.vectors.from_list(own[:1]))
            )
        tau = [self.low] if self.low is not None else None
        self.rest = self.local.sumcheck([1 << self.bits], factors, self.terms, tau)
        self.shares.kept.clear()


def _class_of(table: FrVec | np.ndarray, sizes: Sequence[int], axis: int, number: int, count: int) -> Ints:
    """Entries whose index on the axis is `number` modulo `count`, zeros where a class has fewer."""
    if not isinstance(table, np.ndarray):
        raise TypeError("a vector is not cut by low bits")
    shaped = np.moveaxis(table.reshape(sizes), axis, -1)[..., number::count]
    missing = -(-sizes[axis] // count) - shaped.shape[-1]
    if missing:
        shaped = np.concatenate([shaped, np.zeros((*shaped.shape[:-1], missing), shaped.dtype)], axis=-1)
    shaped = np.moveaxis(shaped, -1, axis)
    return Ints(shaped, 0, shaped.size)


# ---- the reduction


class Cut(NamedTuple):
    """What a worker has of one column."""

    column: int
    weights: list[tuple[int, int, list[Argument]]]
    pieces: list[Argument]


class CutReduction:
    """`SumKernels.reduction`: columns, or a column's pieces, which add up because every round is linear in
    them."""

    def __init__(
        self, pool: Pool, mu: int, num_columns: int, cuts: Mapping[int, Sequence[Cut]], held: object
    ):
        self.left, self.num_columns, self.held = mu, num_columns, held
        self.columns: list[list[int]] = []
        kept, batches = [], dict[int, list[Command]]()
        for worker, own in cuts.items():
            made, command = pool.keep(worker, "reduction", mu, [(c.weights, c.pieces) for c in own])
            kept.append(made)
            self.columns.append([c.column for c in own])
            batches[worker] = [command]
        pool.each(batches)
        self.shares = Shares(pool, kept, [1] * len(kept))

    def remaining(self) -> int:
        return self.left

    def round(self) -> list[int]:
        return self.shares.round()

    def bind(self, c: int) -> None:
        self.left -= 1
        self.shares.bind(c, last=not self.left)

    def values(self) -> list[int]:
        result = [0] * (2 * self.num_columns)
        for columns, answers in zip(self.columns, self.shares.ask(Command("values")), strict=True):
            values = cast("list[int]", answers[-1])
            for i, g in enumerate(columns):
                result[2 * g] = int(values[2 * i])
                result[2 * g + 1] = (result[2 * g + 1] + int(values[2 * i + 1])) % R
        return result


# ---- the lookups


def layer_terms(lam: int) -> list[tuple[int, list[int]]]:
    """p + lam q' of a node from p0, p1, q0', q1'."""
    return [(1, [0]), (1, [1]), (1, [0, 3]), (1, [1, 2]), (lam, [2]), (lam, [3]), (lam, [2, 3])]


class CutTree:
    """`SumKernels.logup_tree`: a tree of each stripe of addresses, whose layers below the stripes' bits are
    those of the whole; the layers above are the coordinator's."""

    def __init__(
        self,
        pool: Pool,
        local: SumKernels[FrVec],
        vectors: VectorKernels[FrVec],
        cut: Stripes,
        total: int,
        segments: Sequence[Segment],
        alpha: int,
        beta: int,
    ):
        self.local, self.vectors, self.cut = local, vectors, cut
        kept, batches = [], dict[int, list[Command]]()
        least = (1 << cut.depth - cut.bits - 1) + 1  # so that all trees are as deep
        for number in range(cut.classes):
            own = [s for s in (_stripe_of(segment, cut, number) for segment in segments) if s is not None]
            leaves = max(cut.own(total, number), least)
            worker = number % len(pool)
            made, command = pool.keep(worker, "logup_tree", leaves, own, alpha, beta)
            kept.append(made)
            batches.setdefault(worker, []).append(command)
        pool.each(batches)
        self.shares = Shares(pool, kept, [1] * cut.classes)
        self.layers = self._upper()
        self.rest: Sumcheck | None = None
        self.single: list[int] | None = None
        self.left = 0  # rounds that workers take part in
        self.z: list[int] = []
        self.terms = layer_terms(0)

    def _upper(self) -> list[tuple[list[int], list[int]]]:
        """(p, q') of the layers from the root down to the lowest whose nodes are not one stripe's."""
        height = self.cut.high - 1
        self.shares.ask(Command("open", (height, [0] * height, 0), lasting=True))
        p, q = ([0] * (1 << self.cut.depth - self.cut.low) for _ in "pq")
        step = self.cut.classes
        for number, answers in enumerate(self.shares.ask(Command("children"))):
            p0, p1, q0, q1 = (self.vectors.to_list(v) for v in cast("tuple[FrVec, ...]", answers[-1]))
            p[number :: 2 * step], p[number + step :: 2 * step] = p0, p1
            q[number :: 2 * step], q[number + step :: 2 * step] = q0, q1
        layers = [(p, q)]
        while len(p) > 1:
            pairs = list(zip(p[::2], p[1::2], q[::2], q[1::2], strict=True))
            p = [(a + b + a * y + b * x) % R for a, b, x, y in pairs]
            q = [(x + y + x * y) % R for _, _, x, y in pairs]
            layers.append((p, q))
        return layers[::-1]

    def root(self) -> tuple[int, int]:
        p, q = self.layers[0]
        return p[0], q[0]

    def open(self, j: int, z: Sequence[int], lam: int) -> None:
        self.z, self.terms, self.single, self.rest = list(z), layer_terms(lam), None, None
        if j + 1 < len(self.layers):
            p, q = self.layers[j + 1]
            self._go_on([self.vectors.from_list(t) for t in (p[::2], p[1::2], q[::2], q[1::2])], self.z)
            self.left = 0
            return
        high, bits = self.cut.high, self.cut.bits
        weights = eq_weights(self.z[high : high + bits])
        self.shares.reopened(weights, j - bits, [*self.z[:high], *self.z[high + bits :]], lam)
        self.left = high

    def _go_on(self, children: Sequence[FrVec], point: Sequence[int]) -> None:
        if len(children[0]) == 1:
            self.single = [self.vectors.to_list(c)[0] for c in children]
            return
        factors: list[Factor[FrVec]] = [((0,), c) for c in children]
        self.rest = self.local.sumcheck([len(children[0])], factors, self.terms, [point])

    def round(self) -> list[int]:
        if self.left:
            return self.shares.round()
        if self.rest is None:
            raise ValueError("every variable is bound, or no layer is open")
        return self.rest.round()

    def bind(self, c: int) -> None:
        if not self.left:
            if self.rest is None:
                raise ValueError("every variable is bound, or no layer is open")
            self.rest.bind(c)
            return
        self.left -= 1
        self.shares.bind(c, last=not self.left)
        if self.left:
            return
        parts = [cast("tuple[FrVec, ...]", a[-1]) for a in self.shares.ask(Command("children"))]
        size = len(parts[0][0])
        joined = [self.vectors.zeros(size * len(parts)) for _ in range(4)]
        for number, part in enumerate(parts):
            for whole, own in zip(joined, part, strict=True):
                self.vectors.write(whole, number * size, own)
        self._go_on(joined, self.z[self.cut.high :])

    def values(self) -> list[int]:
        if self.single is not None:
            return self.single
        if self.left or self.rest is None:
            raise ValueError("not all variables are bound")
        return self.rest.values()


def _stripe_of(segment: Segment, cut: Stripes, number: int) -> tuple[Argument, ...] | None:
    address, tag, numerator, values, output = segment
    runs = tuple((a - address, b - address) for a, b in cut.runs(address, address + values.size, number))
    if not runs:
        return None
    taken = lambda array: Joined(array, runs)
    return (
        cut.own(address, number),
        tag,
        taken(numerator) if isinstance(numerator, np.ndarray) else numerator,
        taken(values),
        None if output is None else taken(output),
    )
