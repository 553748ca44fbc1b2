"""`zkllm doctor`: what is wrong has its line and its cure, and alone makes the exit code 1."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from zkllm import doctor
from zkllm.cache import DEVELOPMENT
from zkllm.kernels import backends
from zkllm.memory import GIB
from zkllm.pcs.srs import development_srs
from zkllm.settle.rpc import Rpc


@pytest.fixture(autouse=True)
def healthy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of a fixed size and an empty cache: what is left are this installation's own findings."""
    monkeypatch.setenv("ZKLLM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(doctor, "available_memory", lambda: 8 * GIB)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, 50 * GIB))


@pytest.fixture
def found(run) -> Callable[..., dict[str, list[dict[str, str]]]]:
    """Findings by what they are about; the exit code agrees with them."""

    def call(*options: object) -> dict[str, list[dict[str, str]]]:
        outcome = run("doctor", "--json", *options)
        data = outcome.json
        wrong = [f for f in data["findings"] if f["level"] == "wrong"]
        assert outcome.code == (1 if wrong else 0) and data["ok"] is not bool(wrong)
        assert all(f["cure"] for f in data["findings"] if f["level"] == "wrong" and f["about"] != "Anvil")
        by: dict[str, list[dict[str, str]]] = {}
        for finding in data["findings"]:
            by.setdefault(finding["about"], []).append(finding)
        return by

    return call


def test_this_installation_is_in_order(run, found, tmp_path: Path) -> None:
    by = found()
    assert not [f for several in by.values() for f in several if f["level"] == "wrong"]
    assert by["solc"][0]["level"] == by["Anvil"][0]["level"] == by["packages"][0]["level"] == "ok"
    assert "0.8.30" in by["solc"][0]["text"] and "none yet" in by["SRS"][0]["text"]
    assert run("doctor").out.endswith("everything that was examined is in order\n")
    assert not (tmp_path / "cache").exists()


def test_the_cache_and_its_srs_files(found, tmp_path: Path) -> None:
    development_srs(5)
    assert "development, 1 files of up to 32 powers: anyone can forge" in found()["SRS"][0]["text"]
    path = DEVELOPMENT.path("development-5.srs")
    path.write_bytes(path.read_bytes()[:-1])
    (finding,) = found()["SRS"]
    assert finding["level"] == "wrong" and "damaged" in finding["text"] and str(path) in finding["cure"]
    path.unlink()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / "cache" / f".x.0.{ended.pid}").touch()
    assert "runs that were killed" in found()["cache"][1]["text"]


def test_a_cache_that_cannot_be_written(found, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    (finding,) = found()["cache"]
    assert finding["level"] == "wrong" and "ZKLLM_CACHE" in finding["cure"]


def test_little_memory_and_disk_are_notes(run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "available_memory", lambda: GIB // 2)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, GIB))
    outcome = run("doctor")
    assert outcome.code == 0 and "note  memory       0.5 GiB available; cure: " in outcome.out
    assert "note  disk         1.0 GiB left" in outcome.out and "zkllm cache prune" in outcome.out


def test_packages(found, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = doctor._installed
    monkeypatch.setattr(
        doctor, "_installed", lambda name: None if name in ("torch", "mpmath") else installed(name)
    )
    by = found()
    (finding,) = by["packages"]
    assert finding["level"] == "wrong" and finding["cure"].endswith("pip install mpmath==1.3.0")
    (finding,) = by["model"]
    assert finding["level"] == "warning" and "pip install torch==" in finding["cure"]
    monkeypatch.setattr(doctor, "_installed", lambda name: "9.9" if name == "numpy" else installed(name))
    (finding,) = found()["packages"]
    assert finding["level"] == "warning" and "numpy 9.9" in finding["text"] and "numpy==" in finding["cure"]


def test_tools(found, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "anvil"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("ZKLLM_ANVIL", str(broken))
    assert "does not run" in found()["Anvil"][0]["text"]
    monkeypatch.setenv("ZKLLM_ANVIL", str(tmp_path / "none"))
    monkeypatch.setenv("ZKLLM_SOLC", str(tmp_path / "none"))
    by = found()
    assert by["Anvil"][0]["level"] == by["solc"][0]["level"] == "wrong"
    monkeypatch.delenv("ZKLLM_SOLC")
    monkeypatch.setattr("zkllm.settle.solc._version", lambda _: None)
    (finding,) = found()["solc"]
    assert finding["level"] == "warning" and "npm install -g solc@" in finding["cure"]


def test_kernels(found, monkeypatch: pytest.MonkeyPatch) -> None:
    used, available = backends.backends()
    assert used == available[-1] or os.environ.get(backends.VARIABLE)
    monkeypatch.setattr(backends, "backends", lambda: ("scalar", ["scalar", "avx2"]))
    by = found()
    assert "a slower one is chosen" in by["kernels"][0]["text"] and by["processor"][0]["level"] == "warning"

    def missing() -> tuple[str, list[str]]:
        raise ImportError

    monkeypatch.setattr(backends, "backends", missing)
    assert found()["kernels"][0]["level"] == "wrong"


@pytest.mark.parametrize("command", [["--version"], ["doctor", "--quiet"]])
def test_a_backend_that_is_not_there(command: list[str], tmp_path: Path) -> None:
    environment = {**os.environ, "ZKLLM_BACKEND": "sse", "ZKLLM_CACHE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "zkllm", *command], env=environment, capture_output=True, text=True
    )
    assert "no backend is called sse" in done.stdout and "Traceback" not in done.stderr
    assert done.returncode == (0 if command == ["--version"] else 1)


def test_version_names_the_kernels(run) -> None:
    assert f"(native kernels: {backends.backends()[0]}, of scalar" in run("--version").out


def test_a_node(found, local_node: Rpc) -> None:
    (finding,) = found("--network", "sepolia")["node"]
    assert finding["level"] == "wrong" and "ZKLLM_SEPOLIA_RPC_URL" in finding["cure"]
    node, speed = found("--network", "anvil", "--rpc-url", local_node.url)["node"]
    assert (node["level"], node["text"]) == ("ok", "anvil, chain 31337, as expected") and speed[
        "level"
    ] == "ok"
    (finding,) = found("--network", "sepolia", "--rpc-url", local_node.url)["node"]
    assert finding["level"] == "wrong" and "31337" in finding["text"]
    (finding,) = found("--network", "sepolia", "--rpc-url", "http://127.0.0.1:9")["node"]
    assert finding["level"] == "wrong" and "127.0.0.1" not in finding["text"]


def test_wrong_usage(run) -> None:
    assert run("doctor", "--rpc-url", "http://x").code == 2
    run("doctor", "--network", "nowhere").failed_in_one_line("unknown network", "sepolia")
