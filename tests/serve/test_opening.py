"""Who waits for a node that starts is told what for: in its log, and by /readyz."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.serve.test_prover import DONE, Acted, wait_until
from zkllm.serve import opening as module
from zkllm.serve.jobs import Jobs
from zkllm.serve.node import Node, measure_shapes
from zkllm.serve.opening import Opening
from zkllm.serve.prover import proving_measure
from zkllm.serve.settings import parse_settings
from zkllm.shape_id import ShapeId

SHAPES = [ShapeId(8, 2), ShapeId(16, 1), ShapeId(16, 4)]


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "zkllm.serve")
    return caplog


def test_what_takes_long_has_lines_of_the_log_with_the_stage_that_it_is_in(log, monkeypatch) -> None:
    monkeypatch.setattr(module, "TELL_SECONDS", 0.05)
    monkeypatch.setattr(module, "AGAIN_SECONDS", 1000.0)
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.01)
    opening = Opening()
    opening.begin("opening the models", {"models": ["demo"]})
    assert log.messages == ["opening the models"] and log.records[0].models == ["demo"]
    opening.hear({"opening": "demo, the keys of N=16 k=1 (shape 1 of 2)"})
    opening.hear({"progress": ["proving key", 3, 10]})
    said = "opening the models: demo, the keys of N=16 k=1 (shape 1 of 2); proving key, 3 of 10"
    wait_until(lambda: len(log.messages) > 1)
    monkeypatch.setattr(module, "AGAIN_SECONDS", 0.05)
    wait_until(lambda: len(log.messages) > 2)
    assert log.messages[1:3] == [f"still {said}"] * 2 and str(opening) == said
    assert 0.0 <= log.records[1].seconds <= log.records[2].seconds
    opening.end()
    opening._thread.join()
    told = len(log.messages)
    opening.progress("proving key", 4, 10)
    time.sleep(0.2)
    assert len(log.messages) == told


def test_what_is_over_soon_has_its_line_alone(log, monkeypatch) -> None:
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.01)
    opening = Opening()
    for step in ("one", "two"):
        opening.begin(step)
        opening.progress("a stage", 0, 1)
        time.sleep(0.05)
    opening.end()
    assert log.messages == ["one", "two"]


def test_which_shape_is_measured_and_how_many_are_left(jobs: Jobs) -> None:
    acted, told = Acted(1), []
    question = SimpleNamespace(prompt=(0,), claim_id=bytes(32))
    model: Any = SimpleNamespace(
        name="demo", model_id=bytes(32), keys=dict.fromkeys(SHAPES), of_ids=lambda ids, k: question
    )
    jobs.note_measure(proving_measure(model.model_id, SHAPES[1]), 1.0)
    acted.end(DONE, DONE)

    def begin(step: str, about: Mapping[str, object]) -> None:
        told.append((step, about["left"]))

    measure_shapes(jobs, acted, {"demo": model}, begin)
    assert told == [
        ("measuring a proof of demo, N=8 k=2 (1 of 2)", 2),
        ("measuring a proof of demo, N=16 k=4 (2 of 2)", 1),
    ]
    measure_shapes(jobs, acted, {"demo": model}, begin)
    assert len(told) == 2


def test_a_node_that_starts_says_what_it_does(tmp_path: Path) -> None:
    data = {"models": [{"package": "m", "name": "m"}], "data": str(tmp_path)}
    node = Node(parse_settings(data, "node.toml"), None)
    node.opening.begin("measuring a proof of m, N=16 k=1 (1 of 3)")
    node.opening.end()
    assert node.trouble() == ["the node is not ready yet: measuring a proof of m, N=16 k=1 (1 of 3)"]
