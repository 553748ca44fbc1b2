"""`zkllm serve` before it serves, and `zkllm jobs` on a node's folder."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from zkllm.serve.database import Database
from zkllm.serve.jobs import Jobs, Order, State
from zkllm.serve.keys import digest_of
from zkllm.shape_id import ShapeId
from zkllm.statement import Context

ORDER = Order("alice", "m", bytes(32), ShapeId(16, 1), (1, 2), bytes([1] * 32), Context())


@pytest.fixture
def node(tmp_path: Path) -> tuple[Path, Jobs]:
    return tmp_path / "node", Jobs(Database(tmp_path / "node"))


def submit(jobs: Jobs, number: int, swallowed: int = 0) -> str:
    return jobs.submit(replace(ORDER, claim_id=bytes([number] * 32), swallowed=swallowed), 9)[0].id


def test_jobs_are_listed_shown_cancelled_and_tried_again(run: Run, node) -> None:
    folder, jobs = node
    assert run("jobs", "list", "--data", folder).out == "no jobs\n"
    first, second = submit(jobs, 1), submit(jobs, 2)
    jobs.next_to_prove()
    jobs.move(first, [State.PROVING], State.FAILED, "x0: value 9 leaves its range")
    listed = run("jobs", "list", "--data", folder)
    assert listed.code == 0 and first in listed.out and "leaves its range" in listed.out
    failed = run("jobs", "list", "--data", folder, "--state", "failed", "--json").json
    assert [job["id"] for job in failed["jobs"]] == [first] and failed["counts"]["queued"] == 1
    shown = run("jobs", "show", first, "--data", folder)
    assert "proving" in shown.out and shown.out.count("failed: x0: value 9 leaves its range") == 2
    data = run("jobs", "show", first, "--data", folder, "--json").json
    assert [entry["state"] for entry in data["history"]] == ["queued", "proving", "failed"]
    assert run("jobs", "cancel", second, "--data", folder, "--json").json["state"] == "cancelled"
    for job_id in (first, second):
        assert run("jobs", "retry", job_id, "--data", folder, "--json").json["state"] == "queued"
    run("jobs", "retry", first, "--data", folder).failed_in_one_line("only what failed or was cancelled")
    swallowing = submit(jobs, 3, swallowed=1200)
    words = "swallows 1,200 characters of white space"
    assert words in run("jobs", "show", swallowing, "--data", folder).out
    told = run("jobs", "show", swallowing, "--data", folder, "--json").json["swallowed"]
    assert told["characters"] == 1200 and words in told["message"]
    assert data["swallowed"] is None and "swallow" not in shown.out
    run("jobs", "show", "proof-none", "--data", folder).failed_in_one_line("there is no job 'proof-none'")


def test_a_folder_that_is_no_nodes_is_refused(run: Run, tmp_path: Path) -> None:
    for action in (["list"], ["show", "proof-1"], ["cancel", "proof-1"]):
        run("jobs", *action, "--data", tmp_path).failed_in_one_line("holds no node's state")
    assert not list(tmp_path.iterdir())


def test_a_key_is_made_and_told_once(run: Run, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    made = run("serve", "--new-key", "alice", "--keys", keys, "--may-settle")
    key = made.out.strip()
    assert made.code == 0 and key.startswith("zkllm-")
    assert keys.read_text() == f"alice {digest_of(key)} settle\n"
    run("serve", "--new-key", "alice", "--keys", keys).failed_in_one_line("alice already")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "--model --config --new-key is required"),
        (["--new-key", "x"], "the file that --keys names"),
        (["--may-settle", "--model", "m"], "--may-settle is for --new-key"),
        (["--model", "m", "--deploy"], "takes --network NAME"),
        (["--model", "m", "--dry-run"], "takes --network NAME"),
        (["--config", "x", "--port", "1"], "--port is a setting of --config's file"),
        (["--config", "x", "--ray", "local"], "--ray is a setting of --config's file"),
        (["--model", "m", "--port", "70000"], "is not a port"),
        (["--model", "m", "--network", "anvil", "--contract", "0x1"], "is not an address"),
    ],
)
def test_wrong_usage(run: Run, options: list[str], words: str) -> None:
    outcome = run("serve", *options)
    assert outcome.code == 2 and words in outcome.err


def test_what_is_missing_is_named_before_anything_starts(
    run: Run, package: Path, tmp_path, monkeypatch
) -> None:
    found = importlib.util.find_spec
    hidden = lambda name, *rest: None if name == "uvicorn" else found(name, *rest)
    with monkeypatch.context() as patch:
        patch.setattr("zkllm.cli.serve.find_spec", hidden)
        run("serve", "--model", package, "--data", tmp_path / "x").failed_in_one_line("pip install uvicorn")
    with monkeypatch.context() as patch:
        patch.setattr("zkllm.cluster.session.find_spec", lambda name: None)
        missing = run("serve", "--model", package, "--data", tmp_path / "x", "--ray", "local")
        missing.failed_in_one_line("work over several processes or machines needs Ray: ", "pip install ray")
    for address, words in (("127.0.0.1:9", "no Ray answers at 127.0.0.1:9"), ("x", "is no address of a Ray")):
        run("serve", "--model", package, "--data", tmp_path / "x", "--ray", address).failed_in_one_line(words)
    path = tmp_path / "node.toml"
    path.write_text(f'[[models]]\nname = "m"\npackage = "{package}"\n[jobs]\nray_cores = 1\n')
    run("serve", "--config", path).failed_in_one_line("are of a node that has jobs.ray")
    path.write_text("[[models]]\nname = 1\n")
    run("serve", "--config", path).failed_in_one_line("models.1.package: field required")
    path.write_text("[[models]\n")
    run("serve", "--config", path).failed_in_one_line("it is not TOML")
    run("serve", "--model", package, "--network", "none").failed_in_one_line("unknown network 'none'")
    run("serve", "--model", package, "--host", "0.0.0.0").failed_in_one_line("needs API keys")
    assert not (tmp_path / "x").exists()
