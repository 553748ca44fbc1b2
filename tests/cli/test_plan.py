"""`zkllm plan`: what it prints follows from what is asked for; wrong questions are answered in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.test_planning import DEMO, RATES
from zkllm.cli.text import size
from zkllm.measure import capacity as planned
from zkllm.sharded import require_shards


@pytest.fixture(autouse=True)
def rates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a machine that does not change."""
    monkeypatch.setattr(planned, "limits", lambda: dict(RATES))


def test_more_cores_and_more_machines(run, package: Path) -> None:
    few, many = (run("plan", package, "--cores", c, "--per-day", "1,000,000", "--json").json for c in (2, 32))
    assert many["prove_s"] < few["prove_s"] and many["proof"] == few["proof"]
    assert many["prove_s"] > many["proof"]["serial_s"]
    assert many["machines"] < few["machines"]
    assert few["machines"] == -(-1_000_000 * few["prove_s"] // 86_400)


def test_other_columns_than_the_package_has(run, package: Path) -> None:
    own, other = run("plan", package, "--json").json, run("plan", package, "--mu", 12, "--json").json
    assert other["mu"] == 12 < own["mu"] and other["fixed_columns"] > own["fixed_columns"]


def test_each_figure_says_where_it_is_from(run, package: Path) -> None:
    out = run("plan", package, "--new-tokens", 2, "--cores", 4, "--per-day", 5000).out
    lines = {line.split("  ")[0]: line for line in out.splitlines()}
    for name in ("proof", "with an opening table", "a certified token", "memory", "settlement"):
        assert "predicted" in lines[name]
    assert "counted" in lines["disk"] and "counted" in lines["proof's body"]
    assert "of 4 cores" in lines["machines for 5,000 a day"]
    assert "k = 2" in out and "measured now" in out


def test_memory_of_workers_is_what_a_sharded_proof_is_refused_by(run) -> None:
    """Less for each of more workers, and more with mapped files."""
    asked = ["plan", DEMO, "--max-tokens", 16, "--workers", 4]
    told, out = run(*asked, "--json").json["sharded"], run(*asked).out
    protocol = planned.capacity(DEMO, 16, nanoseconds=RATES).protocol
    assert told["worker_resident_bytes"] == require_shards(protocol, 4) < require_shards(protocol, 2)
    lines = {line.split("  ")[0]: line for line in out.splitlines()}
    for whose, name in (("each worker", "worker"), ("the coordinator", "coordinator")):
        private, resident = told[f"{name}_private_bytes"], told[f"{name}_resident_bytes"]
        assert 0 < private <= resident
        assert (
            f"{size(private)}  predicted  {size(resident)} with mapped files" in lines[f"memory of {whose}"]
        )
    assert told["coordinator_private_bytes"] > told["worker_private_bytes"], "of so small a model"


def test_paces_of_a_profile(run, package: Path, tmp_path: Path) -> None:
    """Of stages that took twice as long as another profile's: twice the processor seconds."""
    path, own = tmp_path / "profile.json", ["plan", package, "--json"]
    run("prove", package, "--tokens", "72,101,108", "--out", tmp_path / "p.zkllm", "--profile", path)
    data = json.loads(path.read_text())
    for stage in (leaf for s in data["stages"] for leaf in s.get("stages", [s])):
        stage["processor_s"], stage["serial_s"] = 4.0, 1.0
        stage["counts"] = {"field_mul": 5e8}
    path.write_text(json.dumps(data))
    once = run(*own, "--profile", path).json
    for stage in (leaf for s in data["stages"] for leaf in s.get("stages", [s])):
        stage["processor_s"] *= 2
    path.write_text(json.dumps(data))
    twice = run(*own, "--profile", path).json
    slow, fast = ({s["name"]: s["processor"] for s in d["proof"]["stages"]} for d in (twice, once))
    assert slow["lookups"] == pytest.approx(2 * fast["lookups"]) and slow["keys"] == pytest.approx(
        2 * fast["keys"]
    )
    assert once["paced_by"] != run(*own).json["paced_by"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--max-tokens", 4096], "positions (n_ctx), not 4096"),
        (["--per-day", "0"], "is not a number from 1"),
        (["--per-day", "many"], "is not a number from 1"),
        (["--cores", "0"], "is not a number from 1"),
        (["--mu", "40"], "is not a number from"),
    ],
)
def test_what_cannot_be_planned(run, package: Path, options: list[object], told: str) -> None:
    outcome = run("plan", package, *options)
    assert outcome.code in (1, 2) and told in outcome.err and not outcome.out


def test_a_file_that_is_no_profile(run, package: Path, tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    path.write_text('{"kind": "another"}')
    outcome = run("plan", package, "--profile", path)
    assert outcome.code == 1
    assert "it is no profile" in outcome.err and not outcome.out
