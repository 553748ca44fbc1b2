"""`zkllm plan`: predicted stages follow their counts and paces, each figure of a plan follows from sizes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.test_planning import DEMO, RATES
from zkllm.errors import StatementError
from zkllm.families import describe
from zkllm.gpt2.config import ProgramConfig
from zkllm.measure.capacity import Capacity, capacity
from zkllm.measure.forecast import LEAST_S, MEASURED, UNITS, Forecast, Pace, StageTime, forecast, paces_of
from zkllm.measure.planning import settlement_gas
from zkllm.measure.profiling import Sizes, predicted, profile, sizes_of, stage_counts
from zkllm.measure.sharded_forecast import Link, ShardedStage, traffic
from zkllm.model.tiny import tiny_config, tiny_model
from zkllm.timings import Stage, available_cores

N, CIRCUIT = 16, 1 << 16


@pytest.fixture(scope="module")
def config() -> ProgramConfig:
    return tiny_model(1).config


@pytest.fixture(scope="module")
def demo() -> Capacity:
    return capacity(DEMO, N, nanoseconds=RATES)


def xl_sizes() -> Sizes:
    """Of about GPT-2 XL: every stage takes long enough for its pace to be taken."""
    return Sizes(
        N, 1, 48, 24, CIRCUIT, 325 << 20, 15 << 26, 5 << 24, 90 << 20, 92 << 20, 60 << 20, 1 << 24, 1 << 22
    )


def profiled(sizes: Sizes, factor: float, serial: float, **changes: Any) -> dict[str, Any]:
    """A profile whose stages took `factor` over the rates, `serial` of that on one core."""
    cores, stages = available_cores(), []
    for name, counts in stage_counts(sizes).items():
        seconds = factor * cores * predicted(counts, RATES)
        stages.append({"name": name, "processor_s": seconds, "serial_s": serial * seconds, "counts": counts})
    inner, outer = stages[:7], stages[7:]
    nested = [{"name": "inner proof", "stages": inner}, {"name": "outer proof", "stages": outer}]
    return {"cores": cores, "sizes": sizes.__dict__, "stages": nested} | changes


def test_a_forecast_at_the_paces_of_a_profile_is_that_profile() -> None:
    sizes = xl_sizes()
    paces = paces_of(profiled(sizes, 1.75, 0.25), RATES)
    counted = [name for name in MEASURED if name not in UNITS]
    long = [n for n in counted if paces[n] is not MEASURED[n]]
    assert len(long) > 8
    assert all(paces[n] == Pace(pytest.approx(1.75), pytest.approx(0.25)) for n in long)
    made = forecast(sizes, RATES, paces)
    for stage in made.stages:
        if stage.name in long:
            limit = available_cores() * predicted(stage_counts(sizes)[stage.name], RATES)
            assert stage.processor == pytest.approx(1.75 * limit)
            assert stage.serial == pytest.approx(0.25 * stage.processor)


def test_a_stage_that_is_too_short_keeps_the_measured_pace() -> None:
    sizes = xl_sizes()
    given = profiled(sizes, 1.75, 0.25)
    short = given["stages"][0]["stages"][1]
    share = LEAST_S / 2 / (available_cores() * predicted(short["counts"], RATES))
    short["counts"] = {kind: count * share for kind, count in short["counts"].items()}
    assert paces_of(given, RATES)[short["name"]] == MEASURED[short["name"]]


def test_a_machine_of_one_core_has_no_serial_seconds() -> None:
    """A profile of one core says None, and the measured share stays."""
    given = profiled(xl_sizes(), 1.75, 0.25)
    for part in given["stages"]:
        for stage in part["stages"]:
            stage["serial_s"] = None
    paces = paces_of(given, RATES)
    assert all(paces[name].serial == MEASURED[name].serial for name in MEASURED)


def test_more_cores_take_away_what_is_not_serial() -> None:
    stage = StageTime("x", processor=10.0, serial=2.0)
    assert (stage.on(1), stage.on(2), stage.on(8)) == (10.0, 6.0, 3.0)
    made = Forecast((stage, StageTime("y", 4.0, 0.0)))
    assert made.on(4) == stage.on(4) + 1.0 and made.serial == 2.0 and made.processor == 14.0


def test_a_start_is_of_one_core_and_of_every_proof() -> None:
    sizes, pace = xl_sizes(), Pace(1.0, 0.0)
    (without,), (started,) = (
        forecast(sizes, RATES, {"lookups": p}).stages for p in (pace, replace(pace, start=0.5))
    )
    assert started.processor == pytest.approx(without.processor + 0.5)
    assert (without.serial, started.serial) == (0.0, 0.5)
    assert started.on(64) == pytest.approx(without.on(64) + 0.5)


def test_a_table_takes_work_from_the_opening_alone() -> None:
    sizes = sizes_of(describe(GPT2, N, 1), CIRCUIT)
    plain, tabled = (
        {s.name: s.processor for s in forecast(sizes, RATES, tabled=t).stages} for t in (False, True)
    )
    assert [name for name in plain if plain[name] != tabled[name]] == [
        "combine columns",
        "fold h",
        "open q, g",
    ]
    assert tabled["open q, g"] < plain["open q, g"]


def test_every_stage_with_counts_has_a_pace(config: ProgramConfig) -> None:
    counts = stage_counts(sizes_of(describe(config, 8, 1), CIRCUIT))
    assert set(counts) | set(UNITS) == set(MEASURED)
    assert set(UNITS.values()) <= set(Sizes.__dataclass_fields__)


def test_a_profile_of_a_tabled_proof_has_its_counts(config: ProgramConfig) -> None:
    protocol = describe(config, 8, 1)
    root = Stage("all", stages=[Stage("open q, g", 1.0, 1.0)])
    plain, tabled = (
        profile(root, protocol, CIRCUIT, {}, tabled)["stages"][0]["counts"] for tabled in (False, True)
    )
    sizes = sizes_of(protocol, CIRCUIT)
    for found, of in ((plain, False), (tabled, True)):
        assert found == {k: round(v) for k, v in stage_counts(sizes, of)["open q, g"].items()}
    assert plain != tabled


def test_a_plan_has_what_its_sizes_say(demo: Capacity) -> None:
    assert (demo.rows, demo.certified) == (N, 1)
    assert demo.disk_bytes == demo.weights_bytes + demo.srs_bytes
    assert demo.srs_bytes == 64 * max(1 << demo.mu, 15 << demo.circuit_log2)
    assert demo.gas == settlement_gas(demo.fixed_columns + demo.witness_columns, 512)
    assert demo.tabled.processor <= demo.proof.processor
    assert demo.private_bytes <= demo.resident_bytes
    assert json.loads(json.dumps(demo.to_dict()))["proof"]["processor_s"] == demo.proof.processor


def test_columns_as_asked_for(demo: Capacity) -> None:
    made = capacity(DEMO, N, mu=15, nanoseconds=RATES)
    assert made.mu == 15 < demo.mu and made.fixed_columns > demo.fixed_columns
    assert made.gas > demo.gas and made.srs_bytes < demo.srs_bytes


def test_machines_for_so_many_a_day(demo: Capacity) -> None:
    cores = 4
    daily = demo.proofs_a_day(cores)
    assert daily == pytest.approx(86_400 / demo.proof.on(cores))
    assert demo.machines_for(daily, cores) == 1 and demo.machines_for(2.5 * daily, cores) == 3
    assert demo.proofs_a_day(cores, tabled=True) >= daily


def test_more_positions_than_the_model_has() -> None:
    with pytest.raises(StatementError, match="64 positions"):
        capacity(DEMO, 4096, nanoseconds=RATES)


def test_gas_of_several_tokens() -> None:
    """contracts/gas.json: the fixture of three tokens; its transaction pays out a request besides."""
    cases = json.loads((DEMO.parents[1] / "contracts" / "gas.json").read_text())
    multi = next(c for c in cases if c["certified_tokens"] == 3)
    request = 45_000
    made = settlement_gas(multi["fixed_columns"] + multi["witness_columns"], 512, 3)
    assert made == pytest.approx(multi["settlement_transaction_gas"] - request, rel=0.06)
    assert settlement_gas(12, 50_257) == 403_576
    assert settlement_gas(13, 1 << 17) == 403_576 + 6_450 + 670
    # 30 siblings, 32 hashes, two tokens, a record of 20 bytes
    two = 403_576 - 16 * 670 + 30 * 512 + 32 * 1_100 + 2 * 4_000 + 37_000 + 20 * 200
    assert settlement_gas(12, 50_257, 2) == two
    assert settlement_gas(12, 50_257, 2) > settlement_gas(12, 50_257)


# ---- one proof over several machines

GPT2 = tiny_config(
    n_layer=12, n_head=12, head_dim=64, d_inner=3072, vocab_size=50257, n_ctx=1024, act_bits=16, gelu_bits=16,
    limb_bits=16, write_bits=32, exp_bits=12, over_bits=16, div_bits=32, logit_bits=32, diff_bits=32,
    rho_bits=32, norm_bits=96, ln_shift=32, slots=4, slot_bits=63, inner_slots=6, inner_slot_bits=42,
    vocab_slots=4, vocab_slot_bits=63, mu=24, fixed_mu=24, witness_mu=23,
)  # fmt: skip
COUNTED = {
    16: {"trace": 10.67, "commit witness": 13.35, "lookups": 16.83, "zero-check": 3.99, "product sums": 5.42,
         "reduction": 80.83, "combine columns": 77.23, "fold h": 4.20, "open q, g": 12.59},
    64: {"trace": 42.52, "commit witness": 52.25, "lookups": 57.44, "zero-check": 29.65,
         "product sums": 12.80, "reduction": 98.72, "combine columns": 77.23, "fold h": 4.20,
         "open q, g": 12.59},
}  # fmt: skip
"""Megabytes of GPT-2's proofs over two workers at mu = 24, by N: `zkllm prove --shards 2 --json`."""


@pytest.mark.parametrize("rows", COUNTED)
def test_bytes_are_near_those_that_were_counted(rows: int) -> None:
    protocol = describe(GPT2, rows, 1)
    made = traffic(protocol, sizes_of(protocol, CIRCUIT), GPT2.vocab_size, 2)
    found, counted = {name: sent / 1e6 for name, (sent, _) in made.items()}, COUNTED[rows]
    assert sum(found.values()) == pytest.approx(sum(counted.values()), rel=0.1)
    assert found.keys() == counted.keys()
    assert all(found[name] == pytest.approx(counted[name], rel=0.5) for name in counted)
    inputs, outputs = 3 * 768 + 3072, 3 * 768 + 768 + 3072 + 768
    assert made["trace"][0] == rows * 12 * (2 * inputs + 7 * outputs)


def test_workers_share_what_is_cut_and_the_link_is_shared_by_all() -> None:
    stage = ShardedStage("x", alone=1.0, serial=4.0, parallel=12.0, sent=5e9, messages=100)
    link = Link(bandwidth=1e9, latency=0.01)
    assert stage.on(2, 3, link) == pytest.approx(1 + 2 + 2 + 5 + 1)
    assert stage.on(4, 3, link) == pytest.approx(1 + 1 + 1 + 5 + 1)
    assert stage.on(4, 6, Link(2e9, 0.01)) == pytest.approx(1 + 1 + 0.5 + 2.5 + 1)


def test_what_is_not_cut_stays_with_the_coordinator(demo: Capacity) -> None:
    over = demo.over(3, cores=2)
    plain = {stage.name: stage for stage in demo.proof.stages}
    cut = set(demo.traffic(3))
    for stage in over.stages:
        own = plain[stage.name]
        if stage.name in cut:
            assert stage.alone == own.start == MEASURED[own.name].start
            assert stage.alone + stage.serial + stage.parallel == pytest.approx(own.processor)
        else:
            assert (stage.alone, stage.share(3, 2), stage.sent) == (own.on(2), 0.0, 0.0)
    alone = sum(s.start if s.name in cut else s.on(2) for s in plain.values())
    shared = sum(s.on(2) - s.start for s in plain.values() if s.name in cut)
    assert over.on(2, Link(1e15, 0.0)) == pytest.approx(alone + shared / 3)
