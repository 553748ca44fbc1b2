from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from testkit.checkpoints import write_checkpoint
from zkllm.cli import main
from zkllm.settle.anvil import LocalNode
from zkllm.settle.rpc import Rpc


@dataclass
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        data = json.loads(self.out)
        assert isinstance(data, dict)
        return data

    def failed_in_one_line(self, *words: str) -> None:
        """Exit code 1, and one line on stderr that says why, after those of the stages."""
        assert self.code == 1, self
        *stages, line = self.err.splitlines()
        assert all(stage.endswith(" ...") for stage in stages) and "Traceback" not in line, self.err
        for word in words:
            assert word in line, self.err


Run = Callable[..., Outcome]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `zkllm` in this process."""

    def call(*arguments: object) -> Outcome:
        capsys.readouterr()
        try:
            code = main([str(a) for a in arguments])
        except SystemExit as error:
            code = int(error.code or 0)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "odd")


@pytest.fixture(scope="session")
def package(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of 2 layers, 5 heads, width 40, 301 tokens, and keys for N = 8, k = 2."""
    folder = tmp_path_factory.mktemp("package") / "odd"
    assert main(["setup", str(checkpoint), "--out", str(folder), "--max-tokens", "8", "--quiet"]) == 0
    return folder


@pytest.fixture(scope="session")
def proof(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without a context."""
    path = tmp_path_factory.mktemp("proof") / "answer.zkllm"
    command = ["prove", str(package), "--tokens", "72,101,108", "--new-tokens", "2", "--out", str(path)]
    assert main([*command, "--quiet"]) == 0
    return path


@pytest.fixture(scope="session")
def local_node() -> Iterator[Rpc]:
    with LocalNode() as running:
        yield running.rpc


@pytest.fixture
def anvil(local_node: Rpc, monkeypatch: pytest.MonkeyPatch) -> Rpc:
    """What `--network anvil` uses in the test."""
    monkeypatch.setenv("ZKLLM_ANVIL_RPC_URL", local_node.url)
    return local_node


@pytest.fixture
def chain(anvil: Rpc) -> Iterator[Rpc]:
    """The node, put back to its state after the test."""
    snapshot = anvil.request("evm_snapshot")
    yield anvil
    anvil.request("evm_revert", snapshot)


@pytest.fixture
def settle(run: Run, package: Path, chain: Rpc, tmp_path: Path) -> Callable[..., Outcome]:
    """Runs a command with the options that all take; "" is none."""

    def call(command: str, *arguments: object, model: bool = True) -> Outcome:
        names = [command] if command else []
        common: list[object] = ["--network", "anvil", "--home", tmp_path / "home", "--quiet"]
        common += ["--model", package] if model else []
        return run("settle", *names, *common, *arguments)

    return call
