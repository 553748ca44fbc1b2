"""Limbs and multiplicities against their naive twins."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testkit.kernels import NAIVE, NATIVE
from zkllm.kernels.interface import SumKernels

BOTH: tuple[SumKernels[Any], ...] = (NATIVE, NAIVE)
RNG = np.random.default_rng(5)
WORD = st.one_of(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(-300, 300))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(WORD, max_size=20),
    st.integers(0, 63),
    st.one_of(st.none(), st.integers(0, 63)),
    st.sampled_from([np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32]),
)
def test_limbs(values: list[int], shift: int, width: int | None, dtype: type) -> None:
    array = np.array(values, np.int64)
    fast, naive = np.zeros(len(values), dtype), np.zeros(len(values), dtype)
    fits = NAIVE.split_limb(array, shift, width, naive)
    assert NATIVE.split_limb(array, shift, width, fast) == fits
    assert not fits or fast.tolist() == naive.tolist()


def test_limbs_of_many_strided_values() -> None:
    array = RNG.integers(-(1 << 40), 1 << 40, (50, 7, 60)).transpose(2, 0, 1)[::-1]
    out = np.zeros(array.shape, np.uint16)
    assert NATIVE.split_limb(array, 16, 16, out)
    assert np.array_equal(out, array >> 16 & 0xFFFF)
    array = np.ascontiguousarray(array >> 16)
    array[59, 49, 6] = 1 << 31
    assert not NATIVE.split_limb(array, 0, None, np.zeros(array.shape, np.int32))


@pytest.mark.parametrize("outside", [[], [-5], [4], [-(1 << 63)], [(1 << 63) - 1]])
def test_counts(outside: list[int]) -> None:
    """Rows -4 .. 3; what is not among them is not counted."""
    inputs = np.array([*RNG.integers(-4, 4, 30000).tolist(), *outside], np.int64)
    counts = [np.ones(8, np.int64), np.ones(8, np.int64)]
    answers = [k.count_lookups(c, inputs, 4) for k, c in zip(BOTH, counts, strict=True)]
    assert answers == [not outside] * 2 and counts[0].tolist() == counts[1].tolist()
    assert counts[0].sum() == 8 + 30000


@pytest.mark.parametrize("wrong", [None, 0, 29999])
def test_counts_of_pairs(wrong: int | None) -> None:
    table = RNG.integers(-100, 100, 16).astype(np.int16)
    inputs = RNG.integers(0, 16, (3, 10000)).astype(np.uint8)
    outputs = table[inputs].astype(np.int64)
    if wrong is not None:
        outputs.reshape(-1)[wrong] += 1
    counts = [np.zeros(16, np.int64), np.zeros(16, np.int64)]
    given = (outputs, table)
    answers = [k.count_lookups(c, inputs, 0, None, given) for k, c in zip(BOTH, counts, strict=True)]
    assert answers == [wrong is None] * 2 and counts[0].tolist() == counts[1].tolist()


@pytest.mark.parametrize("order", list(permutations(range(4))))
@pytest.mark.parametrize("rows", [1, 5, 40])
def test_causal_counts(order: tuple[int, ...], rows: int) -> None:
    """Axes t and u anywhere among others; where u > t, an entry outside the table is no miss."""
    inputs = RNG.integers(0, 4, (2, 3, rows, rows))
    t, u = np.ogrid[:rows, :rows]
    inputs[:, :, u > t] = 99
    inputs = inputs.transpose(order).copy()
    causal = (order.index(2), order.index(3))
    counts = [np.zeros(4, np.int64), np.zeros(4, np.int64)]
    answers = [k.count_lookups(c, inputs, 0, causal) for k, c in zip(BOTH, counts, strict=True)]
    assert answers == [True, True] and counts[0].tolist() == counts[1].tolist()
    assert counts[0].sum() == 6 * rows * (rows + 1) // 2
    assert NATIVE.count_lookups(counts[0], inputs, 0) == (rows == 1)


def test_a_cheating_provers_large_integers_are_in_no_table() -> None:
    huge = np.array([1, 1 << 64, -(1 << 70)], object)
    counts = np.zeros(4, np.int64)
    assert not NATIVE.count_lookups(counts, huge, 0) and counts.tolist() == [0, 1, 0, 0]


def test_what_does_not_fit_is_refused() -> None:
    counts, inputs = np.zeros(4, np.int64), np.zeros((2, 2), np.int8)
    for causal, outputs in [
        ((0, 2), None),
        ((1, 1), None),
        (None, (inputs[0], np.arange(4))),
        (None, (inputs, inputs[0])),
    ]:
        with pytest.raises(ValueError, match="an output for each input"):
            NATIVE.count_lookups(counts, inputs, 0, causal, outputs)
    with pytest.raises(ValueError, match="a limb for each value"):
        NATIVE.split_limb(inputs, 0, None, np.zeros(3, np.uint8))
    with pytest.raises(ValueError, match="below 64"):
        NATIVE.split_limb(inputs, 64, None, np.zeros((2, 2), np.uint8))


def test_sums_of_tables() -> None:
    a = RNG.integers(-100, 100, (5, 6000, 3)).astype(np.int8)
    b = RNG.integers(0, 1 << 40, (6000, 1))[::-1]
    terms = [(-3, a), (1 << 20, b), (7, np.ones((), np.int64))]
    fast, naive = np.empty((5, 6000, 3), np.int64), np.empty((5, 6000, 3), np.int64)
    assert NATIVE.sum_integers(terms, fast) and NAIVE.sum_integers(terms, naive)
    assert np.array_equal(fast, naive) and fast[2, 3, 1] == -3 * int(a[2, 3, 1]) + (int(b[3, 0]) << 20) + 7
    for kernels in (NATIVE, NAIVE):  # nothing is written where it might not fit
        assert not kernels.sum_integers([(1 << 23, b), (1 << 61, np.ones((), np.int64))], fast)
    assert np.array_equal(fast, naive)


def test_sums_of_the_narrower_type() -> None:
    """Up to one below 2^31, and not beyond: of the other sign it would fit, but is not sure to."""
    for most, fits in (((1 << 31) - 2, True), ((1 << 31) - 1, False)):
        # int64, whose bound is the largest magnitude there is: an int8 counts as 2^7
        terms = [(1, np.array([[most, 3]])), (-1, np.array([[-1], [1]]))]
        for kernels in (NATIVE, NAIVE):
            out = np.full((2, 2), 9, np.int32)
            assert kernels.sum_integers(terms, out) == fits
            assert out.tolist() == ([[most + 1, 4], [most - 1, 2]] if fits else [[9, 9], [9, 9]])
    wide, narrow = np.empty((2, 2), np.int64), np.empty((2, 2), np.int32)
    for kernels in (NATIVE, NAIVE):
        terms = [(-7, np.array([[1, -5], [1 << 27, 3]])), (2, np.ones((), np.uint16))]
        assert kernels.sum_integers(terms, wide) and kernels.sum_integers(terms, narrow)
        assert np.array_equal(wide, narrow)


def test_sums_of_squares() -> None:
    table = RNG.integers(-(1 << 63), 1 << 63, (7, 9000), endpoint=False)
    table[3] = -(1 << 63)
    rows = table.T[:, ::2]
    for case in (table, rows, table[:0], table[:, :0], table.astype(object), table[:2, :3].astype(np.int8)):
        assert NATIVE.square_sums(case) == NAIVE.square_sums(case)
    assert NATIVE.square_sums(table)[3] == 9000 << 126
