"""`zkllm demo`: the whole pipeline on the demo checkpoint."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from zkllm.cli import demo

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def nodes() -> set[str]:
    """Process ids of running Anvils."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"anvil" in path.read_bytes().split(b"\0")[0]:
                found.add(path.parent.name)
        except OSError:
            pass
    return found


def test_the_demo_settles_the_answer(run, home, monkeypatch):
    monkeypatch.chdir(ROOT)
    outcome = run("demo", "--home", home)
    assert outcome.code == 0, outcome
    assert outcome.out.splitlines()[-1] == f'settled: "{demo.PROMPT}" -> " magic"'
    for name in (
        "prompt",
        "answer",
        "model_id",
        "proof",
        "time",
        "gas",
        "transaction",
        "security bits",
        "SRS kind",
    ):
        assert re.search(f"^{name} +", outcome.out, re.MULTILINE), name


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_no_node_behind(home, number):
    process = subprocess.Popen(
        [sys.executable, "-m", "zkllm", "demo", "--home", str(home)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    before = nodes()
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("prove"):
            break
    started = nodes() - before
    assert started
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and out == ""
    assert "interrupted" in err and "Traceback" not in err
    assert not started & nodes()


def test_a_missing_checkpoint_is_named(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo, "MODEL", Path("models") / "nothing")
    outcome = run("demo", "--home", tmp_path)
    assert outcome.code == 1 and outcome.err.splitlines()[-1].startswith("zkllm demo: no models/nothing here")
