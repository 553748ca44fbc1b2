"""Steps and scales from scores to attention's weights, each written down a second time: the auditor chooses
with the same code, and no logit tells of a bit."""

from __future__ import annotations

from dataclasses import replace
from math import ceil, exp, floor, log, sqrt, tanh
from typing import Any

import numpy as np
import pytest

from testkit.llamas import SHAPE
from zkllm.llama.config import CapConfig
from zkllm.model import rounding
from zkllm.model.llama import weights
from zkllm.model.llama.architecture import LlamaArchitecture, parse_llama
from zkllm.model.llama.exponentials import exp_fields
from zkllm.model.llama.scales import Exponents, LlamaScales
from zkllm.model.llama.weights import CapTable
from zkllm.model.quantize import COARSEST_STEP, QuantizerOptions

GEMMA2 = parse_llama({
    **SHAPE, "model_type": "gemma2", "dtype": "bfloat16", "head_dim": 20, "query_pre_attn_scalar": 50,
})  # fmt: skip
PLAIN = replace(GEMMA2, cap=0.0)  # whose divisor is no head's width


def scales(q: tuple[int, ...] = (10, 10), k: tuple[int, ...] = (10, 10), **others: Any) -> LlamaScales:
    of_layers: dict[str, Any] = dict.fromkeys(("v", "w_o", "w_gate", "w_down"), (1, 1))
    of_all = dict.fromkeys(("wte", "head", "residual", "y", "gain", "yf"), 1)
    made: dict[str, Any] = {"f": (9, 9), "a": (12, 12), "w_qkv": ((1, 1, 1),) * 2, **others}
    return LlamaScales(**of_all, **of_layers, **made, q=q, k=k, exponents=Exponents((), (), ()))


def chosen(
    a: LlamaArchitecture, seen: dict[str, float], s: LlamaScales | None = None, **options: int
) -> tuple[dict[str, Any], Any]:
    return exp_fields(seen, s or scales(), (0, 0), a, QuantizerOptions(**options))


# ---- the step of the exponentials


def expected_step(delta: float, s: LlamaScales, o: QuantizerOptions, divisor: int = 50) -> int:
    """Tried one after another."""
    unit, word = 2.0**-s.scores / sqrt(divisor), o.act_bits
    top, headroom, tried = 2 ** min(15, word - 1), 2 ** (o.headroom_bits - 1), range(-40, 80)
    silent = lambda i, step: top * exp(-i * unit * 2.0**step) <= 0.5
    in_table = min(e for e in tried if silent(2**o.exp_bits - 1, e))
    in_limbs = min(
        e
        for e in tried
        if headroom * delta <= unit * 2.0 ** (e + min(31, o.over_limbs * (o.limb_bits or word)))
    )
    fine_enough = max(e for e in tried if unit * 2.0**e <= COARSEST_STEP)
    step = min(max(in_table, in_limbs), max(in_table, fine_enough), 30)
    multiples = s.scores - min(q + k for q, k in zip(s.q, s.k, strict=True))
    return max(1, multiples, step)


STEPS: dict[str, tuple[float, LlamaScales, dict[str, int]]] = {
    "the table's end": (0.5, scales(), {}),
    "the table's end, finer scores": (0.5, scales((11, 13), (10, 9)), {}),
    "a short table": (0.5, scales(), {"exp_bits": 8}),
    "one limb beyond": (150.0, scales((13, 13), (13, 13)), {}),
    "narrow limbs, just": (64 / sqrt(50) * 0.999, scales((7, 7), (6, 6)), {"exp_bits": 15, "limb_bits": 6}),
    "narrow limbs, just not": (
        64 / sqrt(50) * 1.001, scales((7, 7), (6, 6)), {"exp_bits": 15, "limb_bits": 6},
    ),
    "two limbs beyond": (150.0, scales((13, 13), (13, 13)), {"over_limbs": 2, "exp_bits": 15}),
    "narrow limbs": (40.0, scales(), {"limb_bits": 8}),
    "more headroom": (150.0, scales((13, 13), (13, 13)), {"headroom_bits": 3}),
    "the coarsest step": (3000.0, scales((13, 13), (13, 13)), {"limb_bits": 8}),
    "coarse scores": (0.5, scales((3, 3), (2, 2)), {}),
    "the finest layer's scores are multiples of nothing, the coarsest one's of much": (
        0.5, scales((10, 10), (-6, 10)), {"exp_bits": 15},
    ),
    "no score differs": (0.0, scales(), {}),
}  # fmt: skip


@pytest.mark.parametrize("divisor", [35, 50])
@pytest.mark.parametrize("name", STEPS)
def test_the_step_of_the_exponentials(name: str, divisor: int) -> None:
    """With 35 a table that ends a factor of two too early would be half as long."""
    delta, s, given = STEPS[name]
    fields, tables = chosen(replace(PLAIN, scores=divisor), {"delta": delta}, s, **given)
    step = expected_step(delta, s, QuantizerOptions(**given), divisor)
    assert fields["exp_shift"] == step
    assert tables.exp_step_log2 == step - s.scores and tables.cap is None
    assert tables.exp_top == 1 << 15 and tables.score_divisor == divisor


def test_the_cases_tell_the_bounds_of_a_step_apart() -> None:
    assert len({expected_step(delta, s, QuantizerOptions(**o)) for delta, s, o in STEPS.values()}) > 6


def test_each_class_of_layers_has_its_first_layer_s_scales() -> None:
    s = scales(f=(9, 8), a=(12, 11))
    _, tables = exp_fields({"delta": 1.0}, s, (1, 0), PLAIN, QuantizerOptions())
    assert (tables.act_in_log2, tables.act_out_log2) == ((8, 9), (11, 12))


# ---- the cap


@pytest.mark.parametrize("headroom", [1, 2, 3])
@pytest.mark.parametrize("most", [3.0, 37.0, 38.0, 900.0])
def test_what_is_capped_takes_a_word_less_its_headroom(most: float, headroom: int) -> None:
    """Scores before their divisor, a bit less of headroom than widths have."""
    fields, tables = chosen(
        GEMMA2, {"delta": 1.0, "scores": most}, scales((13, 13), (13, 13)), headroom_bits=headroom
    )
    cap, room = fields["cap"], 2 ** (headroom - 1)
    largest = most * sqrt(50) * room
    assert cap.bits == 16 and 2**14 - 1 < largest * 2.0**tables.cap.in_log2 <= 2**15 - 1
    assert cap.shift == 26 - tables.cap.in_log2


def test_what_is_capped_is_rounded() -> None:
    """By a bit at least, however small the scores: no shift is 0."""
    fields, tables = chosen(GEMMA2, {"delta": 1.0, "scores": 2.0**-20}, scales((5, 6), (5, 6)))
    assert fields["cap"] == CapConfig(1, 16) and tables.cap.in_log2 == 11


@pytest.mark.parametrize("bound", [2.0, 30.0, 31.9, 32.1, 50.0])
def test_capped_scores_have_a_row_of_exponentials_each(bound: float) -> None:
    """As finely as the table of 2^16 rows has one for each distance, and its last."""
    fields, tables = chosen(replace(GEMMA2, cap=bound), {"delta": 1.0, "scores": 40.0})
    out = tables.cap.out_log2
    rows = lambda scale: 2 * floor(bound * 2.0**scale + 0.5) + 1
    assert (fields["exp_bits"], fields["exp_shift"], fields["over_bits"]) == (16, 0, 0)
    assert rows(out) < 2**16 and 2 * bound * 2.0 ** (out + 1) > 2**16 - 3
    assert tables.exp_step_log2 == -out and tables.cap.bound == bound


def test_a_short_word_has_a_short_table_after_its_cap() -> None:
    fields, _ = chosen(GEMMA2, {"delta": 1.0, "scores": 40.0}, act_bits=12)
    assert fields["exp_bits"] == 12 and fields["cap"].bits == 12


def test_a_cap_s_entries_to_the_unit() -> None:
    """Scales, bound and divisor, none of them like another."""
    table = CapTable(3.0, 5, 9).entries(7, 10)
    for i in (-512, -100, -1, 0, 1, 37, 300, 511):
        value = 3.0 * tanh(i / 2**5 / sqrt(7) / 3.0) * 2**9
        assert abs(int(table[i + 512]) - value) <= 0.5 + 1e-9, i
    assert np.array_equal(table[1:512], -table[513:][::-1])


def test_a_cap_s_floats_and_exact_arithmetic_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """What decides near ties, asked for every entry."""
    table = CapTable(3.0, 5, 9)
    by_floats = table.entries(7, 8)
    monkeypatch.setattr(rounding, "_NEAR", 1.0)
    weights._cap_entries.cache_clear()
    exactly = table.entries(7, 8)
    weights._cap_entries.cache_clear()
    assert np.array_equal(by_floats, exactly)


def test_the_last_rows_of_exponentials_are_silent() -> None:
    """The table ends where weights round to nothing, and not twice as far."""
    for delta, s in ((0.5, scales()), (150.0, scales((13, 13), (13, 13)))):
        fields, tables = chosen(PLAIN, {"delta": delta}, s)
        step = 2.0**tables.exp_step_log2 / sqrt(50)
        assert 2 ** (fields["exp_bits"] - 1) < ceil(log(2**16) / step) + 2 <= 2 ** fields["exp_bits"]
