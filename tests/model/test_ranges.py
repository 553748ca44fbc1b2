"""The report on ranges: every width that tracing enforces, and the largest value of an execution there."""

from __future__ import annotations

import numpy as np
import pytest

from zkllm.model import build
from zkllm.model.execution import generate_trace
from zkllm.model.ranges import RangeReport
from zkllm.model.tiny import tiny_model
from zkllm.model.weights import QuantizedModel


def test_the_report_has_every_width_and_what_came_nearest() -> None:
    model = tiny_model(4)
    c, report = model.config, RangeReport(model.config)
    bounds = {
        **{"rho": 1 << c.rho_bits, "u": 1 << c.norm_bits, "v": 1 << c.norm_bits},
        **dict.fromkeys(("y", "qkv", "o", "yf"), 1 << c.act_bits - 1),
        **{"over": 1 << c.over_bits, "div": 1 << c.div_bits, "write": 1 << c.write_bits - 1},
        **{"f": 1 << c.gelu_bits - 1, "logit": 1 << c.logit_bits - 1, "diff": 1 << c.diff_bits},
    }
    expected: dict[str, list[int]] = {name: [] for name in bounds}
    layers: dict[str, list[int | None]] = {name: [] for name in bounds}
    for prompt in ([3, 1], [7, 2, 5]):
        trace = generate_trace(model, prompt, 2, 6)
        report.observe(trace)
        for name in bounds:
            array = trace[name].astype(object)
            if name in ("rho", "u", "v"):
                array = sum(array[..., i] << 16 * i for i in range(8))
            elif name == "div":
                array = 2 * trace["e"].astype(np.int64).sum(axis=3) - 1
            elif name == "logit":
                array = trace["logits"]
            elif name == "diff":
                array = trace["logits"].max(axis=1) - trace["logits"].min(axis=1) + 1
            by_first = [int(np.abs(part).max()) for part in array]
            expected[name].append(max(by_first))
            layers[name].append(by_first.index(max(by_first)))
    for row in report.rows():
        assert row.bound == bounds.pop(row.tensor), row.tensor
        assert row.seen == max(expected[row.tensor]) < row.bound
        first = row.seen == expected[row.tensor][0]
        nowhere = row.tensor in ("yf", "logit", "diff", "div")
        assert row.layer == (None if nowhere else layers[row.tensor][0 if first else 1])
    assert not bounds and report.tokens == 12


@pytest.mark.parametrize(
    "weights, expected",
    [
        (10**8, {64: 15, 500: 2, 1: 32}),  # 1,000 rows of each group; a long sequence is cut
        (3 * 10**8, {64: 5, 166: 2, 1: 20}),  # one row costs as much as 16
        (8 * 10**9, {64: 4, 1: 2}),  # two of each group, whatever they cost
    ],
)
def test_a_set_up_traces_what_it_can_afford(
    weights: int, expected: dict[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QuantizedModel, "traced_weights", weights)
    monkeypatch.setattr(RangeReport, "observe", lambda *_: None)
    seen: list[int] = []
    monkeypatch.setattr(build, "trace", lambda model, ids, k, T, check: seen.append(len(ids) - 1))
    groups = [np.zeros((count, length), np.int64) for count, length in ((100, 64), (9, 512), (600, 1))]
    build.calibration_report(tiny_model(4), groups)
    assert {rows: seen.count(rows) for rows in seen} == expected
