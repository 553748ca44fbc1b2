"""The generator: layout, determinism, size, and its command line."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from tests.chain.evm import ROOT
from verifier_gen import CONTRACT_NAME, generate
from verifier_gen.__main__ import main
from verifier_gen.compiler import compile_contract
from verifier_gen.layout import BODY, CalldataLayout, MemoryLayout, num_public, proof_words, witness_name
from verifier_gen.standard_json import MAX_CODE_BYTES, SOLC_VERSION, standard_json
from zkllm.errors import PackageError, SettlementError
from zkllm.outer.keys import VerifyingKey
from zkllm.outer.transcript import body_bytes, body_layout, public_input_names
from zkllm.statement import num_words

FIXTURES = ROOT / "contracts/test/fixtures"


@pytest.fixture
def key() -> VerifyingKey:
    return VerifyingKey.load(FIXTURES / "single.vk.json")


def test_only_a_models_key_has_a_contract(key) -> None:
    """Keys of parts of a block prove less than an answer."""
    with pytest.raises(PackageError, match="only a model's key has a contract"):
        generate(dataclasses.replace(key, version=key.version + 1))


def test_layout_is_the_schedules() -> None:
    """The contract's order of fields is the one that the prover's schedule has."""
    ours = [(witness_name(i), True) for i in range(3)] + [(name, words == 2) for name, words in BODY]
    theirs = body_layout(3)
    assert [kind for _, kind in ours] == [kind for _, kind in theirs]
    renamed = {"z": "Z_PRIME", "z_next": "Z_PRIME_NEXT", "pc": "PCOL_ZETA", "pci": "PCOL_ZETA_INV"}
    renamed |= {
        "pr": "PROW_ZETA",
        "pri": "PROW_ZETA_INV",
        **{f"witness{i}": f"WITNESS_{i}" for i in range(3)},
    }
    assert [name for name, _ in ours] == [renamed.get(name, name).upper() for name, _ in theirs]
    for columns in (1, 2, 5):
        assert 32 * proof_words(columns) == body_bytes(columns)
    for N in (1, 13, 14, 1024):
        assert num_public(num_words(N)) == len(public_input_names(num_words(N)))


@pytest.mark.parametrize("words, columns", [(1, 1), (2, 2), (69, 3), (3, 40)])
def test_memory_slots_do_not_overlap(words: int, columns: int) -> None:
    layout = MemoryLayout.build(words, columns)
    sizes = {"WORDS": 32 * words, "PREFIX_PUBLIC": 32 * num_public(words)}
    temporary = {"BUFFER", "PAIRS", "SUM", "TERM", "TERM_Y", "SCALAR", "OMEGA_Q"}
    end_of_buffer = layout.addresses["SEED"]
    slots = sorted((a, sizes.get(name, 32)) for name, a in layout.addresses.items() if name not in temporary)
    for (address, size), (following, _) in zip(slots, slots[1:], strict=False):
        assert address + size <= following
    assert slots[-1][0] + slots[-1][1] <= layout.end
    assert end_of_buffer - layout.addresses["BUFFER"] >= 96 + 32 * words + 64 * columns
    assert all(layout.addresses[name] < end_of_buffer for name in temporary)


def test_calldata_layout_is_the_abi() -> None:
    layout = CalldataLayout.build(2, 1)
    assert layout.offsets["WORDS"] == 4 + 32 * 4
    assert layout.offsets[witness_name(0)] == 4 + layout.proof_offset + 32
    assert layout.size == layout.offsets["INVERSE"] + 32


def test_equal_keys_give_equal_text(key: VerifyingKey) -> None:
    again = VerifyingKey.from_json(key.to_json())
    assert generate(key) == generate(again)
    other = dataclasses.replace(key, model_id=bytes(32))
    assert generate(other).source != generate(key).source


@pytest.mark.parametrize("name", ["single", "multi"])
def test_committed_contracts_are_the_generated_ones(name: str) -> None:
    source = generate(VerifyingKey.load(FIXTURES / f"{name}.vk.json")).source
    assert (ROOT / f"contracts/generated/{name}/{CONTRACT_NAME}.sol").read_text() == source


def test_large_shapes_fit(key: VerifyingKey) -> None:
    """GPT-2 XL's columns and its whole context of 1,024 tokens."""
    point = key.fixed_commitments[0]
    large = dataclasses.replace(
        key,
        N=1024,
        num_words=num_words(1024),
        n_log2=17,
        mu=24,
        b_log2=12,
        num_witness_columns=3,
        fixed_commitments=(point,) * 19,
    )
    assert len(generate(large).compile().deployed_bytecode) <= MAX_CODE_BYTES


def test_code_that_no_chain_takes_is_refused(key: VerifyingKey) -> None:
    huge = dataclasses.replace(key, fixed_commitments=key.fixed_commitments[:1] * 200)
    with pytest.raises(SettlementError, match="bytes of code"):
        generate(huge).compile()


def test_constructor_knows_the_srs(key: VerifyingKey) -> None:
    assert "bool public constant DEVELOPMENT_SRS = true;" in generate(key).source
    ceremony = dataclasses.replace(key, srs_kind="ceremony")
    assert "bool public constant DEVELOPMENT_SRS = false;" in generate(ceremony).source


def test_settings_are_foundrys() -> None:
    settings = standard_json({})["settings"]
    foundry = (ROOT / "foundry.toml").read_text()
    assert f'evm_version = "{settings["evmVersion"]}"' in foundry
    assert f"optimizer_runs = {settings['optimizer']['runs']}" in foundry
    assert f'"solc": "{SOLC_VERSION}"' in (ROOT / "package.json").read_text()


def test_compiler_errors_are_one_line() -> None:
    with pytest.raises(SettlementError, match="solc refused C"):
        compile_contract(standard_json({"a.sol": "contract C { function f() {} }"}), "C")


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
    for name, shape in (("single", "N16-k1"), ("multi", "N40-k3")):
        folder = package / "keys" / shape
        folder.mkdir(parents=True)
        (folder / "vk.json").write_text((FIXTURES / f"{name}.vk.json").read_text())
    assert main([str(package), "--out", out]) == 1
    assert "keys of several shapes (N=16 k=1, N=40 k=3)" in capsys.readouterr().err
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
