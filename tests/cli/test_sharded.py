"""`zkllm prove --shards`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.mark.slow
def test_a_proof_by_two_workers(run: Run, package: Path, tmp_path: Path) -> None:
    """A Ray starts and ends with the command."""
    command = ["prove", package, "--tokens", "72,101,108", "--new-tokens", "2", "--shards", "2", "--json"]
    made = run(*command, "--out", tmp_path / "a")
    assert made.code == 0, made
    shards = made.json["shards"]
    assert shards["workers"] == 2 and shards["lost"] == 0
    assert max(shards["peak_memory_bytes"]) < shards["estimated_memory_bytes"]
    assert shards["bytes"]["commit witness"]["sent"]["integers"] > 0
    assert run("verify", tmp_path / "a", "--model", package).code == 0


def test_what_cannot_work_is_refused_before_ray_starts(
    run: Run, package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zkllm.cluster.proving.ray_session", None)
    command = ["prove", package, "--tokens", "72", "--out", tmp_path / "a"]
    assert "--ray is for --shards" in (wrong := run(*command, "--ray", "host:1")).err and wrong.code == 2
    assert run(*command, "--shards", "0").code == 2
    run(*command, "--shards", "65").failed_in_one_line("--shards 65: a proof is cut into 1 to 64")
    budget = ("--shards", "2", "--memory-budget", "1M")
    run(*command, *budget).failed_in_one_line("each of 2 workers takes about", "use more of them (--shards)")
    missing = run("prove", package, "--tokens", "999", "--shards", "2", "--out", tmp_path / "a")
    missing.failed_in_one_line("999")
    monkeypatch.setattr("zkllm.cluster.session.find_spec", lambda name: None)
    run(*command, "--shards", "2").failed_in_one_line("needs Ray", "ray")
    assert not (tmp_path / "a").exists()
