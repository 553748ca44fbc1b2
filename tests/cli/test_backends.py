"""The backend is the processor's best or ZKLLM_BACKEND's, and does not show in a proof."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.backends import BACKENDS
from zkllm import api
from zkllm.kernels.native import NATIVE, NativeKernels
from zkllm.model.package import ModelPackage
from zkllm.proof import Proof

pytestmark = pytest.mark.long


def zkllm(backend: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "ZKLLM_BACKEND": backend}
    command = [sys.executable, "-m", "zkllm", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backend_gives_the_same_proof(package: Path, proof: Path, tmp_path: Path, backend: str) -> None:
    out = tmp_path / "again.zkllm"
    command = ["prove", package, "--tokens", "72,101,108", "--new-tokens", "2", "--out", out]
    done = zkllm(backend, *command, "--json", "--quiet")
    if "lacks" in done.stderr:
        pytest.skip(f"no {backend}")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["backend"] == backend
    assert Proof.load(out).words == Proof.load(proof).words
    assert zkllm("scalar", "verify", out, "--model", package).returncode == 0


def test_one_object_does_all_of_a_proof(package: Path, proof: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is handed to the API: no room goes back to the kernels that it has by default."""

    def refuse(*arguments: object, **named: object) -> None:
        raise AssertionError("the default kernels were asked")

    opened, others = ModelPackage.load(package), NativeKernels()
    for name in dir(NativeKernels):
        if not name.startswith("_"):
            monkeypatch.setattr(NATIVE, name, refuse)
    result = api.prove(opened, tokens=[72, 101, 108], certified=2, kernels=others)
    assert result.proof.words == Proof.load(proof).words


def test_an_unknown_backend_is_one_line(package: Path, tmp_path: Path) -> None:
    done = zkllm("sse9", "prove", package, "--tokens", "1", "--out", tmp_path / "p")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "ZKLLM_BACKEND=sse9" in done.stderr and "available: scalar" in done.stderr
    assert "ZKLLM_BACKEND" in zkllm("", "--help").stdout
