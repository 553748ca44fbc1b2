"""Times the kernels of the inner protocol.

    python -m scripts.bench.kernels [--log2 20] [--backend scalar] [--json FILE]

A sumcheck instance is timed over all its rounds (round, then bind), divided by the elements of its hypercube;
the first round and the first bind, which read the original tables, are also shown apart. A LogUp tree is
timed over building it and the sumchecks of all its layers, divided by its leaves. `ns` is processor time,
summed over the threads (divide by their number for the time on an idle machine); `wall` is wall-clock time.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import time
from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

import numpy as np

from testkit.kernels import NATIVE
from zkllm import _native
from zkllm._native import FrVec
from zkllm.bits import ceil_log2
from zkllm.field import R
from zkllm.timings import available_cores

Row = dict[str, object]


class Clock:
    """Seconds of processor and of wall-clock time."""

    def __init__(self) -> None:
        self.cpu, self.wall = time.process_time(), time.perf_counter()

    @classmethod
    def zero(cls) -> Clock:
        clock = cls()
        clock.cpu = clock.wall = 0.0
        return clock

    def __call__(self) -> Clock:
        self.cpu, self.wall = time.process_time() - self.cpu, time.perf_counter() - self.wall
        return self

    def __add__(self, other: Clock) -> Clock:
        total = Clock()
        total.cpu, total.wall = self.cpu + other.cpu, self.wall + other.wall
        return total


def timed(f: Callable[[], Any]) -> tuple[Clock, Any]:
    clock = Clock()
    result = f()
    return clock(), result


class Bench:
    def __init__(self, log2: int):
        np.ones(1 << log2 + 6, dtype=np.int64)  # memory that was never touched is slow in virtual machines
        self.log2, self.rng = log2, random.Random(1)
        self.rows: list[Row] = []
        self.generator = np.random.default_rng(1)

    def scalars(self, n: int) -> list[int]:
        return [self.rng.randrange(R) for _ in range(n)]

    def field(self, n: int) -> FrVec:
        """Pseudo-random elements: a tensor product is full-width and quick to make."""
        parts, left = [], n
        while left > 1:
            k = min(left, 512)
            while left % k:
                k -= 1
            parts.append(NATIVE.from_list(self.scalars(k)))
            left //= k
        return NATIVE.tensor_product(parts)

    def ints(self, shape: tuple[int, ...], dtype: type, bits: int) -> np.ndarray:
        return self.generator.integers(-(1 << bits - 1), 1 << bits - 1, shape).astype(dtype)

    def add(self, name: str, elements: int, time: Clock, **parts: Clock) -> None:
        row: Row = {
            "kernel": name,
            "elements": elements,
            "ns": round(time.cpu / elements * 1e9, 2),
            "wall": round(time.wall / elements * 1e9, 2),
        }
        row |= {k: round(v.cpu / elements * 1e9, 2) for k, v in parts.items()}
        self.rows.append(row)
        print(
            f"{name:44} {elements:>10} {row['ns']:>9} ns {row['wall']:>9} wall  "
            + "  ".join(f"{k} {row[k]}" for k in parts),
            flush=True,
        )

    def sumcheck(self, name: str, sizes: list[int], factors: list[Any], terms: list[Any], tau: bool) -> None:
        points = [self.scalars(ceil_log2(n)) for n in sizes] if tau else None
        start, instance = timed(lambda: NATIVE.sumcheck(sizes, factors, terms, points))
        first_round, _ = timed(instance.round)
        first_bind, _ = timed(lambda: instance.bind(self.rng.randrange(R)))
        rounds, binds = Clock.zero(), Clock.zero()
        while instance.remaining():
            rounds += timed(instance.round)[0]
            binds += timed(lambda: instance.bind(self.rng.randrange(R)))[0]
        self.add(
            name,
            prod(sizes),
            start + first_round + first_bind + rounds + binds,
            new=start,
            first_round=first_round,
            first_bind=first_bind,
            rounds=rounds,
            binds=binds,
        )

    def lookups(self, n: int) -> None:
        """Leaves in the proportions of GPT-2 XL: 3/4 range checks, 1/8 with an output, 1/8 none."""
        words = self.generator.integers(0, 1 << 16, n // 16).astype(np.uint16)
        signed, mask = words.view(np.int16), self.generator.integers(0, 2, n // 64).astype(np.int8)
        segments, address = [], 0
        for kind in "in signed out gap signed in in in masked in".split():
            if kind != "gap":
                table = (signed if kind == "signed" else words)[: n // 64 if kind == "masked" else None]
                numerator, output = mask if kind == "masked" else 1, signed if kind == "out" else None
                segments.append((address, self.rng.randrange(R), numerator, table, output))
            address += n // 16 if kind != "masked" else n // 64
        alpha, beta = self.scalars(2)
        build, tree = timed(lambda: NATIVE.logup_tree(address, segments, alpha, beta))
        layers: dict[int, Clock] = {}
        point: list[int] = []
        for j in range(tree.depth):
            clock, lam = Clock(), self.rng.randrange(R)
            tree.open(j, point, lam)
            point = self.scalars(j)
            for c in point:
                tree.round()
                tree.bind(c)
            tree.values()
            point.append(self.rng.randrange(R))
            layers[j] = clock()
        d = tree.depth
        parts = {"leaves": layers[d - 1], "parents": layers[d - 2], "grandparents": layers[d - 3]}
        upper = sum((layers[j] for j in range(d - 3)), Clock.zero())
        self.add(
            "LogUp, leaves shaped like GPT-2 XL",
            address,
            sum(layers.values(), build),
            build=build,
            **parts,
            upper=upper,
        )

    def run(self) -> None:
        n = 1 << self.log2
        a, b = self.field(n), self.field(n)
        small, wide = self.ints((n,), np.int16, 16), self.ints((n,), np.int32, 30)
        self.sumcheck("field x field", [n], [([0], a), ([0], b)], [(1, [0, 1])], False)
        self.sumcheck("field x int16", [n], [([0], a), ([0], small)], [(1, [0, 1])], False)
        self.sumcheck("int16 x int32, zero-check", [n], [([0], small), ([0], wide)], [(1, [0, 1])], True)
        layers, rows, width = max(n >> 14, 1), 16, 1024
        sizes = [layers, rows, width]
        x, rho = self.ints((layers, rows, width), np.int32, 28), self.ints((layers, rows), np.int32, 20)
        y = self.ints((layers, rows, width), np.int16, 16)
        remainder = self.ints(tuple(sizes), np.int32, 20)
        factors = [([0, 1, 2], x), ([0, 1, 2], y), ([0, 1], rho), ([0, 1, 2], remainder)]
        self.sumcheck(
            "normalisation (2^s y + R - D rho), zero-check",
            sizes,
            factors,
            [(1 << 20, [1]), (1, [3]), (R - 1, [0, 2])],
            True,
        )
        heads = max(n >> 8, 1)
        mask, shape = np.tril(np.ones((16, 16), dtype=np.int8)), (heads, 16, 16)
        planes = [self.ints(shape, np.int32, 16) for _ in range(6)]
        factors = [
            ([1, 2], mask),
            ([0, 1], self.ints((heads, 16), np.int64, 30)),
            *[([0, 1, 2], p) for p in planes],
        ]
        terms = [
            (5, [0, 2]),
            (7, [0, 3]),
            (R - 1, [0, 1]),
            (3, [2, 4]),
            (2, [3, 4]),
            (9, [5, 6]),
            (1, [7]),
            (R - 1, [0, 7]),
        ]
        self.sumcheck("softmax-like (8 terms, 8 factors), zero-check", [heads, 16, 16], factors, terms, True)

        slots = np.stack([self.ints((n,), np.int16, 16) for _ in range(5)])
        data = [(0, n, [pow(2, 50 * c, R) for c in range(5)], slots[None])]
        parts = [self.field(1 << self.log2 // 2), self.field(n >> self.log2 // 2)]
        start, reduction = timed(lambda: _native.ReductionInstance(self.log2, [([(0, 5, parts)], data)], 3))
        rounds, binds = Clock.zero(), Clock.zero()
        while reduction.remaining():
            rounds += timed(reduction.round)[0]
            binds += timed(lambda: reduction.bind(self.rng.randrange(R)))[0]
        self.add(
            "reduction, 1 column, 5 slots of int16",
            n,
            start + rounds + binds,
            new=start,
            rounds=rounds,
            binds=binds,
        )
        self.lookups(n)

        side = 1 << self.log2 // 2
        matrix = self.ints((4 * n // side, side), np.int16, 16)
        for axis in (0, 1):
            weights = self.field(matrix.shape[axis])
            seconds, _ = timed(partial(NATIVE.contract, matrix, list(matrix.shape), axis, weights))
            self.add(f"contract int16, axis {axis} of 2", matrix.size, seconds)
        weights = self.field(side)
        for axis in (0, 1):
            seconds, _ = timed(partial(NATIVE.contract, a, [side, n // side], axis, weights))
            self.add(f"contract field, axis {axis} of 2", n, seconds)
        self.add("inner field x field", n, timed(lambda: NATIVE.inner(a, b))[0])
        self.add("inner int16 x field", n, timed(lambda: NATIVE.inner(small, b))[0])
        self.add("eq_table", n, timed(lambda: NATIVE.eq_table(self.scalars(self.log2)))[0])
        self.add("linear_combination of 2", n, timed(lambda: NATIVE.linear_combination([a, b], [3, 5]))[0])
        self.add("write int16", n, timed(lambda: NATIVE.write(a, 0, small))[0])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--log2", type=int, default=20, help="log2 of the number of elements (default 20)")
    parser.add_argument("--only-lookups", action="store_true", help="time the LogUp tree alone")
    parser.add_argument("--json", help="also write the table to this file")
    parser.add_argument("--backend", help="how field elements are multiplied: scalar, avx512ifma")
    options = parser.parse_args()
    if options.backend:
        _native.set_field_backend(options.backend)
    machine = {
        "processor": platform.processor() or platform.machine(),
        "threads": available_cores(),
        "backend": _native.field_backend(),
    }
    print(", ".join(f"{k}: {v}" for k, v in machine.items()))
    bench = Bench(options.log2)
    bench.lookups(1 << options.log2) if options.only_lookups else bench.run()
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"machine": machine, "log2": options.log2, "rows": bench.rows}, file, indent=1)


if __name__ == "__main__":
    main()
