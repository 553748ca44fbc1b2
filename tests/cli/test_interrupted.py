"""Ctrl-C and SIGKILL at every stage: nothing half-written counts, and a set-up goes on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.interrupts import interrupt_at, killed_at
from zkllm import api
from zkllm.errors import PackageError
from zkllm.files import canonical_json, file_digest
from zkllm.model import build, calibrate
from zkllm.model.package import CALIBRATION_FILE, ModelPackage

pytestmark = pytest.mark.slow

SETUP_STAGES = ["calibrate", "quantize", "ranges", "commit weights", "keys N=8 k=1"]
PROVE_STAGES = ["keys N=8 k=3", "trace", "witness", "commit witness", "inner proof", "outer proof"]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but what says how it was made."""
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name not in ("build.json", "checkpoint.txt")
    }


def setup_command(checkpoint: Path, out: Path) -> list[object]:
    return ["setup", checkpoint, "--out", out, "--max-tokens", 8]


def test_ctrl_c_at_every_stage_of_setup(run, package: Path, checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "package"
    for stage in SETUP_STAGES:
        with pytest.MonkeyPatch.context() as patch:
            interrupt_at(patch, stage, skip=0)
            outcome = run(*setup_command(checkpoint, out))
        assert outcome.code == 130, (stage, outcome)
        assert "setup: interrupted; give the same command again" in outcome.err
        assert ("going on" in outcome.err) == (stage in SETUP_STAGES[2:])
        assert "Traceback" not in outcome.err and outcome.out == ""
        with pytest.raises(PackageError):
            api.open_setup(ModelPackage.load(out))
            api.VerifyingKey.load(out / "keys" / "N8-k1" / "vk.json")
    assert run(*setup_command(checkpoint, out)).code == 0
    expected = {name: data for name, data in contents(package).items() if "k2" not in name}
    assert contents(out) == expected


def test_a_killed_setup_goes_on(
    run, package: Path, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "package"
    for stage in SETUP_STAGES:
        killed_at(stage, setup_command(checkpoint, out), skip=0 if stage.startswith("keys") else 1)
    redone: list[str] = []
    monkeypatch.setattr(calibrate, "measure", lambda *_: redone.append("measured"))
    monkeypatch.setattr(build, "calibration_report", lambda *_: redone.append("traced"))
    monkeypatch.setattr(build, "ArrayFiles", lambda *_: redone.append("quantised"))
    outcome = run(*setup_command(checkpoint, out))
    assert outcome.code == 0 and redone == []
    assert contents(out) == {name: data for name, data in contents(package).items() if "k2" not in name}


@pytest.fixture
def copy(package: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(package, tmp_path / "copy", ignore=shutil.ignore_patterns("*k2")))


def test_damaged_and_missing_pieces_are_made_again(run, copy: Path, checkpoint: Path) -> None:
    expected = contents(copy)
    for name in ("weights/w_fc1.bin", "weights/b_o.bin", "weights/exp.bin", "tokenizer.json", "build.json",
                 "ranges.json", "conversation.json", "keys/commitments.json", "keys/setup.json",
                 "manifest.json"):  # fmt: skip
        path = copy / name
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        assert run(*setup_command(checkpoint, copy)).code == 0, name
        assert contents(copy) == expected, name
    for name in ("weights/wte.bin", "manifest.json", "keys/N8-k1/proving.key", "build.json"):
        (copy / name).unlink()
        assert run(*setup_command(checkpoint, copy)).code == 0
        assert contents(copy) == expected, name


def test_a_record_that_is_none_or_another_is_written_anew(run, copy: Path, checkpoint: Path) -> None:
    """Where the manifest has its digest, so that nothing but what it says is wrong."""
    expected, path, manifest = contents(copy), copy / CALIBRATION_FILE, copy / "manifest.json"
    right = json.loads(path.read_bytes())
    for wrong in (b"{}", canonical_json(right | {"seed": right["seed"] + 1})):
        path.write_bytes(wrong)
        told = json.loads(manifest.read_bytes())
        told["files"][CALIBRATION_FILE] = file_digest(path)
        manifest.write_bytes(canonical_json(told))
        ModelPackage.load(copy)
        assert run(*setup_command(checkpoint, copy)).code == 0, wrong
        assert contents(copy) == expected, wrong


def test_what_is_no_record_of_ones_own_counts_as_nothing(run, copy: Path, checkpoint: Path) -> None:
    """Of what set-up has finished: half of it, or one that is as it has to be, but for its numbers."""
    expected, path = contents(copy), copy / build.BUILD_FILE
    raw = path.read_bytes()
    record = json.loads(raw)
    record["results"]["ranges"] = quadrupled(record["results"]["ranges"])
    for wrong in (raw[: len(raw) // 2], json.dumps(record).encode()):
        path.write_bytes(wrong)
        assert run(*setup_command(checkpoint, copy)).code == 0
        assert contents(copy) == expected


def quadrupled(data: Any) -> Any:
    if isinstance(data, dict):
        return {name: quadrupled(value) for name, value in data.items()}
    return [quadrupled(value) for value in data] if isinstance(data, list) else 4 * data


def test_other_inputs_are_noticed(run, copy: Path, checkpoint: Path, tmp_path: Path) -> None:
    """A wrong column in a journal of other inputs must not be used, and neither must other arrays."""
    text = tmp_path / "text"
    text.write_text("zzzz qqqq " * 400)
    assert run(*setup_command(checkpoint, copy), "--calibration", text).code == 0
    fresh = tmp_path / "fresh"
    assert run(*setup_command(checkpoint, fresh), "--calibration", text).code == 0
    assert contents(copy) == contents(fresh)
    assert run(*setup_command(checkpoint, copy), "--mu", 12).code == 0
    assert json.loads((copy / "manifest.json").read_bytes())["config"]["mu"] == 12
    assert run("setup", checkpoint, "--out", copy, "--check").code == 0


def prove_command(package: Path, out: Path) -> list[object]:
    return ["prove", package, "--tokens", "72,101", "--new-tokens", 3, "--out", out]


def test_interrupted_proving_leaves_nothing(run, copy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    before, out = contents(copy), folder / "proof"
    for stage in PROVE_STAGES:
        with pytest.MonkeyPatch.context() as patch:
            interrupt_at(patch, stage, skip=0)
            outcome = run(*prove_command(copy, out))
        assert outcome.code == 130 and "interrupted" in outcome.err, (stage, outcome)
        assert list(folder.iterdir()) == []
        if stage.startswith("keys"):
            assert contents(copy) == before
    for stage in (PROVE_STAGES[1], PROVE_STAGES[-1]):
        killed_at(stage, prove_command(copy, out), skip=0)
        assert list(folder.iterdir()) == []
    assert run(*prove_command(copy, out)).code == 0
    assert run("verify", out, "--model", copy).code == 0
    assert [p.name for p in folder.iterdir()] == ["proof"]
    whole = out.read_bytes()
    assert run(*prove_command(copy, out)).code == 0 and out.read_bytes() != whole  # blinded anew
    assert run("verify", out, "--model", copy).code == 0
