"""Kernels whose work is cut over workers, as `kernels.interface` says under "Shards:".

What is cut: a matrix product of a trace goes to the owner of its layer; multi-scalar multiplications of
columns by ranges of addresses; the lookups' tree by stripes of addresses; sums over integers by low bits of
their last axis; the reduction by columns, and by layers where columns are layered; the model's weights are
contracted by the owners of their layers; the columns' combination and its quotient by ranges of rows. All
else is computed by the native kernels here, and so is what has fewer entries than `Least` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import cast

import numpy as np

from ..bits import ceil_log2
from ..field import R
from ..kernels.interface import (
    Factor,
    Kernels,
    LinearScales,
    LogUpTree,
    Piece,
    PointsOf,
    Progress,
    Segment,
    Sumcheck,
    TableOf,
    Weight,
)
from ..kernels.native import FrVec, NativeKernels, Points
from .cuts import Ranges, parts, stripes
from .placed import Placed, Sent
from .pool import Kept, Pool
from .sums import Cut, CutReduction, CutSumcheck, CutTree
from .vectors import Range, Rows, Summed
from .wire import Argument, Command

Spread = FrVec | Rows | Summed
Table = TableOf[FrVec]


@dataclass(frozen=True)
class Least:
    """Entries from which on work is cut: less is faster where it is."""

    points: int = 1 << 14  # of a multiplication
    leaves: int = 1 << 16
    summed: int = 1 << 16  # of a sumcheck's tables
    columns: int = 1 << 16  # of a reduction's or a combination's integers
    contracted: int = 1 << 14


EVERYTHING = Least(1, 1, 1, 1, 1)


class CutPoints:
    """`PointsOf` of a file that workers open too."""

    def __init__(self, kernels: ShardedKernels, here: Points, path: str, offset: int, count: int):
        self.kernels, self.here, self._file = kernels, here, (path, offset, count)
        self._there: dict[int, Kept] = {}

    def __len__(self) -> int:
        return len(self.here)

    def __getitem__(self, i: int) -> bytes:
        return self.here[i]

    def raw(self, start: int, count: int) -> bytes:
        return self.here.raw(start, count)

    def first_invalid(self, progress: Progress | None = None) -> int | None:
        return self.here.first_invalid(progress)

    def geometric_sum(self, ratio: int, start: int, count: int, progress: Progress | None = None) -> bytes:
        return self.here.geometric_sum(ratio, start, count, progress)

    def transform(self, rows: int, block: int, root: int, first: int, count: int) -> PointsOf[FrVec]:
        return self.here.transform(rows, block, root, first, count)

    def release(self) -> None:
        self.here.release()
        if self._there:
            self.kernels.pool.each({w: [Command("release", (), k.number)] for w, k in self._there.items()})

    def there(self, worker: int, batch: list[Command]) -> Kept:
        if worker not in self._there:
            self._there[worker], command = self.kernels.pool.keep(worker, "open_points", *self._file)
            batch.append(command)
        return self._there[worker]

    def msm(self, scalars: Spread, offset: int = 0, progress: Progress | None = None) -> bytes:
        if not isinstance(scalars, Rows):
            return self.here.msm(self.kernels.here(scalars), offset, progress)
        batches: dict[int, list[Command]] = {}
        for part in scalars.ranges:
            batch = batches.setdefault(part.kept.worker, [])
            points = self.there(part.kept.worker, batch)
            batch.append(Command("msm", (part.kept.ref, offset + part.start), points.number))
        return self._sum(batches)

    def msm_ints(self, segments: Sequence[tuple[int, np.ndarray]], progress: Progress | None = None) -> bytes:
        if sum(array.size for _, array in segments) < self.kernels.least.points:
            return self.here.msm_ints(segments, progress)
        end = max(offset + array.size for offset, array in segments)
        ranges, batches = self.kernels.ranges(end), dict[int, list[Command]]()
        for worker in range(len(self.kernels.pool)):
            low, high = ranges.of(worker)
            batch, own = list[Command](), list[Argument]()
            for offset, array in segments:
                start, stop = max(low - offset, 0), min(high - offset, array.size)
                if start < stop:
                    kept = self.kernels.placed.hold(worker, array, start, stop, batch)
                    own.append((offset + start, kept.ref))
            if own:
                points = self.there(worker, batch)
                batches[worker] = [*batch, Command("msm_ints", (own,), points.number)]
        return self._sum(batches)

    def _sum(self, batches: Mapping[int, list[Command]]) -> bytes:
        found = [cast("bytes", answers[-1]) for answers in self.kernels.pool.each(batches).values()]
        return found[0] if len(found) == 1 else self.kernels.combine_points([(1, point) for point in found])


class ShardedKernels(NativeKernels):
    """`model`: its arrays by name, mapped from files; `layered`: those whose first axis is the layers.
    `columns`: (coefficients, coefficients a row) that combined columns have."""

    def __init__(
        self,
        pool: Pool,
        model: Mapping[str, np.ndarray],
        layered: Iterable[str],
        columns: tuple[int, int] | None = None,
        least: Least = Least(),  # noqa: B008 (frozen)
    ):
        self.pool, self.least, self.columns = pool, least, columns
        self.placed = Placed(pool, model, layered)

    def enter(self, stage: str) -> None:
        """What follows is counted under the name of this stage."""
        self.placed.release()
        self.pool.enter(stage)

    @property
    def opaque(self) -> Kernels:
        """For everybody else: these vectors meet no other kernels."""
        return cast("Kernels", self)

    def ranges(self, size: int) -> Ranges:
        """Of the places of a column: as its combination is cut, so that what was sent is not sent again."""
        whole, row = self.columns or (size, 1)
        return Ranges(max(size, whole), row, len(self.pool))

    def here(self, vector: Spread) -> FrVec:
        """A vector that is needed in this process."""
        if isinstance(vector, FrVec):
            return vector
        if isinstance(vector, Rows):
            raise TypeError("a column's coefficients stay where they are")
        batches: dict[int, list[Command]] = {}
        for kept in vector.terms:
            batches.setdefault(kept.worker, []).append(Command("hold", (kept.ref,)))
        found = [cast("FrVec", a) for answers in self.pool.each(batches).values() for a in answers]
        return found[0] if len(found) == 1 else super().linear_combination(found, [1] * len(found))

    def linear_combination(self, vectors: Sequence[Spread], coefficients: Sequence[int]) -> FrVec:
        return super().linear_combination([self.here(v) for v in vectors], coefficients)

    def combine(self, polys: Sequence[Spread], coefficients: Sequence[int]) -> FrVec:
        return super().combine([self.here(v) for v in polys], coefficients)

    def to_list(self, vector: Spread) -> list[int]:
        return super().to_list(self.here(vector))

    def slice(self, vector: Spread, start: int, stop: int) -> FrVec:
        return super().slice(self.here(vector), start, stop)

    def from_table(self, table: Table) -> FrVec:
        return super().from_table(self._table_here(table))

    def write(self, target: FrVec, address: int, table: Table) -> None:
        super().write(target, address, self._table_here(table))

    def inner(self, table: Table, weights: Spread) -> int:
        return super().inner(self._table_here(table), self.here(weights))

    def release_memory(self) -> None:
        self.placed.forget()
        self.pool.all("release_memory")
        super().release_memory()

    # ---- the trace

    def linear(
        self,
        a: np.ndarray,
        weights: np.ndarray,
        bias: np.ndarray,
        y: np.ndarray,
        rem: np.ndarray,
        scales: LinearScales,
    ) -> None:
        owned, view = self.placed.layers(weights), self.placed.view(weights)
        if owned is None or owned[0] is not None or view is None:
            super().linear(a, weights, bias, y, rem, scales)
            return
        ((worker, _, _),) = owned[1]
        known = self.placed.view(bias)
        command = Command("linear", (a, view, known if known is not None else bias, y.dtype.str, scales))
        y[...], rem[...] = cast("tuple[np.ndarray, np.ndarray]", self.pool.one(worker, command))

    # ---- commitments and the combination of columns

    def open_points(self, path: str, offset: int, count: int) -> Points:
        return cast("Points", CutPoints(self, super().open_points(path, offset, count), path, offset, count))

    def sum_tables(
        self, size: int, pieces: Sequence[Piece[FrVec]], passed: Callable[[], None] | None = None
    ) -> FrVec:
        # columns alone are read in one long pass, which tells what it has passed
        if passed is None or self.columns is None or size % self.columns[1] or size < self.least.columns:
            here = [(at, stride, c, self._table_here(table)) for at, stride, c, table in pieces]
            return super().sum_tables(size, here, passed)
        ranges, found, batches = self.ranges(size), list[Range](), dict[int, list[Command]]()
        for worker in range(len(self.pool)):
            low, high = (min(place, size) for place in ranges.of(worker))
            if low == high:
                continue
            batch = list[Command]()
            own = [p for piece in pieces for p in self._within(worker, piece, low, high, batch)]
            kept, command = self.pool.keep(worker, "sum_tables", high - low + ranges.row, own)
            batches[worker] = [*batch, command]
            found.append(Range(low, high, kept))
        self.pool.each(batches)
        passed()
        return cast("FrVec", Rows(size, ranges.row, tuple(found)))

    def _table_here(self, table: Table) -> Table:
        return table if isinstance(table, np.ndarray) else self.here(cast("Spread", table))

    def _within(
        self, worker: int, piece: Piece[FrVec], low: int, high: int, batch: list[Command]
    ) -> list[Argument]:
        """What of a piece lies in a worker's range, from there on."""
        address, stride, coefficients, table = piece
        if not isinstance(table, np.ndarray):
            vector = self.here(cast("Spread", table))
            start, stop = max(low - address, 0), min(high - address, len(vector))
            if start >= stop:
                return []
            return [(address + start - low, 1, list(coefficients), super().slice(vector, start, stop))]
        size, own = prod(table.shape[2:]), list[Argument]()
        for l, layer in enumerate(table):
            at = address + l * stride
            start, stop = max(low - at, 0), min(high - at, size)
            if start >= stop:
                continue
            if self.placed.view(layer) is not None:
                for place, part in parts(layer, start, stop, carried=1):
                    view = self.placed.view(part[np.newaxis])
                    own.append((at + place - low, 1, list(coefficients), view))
                continue
            for coefficient, slot in zip(coefficients, layer, strict=True):
                kept = self.placed.hold(worker, slot, start, stop, batch)
                own.append((at + start - low, 1, [coefficient], kept.ref))
        return own

    def fold(self, f: FrVec | Rows, weights: FrVec) -> FrVec:
        if not isinstance(f, Rows):
            return super().fold(f, weights)
        answers = self.pool.each({p.kept.worker: [Command("fold", (p.kept.ref, weights))] for p in f.ranges})
        result = super().zeros(len(f) // f.row)
        for part in f.ranges:  # a row of zeros is behind the range
            own = super().slice(
                cast("FrVec", answers[part.kept.worker][-1]), 0, (part.stop - part.start) // f.row
            )
            super().write(result, part.start // f.row, own)
        return result

    def divide_in_place(self, f: FrVec | Rows, degree: int, constant: int) -> FrVec:
        """The rows above a range come in as one: what they leave when they are divided."""
        if not isinstance(f, Rows):
            return super().divide_in_place(f, degree, constant)
        if degree != f.row:
            raise ValueError("a column is divided by its rows")
        commands = {}
        for part in f.ranges:
            count = (part.stop - part.start) // f.row
            powers = [pow(constant, i, R) for i in range(count)] + [0]
            shape = (count + 1, f.row)
            commands[part.kept.worker] = [
                Command("contract", (part.kept.ref, shape, 0, super().from_list(powers)))
            ]
        answers = self.pool.each(commands)
        remainders = [cast("FrVec", answers[p.kept.worker][-1]) for p in f.ranges]
        above, batches = super().zeros(f.row), dict[int, list[Command]]()
        for part, own in reversed(list(zip(f.ranges, remainders, strict=True))):
            count = (part.stop - part.start) // f.row
            arguments = (part.kept.ref, above, constant)
            batches[part.kept.worker] = [Command("divide_rows", arguments, lasting=True)]
            above = super().combine([own, above], [1, pow(constant, count, R)])
        self.pool.each(batches)
        return above

    # ---- contractions of the model's weights

    def contract(
        self, table: Table, shape: Sequence[int], axis: int, weights: FrVec, count: int = 1
    ) -> FrVec:
        if not isinstance(table, np.ndarray):
            return super().contract(self.here(cast("Spread", table)), shape, axis, weights, count)
        owned = self.placed.layers(table) if table.size >= self.least.contracted else None
        if owned is None or tuple(shape) != table.shape:
            return super().contract(table, shape, axis, weights, count)
        along, runs = owned
        summed = along is not None and axis <= along < axis + count
        if along is not None and len(runs) > 1 and along != (axis if summed else 0):
            return super().contract(table, shape, axis, weights, count)
        batches: dict[int, list[Command]] = {}
        kept_terms, size = list[Kept](), prod(shape) // prod(shape[axis : axis + count])
        inner = prod(shape[axis + 1 : axis + count])
        for worker, start, stop in runs:
            part = table if along is None else table[(slice(None),) * along + (slice(start, stop),)]
            own = super().slice(weights, start * inner, stop * inner) if summed else weights
            arguments = (self.placed.view(part), part.shape, axis, own, count)
            if summed:
                kept, command = self.pool.keep(worker, "contract", *arguments)
                kept_terms.append(kept)
            else:
                command = Command("contract", arguments)
            batches.setdefault(worker, []).append(command)
        answers = {w: iter(a) for w, a in self.pool.each(batches).items()}
        if summed:
            return cast("FrVec", Summed(size, tuple(kept_terms)))
        found = [cast("FrVec", next(answers[worker])) for worker, _, _ in runs]
        if len(found) == 1:
            return found[0]
        result, at = super().zeros(size), 0
        for part_of in found:
            super().write(result, at, part_of)
            at += len(part_of)
        return result

    # ---- sums

    def sumcheck(  # type: ignore[override]
        self,
        sizes: Sequence[int],
        factors: Sequence[Factor[FrVec]],
        terms: Sequence[tuple[int, Sequence[int]]],
        tau: Sequence[Sequence[int]] | None = None,
    ) -> Sumcheck:
        last, wanted = len(sizes) - 1, ceil_log2(len(self.pool))
        bits = min(wanted, ceil_log2(sizes[last])) if sizes else 0
        integers = all(isinstance(t, np.ndarray) for axes, t in factors if last in axes)
        worth = bool(sizes) and prod(sizes) >= self.least.summed and (bits > 0 or not wanted)
        if not (worth and integers):
            return super().sumcheck(sizes, [(a, self._table_here(t)) for a, t in factors], terms, tau)
        local = NativeKernels()
        return CutSumcheck(self.pool, local, local, sizes, factors, terms, tau, bits)

    def logup_tree(  # type: ignore[override]
        self, total: int, segments: Sequence[Segment], alpha: int, beta: int
    ) -> LogUpTree:
        cut = stripes(total, len(self.pool))
        if total < self.least.leaves or cut is None:
            return super().logup_tree(total, segments, alpha, beta)
        local = NativeKernels()
        return CutTree(self.pool, local, local, cut, total, segments, alpha, beta)

    def reduction(  # type: ignore[override]
        self, mu: int, columns: Sequence[tuple[Sequence[Weight[FrVec]], Sequence[Piece[FrVec]]]]
    ) -> Sumcheck:
        sizes = [sum(_entries(table) for *_, table in pieces) for _, pieces in columns]
        if sum(sizes) < self.least.columns:
            here = [(w, [(a, s, c, self._table_here(t)) for a, s, c, t in pieces]) for w, pieces in columns]
            return super().reduction(mu, here)
        return _Reducing(self, mu, columns, sizes).result()


class _Reducing:
    """A reduction while it is dealt out."""

    def __init__(
        self,
        kernels: ShardedKernels,
        mu: int,
        columns: Sequence[tuple[Sequence[Weight[FrVec]], Sequence[Piece[FrVec]]]],
        sizes: Sequence[int],
    ):
        self.kernels, self.mu, self.columns, self.sizes = kernels, mu, columns, sizes
        self.batches: dict[int, list[Command]] = {}
        self.vectors: dict[tuple[int, int], tuple[FrVec, Kept]] = {}
        self.sent: Sent = {}
        self.cuts: dict[int, list[Cut]] = {}

    def result(self) -> CutReduction:
        workers = len(self.kernels.pool)
        load = dict.fromkeys(range(workers), 0)
        for g in sorted(range(len(self.columns)), key=lambda g: -self.sizes[g]):
            weights, pieces = self.columns[g]
            spread: dict[int, list[Argument]] = {}
            others: list[Piece[FrVec]] = []
            for piece in pieces:
                address, stride, coefficients, table = piece
                if isinstance(table, Summed):
                    for kept in table.terms:
                        spread.setdefault(kept.worker, []).append(
                            (address, stride, list(coefficients), kept.ref)
                        )
                else:
                    others.append(piece)
            least = min(spread or load, key=lambda w: (load[w], w))
            if others or not spread:
                load[least] += self.sizes[g]
                spread.setdefault(least, []).extend(p for piece in others for p in self._pieces(least, piece))
            for worker, parts_of in spread.items():
                self.cuts.setdefault(worker, []).append(Cut(g, self._weights(worker, weights), parts_of))
        pool = self.kernels.pool
        pool.each(self.batches)
        ordered = {w: self.cuts[w] for w in sorted(self.cuts)}
        held = (list(self.vectors.values()), self.sent, self.columns)
        return CutReduction(pool, self.mu, len(self.columns), ordered, held)

    def _weights(
        self, worker: int, weights: Sequence[Weight[FrVec]]
    ) -> list[tuple[int, int, list[Argument]]]:
        return [(a, c, [self._vector(worker, v) for v in vectors]) for a, c, vectors in weights]

    def _vector(self, worker: int, vector: FrVec) -> Argument:
        """Many weights have the same vectors: they are sent once."""
        key = worker, id(vector)
        if key not in self.vectors:
            kept, command = self.kernels.pool.keep(worker, "hold", vector)
            self.batches.setdefault(worker, []).append(command)
            self.vectors[key] = vector, kept
        return self.vectors[key][1].ref

    def _pieces(self, worker: int, piece: Piece[FrVec]) -> list[Argument]:
        address, stride, coefficients, table = piece
        if not isinstance(table, np.ndarray):
            return [(address, stride, list(coefficients), table)]
        view = self.kernels.placed.view(table)
        if view is not None:
            return [(address, stride, list(coefficients), view)]
        found: list[Argument] = []
        for l, layer in enumerate(table):
            for coefficient, slot in zip(coefficients, layer, strict=True):
                batch = self.batches.setdefault(worker, [])
                kept = self.kernels.placed.hold(worker, slot, 0, slot.size, batch, self.sent)
                found.append((address + l * stride, 1, [coefficient], kept.ref))
        return found


def _entries(table: object) -> int:
    return table.size if isinstance(table, np.ndarray) else len(cast("Spread", table))
