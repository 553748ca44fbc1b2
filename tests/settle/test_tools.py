"""Finding the compiler and the node, and saying how to get them."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from zkllm.errors import SettlementError
from zkllm.settle import anvil, executables, solc
from zkllm.settle.anvil import LocalNode, find_anvil
from zkllm.settle.contracts import settlement_source
from zkllm.settle.solc import compile_standard

REPOSITORY = Path(__file__).parents[2]


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without Node, solc and Anvil."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("SOLCX_BINARY_PATH", str(tmp_path / "none"))
    monkeypatch.setattr(executables, "node_modules", lambda: tmp_path)
    for name in (solc.ENVIRONMENT, anvil.ENVIRONMENT, "NODE_PATH"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_what_is_missing_is_named_with_the_cure(bare):
    with pytest.raises(
        SettlementError, match="needs solc 0.8.30: put it on PATH, set .ZKLLM_SOLC to it, or .Node >= 18."
    ):
        compile_standard(settlement_source())
    with pytest.raises(
        SettlementError, match="put one on PATH .npm install -g @foundry-rs/anvil., or set .ZKLLM_ANVIL"
    ):
        find_anvil()


def package(folder: Path, nested: bool) -> Path:
    """What npm installs into a folder of packages: beside each other, or, globally, inside. The program."""
    inside = folder / "@foundry-rs" / "anvil" / "node_modules" if nested else folder
    program = inside / executables.foundry_path("anvil")
    program.parent.mkdir(parents=True)
    program.symlink_to(REPOSITORY / "node_modules" / executables.foundry_path("anvil"))
    return program


@pytest.mark.parametrize("nested", [False, True])
def test_node_path_alone_finds_the_node(bare, monkeypatch, nested):
    """As an installed wheel has it: no folder of packages beside, nothing on PATH."""
    monkeypatch.setattr(executables, "node_modules", lambda: bare / "lib" / "node_modules")
    program = package(bare / "global", nested)
    monkeypatch.setenv("NODE_PATH", os.pathsep.join(["", "global", str(bare / "none"), str(bare / "global")]))
    assert find_anvil() == program
    with LocalNode() as node:
        assert node.rpc.chain_id() == 31337


def test_a_relative_folder_of_node_path_is_passed_over(bare, monkeypatch):
    package(bare / "global", False)
    monkeypatch.chdir(bare)
    monkeypatch.setenv("NODE_PATH", os.pathsep.join(["global", "./global", ""]))
    with pytest.raises(SettlementError, match="no Anvil found: .* or NODE_PATH to what npm root -g prints"):
        find_anvil()


@pytest.mark.parametrize("nested", [False, True])
def test_npm_s_wrapper_on_path_is_not_what_is_run(bare, nested):
    """It drops the exit code, and leaves the node running when it is killed."""
    program = package(bare / "global", nested)
    wrapper = bare / "global" / "@foundry-rs" / "anvil" / "bin.mjs"
    wrapper.parent.mkdir(parents=True, exist_ok=True)
    script(wrapper, "exit 1")
    (bare / "bin" / "anvil").symlink_to(wrapper)
    assert find_anvil() == program


def test_a_candidate_s_complaints_are_not_shown(bare, monkeypatch, capfd):
    script(bare / "bin" / "solc", "echo no compiler here >&2; exit 1")
    with pytest.raises(SettlementError, match="needs solc"):
        compile_standard(settlement_source())
    assert capfd.readouterr() == ("", "")


def test_named_tools_must_work(bare, monkeypatch):
    monkeypatch.setenv(solc.ENVIRONMENT, "nothing")
    monkeypatch.setenv(anvil.ENVIRONMENT, "nothing")
    for find in (lambda: compile_standard({}), find_anvil):
        with pytest.raises(SettlementError, match="names nothing, which is not an executable file"):
            find()
    old = script(bare / "old", 'echo "Version: 0.8.20+commit.a1b79de6.Linux"')
    monkeypatch.setenv(solc.ENVIRONMENT, str(old))
    with pytest.raises(SettlementError, match="must be solc 0.8.30"):
        compile_standard(settlement_source())
    for words in ("echo no", 'echo "Version: 0.8.30+commit.73712a01"; exit 3'):
        monkeypatch.setenv(solc.ENVIRONMENT, str(script(bare / "bad", words)))
        with pytest.raises(SettlementError) as caught:
            compile_standard(settlement_source())
        assert "\n" not in str(caught.value)


def test_a_node_that_does_not_start_is_reported(bare, monkeypatch):
    for words, said in (
        ("echo port in use; exit 1", "Anvil did not start: port in use"),
        ("exit 1", "nothing"),
    ):
        monkeypatch.setenv(anvil.ENVIRONMENT, str(script(bare / "anvil", words)))
        with pytest.raises(SettlementError, match=said), LocalNode():
            pass


def test_the_node_is_stopped(monkeypatch):
    with LocalNode() as node:
        assert node._process is not None
        pid = node._process.pid
        assert node.rpc.chain_id() == 31337
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.slow
def test_refused_sources_are_one_line():
    source = settlement_source()
    source["sources"] = {"x.sol": {"content": "contract {"}}
    with pytest.raises(SettlementError, match="solc refused the contracts: ") as caught:
        compile_standard(source)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_programs_of_the_working_directory_are_not_run(bare, monkeypatch):
    """A folder that somebody else filled: npm packages, and programs that a relative entry of PATH finds."""
    folder = bare / "hostile"
    ran = folder / "ran"
    for path in (
        folder / "node_modules" / executables.foundry_path("anvil"),
        folder / "anvil",
        folder / "solc",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        script(path, f"touch {ran}")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", os.pathsep.join([".", "", str(bare / "bin")]))
    with pytest.raises(SettlementError, match="no Anvil found"):
        find_anvil()
    with pytest.raises(SettlementError, match="needs solc"):
        compile_standard(settlement_source())
    assert not ran.exists()


@pytest.mark.slow
def test_the_compiler_is_not_taken_from_the_working_directory(tmp_path, monkeypatch):
    package = tmp_path / "node_modules" / "solc"
    package.mkdir(parents=True)
    (package / "index.js").write_text(
        f"require('fs').writeFileSync({str(tmp_path / 'ran')!r}, ''); exports.version = () => '0.8.30+';"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(solc.ENVIRONMENT, raising=False)
    assert "contracts" in compile_standard(settlement_source())
    assert not (tmp_path / "ran").exists()


@pytest.mark.long
def test_the_settlement_is_the_one_of_the_release(tmp_path, monkeypatch):
    """Neither the cache nor the compiler can put another contract in its place."""
    from zkllm.settle import contracts

    monkeypatch.setenv("ZKLLM_CACHE", str(tmp_path))
    honest = contracts.settlement_artifact()
    (cached,) = (tmp_path / "contracts").glob("*.json")
    contracts._to_cache(cached, replace(honest, creation=honest.creation + b"\0"))
    assert contracts.settlement_artifact() == honest
    output = compile_standard(contracts.settlement_source())
    cached.unlink()
    evm = output["contracts"]["ZkLLMSettlement.sol"]["ZkLLMSettlement"]["evm"]
    evm["bytecode"]["object"] += "00"
    monkeypatch.setattr(contracts, "compile_standard", lambda request: output)
    with pytest.raises(SettlementError, match="another ZkLLMSettlement than this package was released with"):
        contracts.settlement_artifact()
    assert not cached.exists()
