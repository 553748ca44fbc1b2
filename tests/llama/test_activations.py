"""The GELU itself: its floats are the library's, its tables correctly rounded."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from zkllm.model.activations import GATES, GELU_ERF, gelu_erf, normal


def test_the_normal_distribution_to_all_digits_that_count() -> None:
    x = np.concatenate([np.linspace(-9, 9, 4001), [-40.0, 40.0, 0.0, 9.0, -9.0, 8.99999, 1e-300]])
    expected = np.array([float(mpmath.ncdf(float(value))) for value in x])
    assert np.abs(normal(x) - expected).max() < 1e-13


def test_values_are_those_of_torch() -> None:
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(1).normal(0, 3, 10_000)
    expected = torch.nn.functional.gelu(torch.tensor(x)).numpy()
    assert np.abs(gelu_erf(x) - expected).max() < 1e-12


@pytest.mark.parametrize("scales", [(6, 6), (8, 12), (9, 3), (2, 0), (10, 14)])
def test_tables_are_correctly_rounded(scales: tuple[int, int]) -> None:
    f, g = scales
    table = GELU_ERF.table(f, g, 10)
    with mpmath.workdps(50):
        for i in range(-512, 512, 7):
            value = GELU_ERF.exact(mpmath.ldexp(i, -f))
            assert abs(int(table[i + 512]) - mpmath.ldexp(value, g)) <= mpmath.mpf(0.5), i


@pytest.mark.parametrize("name", GATES)
def test_tables_are_of_the_values(name: str) -> None:
    known = GATES[name]
    i = np.arange(-2048, 2048)
    assert np.abs(known.table(8, 12, 12) / 2**12 - known.values(i / 2**8)).max() <= 2**-13 + 1e-9
    assert known.output(8, 16, 12) == 8 + 16 - 12


def test_the_two_gelus_are_not_the_same() -> None:
    exact, tanh = (GATES[name].table(8, 14, 12) for name in ("gelu", "gelu_new"))
    assert 0 < np.abs(exact - tanh).max() < 16
