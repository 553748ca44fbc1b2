"""What `setup --check` and the tools that read a package must not be fooled by."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from verifier_gen.__main__ import find_key
from zkllm import api
from zkllm._native import g2_squarings
from zkllm.cli.models import verifying_key
from zkllm.errors import PackageError, SrsError
from zkllm.model.package import ModelPackage
from zkllm.outer.keys import VerifyingKey
from zkllm.pcs.srs import development_srs
from zkllm.proof import Proof


@pytest.fixture
def copy(package: Path, tmp_path: Path) -> Path:
    """A package that may be changed."""
    return Path(shutil.copytree(package, tmp_path / "copy"))


def test_a_planted_key_is_not_looked_at(copy: Path, proof: Path) -> None:
    """Only the keys that --check checks are used, wherever else in the package a vk.json lies."""
    parsed = Proof.load(proof)
    genuine = copy / "keys" / f"N{parsed.N}-k{parsed.k}" / "vk.json"
    planted = replace(VerifyingKey.load(genuine), srs_digest=bytes(32))
    for place in (copy, copy / f"N{parsed.N}-k{parsed.k}"):
        place.mkdir(exist_ok=True)
        planted.save(place / "vk.json")
    assert verifying_key(copy, parsed) == VerifyingKey.load(genuine)
    assert find_key(copy, parsed.N, parsed.k) == genuine


def test_a_development_srs_is_named_and_cannot_call_itself_a_ceremony(
    run, copy: Path, checkpoint: Path
) -> None:
    text = run("setup", checkpoint, "--out", copy, "--check").out
    assert "SRS development" in text and "anyone can forge" in text
    record = copy / "keys" / "setup.json"
    data = json.loads(record.read_text())
    record.write_text(json.dumps(data | {"srs_kind": "ceremony"}))
    run("setup", checkpoint, "--out", copy, "--check").failed_in_one_line("the SRS is a development one")


@pytest.mark.parametrize(
    "change", [{"srs_path": 5}, {"srs_path": "\0"}, {"srs_kind": "trusted"}, {"model_id": "zz"}]
)
def test_a_damaged_record_is_refused(copy: Path, change: dict) -> None:
    record = copy / "keys" / "setup.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | change))
    with pytest.raises(PackageError, match="is damaged"):
        api.open_setup(ModelPackage.load(copy))


def test_a_folder_that_is_no_shape_is_refused(run, copy: Path, checkpoint: Path) -> None:
    (copy / "keys" / "Nx-ky").mkdir()
    run("setup", checkpoint, "--out", copy, "--check").failed_in_one_line("not the keys of a shape")


def test_other_merges_are_refused(run, copy: Path, checkpoint: Path) -> None:
    """The same vocabulary, but a prompt would be split in another way."""
    definition = json.loads((checkpoint / "tokenizer.json").read_text())
    definition["model"]["merges"] = definition["model"]["merges"][:-1]
    other = Path(shutil.copytree(checkpoint, copy.parent / "other"))
    (other / "tokenizer.json").write_text(json.dumps(definition))
    run("setup", other, "--out", copy, "--check").failed_in_one_line("tokenizer is not the checkpoint's")


def test_setup_checks_an_srs_of_our_format(copy: Path, tmp_path: Path) -> None:
    """Genuine [tau]_1 and [tau]_2, hence the genuine digest, but other powers in G2."""
    package = ModelPackage.load(copy)
    srs = development_srs(max(api.MIN_SRS_LOG2, package.config.mu))
    raw = g2_squarings(12345, len(srs.g2_raw))
    others = tuple(raw[i : i + 128] for i in range(0, len(raw), 128))
    forged = replace(srs, g2_raw=(srs.g2_raw[0], *others[1:]))
    forged.save(tmp_path / "forged.srs")
    assert forged.digest == srs.digest
    with pytest.raises(SrsError, match="G2 does not hold"):
        api.setup_keys(package, 8, tmp_path / "forged.srs")
