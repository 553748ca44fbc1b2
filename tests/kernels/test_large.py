"""About 2^22 elements, memory-mapped: results are held to identities that are cheap to check."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from math import prod
from pathlib import Path

import numpy as np
import pytest

from testkit.kernels import NATIVE
from zkllm.bits import ceil_log2
from zkllm.field import R
from zkllm.kernels.interface import Table

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True, scope="module")
def backend() -> None:
    """Only the default backend: replaces the fixture of conftest.py."""


def mapped(path: Path, shape: tuple[int, ...], dtype: str, bits: int) -> np.memmap:
    generator = np.random.default_rng(bits)
    values = generator.integers(-(1 << bits - 1), 1 << bits - 1, shape).astype(dtype)
    np.save(path, values)
    return np.load(path, mmap_mode="r")


def scalars(rng: random.Random, n: int) -> list[int]:
    return [rng.randrange(R) for _ in range(n)]


def interpolate(values: list[int], x: int) -> int:
    """The value at x of the polynomial with the given values at 0, 1, .. (Lagrange)."""
    total = 0
    for i, v in enumerate(values):
        top = prod((x - j) % R for j in range(len(values)) if j != i)
        bottom = prod(i - j for j in range(len(values)) if j != i)
        total += v * top * pow(bottom, -1, R)
    return total % R


def evaluate(table: Table, sizes: list[int], point: list[list[int]]) -> int:
    """The multilinear extension of a table at a point with coordinates for each axis."""
    weights = [NATIVE.eq_table(c).slice(0, n) for c, n in zip(point, sizes, strict=True)]
    return NATIVE.inner(table, NATIVE.tensor_product(weights))


@pytest.mark.parametrize("with_tau", [False, True])
@pytest.mark.parametrize("sizes", [pytest.param([1 << 22], marks=pytest.mark.long), [3, 5, 1398, 200]])
def test_sumcheck_ends_at_the_tables(tmp_path: Path, sizes: list[int], with_tau: bool) -> None:
    rng = random.Random(1)
    axes = list(range(len(sizes)))
    a = mapped(tmp_path / "a.npy", tuple(sizes), "int16", 16)
    b = mapped(tmp_path / "b.npy", tuple(sizes), "int32", 24)  # the sum of all products fits int64
    parts = sizes if len(sizes) > 1 else [1 << 11, 1 << 11]
    v = NATIVE.tensor_product([NATIVE.from_list(scalars(rng, n)) for n in parts])
    lower = NATIVE.from_list(scalars(rng, sizes[0]))
    factors: list[tuple[list[int], Table]] = [(axes, a), (axes, b), (axes, v), ([0], lower)]
    c0, c1 = scalars(rng, 2)
    terms = [(c0, [0, 1]), (c1, [2, 3]), (1, [2, 0])]
    tau = [scalars(rng, ceil_log2(n)) for n in sizes] if with_tau else None
    instance = NATIVE.sumcheck(sizes, factors, terms, tau)
    point: list[list[int]] = [[] for _ in sizes]
    claim = None
    for axis, n in enumerate(sizes):
        for i in range(ceil_log2(n)):
            h = instance.round()
            assert len(h) == instance.degree() + 1
            t = tau[axis][i] if tau else None
            total = (h[0] + h[1] if t is None else (1 - t) * h[0] + t * h[1]) % R
            assert claim is None or total == claim
            if claim is None and not with_tau:
                rest = prod(sizes[1:])
                sums = NATIVE.contract(v, [sizes[0], rest], 1, NATIVE.from_list([1] * rest))
                whole = c0 * int((a.astype(np.int64) * b).sum(dtype=np.int64)) + NATIVE.inner(a, v)
                assert total == (whole + c1 * NATIVE.inner(sums, lower)) % R
            c = rng.randrange(R)
            claim = interpolate(h, c)
            instance.bind(c)
            point[axis].append(c)
    values = instance.values()
    assert claim == (c0 * values[0] * values[1] + c1 * values[2] * values[3] + values[2] * values[0]) % R
    for (own, table), value in zip(factors, values, strict=True):
        assert value == evaluate(table, [sizes[k] for k in own], [point[k] for k in own])


@pytest.mark.parametrize("rows", [1024, 1023])
def test_a_slab_of_one_row_has_its_weight(rows: int) -> None:
    """Of 1,024 rows, slabs of 341 leave one over (`native/src/sumcheck/later.rs`), at the shape of GPT-2's
    normalisations."""
    rng, generator = random.Random(rows), np.random.default_rng(1)
    sizes = [25, rows, 768]
    wide = [generator.integers(-300, 300, sizes).astype(np.int16) for _ in range(2)]
    narrow = generator.integers(-9, 9, sizes[:2]).astype(np.int32)
    factors: list[tuple[list[int], Table]] = [([0, 1, 2], wide[0]), ([0, 1, 2], wide[1]), ([0, 1], narrow)]
    tau = [scalars(rng, ceil_log2(n)) for n in sizes]
    instance, claim = NATIVE.sumcheck(sizes, factors, [(3, [0]), (1, [1, 2])], tau), 0
    while instance.remaining():
        values, c = instance.round(), rng.randrange(R)
        instance.bind(c)
        claim = interpolate(values, c)
    a, b, c = instance.values()
    assert claim == (3 * a + b * c) % R


@pytest.mark.parametrize("leaves", [1 << 22, (1 << 21) + 12345])
def test_logup_ends_at_the_leaves(tmp_path: Path, leaves: int) -> None:
    rng = random.Random(2)
    inputs = mapped(tmp_path / "inputs.npy", (leaves,), "int16", 16)
    numerators = mapped(tmp_path / "numerators.npy", (leaves,), "int32", 20)
    alpha, beta, tag = scalars(rng, 3)
    half = leaves // 2  # the second half without numerators and outputs of its own
    segments = [
        (0, tag, numerators[:half], inputs[:half], inputs[:half]),
        (half, tag, 1, inputs[half:], None),
    ]
    tree = NATIVE.logup_tree(leaves, segments, alpha, beta)
    claim_p, claim_q = tree.root()
    z: list[int] = []
    for j in range(tree.depth):
        lam = rng.randrange(R)
        claim = (claim_p + lam * claim_q) % R
        tree.open(j, z, lam)
        point, weight = [], 1
        for t in z:
            h = tree.round()
            assert ((1 - t) * h[0] + t * h[1]) % R == claim
            c = rng.randrange(R)
            claim = interpolate(h, c)
            tree.bind(c)
            point.append(c)
            weight = weight * ((1 - t) * (1 - c) + t * c) % R
        p0, p1, q0, q1 = tree.values()
        assert claim == (p0 + p1 + p0 * q1 + p1 * q0 + lam * (q0 + q1 + q0 * q1)) % R
        c = rng.randrange(R)
        claim_p, claim_q = (p0 + c * (p1 - p0)) % R, (q0 + c * (q1 - q0)) % R
        z = [*point, c]
    eq = NATIVE.eq_table(z)
    low, high = eq.slice(0, half), eq.slice(half, leaves)
    ones = np.broadcast_to(np.ones(1, dtype=np.int8), (leaves,))
    real, upper = NATIVE.inner(ones, eq.slice(0, leaves)), NATIVE.inner(ones[half:], high)
    assert claim_p == (NATIVE.inner(numerators[:half], low) + upper) % R
    x, y = NATIVE.inner(inputs[:half], low), NATIVE.inner(inputs[half:], high)
    assert claim_q == ((alpha - tag - 1) * real - (beta + beta**2) * x - beta * y) % R


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "field"])
def test_contractions_commute(tmp_path: Path, dtype: str) -> None:
    rng = random.Random(3)
    shape = [1398, 3, 1000]
    vectors = [NATIVE.from_list(scalars(rng, n)) for n in shape]
    table: Table
    if dtype == "field":
        table = NATIVE.tensor_product(vectors)
    else:
        table = mapped(tmp_path / "w.npy", tuple(shape), dtype, min(int(dtype[3:]), 30))
    expected = NATIVE.inner(table, NATIVE.tensor_product(vectors))
    for axis in range(3):
        rest = [i for i in range(3) if i != axis]
        part = NATIVE.contract(table, shape, axis, vectors[axis])
        assert NATIVE.inner(part, NATIVE.tensor_product([vectors[i] for i in rest])) == expected
    if isinstance(table, np.ndarray):
        turned = table.transpose(2, 0, 1)
        for axis in range(3):
            part = NATIVE.contract(turned, list(turned.shape), axis, vectors[(2, 0, 1)[axis]])
            rest = [(2, 0, 1)[i] for i in range(3) if i != axis]
            assert NATIVE.inner(part, NATIVE.tensor_product([vectors[i] for i in rest])) == expected
        total = NATIVE.linear_combination([NATIVE.tensor_product(vectors)], [5])
        assert NATIVE.inner(table, total) == 5 * expected % R


DIGEST = """
import hashlib, random
import numpy as np
from zkllm.field import R
from testkit.kernels import NATIVE
rng = random.Random(4)
vectors = [NATIVE.from_list([rng.randrange(R) for _ in range(n)]) for n in (3, 1000, 25)]
table = np.random.default_rng(1).integers(-999, 999, (3, 1000, 25)).astype(np.int16)
out = []
product = NATIVE.tensor_product(vectors)
for tau in (None, [[3, 4], list(range(10)), [1, 2, 3, 4, 5]]):
    factors = [([0, 1, 2], table), ([0, 1, 2], product)]
    x = NATIVE.sumcheck([3, 1000, 25], factors, [(7, [0, 1, 1])], tau)
    while x.remaining():
        out.append(x.round())
        x.bind(rng.randrange(R))
    out.append(x.values())
segments = [(0, 5, 1, table, None), (75_000, 6, table, table, table)]
tree = NATIVE.logup_tree(150_000, segments, 7, 9)
out.append(tree.root())
for j in range(tree.depth):
    tree.open(j, list(range(j)), 5)
    for _ in range(j):
        out.append(tree.round())
        tree.bind(rng.randrange(R))
out += [NATIVE.contract(table, [3, 1000, 25], a, vectors[a]).to_list() for a in range(3)]
print(hashlib.sha256(repr(out).encode()).hexdigest())
"""


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    digests = set()
    for threads in ("1", "2", "5"):
        environment = {**os.environ, "RAYON_NUM_THREADS": threads}
        run = subprocess.run([sys.executable, "-c", DIGEST], env=environment, capture_output=True, check=True)
        digests.add(run.stdout)
    assert len(digests) == 1 and len(digests.pop()) == 2 * hashlib.sha256().digest_size + 1


LONG = """
import numpy as np
from testkit.kernels import NATIVE
rows = np.broadcast_to(np.ones(1 << 12, dtype=np.int8), (1 << 22, 1 << 12))  # 2^34 elements of 4 KiB
print("start", flush=True)
NATIVE.contract(rows, list(rows.shape), 1, NATIVE.zeros(1 << 12))
print("end", flush=True)
"""


def test_interrupt_stops_a_long_call() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", LONG], stdout=pipe, stderr=pipe) as run:
        assert run.stdout is not None and run.stdout.readline() == b"start\n"
        time.sleep(0.3)
        run.send_signal(signal.SIGINT)
        output, errors = run.communicate(timeout=20)
    assert output == b"" and b"KeyboardInterrupt" in errors
