"""Scales and widths of norms with gains: what each of them has to hold, at the widest rows and the narrowest,
and no more than a limb of it to spare."""

from __future__ import annotations

from itertools import product
from math import isqrt

import pytest

from zkllm.model.llama.gained import (
    ENOUGH_GAIN_BITS,
    GAIN_BITS,
    LEAST_RHO_BITS,
    MOST_GAIN_BITS,
    Made,
    choose_norm,
)
from zkllm.model.predicates import ACCUMULATOR_BITS

GAINS = {
    "alike": [Made(1.5, 11), Made(2.9, 11)],
    "apart": [Made(0.9, 14), Made(70.0, 8), Made(3.0, 9)],
    "massive": [Made(3000.0, 14), Made(0.9, 3)],
    "small": [Made(0.01, 11)],
}
CASES = [
    pytest.param(width, bits, GAINS[made], eps, limb, id=f"{width} of {bits} bits, {made}, {eps[0]}, {limb}")
    for (width, bits), made, eps, limb in product(
        ((20, 16), (128, 16), (300, 20)), GAINS, ([1, 9], [5000, 70], [10**14, 70]), (16, 7, 1)
    )
]


@pytest.mark.parametrize("width, bits, made, eps, limb", CASES)
def test_a_norm_with_gains_holds_its_rows(
    width: int, bits: int, made: list[Made], eps: list[int], limb: int
) -> None:
    norm = choose_norm(width, bits, made, eps, limb)
    widest = width * 4 ** (bits - 1)  # the sum of the squares of one row, all as large as they may be
    rho = lambda squares: isqrt((width << 2 * norm.kappa) // squares)
    assert rho(widest).bit_length() >= LEAST_RHO_BITS
    assert max(map(rho, eps)) < 1 << norm.rho_bits
    # U and V of the widest row together: (2 rho + 1) Q
    q = widest + max(eps)
    assert (2 * rho(q) + 1) * q <= 1 << norm.norm_bits
    for bits_of, needed in (
        (norm.rho_bits, max(map(rho, eps)).bit_length()),
        (norm.norm_bits, ((2 * rho(q) + 1) * q).bit_length() + 1),
    ):
        assert needed - 1 <= bits_of < needed + limb and (bits_of % limb == 0 or bits_of + limb > 128)


@pytest.mark.parametrize("width, bits, made, eps, limb", CASES)
def test_the_gains_have_what_their_remainder_leaves_them(
    width: int, bits: int, made: list[Made], eps: list[int], limb: int
) -> None:
    """Their bits, unless a trace would not hold the largest; what is beyond enough is rho's."""
    norm = choose_norm(width, bits, made, eps, limb)
    gains = [m.gain * 2.0 ** (m.scale + norm.shift - norm.kappa) for m in made]
    traced = max(gains) * width**0.5 * 2.0**norm.kappa
    assert max(gains) < 2**MOST_GAIN_BITS and traced < 2.0**ACCUMULATOR_BITS
    if min(gains) < 2 ** (GAIN_BITS - 1):
        assert max(gains) >= 2 ** (MOST_GAIN_BITS - 1) or traced >= 2.0 ** (ACCUMULATOR_BITS - 3)
    spare = norm.kappa - (LEAST_RHO_BITS + bits - 1)
    assert 0 <= spare < limb and (not spare or min(gains) < 2**ENOUGH_GAIN_BITS)
