"""`zkllm serve` before it serves, and `zkllm jobs` on a node's folder."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from zkllm.serve.database import LOCK, Database, StorageError
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


ACTIONS = (["list"], ["show", "proof-1"], ["retry", "proof-1"], ["cancel", "proof-1"])


def test_a_folder_that_is_no_nodes_is_refused(run: Run, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    cures = "name the folder of one with --data DIR", "or start one with zkllm serve --model DIR --data "
    for action in ACTIONS:
        for folder, options in ((tmp_path, ["--data", tmp_path]), (".zkllm/serve", [])):
            run("jobs", *action, *options).failed_in_one_line(f"{folder} holds no node's state", *cures)
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    run("jobs", "list", "--data", tmp_path / "file").failed_in_one_line("it is a file")


def test_whether_a_node_runs_is_told(run: Run, node) -> None:
    folder, jobs = node
    said = f"no node runs with {folder} (zkllm serve with that --data would)"
    assert run("jobs", "list", "--data", folder).err == f"{said}\n"
    job = submit(jobs, 1)
    for action in (["list"], ["show", job], ["cancel", job], ["retry", job]):
        outcome = run("jobs", *action, "--data", folder, "--json")
        waits = "" if action[0] == "cancel" else "; jobs that wait for it: 1"
        assert outcome.err == f"{said}{waits}\n" and outcome.json["node_runs"] is False
    running = Database(folder)
    running.lock()
    outcome = run("jobs", "list", "--data", folder, "--json")
    assert outcome.err == "" and outcome.json["node_runs"] is True


def test_a_look_at_the_jobs_keeps_no_node_from_starting(node) -> None:
    folder, _ = node
    looked_at = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR)
    fcntl.flock(looked_at, fcntl.LOCK_SH)
    threading.Timer(0.2, os.close, [looked_at]).start()
    Database(folder).lock()
    with pytest.raises(StorageError, match="another node runs"):
        Database(folder).lock()


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
