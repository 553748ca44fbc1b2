"""The generator: layout, determinism, size, and its command line."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from tests.chain.evm import ROOT
from verifier_gen import CONTRACT_NAME, VerifierSpec
from verifier_gen.__main__ import main
from verifier_gen.offsets import CalldataLayout, MemoryLayout
from verifier_gen.standard_json import MAX_CODE_BYTES, SOLC_VERSION, standard_json
from zkllm.errors import PackageError, SettlementError
from zkllm.outer.contract import describe, verifier_contract
from zkllm.outer.keys import VerifyingKey
from zkllm.outer.transcript import body_bytes
from zkllm.settle.contracts import verifier_artifact
from zkllm.statement import LIMBS_PER_WORD, num_words

FIXTURES = ROOT / "contracts/test/fixtures"


@pytest.fixture
def key() -> VerifyingKey:
    return VerifyingKey.load(FIXTURES / "single.vk.json")


def test_only_a_models_key_has_a_contract(key) -> None:
    """Keys of parts of a block prove less than an answer."""
    with pytest.raises(PackageError, match="only a model's key has a contract"):
        verifier_contract(dataclasses.replace(key, version=key.version + 1))


def described(key: VerifyingKey, words: int, columns: int) -> VerifierSpec:
    """A key of other sizes; its ids fill the words."""
    N = words * LIMBS_PER_WORD - 2
    return describe(dataclasses.replace(key, N=N, num_words=words, num_witness_columns=columns))


@pytest.mark.parametrize("words, columns", [(1, 1), (2, 2), (69, 3), (3, 40)])
def test_memory_slots_do_not_overlap(key: VerifyingKey, words: int, columns: int) -> None:
    layout = MemoryLayout.build(described(key, words, columns))
    temporary = {"BUFFER", "PAIRS", "SUM", "TERM", "TERM_Y", "SCALAR", "OMEGA_Q"}
    end_of_buffer = layout.addresses["SEED"]
    slots = sorted(
        (a, 32 * words if name == "WORDS" else 32)
        for name, a in layout.addresses.items()
        if name not in temporary
    )
    for (address, size), (following, _) in zip(slots, slots[1:], strict=False):
        assert address + size <= following
    assert slots[-1][0] + slots[-1][1] <= layout.end
    buffer = end_of_buffer - layout.addresses["BUFFER"]
    assert buffer >= max(96 + 32 * words + 64 * columns, 32 * 32, 18 * 32)
    assert all(layout.addresses[name] < end_of_buffer for name in temporary)


@pytest.mark.parametrize("words, columns", [(1, 1), (2, 2), (3, 40)])
def test_calldata_layout_is_the_abi(key: VerifyingKey, words: int, columns: int) -> None:
    layout = CalldataLayout.build(described(key, words, columns))
    assert layout.offsets["WORDS"] == 4 + 32 * 4
    assert layout.proof_offset == 32 * (4 + words)
    assert layout.offsets["WITNESS_0"] == 4 + layout.proof_offset + 32
    assert layout.size == layout.offsets["INVERSE"] + 32 == layout.offsets["WITNESS_0"] + body_bytes(columns)


def test_equal_keys_give_equal_text(key: VerifyingKey) -> None:
    again = VerifyingKey.from_json(key.to_json())
    assert verifier_contract(key) == verifier_contract(again)
    other = dataclasses.replace(key, model_id=bytes(32))
    assert verifier_contract(other).source != verifier_contract(key).source


@pytest.mark.parametrize("name", ["single", "multi", "sealed"])
def test_committed_contracts_are_the_generated_ones(name: str) -> None:
    source = verifier_contract(VerifyingKey.load(FIXTURES / f"{name}.vk.json")).source
    assert (ROOT / f"contracts/generated/{name}/{CONTRACT_NAME}.sol").read_text() == source


def test_large_shapes_fit(key: VerifyingKey) -> None:
    """GPT-2 XL's columns and its whole context of 1,024 tokens."""
    point = key.fixed_commitments[0]
    large = dataclasses.replace(
        key,
        N=1024,
        num_words=num_words(1024, 1, False),
        n_log2=17,
        mu=24,
        b_log2=12,
        num_witness_columns=3,
        fixed_commitments=(point,) * 19,
    )
    assert len(verifier_artifact(large).deployed) <= MAX_CODE_BYTES


def test_code_that_no_chain_takes_is_refused(key: VerifyingKey) -> None:
    huge = dataclasses.replace(key, fixed_commitments=key.fixed_commitments[:1] * 200)
    with pytest.raises(SettlementError, match="bytes of code"):
        verifier_artifact(huge)


def test_constructor_knows_the_srs(key: VerifyingKey) -> None:
    assert "bool public constant DEVELOPMENT_SRS = true;" in verifier_contract(key).source
    ceremony = dataclasses.replace(key, srs_kind="ceremony")
    assert "bool public constant DEVELOPMENT_SRS = false;" in verifier_contract(ceremony).source


def test_settings_are_foundrys() -> None:
    settings = standard_json({})["settings"]
    foundry = (ROOT / "foundry.toml").read_text()
    assert f'evm_version = "{settings["evmVersion"]}"' in foundry
    assert f"optimizer_runs = {settings['optimizer']['runs']}" in foundry
    assert f'"solc": "{SOLC_VERSION}"' in (ROOT / "package.json").read_text()


# ------------------------------------------------------------------------------------ command line


def test_command_writes_both_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(FIXTURES / "single.vk.json"), "--out", str(tmp_path), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    source = (tmp_path / f"{CONTRACT_NAME}.sol").read_text()
    assert result["verifier_id"] in source
    standard = json.loads((tmp_path / f"{CONTRACT_NAME}.standard.json").read_text())
    assert standard["sources"][f"{CONTRACT_NAME}.sol"]["content"] == source


def test_command_finds_the_key_of_a_shape(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    package, out = tmp_path / "package", str(tmp_path / "out")
    for name, shape in (("single", "N16-k1"), ("multi", "N40-k3"), ("sealed", "N24-k11-sealed")):
        folder = package / "keys" / shape
        folder.mkdir(parents=True)
        (folder / "vk.json").write_text((FIXTURES / f"{name}.vk.json").read_text())
    assert main([str(package), "--out", out]) == 1
    assert "keys of several shapes (N=16 k=1, N=24 k=11 sealed, N=40 k=3)" in capsys.readouterr().err
    assert main([str(package), "--out", out, "--max-tokens", "40"]) == 0
    assert main([str(package), "--out", out, "--new-tokens", "1"]) == 0
    assert main([str(package), "--out", out, "--new-tokens", "9"]) == 1
    assert main([str(package / "keys/N16-k1"), "--out", out]) == 0


@pytest.mark.parametrize("text", ["", "{}", "[]", "\x00", "null"])
def test_command_refuses_damaged_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (tmp_path / "vk.json").write_text(text)
    assert main([str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("python -m verifier_gen: ") and error.count("\n") == 1


def test_command_without_a_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "no verifying key" in capsys.readouterr().err
