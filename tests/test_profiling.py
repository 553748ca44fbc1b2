"""Stages nest and add up; the work of a proof is attributed without rest; flames nest as the stages do."""

from __future__ import annotations

import json
import mmap
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from zkllm.families import describe
from zkllm.gpt2.config import ProgramConfig
from zkllm.measure import profiling
from zkllm.measure.inspection import sub_blocks
from zkllm.measure.profiling import KINDS, block_counts, flat, predicted, profile, sizes_of, stage_counts
from zkllm.measure.speedscope import speedscope
from zkllm.model.tiny import tiny_model
from zkllm.protocol.description import Description
from zkllm.timings import Stage, Timings, resident_memory


def test_stages_nest() -> None:
    seen: list[tuple[str, int, int]] = []
    timings = Timings(progress=lambda *report: seen.append(report))
    with timings.stage("a"):
        timings.step("one")
        with timings.stage("inside"):
            timings.step("x")
        timings.step("two")
        timings.step("one")
    with timings.stage("b") as report:
        assert report is not None
        report(1, 3)
    a, b = timings.root.stages
    assert [s.name for s in a.stages] == ["one", "two"] and [s.name for s in a.stages[0].stages] == ["inside"]
    assert not b.stages and set(timings.seconds) == {"a", "b"}
    assert sum(s.wall for s in a.stages) <= a.wall
    assert seen[0] == ("a", 0, 1) and ("b", 1, 3) in seen and seen[-1] == ("b", 1, 1)


def test_a_stage_that_fails_is_closed() -> None:
    timings = Timings()
    with pytest.raises(RuntimeError), timings.stage("a"):
        timings.step("one")
        raise RuntimeError
    with timings.stage("b"):
        pass
    assert [s.name for s in timings.root.stages] == ["a", "b"]


def fill(size: int) -> None:
    """Pages from the system, and back: an allocator may have some from before."""
    with mmap.mmap(-1, size) as memory:
        np.frombuffer(memory, np.uint8)[:] = 1


@pytest.mark.skipif(not resident_memory(), reason="no /proc")
def test_the_peak_is_that_of_the_stage() -> None:
    fill(128 << 20)  # a higher one before
    timings = Timings(memory=True)
    with timings.stage("large"):
        fill(64 << 20)
    with timings.stage("small"):
        pass
    large, small = timings.root.stages
    assert large.memory["peak"] - large.memory["rss"] > 50 << 20
    assert large.memory["peak"] - small.memory["peak"] > 50 << 20
    assert timings.root.memory["peak"] == large.memory["peak"]


def protocol() -> Description:
    return describe(replace(tiny_model(1).config, mu=12), 5, 2)


def test_work_is_attributed_without_rest() -> None:
    p = protocol()
    blocks, m = block_counts(p), p.manifest
    for kind, fixed in (("fixed_coefficients", True), ("witness_coefficients", False)):
        total = sum(m.count(t.name) for t in m.group(fixed))
        assert sum(b.get(kind, 0) for b in blocks.values()) == pytest.approx(total)
    sizes = sizes_of(p, 1 << 15)
    assert sum(b["lookups"] for b in blocks.values()) == pytest.approx(sizes.lookups)
    assert sum(b.get("weights", 0) for b in blocks.values()) >= sizes.weights  # the last slot may be short


def test_sizes_are_those_of_the_model() -> None:
    c, (n, k), sizes = protocol().shape.config, (5, 2), sizes_of(protocol(), 1 << 15)
    assert isinstance(c, ProgramConfig)
    d, scores = c.width, c.n_layer * n * c.n_head * n
    assert sizes.block_weights == c.n_layer * (4 * d * d + 2 * d * c.d_inner)
    assert sizes.head_weights == c.vocab_size * d
    assert sizes.activations == n * c.n_layer * (3 * d + c.d_inner) + scores
    assert sizes.checked == (2 * c.n_layer + 1) * n * d + scores + c.n_layer * n * d + k * d


def test_parts_of_the_model_share_its_parameters_and_products() -> None:
    p = protocol()
    c, (n, k) = p.shape.config, (5, 2)
    assert isinstance(c, ProgramConfig)
    d, f = c.width, c.d_inner
    layer = [
        (4 * d * d + 4 * d, n * (4 * d + n + 1) * d),
        (d * f + f, n * d * f),
        (f * d + d, n * f * d),
    ]
    expected = [
        (None, c.vocab_size * d + c.n_ctx * d, 0),
        *((l, *counts) for l in range(c.n_layer) for counts in layer),
        (None, 2 * d, k * c.vocab_size * d),
    ]
    blocks = sub_blocks(p)
    assert [(b.layer, b.parameters, b.multiply_accumulates) for b in blocks] == expected
    assert {b.block for b in blocks} | {"lookup tables"} == set(block_counts(p))


def test_every_stage_with_work_is_one_of_the_prover() -> None:
    from zkllm.outer.prover import STEPS

    inner = ("trace", "commit witness", "lookups", "zero-check", "product sums", "reduction")
    counts = stage_counts(sizes_of(protocol(), 1 << 15))
    assert set(counts) <= {*inner, *STEPS}
    rates = dict.fromkeys(KINDS, 1.0)
    for name, work in counts.items():
        assert set(work) <= set(KINDS) and predicted(work, rates) > 0, name


def test_serial_seconds_are_what_more_cores_would_not_take_away() -> None:
    stage = Stage("half of it on one core", wall=3.0, processor=1.5 + 4 * 1.5)
    assert stage.serial(4) == pytest.approx(1.5) and stage.serial(1) is None
    assert Stage("on all", wall=1.0, processor=2.001).serial(2) == 0  # clocks differ a little
    root = Stage("all", stages=[Stage("a", 2.0, 2.0), Stage("b", 2.0, 4.0, stages=[Stage("c", 2.0, 3.0)])])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(profiling, "available_cores", lambda: 2)
        data = profile(root, protocol(), 1 << 15, {})
    a, b = data["stages"]
    assert (data["cores"], a["serial_s"], b["stages"][0]["serial_s"]) == (2, 2.0, 1.0)
    assert data["total"]["serial_s"] == 3.0  # of the innermost stages


def test_a_profile() -> None:
    root = Stage("all")
    root.child("trace").wall = 1.0
    root.child("inner proof").child("lookups").wall = 2.0
    root.child("inner proof").wall = 2.5
    data = profile(root, protocol(), 1 << 15, {"model": "tiny <&>", "N": 5})
    assert set(flat(root)) == {"trace", "lookups"} and data["total"]["wall_s"] == 3.5
    assert data["stages"][1]["stages"][0]["counts"]["field_mul"] > 0


def of(name: str, wall: float, *parts: Any) -> dict[str, Any]:
    return {"name": name, "wall_s": wall, "processor_s": 2 * wall, "stages": parts}


def test_a_flame_nests_as_the_stages_do() -> None:
    stages = [of("a", 1.0), of("b", 5.0, of("a", 2.0), of("c", 0.5)), of("short", 0.1, of("c", 0.2))]
    flame = json.loads(json.dumps(speedscope("a model", stages)))
    frames = [frame["name"] for frame in flame["shared"]["frames"]]
    assert flame["name"] == "a model" and frames == ["a", "b", "c", "short"]
    wall, processor = flame["profiles"]
    assert wall["unit"] == "seconds" and [wall["startValue"], wall["endValue"]] == [0, pytest.approx(6.2)]
    said = " ".join(f"{e['type']}{frames[e['frame']]}{e['at']:.1f}" for e in wall["events"])
    assert said == ("Oa0.0 Ca1.0 Ob1.0 Oa1.0 Ca3.0 Oc3.0 Cc3.5 Cb6.0 Oshort6.0 Oc6.0 Cc6.2 Cshort6.2")
    assert [e["at"] for e in processor["events"]] == [pytest.approx(2 * e["at"]) for e in wall["events"]]
