"""`zkllm demo`: the whole pipeline on the demo checkpoint."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from zkllm.cli import demo

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def node_of(parent: int) -> int | None:
    """Process id of the Anvil that `parent` has started."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            is_child = f"PPid:\t{parent}\n" in (folder / "status").read_text()
            if is_child and b"anvil" in (folder / "cmdline").read_bytes().split(b"\0")[0]:
                return int(folder.name)
        except OSError:
            pass
    return None


@pytest.mark.long
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
    integer, exact = re.search(
        r"^logits +(-?[\d.]+); float model (-?[\d.]+)$", outcome.out, re.MULTILINE
    ).groups()
    assert float(integer) == pytest.approx(float(exact), abs=0.05)


def test_the_demo_needs_no_torch(run, home, monkeypatch):
    """`make demo` installs neither: then the float model's logits are not shown."""
    monkeypatch.chdir(ROOT)
    for name in ("torch", "transformers"):
        monkeypatch.setitem(sys.modules, name, None)
    outcome = run("demo", "--home", home, "--json")
    assert outcome.code == 0, outcome
    data = json.loads(outcome.out)
    assert data["answer"] == " magic" and data["float_logits"] == [None] and data["logits"][0] > 0


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks processes up in /proc")
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
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("prove"):
            break
    node = node_of(process.pid)
    assert node is not None
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and out == ""
    assert "interrupted" in err and "Traceback" not in err
    assert not Path(f"/proc/{node}").exists()


def test_a_missing_checkpoint_is_named(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo, "MODEL", Path("models") / "nothing")
    outcome = run("demo", "--home", tmp_path)
    assert outcome.code == 1 and outcome.err.splitlines()[-1].startswith("zkllm demo: no models/nothing here")
