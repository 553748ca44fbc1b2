"""Masks hide all that a proof reveals of the columns: a rank, at many sizes."""

from __future__ import annotations

import random

import pytest

from zkllm.errors import PackageError
from zkllm.field import R
from zkllm.kernels.native import NATIVE
from zkllm.pcs.mercury import column_bits
from zkllm.protocol.masks import (
    DIAGONAL,
    REVEALED,
    OpeningChallenges,
    hides,
    mask_addresses,
    rank,
    require_hiding,
    revealed,
)

SIZES = [(7, 1), (8, 3), (8, 7), (9, 8), (10, 9), (11, 6), (12, 11), (13, 10), (14, 13), (16, 15), (16, 12)]


@pytest.mark.parametrize(("mu", "witness_mu"), SIZES)
@pytest.mark.parametrize("columns", [1, 3])
def test_masks_hide_at_every_size(mu: int, witness_mu: int, columns: int) -> None:
    addresses = mask_addresses(columns, witness_mu, mu)
    flat = [x for own in addresses for x in own]
    assert len(set(addresses[-1])) == DIAGONAL and all(len(own) == 1 for own in addresses[:-1])
    assert all(1 << witness_mu <= x < 1 << mu for x in flat)
    assert hides(NATIVE, addresses, mu)


def test_ten_masks_are_too_few() -> None:
    addresses = mask_addresses(2, 11, 12)
    assert hides(NATIVE, (addresses[0], addresses[1][:11]), 12)
    assert not hides(NATIVE, (addresses[0], addresses[1][:10]), 12)


def test_every_column_needs_a_mask() -> None:
    first, last = mask_addresses(2, 11, 12)
    assert not hides(NATIVE, ((), last), 12)


@pytest.mark.parametrize("direction", ["row", "column"])
def test_masks_on_a_line_are_not_enough(direction: str) -> None:
    """In one row of coefficients h sees one number, in one column of them g does."""
    b, first = 1 << column_bits(12), (1 << 11) >> column_bits(12)
    places = [(first * b + i) if direction == "row" else (first + i) * b for i in range(DIAGONAL)]
    assert not hides(NATIVE, (tuple(places),), 12)


def test_a_shape_that_masks_do_not_hide_gets_no_keys() -> None:
    first, last = mask_addresses(2, 11, 12)
    require_hiding(NATIVE, (first, last), 12)
    with pytest.raises(PackageError, match="too little room"):
        require_hiding(NATIVE, ((), last), 12)


def test_no_room_is_refused() -> None:
    with pytest.raises(ValueError, match="leave 4 rows of 8"):
        mask_addresses(1, 5, 6)


def test_what_is_revealed_is_linear_in_the_column() -> None:
    """The table of what masks add, against the opening's own polynomials made from random columns."""
    rng, mu = random.Random(5), 8
    b = 1 << column_bits(mu)
    c = OpeningChallenges.random(mu, lambda: rng.randrange(R))
    columns = [{rng.randrange(1 << mu): rng.randrange(R) for _ in range(6)} for _ in range(2)]
    table = revealed(NATIVE, [list(column) for column in columns], mu, c)
    values = [x for column in columns for x in column.values()]
    found = [sum(v * row[i] for v, row in zip(values, table, strict=True)) % R for i in range(len(table[0]))]

    k = NATIVE
    f = [0] * (1 << mu)
    for g, column in enumerate(columns):
        for address, value in column.items():
            f[address] = (f[address] + pow(c.theta, g, R) * value) % R
    eq_row, eq_col = k.eq_table(c.point[: mu - column_bits(mu)]), k.eq_table(c.point[mu - column_bits(mu) :])
    h = k.fold(k.from_list(f), eq_col)
    q = k.from_list(f)
    g = k.divide_in_place(q, b, c.alpha)
    s = k.combine([k.symmetric(g, eq_col), k.symmetric(h, eq_row)], [1, c.gamma])
    sd = k.pack([s, k.reverse(g)])
    at = (c.zeta, pow(c.zeta, -1, R), c.tau)
    expected = [
        *(sum(v * pow(c.tau, x, R) for x, v in column.items()) % R for column in columns),
        k.inner(eq_row, h),
        *(k.evaluate(p, x) for p in (g, h) for x in at),
        *(k.evaluate(s, x) for x in at[:2]),
        k.evaluate(sd, c.tau),
    ]
    assert found == expected and len(found) == len(columns) + REVEALED


def test_rank() -> None:
    assert rank([[1, 2], [2, 4]]) == 1 and rank([[0, 2], [3, 4]]) == 2 and rank([]) == 0
    assert rank([[R, 0], [0, 1]]) == 1
