"""Multilinear building blocks against their definitions, summed by brute force."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zkllm.bits import ceil_log2
from zkllm.field import Fr, R
from zkllm.protocol.algebra import (
    behind_at,
    causal_at,
    causal_block,
    dyadic_blocks,
    eq,
    eq_index,
    eq_real,
    eq_weighted,
    less,
    less_equal,
    less_than_constant,
    listed_at,
    mass,
    ones_at,
)

SIZES = st.integers(1, 37)


@st.composite
def points(draw: st.DrawFn, length: int) -> list[Fr]:
    return [Fr(x) for x in draw(st.lists(st.integers(0, R - 1), min_size=length, max_size=length))]


def bits_of(x: int, n: int) -> list[int]:
    return [x >> n - 1 - i & 1 for i in range(n)]


def eq_all(z: list[Fr]) -> list[Fr]:
    """eq(x, z) for every x, from the definition."""
    values = []
    for x in product((0, 1), repeat=len(z)):
        value = Fr(1)
        for b, c in zip(x, z, strict=True):
            value = value * (c if b else 1 - c)
        values.append(value)
    return values


def total(values) -> Fr:
    return sum(values, start=Fr(0))


@given(st.data(), st.integers(0, 5))
def test_eq(data: st.DataObject, n: int) -> None:
    z = data.draw(points(n))
    table = eq_all(z)
    for x in range(1 << n):
        assert eq_index(x, z) == table[x] == eq([Fr(b) for b in bits_of(x, n)], z)
    assert total(table) == 1
    with pytest.raises(ValueError):
        eq_index(1 << n, z)
    with pytest.raises(ValueError):
        eq(z, [*z, Fr(0)])


@given(st.integers(0, 70), st.integers(0, 70))
def test_dyadic_blocks(start: int, stop: int) -> None:
    blocks = dyadic_blocks(start, stop)
    assert [x for o, k in blocks for x in range(o, o + (1 << k))] == list(range(start, stop))
    assert all(o % (1 << k) == 0 for o, k in blocks)
    assert len(blocks) <= 2 * ceil_log2(max(2, stop + 1))


@given(st.data(), st.integers(0, 5))
def test_mass(data: st.DataObject, n: int) -> None:
    z = data.draw(points(n))
    start, stop = sorted((data.draw(st.integers(0, 1 << n)), data.draw(st.integers(0, 1 << n))))
    assert mass(start, stop, z) == total(eq_all(z)[start:stop])


@given(st.data(), SIZES)
def test_ones(data: st.DataObject, size: int) -> None:
    z = data.draw(points(ceil_log2(size)))
    assert ones_at(size, z) == total(eq_all(z)[:size])
    with pytest.raises(ValueError):
        ones_at(size, [*z, Fr(1)])


@given(st.data(), SIZES)
def test_eq_on_the_real_indices(data: st.DataObject, size: int) -> None:
    n = ceil_log2(size)
    a, b = data.draw(points(n)), data.draw(points(n))
    assert eq_real(size, a, b) == total(
        x * y for x, y in zip(eq_all(a)[:size], eq_all(b)[:size], strict=True)
    )


@given(st.data(), SIZES)
def test_weighted_eq_on_the_real_indices(data: st.DataObject, size: int) -> None:
    n = ceil_log2(size)
    a, b = data.draw(points(n)), data.draw(points(n))
    factors = data.draw(st.lists(st.sampled_from([1, 2, 32]), min_size=size, max_size=size))
    assert eq_weighted(size, a, b, factors) == total(
        f * x * y for f, x, y in zip(factors, eq_all(a)[:size], eq_all(b)[:size], strict=True)
    )
    assert eq_weighted(size, a, b) == eq_real(size, a, b)


@given(st.data(), SIZES)
def test_listed_values(data: st.DataObject, size: int) -> None:
    a = data.draw(points(ceil_log2(size)))
    factors = data.draw(st.lists(st.sampled_from([1, 2, 32]), min_size=size, max_size=size))
    assert listed_at(factors, a) == total(f * x for f, x in zip(factors, eq_all(a)[:size], strict=True))


@given(st.data(), st.integers(0, 4))
def test_comparisons(data: st.DataObject, n: int) -> None:
    a, b = data.draw(points(n)), data.draw(points(n))
    pairs = [(x, y, u * v) for x, u in enumerate(eq_all(a)) for y, v in enumerate(eq_all(b))]
    assert less(a, b) == total(w for x, y, w in pairs if x < y)
    assert less_equal(a, b) == total(w for x, y, w in pairs if x <= y)


@given(st.data(), SIZES)
def test_causal_mask(data: st.DataObject, size: int) -> None:
    n = ceil_log2(size)
    a, b = data.draw(points(n)), data.draw(points(n))
    t, u = eq_all(a), eq_all(b)
    assert causal_at(size, a, b) == total(t[i] * u[j] for i in range(size) for j in range(i + 1))


@given(st.data(), SIZES, st.integers(1, 40))
def test_what_lies_behind_a_window(data: st.DataObject, size: int, window: int) -> None:
    n = ceil_log2(size)
    a, b = data.draw(points(n)), data.draw(points(n))
    t, u = eq_all(a), eq_all(b)
    expected = total(t[i] * u[j] for i in range(size) for j in range(i - window + 1))
    assert behind_at(size, window, a, b) == expected


@given(st.data(), st.integers(0, 4), st.integers(0, 4), st.integers(0, 7), st.integers(0, 7))
def test_causal_mask_on_blocks(data: st.DataObject, kt: int, ku: int, it: int, iu: int) -> None:
    """Equal, disjoint and nested dyadic blocks."""
    ot, ou = it << kt, iu << ku
    a, b = data.draw(points(kt)), data.draw(points(ku))
    expected = total(
        x * y for i, x in enumerate(eq_all(a)) for j, y in enumerate(eq_all(b)) if ou + j <= ot + i
    )
    assert causal_block((ot, kt), (ou, ku), a, b) == expected


@given(st.integers(0, 5), st.integers(0, 40))
def test_comparison_with_a_constant(n: int, bound: int) -> None:
    for x in range(1 << n):
        assert int(less_than_constant([Fr(b) for b in bits_of(x, n)], bound)) == (x < bound)
