"""The reduction's sumcheck against a dense naive instance."""

from __future__ import annotations

import random
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testkit.kernels import NAIVE, NATIVE
from zkllm import _native
from zkllm.field import R
from zkllm.kernels.interface import Table, Vector
from zkllm.naive.vectors import accumulate

from .test_sumcheck import DTYPES, native_table, random_table
from .test_vectors import vector

Weights = list[tuple[int, int, list[Vector]]]
Data = list[tuple[int, int, list[int], Table]]
INT_TYPES = DTYPES[1:-1]  # below 2^51


def random_data(rng: random.Random, size: int) -> tuple[Data, list[int]]:
    """Pieces within `size` places, layered and packed ones among them, and their sum."""
    data: Data = []
    slow = []
    for _ in range(rng.choice([0, 1, 2, 4, 11])):
        layers, slots, n = rng.choice([1, 1, 2, 3]), rng.choice([1, 1, 2, 5, 9]), rng.randint(0, size)
        stride = rng.randint(n, size)
        if (layers - 1) * stride + n > size:
            layers = 1
        address = rng.randint(0, size - (layers - 1) * stride - n)
        coefs = [rng.choice([1, rng.randrange(R)]) for _ in range(slots)]
        kind = rng.randrange(6)
        if kind == 0:  # field elements, or integers that are too large for the fast kernels
            coefs = coefs[:1]
            vector_ = random_table(rng, [n], "field")
            slow.append((address, stride, coefs, vector_))
            data.append((address, stride, coefs, native_table(vector_)))
            continue
        if kind == 1:
            layers, coefs = 1, coefs[:1]
        shape = [layers, len(coefs), n]
        if n % 4 == 0 and rng.randrange(2):
            shape[2:] = [n // 4, 4]
        table = random_table(rng, shape, "int64 full" if kind == 1 else rng.choice(INT_TYPES))
        if kind == 2 and isinstance(table, np.ndarray):  # slots behind the places in memory
            table = np.moveaxis(np.ascontiguousarray(np.moveaxis(table, 1, -1)), -1, 1)
        slow.append((address, stride, coefs, table))
        data.append((address, stride, coefs, native_table(table)))
    return data, NAIVE.sum_tables(size, slow)


def random_column(rng: random.Random, size: int) -> tuple[Weights, Data, list[int], list[int]]:
    """(weights, data) for the native kernel, and the dense E and C."""
    weights: Weights = []
    e = [0] * size
    vectors: list[list[int]] = []
    for _ in range(rng.randint(0, 4)):
        sizes = rng.choice([[1], [3], [2, 3], [4, 5, 2], [size], [2] * (size.bit_length() - 1), [0, 2]])
        if prod(sizes) > size:
            continue
        address = rng.randint(0, size - prod(sizes))
        if not vectors or [len(v) for v in vectors] != sizes or rng.randrange(2):  # else: equal rows
            vectors = [vector(rng, n) for n in sizes]
        coef = rng.randrange(R)
        accumulate(e, address, coef, vectors)
        weights.append((address, coef, [NATIVE.from_list(v) for v in vectors]))
    data, c = random_data(rng, size)
    return weights, data, e, c


def check(seed: int, mu: int, num_columns: int, first_rounds: int | None) -> None:
    rng = random.Random(seed)
    columns = [random_column(rng, 1 << mu) for _ in range(num_columns)]
    fast = _native.ReductionInstance(mu, [(w, d) for w, d, _, _ in columns], first_rounds)
    factors = [([0], t) for _, _, e, c in columns for t in (e, c)]
    slow = NAIVE.sumcheck([1 << mu], factors, [(1, [2 * g, 2 * g + 1]) for g in range(num_columns)])
    while slow.remaining():
        assert fast.remaining() == slow.remaining()
        assert fast.round() == slow.round()
        c = rng.choice([0, 1, rng.randrange(R)])
        slow.bind(c)
        fast.bind(c)
    assert fast.remaining() == 0
    assert fast.values() == slow.values()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), mu=st.integers(1, 6), num_columns=st.integers(1, 4), data=st.data())
def test_equals_a_dense_instance(seed: int, mu: int, num_columns: int, data: st.DataObject) -> None:
    check(seed, mu, num_columns, data.draw(st.none() | st.integers(0, mu)))


@pytest.mark.parametrize("first_rounds", [0, 1, 3])
def test_several_chunks(first_rounds: int) -> None:
    check(first_rounds, 12, 2, first_rounds)


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32), n=st.integers(0, 1500))
def test_sum_tables(seed: int, n: int) -> None:
    data, expected = random_data(random.Random(seed), n)
    assert _native.sum_tables(n, data).to_list() == expected
    passed: list[int] = []
    assert _native.sum_tables(n, data, lambda: passed.append(1)).to_list() == expected
    assert min(n, 1) <= len(passed) <= 16


def test_large_columns_end_at_their_tables() -> None:
    """Two columns of 2^20: one packed from two slots of int16, one of int32."""
    rng, generator, mu = random.Random(1), np.random.default_rng(1), 20
    slots = [generator.integers(-(2**15), 2**15, 3 << 18).astype(np.int16) for _ in range(2)]
    wide = generator.integers(-(2**30), 2**30, 1 << 20).astype(np.int32)
    halves = [NATIVE.from_list(vector(rng, 1 << 9)), NATIVE.from_list(vector(rng, 3 << 9))]
    full = [NATIVE.from_list(vector(rng, 1 << 10)) for _ in range(2)]
    columns: list[tuple[Weights, Data]] = [
        ([(1 << 18, 7, halves)], [(1 << 18, 1, [1, 1 << 50], np.stack(slots)[None])]),
        (
            [(0, 1, full), (1 << 19, R - 1, [NATIVE.from_list(vector(rng, 1))])],
            [(0, 1, [5], wide[None, None])],
        ),
    ]
    instance = _native.ReductionInstance(mu, columns, None)
    point: list[int] = []
    claim = None
    while instance.remaining():
        h = instance.round()
        assert claim is None or (h[0] + h[1]) % R == claim
        c = rng.randrange(R)
        second = h[2] - 2 * h[1] + h[0]
        claim = (h[0] + c * (h[1] - h[0]) + second * (c * (c - 1) % R) * pow(2, -1, R)) % R
        instance.bind(c)
        point.append(c)
    values = instance.values()
    assert claim == (values[0] * values[1] + values[2] * values[3]) % R
    eq = NATIVE.eq_table(point)
    for g, (weights, data) in enumerate(columns):
        c_table = NATIVE.sum_tables(1 << mu, data)
        e = NATIVE.sum_tables(1 << mu, [(a, 0, [c], NATIVE.tensor_product(v)) for a, c, v in weights])
        assert values[2 * g : 2 * g + 2] == [NATIVE.inner(e, eq), NATIVE.inner(c_table, eq)]


def test_refuses_misuse() -> None:
    one, three = NATIVE.from_list([1, 2, 3]), np.arange(3)[None, None]
    columns: list[tuple[Weights, Data]] = [([(6, 1, [one])], []), ([], [(6, 1, [1], three)])]
    columns += [([], [(0, 7, [1], np.zeros((2, 1, 2), np.int8))])]
    for column in columns:
        with pytest.raises(ValueError, match="ends behind"):
            _native.ReductionInstance(3, [column], None)
    wrong: list[tuple[list[int], Table]] = [
        ([1], np.arange(3)),
        ([1, 2], three),
        ([1, 2], one),
        ([], one),
    ]
    for coefs, table in wrong:
        with pytest.raises(ValueError, match="axes"):
            _native.sum_tables(8, [(0, 1, coefs, table)])
    with pytest.raises(ValueError, match="below 2"):
        _native.sum_tables(8, [(0, 1, [1, 2], np.full((1, 2, 3), 1 << 51))])
    with pytest.raises(ValueError, match="first_rounds"):
        _native.ReductionInstance(3, [], 4)
    with pytest.raises(ValueError, match="ends behind"):
        _native.sum_tables(3, [(1, 1, [1], three)])
    instance = _native.ReductionInstance(1, [([], [(0, 1, [1], one.slice(0, 2))])], 1)
    with pytest.raises(ValueError, match="not bound yet"):
        instance.values()
    instance.bind(3)
    with pytest.raises(ValueError, match="every variable is bound"):
        instance.round()
