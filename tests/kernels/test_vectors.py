"""Vectors over the hypercube against their naive twins."""

from __future__ import annotations

import random
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testkit.kernels import NAIVE, NATIVE
from zkllm.field import R

from .test_sumcheck import DTYPES, SIZES, native_table, random_table


def vector(rng: random.Random, n: int) -> list[int]:
    return [rng.choice([0, 1, R - 1, rng.randrange(R), rng.randrange(R)]) for _ in range(n)]


shapes = st.lists(st.sampled_from([*SIZES, 70]), min_size=1, max_size=4).filter(lambda s: prod(s) <= 3000)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), shape=shapes, dtype=st.sampled_from(DTYPES), axis=st.integers(0, 3))
def test_contract(seed: int, shape: list[int], dtype: str, axis: int) -> None:
    rng = random.Random(seed)
    axis %= len(shape)
    table, weights = random_table(rng, shape, dtype), vector(rng, shape[axis])
    fast = NATIVE.contract(native_table(table), shape, axis, NATIVE.from_list(weights))
    assert fast.to_list() == NAIVE.contract(table, shape, axis, weights)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    sizes=st.lists(st.sampled_from([1, 2, 3, 5, 8, 33, 64]), min_size=3, max_size=5).filter(
        lambda s: prod(s) <= 20_000
    ),
    dtype=st.sampled_from(DTYPES[1:]),
)
def test_contract_several_axes_of_a_cut_and_turned_table(seed: int, sizes: list[int], dtype: str) -> None:
    """What the packed weights look like: axes in another order than in memory, and only parts of them."""
    rng = random.Random(seed)
    cuts = [rng.choice([0, 0, 1, 3]) for _ in sizes]
    whole = random_table(rng, [n + c for n, c in zip(sizes, cuts, strict=True)], dtype)
    assert isinstance(whole, np.ndarray)
    part = whole[tuple(np.s_[c // 2 : c // 2 + n] for n, c in zip(sizes, cuts, strict=True))]
    order = rng.sample(range(part.ndim), part.ndim) if rng.randrange(3) else list(range(part.ndim))
    view = part.transpose(order)
    axis = rng.randrange(view.ndim)
    count = rng.randint(0, view.ndim - axis)
    weights = vector(rng, prod(view.shape[axis : axis + count]))
    fast = NATIVE.contract(view, list(view.shape), axis, NATIVE.from_list(weights), count)
    assert fast.to_list() == NAIVE.contract(view, view.shape, axis, weights, count)


@pytest.mark.parametrize("dtype", ["int16", "uint16", "int32", "int64", "int64 full"])
@pytest.mark.parametrize(("shape", "axis"), [([2, 9001], 1), ([1100, 33], 0), ([2, 520, 3], 1), ([7, 8], 1)])
def test_contract_long_sums_of_extreme_values(shape: list[int], axis: int, dtype: str) -> None:
    """Sums of thousands of extreme integers and of weights r - 1: no limb may overflow."""
    name, _, full = dtype.partition(" ")
    info = np.iinfo(name)
    low, high = (info.min, info.max) if full or info.bits < 64 else (-(2**51) + 1, 2**51 - 1)
    weights = [R - 1] * shape[axis]
    for value in (low, high):
        table = np.full(shape, value, dtype=name)
        fast = NATIVE.contract(table, shape, axis, NATIVE.from_list(weights))
        assert fast.to_list() == [int(value) * (R - 1) * shape[axis] % R] * (prod(shape) // shape[axis])
    rng = random.Random(axis)
    mixed, weights = random_table(rng, shape, dtype), vector(rng, shape[axis])
    fast = NATIVE.contract(native_table(mixed), shape, axis, NATIVE.from_list(weights))
    assert fast.to_list() == NAIVE.contract(mixed, shape, axis, weights)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32), shape=shapes, dtype=st.sampled_from(DTYPES))
def test_inner_and_write(seed: int, shape: list[int], dtype: str) -> None:
    rng = random.Random(seed)
    n = prod(shape)
    table, weights = random_table(rng, shape, dtype), vector(rng, n)
    assert NATIVE.inner(native_table(table), NATIVE.from_list(weights)) == NAIVE.inner(table, weights)
    slow, address = vector(rng, n + 9), rng.randint(0, 9)
    fast = NATIVE.from_list(slow)
    NAIVE.write(slow, address, table)
    NATIVE.write(fast, address, native_table(table))
    assert fast.to_list() == slow


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32), sizes=st.lists(st.sampled_from([*SIZES, 300]), max_size=4))
def test_products_and_combinations(seed: int, sizes: list[int]) -> None:
    if prod(sizes) > 5000:
        sizes = sizes[:1]
    rng = random.Random(seed)
    vectors = [vector(rng, n) for n in sizes]
    fast = [NATIVE.from_list(v) for v in vectors]
    assert NATIVE.tensor_product(fast).to_list() == NAIVE.tensor_product(vectors)
    same, coefs = [vector(rng, 25) for _ in range(4)], vector(rng, 4)
    combined = NATIVE.linear_combination([NATIVE.from_list(v) for v in same], coefs)
    assert combined.to_list() == NAIVE.linear_combination(same, coefs)


@pytest.mark.parametrize("n", range(9))
def test_eq_table(n: int) -> None:
    coords = vector(random.Random(n), n)
    assert NATIVE.eq_table(coords).to_list() == NAIVE.eq_table(coords)


def test_vectors_refuse_misuse() -> None:
    v = NATIVE.from_list([1, 2, 3])
    with pytest.raises(ValueError, match="one element for each index"):
        NATIVE.contract(v, [3, 1], 1, v)
    with pytest.raises(ValueError, match="one element for each index"):
        NATIVE.contract(v, [3], 1, v)
    with pytest.raises(ValueError, match="elements"):
        NATIVE.contract(v, [3, 2], 0, v)
    with pytest.raises(ValueError, match="lengths differ"):
        NATIVE.inner(np.arange(2), v)
    with pytest.raises(ValueError, match="equal lengths"):
        NATIVE.linear_combination([v, NATIVE.from_list([1])], [1, 1])
    with pytest.raises(ValueError, match="do not fit"):
        v.write(2, np.arange(2))
    with pytest.raises(RuntimeError, match="borrowed"):
        v.write(0, v)
    with pytest.raises(TypeError, match="numpy integer array"):
        NATIVE.inner([1, 2, 3], v)
