"""Private packages through the command line: proved and settled as others, and no secret is told."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tests.cli.conftest import Outcome, Run
from zkllm.files import canonical_json
from zkllm.hiding import fixed_masks
from zkllm.key_files import setup_file
from zkllm.model.package import HIDING_KEY_FILE, ModelPackage
from zkllm.setup_record import SetupRecord

pytestmark = pytest.mark.slow

PROMPT = ("--tokens", "72,101,108", "--new-tokens", "2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("private") / "package"


@pytest.fixture
def private(run: Run, checkpoint: Path, folder: Path) -> Outcome:
    made = run("setup", checkpoint, "--out", folder, "--max-tokens", "8", "--private")
    assert made.code == 0, made
    return made


def secrets(folder: Path) -> list[bytes]:
    """The key, the masks and the weights' digests, as bytes and as they would be written."""
    package = ModelPackage.load(folder)
    record = SetupRecord.load(setup_file(folder))
    assert package.hiding_key is not None
    masks = [m for own in fixed_masks(package, record.srs_digest) for m in own.values()]
    found = []
    for number in (package.hiding_key, *masks):
        raw = number.to_bytes(32, "big")
        found += [raw, raw[::-1], f"{number:x}".encode(), str(number).encode()]
    for digest in json.loads((folder / "manifest.json").read_bytes())["files"].values():
        found += [digest.encode(), bytes.fromhex(digest)]
    for digest in (package.digest, record.package_digest):
        found += [digest.hex().encode(), digest]
    return found


@pytest.mark.long
def test_nothing_that_leaves_the_folder_tells_a_secret(
    run: Run, private: Outcome, folder: Path, checkpoint: Path, tmp_path: Path
) -> None:
    out, profile = tmp_path / "answer.zkllm", tmp_path / "profile.json"
    outcomes = [
        private,
        run("setup", checkpoint, "--out", folder, "--max-tokens", "8", "--private", "--json"),
        run("prove", folder, *PROMPT, "--out", out, "--profile", profile),
        run("prove", folder, *PROMPT, "--out", out, "--json", "--float-logits"),
        run("verify", out, "--model", folder, "--json"),
        run("inspect", folder),
        run("inspect", folder, "--json"),
        run("inspect", out, "--json"),
        run("accuracy", folder, "--checkpoint", checkpoint, "--json"),
        run("verifier", folder, "--new-tokens", 2, "--out", tmp_path / "contract"),
        run("profile", profile),
        run("publish", folder, "--out", tmp_path / "public.json"),
    ]
    assert [o.code for o in outcomes] == [0] * len(outcomes), outcomes
    files = [
        out,
        profile,
        tmp_path / "public.json",
        *(tmp_path / "contract").rglob("*"),
        *folder.rglob("vk.json"),
    ]
    said = [o.out.encode() + o.err.encode() for o in outcomes]
    said += [path.read_bytes() for path in files if path.is_file()]
    # errors too: a key that was changed, and a folder that is damaged
    key = folder / HIDING_KEY_FILE
    known, text = secrets(folder), key.read_text()
    for damage in ("0x12\n", text.upper(), f"0x{1:064x}\n"):
        key.write_text(damage)
        failed = run("prove", folder, *PROMPT, "--out", out)
        failed.failed_in_one_line("hiding")
        said.append(failed.err.encode())
    key.write_text(text)
    for secret in known:
        assert not any(secret in text for text in said), secret


def test_the_list_of_what_others_see(run: Run, private: Outcome, folder: Path, package: Path) -> None:
    assert "hidden: keep" in private.out
    shown = run("inspect", folder)
    assert "others see" in shown.out and "others do not see" in shown.out and "hiding.key" in shown.out
    assert "others see" not in run("inspect", package).out
    data = run("inspect", folder, "--json").json
    assert data["private"]


def test_set_up_again_and_checked(run: Run, private: Outcome, folder: Path, checkpoint: Path) -> None:
    """The same key, the same model_id; the owner's audit; and the option does not go unsaid."""
    again = run("setup", checkpoint, "--out", folder, "--max-tokens", "8", "--private", "--json").json
    assert f"0x{SetupRecord.load(setup_file(folder)).model_id.hex()}" == again["model_id"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    open_again = run("setup", checkpoint, "--out", folder, "--max-tokens", "8")
    open_again.failed_in_one_line("is a private package, and would not be one any more")
    assert ModelPackage.load(folder).config.hidden
    assert run("setup", checkpoint, "--out", folder, "--check").code == 0
    refused = run("setup", checkpoint, "--out", folder, "--check", "--private")
    assert refused.code == 2 and "--check takes no --private" in refused.err
    hidden, plain = (run("setup", checkpoint, "--plan", *also, "--json").json for also in (["--private"], []))
    assert (hidden["private"], plain["private"]) == (True, False)
    assert max(c["mu"] for c in hidden["choices"]) == ModelPackage.load(folder).config.mu


@pytest.mark.long
def test_it_is_settled_as_any_other(run: Run, private: Outcome, folder: Path, chain, tmp_path: Path) -> None:
    common = ("--network", "anvil", "--home", tmp_path / "home", "--model", folder)
    settled = run("settle", *common, *PROMPT, "--quiet")
    assert settled.code == 0 and "settled: " in settled.out, settled


# ---- the public record


@pytest.fixture
def record(run: Run, private: Outcome, folder: Path, tmp_path: Path) -> Path:
    path = tmp_path / "public.json"
    published = run("publish", folder, "--out", path, "--json").json
    assert published["model_id"] == f"0x{SetupRecord.load(setup_file(folder)).model_id.hex()}"
    return path


SHAPE = ("--max-tokens", 8, "--new-tokens", 2)


def test_keys_are_made_from_the_public_record(run: Run, folder: Path, record: Path, tmp_path: Path) -> None:
    """The owner's to the byte, sealed shapes too; and his proofs verify under them."""
    out = tmp_path / "answer.zkllm"
    for sealed in ((), ("--sealed",)):
        assert run("prove", folder, *PROMPT, *sealed, "--out", out).code == 0
        made = run("key", record, *SHAPE, *sealed, "--out", tmp_path / "vk.json")
        assert made.code == 0 and "VERIFIER_ID  0x" in made.out
        (owner,) = folder.glob("keys/N8-k2-sealed/vk.json" if sealed else "keys/N8-k2/vk.json")
        assert (tmp_path / "vk.json").read_bytes() == owner.read_bytes()
        assert run("verify", out, "--model", tmp_path / "vk.json").code == 0


def changed(record: Path, **changes: object) -> None:
    data = json.loads(record.read_bytes())
    record.write_bytes(canonical_json({**data, **changes}))


def test_false_records_make_no_key(run: Run, package: Path, record: Path, tmp_path: Path) -> None:
    """An unsound program, other tables, a column too few, another SRS, no record at all."""
    raw, command = record.read_bytes(), ("key", record, *SHAPE, "--out", tmp_path / "vk.json")
    data = json.loads(raw)
    config, tables, commitments = data["config"], data["tables"], data["fixed_commitments"]
    for words, changes in {
        "unsound: one value: claims of head": {"config": config | {"vocab_slot_bits": 32}},
        "unsound: div_bits": {"config": config | {"div_bits": 8}},
        "unsound: GELU tables: scales for each class": {"tables": tables | {"gelu_in_log2": [9, 9]}},
        "exp_top or score_divisor": {"tables": tables | {"exp_top": 1 << 40}},
        "not that of the lookup tables": {"tables": tables | {"exp_top": tables["exp_top"] - 1}},
        "not the one that the model was set up with": {"srs_digest": "00" * 32},
        f"{len(commitments) - 1} commitments": {"fixed_commitments": commitments[:-1]},
        "the model is not private": {"config": config | {"hidden": False}},
        "format 2": {"format": 2},
        "not on the curve": {"fixed_commitments": ["01" * 64, *commitments[1:]]},
    }.items():
        record.write_bytes(raw)
        changed(record, **changes)
        refused = run(*command)
        refused.failed_in_one_line(words)
        if words == "not on the curve":  # a key refuses such a point too, but after the work
            assert " ..." not in refused.err
    swapped = [commitments[-1], *commitments[1:-1], commitments[0]]
    record.write_bytes(raw)
    changed(record, fixed_commitments=swapped)
    run(*command).failed_in_one_line("not that of the lookup tables")
    record.write_bytes(raw[:-1])
    run(*command).failed_in_one_line("public record")
    assert not (tmp_path / "vk.json").exists()
    run("publish", package, "--out", record).failed_in_one_line("is not private")
