"""Sums of columns along their rows, from the tensors' integers, against those of the coefficients."""

from __future__ import annotations

import random

import pytest

from zkllm.families import describe
from zkllm.field import R
from zkllm.kernels.native import NATIVE
from zkllm.model.tiny import tiny_model
from zkllm.naive import NAIVE
from zkllm.protocol.columns import combine_columns
from zkllm.protocol.contractions import RowSums
from zkllm.protocol.data import ProverData
from zkllm.protocol.witness import fixed_tensors


@pytest.mark.parametrize("kernels", [NAIVE, NATIVE], ids=["naive", "native"])
@pytest.mark.parametrize("mu", [6, 8, 12])
def test_sums_of_rows_are_those_of_the_coefficients(mu, kernels):
    """At every length of a row: blocks of many rows, of one, and parts of one, in layered columns too."""
    model = tiny_model(1, mu=mu + 1, fixed_mu=mu, witness_mu=mu)
    protocol = describe(model.config, 3, 2)
    layout, tensors = protocol.fixed, fixed_tensors(protocol.manifest, model)
    assert any(map(layout.outer_of, range(layout.num_columns))) == (mu == 6)
    rng = random.Random(mu)
    coefficients = [rng.randrange(R) for _ in range(layout.num_columns)]
    f = combine_columns(ProverData(protocol.manifest, kernels, tensors), [layout], coefficients, 1 << mu)
    for b_log2 in range(1, mu):
        sums = RowSums(kernels, layout, tensors, layout.mu, b_log2)
        weights = kernels.from_list([rng.randrange(R) for _ in range(1 << b_log2)])
        h = kernels.to_list(sums.along_rows(coefficients, weights))
        assert h == kernels.to_list(kernels.fold(f, weights)), b_log2
        x = rng.randrange(R)
        g = kernels.to_list(sums.along_columns(coefficients, x))
        assert g == kernels.to_list(kernels.divide(f, 1 << b_log2, 1, x)[1]), b_log2
