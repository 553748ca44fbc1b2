"""The widths that grow with the rows, at the longest context and with the worst values: every position has
the same score, so that M = N exp[0], and all values are an end of their range."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import pytest

from tests.protocol.harness import column_table
from zkllm.errors import QuantizationRangeError
from zkllm.families import describe
from zkllm.field import R
from zkllm.kernels.native import NATIVE
from zkllm.model.execution import trace
from zkllm.model.predicates import array_predicates, context_predicates, failed_predicates
from zkllm.model.ranges import RangeReport
from zkllm.model.tables import exp_table
from zkllm.model.tiny import tiny_model
from zkllm.model.weights import QuantizedModel
from zkllm.ops.attention import _products
from zkllm.protocol.party import Prover, Verifier
from zkllm.protocol.program import InnerStatement, run_inner
from zkllm.protocol.witness import prover_data

ROWS = 1024
TOP = 16  # exp[0]
DIV_BITS = 15  # 2 M <= 2 ROWS TOP = 2^15: not a bit to spare


def worst(div_bits: int = DIV_BITS) -> QuantizedModel:
    """Scores are 0; a head's values are the least and the largest."""
    shape = dict(n_layer=1, n_head=1, head_dim=2, d_inner=2, vocab_size=3, n_ctx=ROWS, mu=20)
    model = tiny_model(1, div_bits=div_bits, **shape)
    c = model.config
    spec = replace(model.tables, exp_top=TOP)
    b_qkv = np.zeros_like(model.b_qkv)
    low, high = -(1 << c.act_bits - 1), (1 << c.act_bits - 1) - 1
    b_qkv[0, 2] = np.array([low, high]) << c.qkv_shift
    zero: dict[str, Any] = {name: np.zeros_like(getattr(model, name)) for name in ("w_qkv", "w_o", "b_o")}
    return replace(model, tables=spec, exp=exp_table(spec, c.exp_bits), b_qkv=b_qkv, **zero)


MODEL = worst()
IDS = [0] * (ROWS + 1)


def answered(model: QuantizedModel, rows: int, k: int = 1) -> list[int]:
    """Ids of a statement that is true: the last one is what the model says."""
    logits = trace(model, [0] * (rows + 1), 1, rows, check=False)["logits"][0]
    return [0] * rows + [int(np.argmax(logits))]


def test_the_worst_values_fit_exactly() -> None:
    """A position less would leave a unit of the range unused: the bound is what is reached."""
    assert failed_predicates(MODEL) == []
    found = trace(MODEL, answered(MODEL, ROWS), 1, ROWS)
    last, v = ROWS - 1, [int(x) for x in found["qkv"][0, -1, 2]]
    assert v == [-128, 127]
    assert (found["e"][0, last] == TOP).all() and found["e"][0, 0].sum() == TOP
    for t in (0, 511, last):  # in plain integers
        m = TOP * (t + 1)
        for j, x in enumerate(v):
            n = m * x
            o = (2 * n + m) // (2 * m)
            assert (int(found["o"][0, t, j]), int(found["div"][0, t, j])) == (o, 2 * n + m - 2 * m * o)
    report = RangeReport(MODEL.config)
    report.observe(found)
    (row,) = [r for r in report.rows() if r.tensor == "div"]
    assert row.seen == row.bound - 1 == 2 * ROWS * TOP - 1


def test_a_bit_less_or_a_row_more_is_noticed() -> None:
    """By the package's predicates, whatever is proved, and by an execution once it comes so far."""
    short = worst(DIV_BITS - 1)
    assert {p.name for p in array_predicates(short) if not p.holds} == {"div_bits and the table"}
    longer = replace(
        MODEL, config=replace(MODEL.config, n_ctx=ROWS + 1), wpe=np.resize(MODEL.wpe, (ROWS + 1, 2))
    )
    assert {p.name for p in array_predicates(longer) if not p.holds} == {"div_bits and the table"}
    half = ROWS // 2
    trace(short, answered(short, half), 1, half)
    with pytest.raises(QuantizationRangeError, match=r"div\[0\]"):
        trace(short, answered(MODEL, half + 1), 1, half + 1)


@pytest.mark.parametrize("values", [0, 1])
def test_sums_of_values_are_bound_for_the_context(values: int) -> None:
    """|2 sum e V + M| of the last row is at most what the predicate says, and near to it."""
    found = trace(MODEL, answered(MODEL, ROWS), 1, ROWS)
    m, v = TOP * ROWS, int(found["qkv"][0, -1, 2, values])
    total = abs(2 * m * v + m)
    bits = lambda n: {
        p.name: p.holds for p in context_predicates(MODEL.config, MODEL.exp, MODEL.config.act_bits, n)
    }
    assert bits(total.bit_length() - 1)["accumulator attention"] is False
    assert bits(total.bit_length() + 1)["accumulator attention"]


@pytest.mark.parametrize("inner", [ROWS, 1 << 16])
def test_products_over_the_rows_are_exact(inner: int) -> None:
    """Floating point is taken below 2^53 alone, where it is exact: the second sum has 56 bits and is odd."""
    limit = (1 << 53) // (inner << 15)
    for most in (limit - 1, 4 * limit + 1):
        a = np.full((1, 1, 1, 64, inner), most, np.int64)
        b = np.full((1, 1, 1, inner, 1), -(1 << 15), np.int64)
        b[..., -1, 0] += 1  # odd sums
        result = _products(a, b)
        assert (result == most * (1 - (inner << 15))).all()


@pytest.mark.slow
def test_the_worst_context_is_proved_and_verified() -> None:
    """Half a million scores of 0: one entry of the table is looked up as often."""
    protocol, found = describe(MODEL.config, ROWS, 1), trace(MODEL, answered(MODEL, ROWS), 1, ROWS)
    data = prover_data(protocol, MODEL, found, NATIVE)
    assert int(data.array("mult.exp")[0]) == ROWS * (ROWS + 1) // 2
    statement = InnerStatement(ROWS, found.ids)
    prover = Prover(protocol, 5, data)
    run_inner(protocol, prover, words := statement.words(protocol.shape), statement)
    verifier = Verifier(protocol, 5, prover.messages)
    result = run_inner(protocol, verifier, words, statement)
    assert verifier.failed == [] and verifier.position == len(prover.messages)
    eq = NATIVE.eq_table([int(x) for x in result.point])
    layouts = (
        ((protocol.fixed, g) for g in range(protocol.fixed.num_columns)),
        ((protocol.witness, g) for g in range(protocol.witness.num_columns)),
    )
    for (layout, g), value in zip(chain(*layouts), result.columns, strict=True):
        assert NATIVE.inner(column_table(data, protocol.mu, layout, g), eq) == int(value) % R
