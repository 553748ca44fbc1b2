"""What `setup --check` and the tools that read a package must not be fooled by."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from zkllm import api, public_model, setup_check
from zkllm._native import g2_squarings
from zkllm.cache import cache_directory
from zkllm.cli.models import find_key, shape_verifying_key, verifying_key
from zkllm.errors import PackageError, SrsError
from zkllm.files import canonical_json
from zkllm.model.package import ModelPackage
from zkllm.model_id import model_id
from zkllm.outer.keys import VerifyingKey
from zkllm.outer.setup import ProvingKey
from zkllm.pcs.srs import development_srs
from zkllm.proof import Proof
from zkllm.settle.doctor import keys_of
from zkllm.setup_record import SetupRecord
from zkllm.shape_protocol import powers_needed, protocol_of

pytestmark = pytest.mark.slow


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
    srs = development_srs((powers_needed(protocol_of(package, 8, 1)) - 1).bit_length())
    raw = g2_squarings(12345, len(srs.g2_raw))
    others = tuple(raw[i : i + 128] for i in range(0, len(raw), 128))
    forged = replace(srs, g2_raw=(srs.g2_raw[0], *others[1:]))
    forged.save(tmp_path / "forged.srs")
    assert forged.digest == srs.digest
    with pytest.raises(SrsError, match="G2 does not hold"):
        api.setup_keys(package, 8, tmp_path / "forged.srs")


def test_a_small_srs_is_refused_before_weights_are_committed(copy: Path) -> None:
    """One that is long enough for the columns, but not for the circuit."""
    package = ModelPackage.load(copy)
    shutil.rmtree(copy / "keys")
    mu, needed = package.config.fixed_mu, powers_needed(protocol_of(package, 8, 1))
    assert 1 << mu < needed
    development_srs(mu)
    with pytest.raises(SrsError, match=f"has {1 << mu} powers, {needed} are needed"):
        api.setup_keys(package, 8, cache_directory() / f"development-{mu}.srs")
    assert not (copy / "keys").exists()


# ---- a folder that came from elsewhere, with keys in it


@pytest.fixture
def strange(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that another user made: this one's cache knows nothing of it."""
    cache = tmp_path / "cache"
    cache.mkdir()
    for srs in cache_directory().glob("development-*.srs"):
        (cache / srs.name).symlink_to(srs)
    monkeypatch.setenv("ZKLLM_CACHE", str(cache))
    shutil.rmtree(copy / "keys" / "N8-k2", ignore_errors=True)
    return copy


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_genuine_keys_of_others_are_made_again_once(strange: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(strange)
    made: list[str] = []
    for module, name in ((setup_check, "commit_columns"), (public_model, "setup_outer")):
        genuine = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *a, n=name, g=genuine: (made.append(n), g(*a))[1])
    for _ in range(2):
        package = api.open_package(strange)
        key = api.shape_keys(package, 8, 1).verifying_key
        assert made == ["commit_columns", "setup_outer"]
    assert contents(strange) == before
    assert keys_of(strange, package.digest, key.model_id) == [key]


@pytest.mark.parametrize("field", ["fixed_commitments", "model_id", "config_digest"])
def test_false_records_of_others_are_refused(strange: Path, field: str) -> None:
    """Commitments to other weights, in which predicates may fail, with the model_id that belongs to them; a
    false model_id; a false configuration."""
    path = strange / "keys" / "setup.json"
    record = SetupRecord.load(path)
    if field == "fixed_commitments":
        vk = VerifyingKey.load(strange / "keys" / "N8-k1" / "vk.json")
        others = (vk.c0, *record.fixed_commitments[1:])
        identity = model_id(record.config_digest, vk.vocabulary_root, others)
        false = replace(record, fixed_commitments=others, model_id=identity)
    else:
        false = replace(record, **{field: bytes(32)})
    path.write_bytes(false.to_bytes())
    words = "commitments are not" if field == "fixed_commitments" else "model_id is not"
    with pytest.raises(PackageError, match=f"the recorded {words} "):
        api.open_package(strange)


def test_planted_keys_are_replaced(strange: Path) -> None:
    """A key of another circuit, with the proving key to it: what it verifies means nothing."""
    folder = strange / "keys" / "N8-k1"
    genuine = VerifyingKey.load(folder / "vk.json")
    planted = replace(genuine, c0=genuine.fixed_commitments[0])
    pk = ProvingKey.load(folder / "proving.key")
    planted.save(folder / "vk.json")
    replace(pk, vk=planted).save(folder / "proving.key")
    package = api.open_package(strange)
    assert keys_of(strange, package.digest, genuine.model_id) == []
    assert shape_verifying_key(package, 8, 1) == genuine
    assert api.shape_keys(package, 8, 1).verifying_key == genuine == VerifyingKey.load(folder / "vk.json")
    assert keys_of(strange, package.digest, genuine.model_id) == [genuine]


def test_keys_of_another_shape_are_replaced(copy: Path) -> None:
    """One's own, but not this shape's."""
    genuine = VerifyingKey.load(copy / "keys" / "N8-k1" / "vk.json")
    shutil.copytree(copy / "keys" / "N8-k1", copy / "keys" / "N4-k1")
    key = shape_verifying_key(ModelPackage.load(copy), 4, 1)
    assert (key.N, key.k) == (4, 1) and key != genuine


def test_unfinished_work_of_others_counts_as_nothing(strange: Path) -> None:
    """Commitments that wait in a journal for a set-up to go on with."""
    genuine = SetupRecord.load(strange / "keys" / "setup.json")
    journal = strange / "keys" / "commitments.json"
    data = json.loads(journal.read_bytes())
    assert data["results"]["column 0"] == genuine.fixed_commitments[0].hex()
    data["results"]["column 0"] = VerifyingKey.load(strange / "keys" / "N8-k1" / "vk.json").c0.hex()
    journal.write_bytes(canonical_json(data))
    (strange / "keys" / "setup.json").unlink()
    package = api.open_package(strange)
    assert api.open_setup(package).fixed_commitments == genuine.fixed_commitments


def test_what_was_checked_is_one_s_own(run, strange: Path, checkpoint: Path) -> None:
    package = ModelPackage.load(strange)
    assert not api.open_setup(package).own
    assert run("setup", checkpoint, "--out", strange, "--check", "--quiet").code == 0
    genuine = VerifyingKey.load(strange / "keys" / "N8-k1" / "vk.json")
    assert api.open_setup(package).own and keys_of(strange, package.digest, genuine.model_id) == [genuine]


@pytest.mark.long
def test_scales_of_a_text_of_one_s_own(run, copy: Path, checkpoint: Path) -> None:
    """The auditor has the text, or allows the scales."""
    text = copy.parent / "text"
    text.write_text("zzzz qqqq " * 400)
    command = ["setup", checkpoint, "--out", copy]
    assert run(*command, "--max-tokens", 8, "--calibration", text, "--quiet").code == 0
    shutil.rmtree(copy / "keys" / "N8-k2", ignore_errors=True)
    run(*command, "--check").failed_in_one_line(
        "calibrated on a text", "--calibration FILE", "--allow-scales"
    )
    outcome = run(*command, "--check", "--calibration", text)
    assert outcome.code == 0 and "the scales that the quantiser chooses" in outcome.out
    outcome = run(*command, "--check", "--allow-scales", "--json")
    assert outcome.code == 0 and outcome.json["scales"] == "allowed"
    outcome = run(*command, "--allow-scales")
    assert outcome.code == 2 and outcome.err.endswith("--allow-scales is for --check\n")


def test_an_unsound_package_fails_the_check(run, copy: Path, checkpoint: Path) -> None:
    path = copy / "manifest.json"
    data = json.loads(path.read_bytes())
    data["config"]["vocab_slot_bits"] = 10
    path.write_bytes(canonical_json(data))
    for option in ((), ("--allow-scales",)):
        run("setup", checkpoint, "--out", copy, "--check", *option).failed_in_one_line("claims of head")
