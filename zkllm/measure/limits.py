"""What the kernels reach at best on this machine: nanoseconds an operation, on all cores together.

The kinds are those that `measure.profiling` counts. Each is measured alone, where nothing but that operation
is done: field products and sums of weights in the cache, bucket additions in a multi-scalar multiplication of
full scalars, integer products in the integer program, and reads of memory. Processor time divided by the
cores, so that a busy machine gives about the figures of an idle one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from zkllm.field import R, root_of_unity
from zkllm.kernels.interface import Vector
from zkllm.kernels.native import NATIVE
from zkllm.measure.benchmark import of_widths
from zkllm.measure.profiling import windows
from zkllm.model.execution import trace
from zkllm.pcs.srs import development_srs
from zkllm.timings import available_cores

REPEATS = 3


def processor_seconds(run: Callable[[], Any]) -> float:
    """The least of some runs, after one that warms up."""
    run()
    best = float("inf")
    for _ in range(REPEATS):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return best


def elements(n: int) -> Vector:
    """Pseudo-random field elements: a tensor product is full-width and quick to make."""
    generator = np.random.default_rng(1)
    side = 1 << (n.bit_length() - 1) // 2
    parts = [[int(x) ** 4 % R for x in generator.integers(1, 1 << 62, k)] for k in (side, n // side)]
    return NATIVE.tensor_product([NATIVE.from_list(p) for p in parts])


def field_mul() -> float:
    n, times = 1 << 13, 300
    a, b = elements(n), elements(n)
    return processor_seconds(lambda: [NATIVE.inner(a, b) for _ in range(times)]) / (n * times)


def weight_mul() -> float:
    shape = (1 << 11, 1 << 12)
    matrix = np.random.default_rng(1).integers(-(1 << 12), 1 << 12, shape).astype(np.int16)
    weights = elements(shape[1])
    return processor_seconds(lambda: NATIVE.contract(matrix, list(shape), 1, weights)) / matrix.size


def int_mac() -> float:
    source, rows = of_widths(1024, 16, 4096, 16), 16
    c, ids = source.model.config, list(source.trace.ids)
    macs = rows * (4 * c.width**2 + 2 * c.width * c.d_inner)
    return processor_seconds(lambda: trace(source.model, ids, 1, rows, check=False)) / macs


def bucket_add(srs_log2: int) -> float:
    srs, n = development_srs(srs_log2), 1 << 20
    scalars = elements(min(n, srs.num_powers))
    return processor_seconds(lambda: srs.commit(scalars)) / windows(len(scalars))["bucket_add"]


def memory() -> float:
    """Seconds a byte, read by every core at once."""
    parts = [np.ones(1 << 25, dtype=np.int64) for _ in range(available_cores())]
    with ThreadPoolExecutor(len(parts)) as pool:
        seconds = processor_seconds(lambda: list(pool.map(np.sum, parts)))
    return seconds / len(parts) / sum(p.nbytes for p in parts)


def limits(srs_log2: int = 20) -> dict[str, float]:
    """Nanoseconds by kind."""
    threads = available_cores()
    each = {
        "field_mul": field_mul() / threads,
        "weight_mul": weight_mul() / threads,
        "int_mac": int_mac() / threads,
        "bucket_add": bucket_add(srs_log2) / threads,
        "bytes": memory(),
    }
    return {name: 1e9 * seconds for name, seconds in each.items()}


def point_mul() -> float:
    """Nanoseconds of a multiplication of a point by a root of unity, in a transform of points."""
    rows_log2, block = 3, 64
    srs, root = development_srs(18), root_of_unity(rows_log2 + 1)
    count = block << rows_log2
    seconds = processor_seconds(lambda: srs.points.transform(1 << rows_log2, block, root, 0, block))
    return 1e9 * seconds / available_cores() / point_muls(count, rows_log2)


def point_muls(points: int, rows_log2: int) -> float:
    """Of the transform of so many points in 2^rows_log2 blocks to twice as many: two transforms, without
    factors that are 1, and the factors of the second."""
    rows = 1 << rows_log2
    return points / rows * (rows * rows_log2 - 2 * (rows - 1) + rows - 1)
