"""The reduction's sumcheck against a dense naive instance."""

from __future__ import annotations

import random
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zkllm import _native
from zkllm.field import R
from zkllm.kernels import naive, native

from .test_sumcheck import DTYPES, native_table, random_table
from .test_vectors import vector

Weights = list[tuple[int, int, list[native.Vector]]]
Data = list[tuple[int, int, native.Table]]


def random_column(rng: random.Random, size: int) -> tuple[Weights, Data, list[int], list[int]]:
    """(weights, data) for the native kernel, and the dense E and C."""
    weights: Weights = []
    data: Data = []
    e, c = [0] * size, [0] * size
    for _ in range(rng.randint(0, 4)):
        sizes = rng.choice([[1], [3], [2, 3], [4, 5, 2], [size], [2] * (size.bit_length() - 1), [0, 2]])
        if prod(sizes) > size:
            continue
        address = rng.randint(0, size - prod(sizes))
        coef, vectors = rng.randrange(R), [vector(rng, n) for n in sizes]
        naive.accumulate(e, address, coef, vectors)
        weights.append((address, coef, [native.from_list(v) for v in vectors]))
    n = address = 0
    for k in range(rng.choice([0, 1, 2, 4, 11])):
        if k == 0 or rng.random() < 0.4:  # else: another slot of the same place
            n = rng.randint(0, size)
            address = rng.randint(0, size - n)
        coef = rng.choice([1, rng.randrange(R)])
        table = random_table(rng, [n], rng.choice(DTYPES))
        for i, x in enumerate(naive.from_table(table)):
            c[address + i] = (c[address + i] + coef * x) % R
        data.append((address, coef, native_table(table)))
    return weights, data, e, c


def check(seed: int, mu: int, num_columns: int, first_rounds: int | None) -> None:
    rng = random.Random(seed)
    columns = [random_column(rng, 1 << mu) for _ in range(num_columns)]
    fast = _native.ReductionInstance(mu, [(w, d) for w, d, _, _ in columns], first_rounds)
    factors = [([0], t) for _, _, e, c in columns for t in (e, c)]
    slow = naive.SumcheckInstance([1 << mu], factors, [(1, [2 * g, 2 * g + 1]) for g in range(num_columns)])
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


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), n=st.integers(0, 1500), dtype=st.sampled_from(DTYPES))
def test_add_tables(seed: int, n: int, dtype: str) -> None:
    """Runs of tables at one address, of one length and of several, integers and field elements."""
    rng = random.Random(seed)
    slow, pieces = vector(rng, n + 7), []
    fast = native.from_list(slow)
    for address in (rng.randint(0, 7), rng.randint(0, 7)):
        for _ in range(rng.randint(1, 7)):
            length = n if rng.randrange(4) else rng.randint(0, n)
            table = random_table(rng, [length], dtype if rng.randrange(4) else rng.choice(DTYPES))
            pieces.append((address, rng.randrange(R), table))
    _native.add_tables(fast, [(address, coef, native_table(table)) for address, coef, table in pieces])
    naive.add_tables(slow, pieces)
    assert fast.to_list() == slow


def test_large_columns_end_at_their_tables() -> None:
    """Two columns of 2^20: one packed from two slots of int16, one of int32."""
    rng, generator, mu = random.Random(1), np.random.default_rng(1), 20
    slots = [generator.integers(-(2**15), 2**15, 3 << 18).astype(np.int16) for _ in range(2)]
    wide = generator.integers(-(2**30), 2**30, 1 << 20).astype(np.int32)
    halves = [native.from_list(vector(rng, 1 << 9)), native.from_list(vector(rng, 3 << 9))]
    full = [native.from_list(vector(rng, 1 << 10)) for _ in range(2)]
    columns: list[tuple[Weights, Data]] = [
        ([(1 << 18, 7, halves)], [(1 << 18, 1, slots[0]), (1 << 18, 1 << 50, slots[1])]),
        ([(0, 1, full), (1 << 19, R - 1, [native.from_list(vector(rng, 1))])], [(0, 5, wide)]),
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
    eq = native.eq_table(point)
    for g, (weights, data) in enumerate(columns):
        e, c_table = native.zeros(1 << mu), native.zeros(1 << mu)
        for address, coef, vectors in weights:
            native.accumulate(e, address, coef, vectors)
        _native.add_tables(c_table, data)
        assert values[2 * g : 2 * g + 2] == [native.inner(e, eq), native.inner(c_table, eq)]


def test_refuses_misuse() -> None:
    one = native.from_list([1, 2, 3])
    columns: list[tuple[Weights, Data]] = [([(6, 1, [one])], []), ([], [(6, 1, np.arange(3))])]
    for column in columns:
        with pytest.raises(ValueError, match="ends behind"):
            _native.ReductionInstance(3, [column], None)
    with pytest.raises(ValueError, match="first_rounds"):
        _native.ReductionInstance(3, [], 4)
    with pytest.raises(ValueError, match="ends behind"):
        _native.add_tables(one, [(1, 1, np.arange(3))])
    instance = _native.ReductionInstance(1, [([], [(0, 1, one.slice(0, 2))])], 1)
    with pytest.raises(ValueError, match="not bound yet"):
        instance.values()
    instance.bind(3)
    with pytest.raises(ValueError, match="every variable is bound"):
        instance.round()
