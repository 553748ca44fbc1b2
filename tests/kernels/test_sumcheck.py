"""The native sumcheck against its naive twin, on sizes that are no powers of two."""

from __future__ import annotations

import random
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testkit.kernels import NAIVE, NATIVE
from zkllm.bits import ceil_log2
from zkllm.field import R
from zkllm.kernels.interface import Table

SIZES = [1, 2, 3, 5, 6, 7, 25]
DTYPES = ["field", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64"]
DTYPES += ["uint32 full", "int64 full"]


def random_table(rng: random.Random, shape: list[int], dtype: str) -> np.ndarray | list[int]:
    """A table of field elements (a list) or of integers: row-major, or a strided view."""
    n = prod(shape)
    if dtype == "field":
        return [rng.choice([0, 1, R - 1, rng.randrange(R)]) for _ in range(n)]
    name, _, full = dtype.partition(" ")
    info = np.iinfo(name)
    low, high = int(info.min), int(info.max)
    if not full:
        low, high = max(low, -9000), min(high, 9000)
    pick = lambda: rng.choice([low, high, 0, 1, rng.randint(low, high)])
    layout = rng.choice(["row-major", "transposed", "every second", "reversed"])
    if layout == "transposed":
        return np.array([pick() for _ in range(n)], dtype=name).reshape(shape[::-1]).T
    if layout == "every second":
        return np.array([pick() for _ in range(2 * n)], dtype=name).reshape([*shape, 2])[..., 1]
    table = np.array([pick() for _ in range(n)], dtype=name).reshape(shape)
    return table[::-1] if layout == "reversed" and shape else table


def native_table(table: np.ndarray | list[int]) -> Any:
    return NATIVE.from_list(table) if isinstance(table, list) else table


def check_instance(seed: int, sizes: list[int], with_tau: bool, num_factors: int, dtypes: list[str]) -> None:
    rng = random.Random(seed)
    axes = list(range(len(sizes)))
    factors = []
    for i in range(num_factors):
        own = sorted(rng.sample(axes, rng.randint(0, len(axes)))) if i else axes
        factors.append((own, random_table(rng, [sizes[a] for a in own], rng.choice(dtypes))))
    terms = []
    for _ in range(rng.randint(1, 4)):
        term = [0, *rng.choices(range(num_factors), k=rng.randint(0, 3))]
        rng.shuffle(term)
        terms.append((rng.choice([0, 1, R - 1, rng.randrange(R)]), term))
    tau = None
    if with_tau:
        tau = [[rng.choice([0, 1, rng.randrange(R)]) for _ in range(ceil_log2(n))] for n in sizes]
    slow = NAIVE.sumcheck(sizes, factors, terms, tau)
    fast = NATIVE.sumcheck(sizes, [(a, native_table(t)) for a, t in factors], terms, tau)
    while slow.remaining():
        assert fast.remaining() == slow.remaining()
        assert fast.degree() == slow.degree()
        assert fast.round() == slow.round()
        c = rng.choice([0, 1, R - 1, rng.randrange(R), rng.randrange(R)])
        slow.bind(c)
        fast.bind(c)
    assert fast.remaining() == 0
    assert fast.values() == slow.values()


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    sizes=st.lists(st.sampled_from(SIZES), min_size=1, max_size=4).filter(lambda s: prod(s) <= 400),
    with_tau=st.booleans(),
    num_factors=st.integers(1, 4),
)
def test_equals_the_naive_twin(seed: int, sizes: list[int], with_tau: bool, num_factors: int) -> None:
    check_instance(seed, sizes, with_tau, num_factors, DTYPES)


@pytest.mark.parametrize("dtype", ["int16", "int64 full", "field"])
@pytest.mark.parametrize("with_tau", [False, True])
@pytest.mark.parametrize("sizes", [[1], [300], [129, 3], [3, 129], [2, 257, 1], [5, 1, 70], [64, 64]])
def test_blocks_and_long_runs(sizes: list[int], with_tau: bool, dtype: str) -> None:
    check_instance(sum(sizes), sizes, with_tau, 3, [dtype])


@pytest.mark.parametrize("with_tau", [False, True])
@pytest.mark.parametrize("sizes", [[600], [4, 300], [3, 2, 130], [2, 5, 70]], ids=str)
@pytest.mark.parametrize("kinds", [["uint16", "int8", "int64"], ["field", "int32", "field"], ["field"] * 3])
def test_stretches_of_zeros(sizes: list[int], kinds: list[str], with_tau: bool) -> None:
    """Of one factor or another, in one half of a variable or both, beside terms that are not 0 there."""
    rng, shape = random.Random(len(sizes)), np.array(sizes)
    axes, count = list(range(len(sizes))), int(shape.prod())
    half = count // 2
    for zero, holes in (
        ([0], [(0, 256)]), ([1], [(0, count)]), ([2], [(256, 512)]), ([0], [(half, count)]),
        ([1], [(256, count)]), ([2], [(0, 7), (9, count)]), ([0, 1, 2], [(256, 512)]),
    ):  # fmt: skip
        factors: list[tuple[list[int], Any]] = []
        for i, kind in enumerate(kinds):
            values = [rng.randrange(1, 100) for _ in range(count)]
            for a, b in holes if i in zero else ():
                values[a:b] = [0] * len(values[a:b])
            own = values if kind == "field" else np.array(values, dtype=kind).reshape(sizes)
            factors.append((axes, own))
        factors.append((axes[:1], [rng.randrange(R) for _ in range(sizes[0])]))
        terms = [(3, [0, 1]), (5, [0, 2, 3]), (R - 1, [1]), (7, [1, 2])]
        tau = [[rng.randrange(R) for _ in range(ceil_log2(n))] for n in sizes] if with_tau else None
        slow = NAIVE.sumcheck(sizes, factors, terms, tau)
        fast = NATIVE.sumcheck(sizes, [(a, native_table(t)) for a, t in factors], terms, tau)
        while slow.remaining():
            assert fast.round() == slow.round()
            c = rng.randrange(R)
            slow.bind(c)
            fast.bind(c)
        assert fast.values() == slow.values()


def test_three_factors_that_leave_machine_integers() -> None:
    """The product of the three is below 2^190: two at most may be multiplied as integers."""
    table = np.array([2**62, -(2**62), 2**63 - 1, -(2**63), 5], dtype=np.int64)
    small = np.array([1, -2, 3, 4, -5], dtype=np.int16)
    factors: list[tuple[list[int], np.ndarray]] = [([0], t) for t in (table, table[::-1], small)]
    terms = [(1, [0, 1, 2]), (3, [2, 2, 2, 2, 2]), (R - 1, [0, 0]), (1, [2])]
    for tau in (None, [[11, 12, 13]]):
        slow = NAIVE.sumcheck([5], factors, terms, tau)
        fast = NATIVE.sumcheck([5], factors, terms, tau)
        for c in (7, R - 2, 1 << 200):
            assert fast.round() == slow.round()
            slow.bind(c)
            fast.bind(c)
        assert fast.values() == slow.values()


def test_refuses_what_it_cannot_prove() -> None:
    t = np.arange(6, dtype=np.int16)
    build = NATIVE.sumcheck
    with pytest.raises(ValueError, match="mention axis 1"):
        build([2, 3], [([0], t[:2]), ([0, 1], t)], [(1, [0])], None)
    with pytest.raises(ValueError, match="strictly increasing"):
        build([2, 3], [([1, 0], t)], [(1, [0])], None)
    with pytest.raises(ValueError, match="elements"):
        build([2, 4], [([0, 1], t)], [(1, [0])], None)
    with pytest.raises(ValueError, match="elements"):
        build([2, 4], [([0, 1], NATIVE.from_list([1, 2, 3]))], [(1, [0])], None)
    with pytest.raises(ValueError, match="does not exist"):
        build([2, 3], [([0, 1], t)], [(1, [1])], None)
    with pytest.raises(ValueError, match="does not exist"):
        build([2, 3], [([0, 2], t)], [(1, [0])], None)
    with pytest.raises(ValueError, match="tau"):
        build([2, 3], [([0, 1], t)], [(1, [0])], [[1], [1]])
    with pytest.raises(ValueError, match="size 0"):
        build([0], [([0], t[:0])], [(1, [0])], None)
    with pytest.raises(TypeError, match="float64"):
        build([6], [([0], t.astype(np.float64))], [(1, [0])], None)
    with pytest.raises(ValueError, match=r"\[0, r\)"):
        build([6], [([0], t)], [(R, [0])], None)
    instance = build([2, 3], [([0, 1], t)], [(1, [0])], None)
    with pytest.raises(ValueError, match="not bound yet"):
        instance.values()
    for c in (1, 2, 3):
        instance.bind(c)
    for call in (instance.round, instance.degree, lambda: instance.bind(1)):
        with pytest.raises(ValueError, match="every variable is bound"):
            call()


def test_tables_may_be_shared_and_read_only() -> None:
    rng = random.Random(1)
    vector = NATIVE.from_list([rng.randrange(R) for _ in range(6)])
    array = np.arange(6, dtype=np.int32)
    array.flags.writeable = False
    factors: list[tuple[list[int], Table]] = [([0], t) for t in (vector, vector, array, array)]
    instance = NATIVE.sumcheck([6], factors, [(1, [0, 1, 2, 3])], None)
    again = NATIVE.sumcheck([6], factors, [(1, [0, 1, 2, 3])], None)
    for c in (3, 4, 5):
        assert instance.round() == again.round()
        instance.bind(c)
        again.bind(c)
    assert NATIVE.to_list(vector)[0] and array[5] == 5
