"""`zkllm precompute`: a table is made, checked, used and left alone; refusals, damage and interruptions."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.interrupts import interrupt_at
from zkllm import transformed_srs
from zkllm.cli import main
from zkllm.key_files import opening_table_file
from zkllm.model.package import ModelPackage
from zkllm.model.quantize import Scales
from zkllm.model.tiny import tiny_model
from zkllm.model.tokenizer_files import load_tokenizer
from zkllm.model_setup import setup_keys
from zkllm.opening_table import Binding, save_table
from zkllm.outer.keys import VerifyingKey
from zkllm.pcs.curve import G1_GENERATOR
from zkllm.precompute import FixedColumns

pytestmark = pytest.mark.slow

DEMO = Path(__file__).resolve().parents[2] / "models" / "demo-gpt2"


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random model with keys for N = 8: its columns are short, so that an SRS is soon transformed."""
    folder, size = tmp_path_factory.mktemp("plain") / "package", 478
    scales = Scales(1, 1, 1, 1, 1, 1, 1, (1, 1, 1), 1, (1, 1), (1, 1), (1, 1), (1, 1), 1, 1)
    tokenizer = load_tokenizer(DEMO, size)
    package = ModelPackage.save(folder, tiny_model(1, vocab_size=size, mu=12), scales, tokenizer, [], "tiny")
    setup_keys(package, 8)
    return folder


@pytest.fixture(scope="session")
def tabled(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with its table."""
    folder = Path(shutil.copytree(plain, tmp_path_factory.mktemp("tabled") / "package"))
    assert main(["precompute", str(folder), "--quiet"]) == 0
    return folder


@pytest.fixture
def copy(plain: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(plain, tmp_path / "copy"))


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where no transform of an SRS is yet."""
    monkeypatch.setattr(transformed_srs, "TRANSFORMED", SimpleNamespace(path=(tmp_path / "cache").joinpath))
    return tmp_path / "cache"


def prove(run, package: Path, out: Path) -> tuple[dict, str]:
    """A proof, which is verified. Masks are drawn anew each time: that it is the same with the same masks, to
    the byte, is tests/test_opening_table.py's."""
    outcome = run("prove", package, "--tokens", "72,101,108", "--out", out, "--json")
    assert outcome.code == 0, outcome
    assert run("verify", out, "--model", package).code == 0
    return outcome.json, outcome.err


def binding(package: Path) -> Binding:
    return Binding.of(VerifyingKey.load(package / "keys" / "N8-k1" / "vk.json"))


def test_a_table_is_used_where_there_is_one(run, tabled: Path, copy: Path, tmp_path: Path) -> None:
    data, err = prove(run, tabled, tmp_path / "with")
    assert data["opening_table"] is True and "note" not in err
    data, err = prove(run, copy, tmp_path / "without")
    assert data["opening_table"] is False and "note" not in err
    assert len({(tmp_path / name).stat().st_size for name in ("with", "without")}) == 1


def test_a_table_that_is_there_is_checked(run, tabled: Path, copy: Path) -> None:
    outcome = run("precompute", tabled, "--json")
    assert outcome.code == 0 and outcome.json["made"] is False
    right, path = opening_table_file(tabled).read_bytes(), opening_table_file(copy)
    table = binding(tabled)
    save_table(path, table, G1_GENERATOR * (table.columns * (table.rows - 1)))
    outcome = run("precompute", copy, "--json")
    assert outcome.code == 0 and outcome.json["made"] is True and path.read_bytes() == right
    assert sorted(p.name for p in path.parent.iterdir() if p.name.startswith("opening")) == [path.name]
    assert outcome.json | {"seconds": 0, "table": 0} == {
        **{"ok": True, "table": 0, "bytes": len(right), "columns": table.columns, "rows": table.rows},
        **{"mu": table.mu, "srs_digest": "0x" + table.srs_digest.hex()},
        **{"model_id": "0x" + table.model_id.hex(), "made": True, "seconds": 0},
    }


def test_an_unusable_table_is_left_alone_with_a_notice(run, tabled: Path, copy: Path, tmp_path: Path) -> None:
    """How else a file can be damaged: tests/test_opening_table.py."""
    data = opening_table_file(tabled).read_bytes()
    for damaged in (data[:-1], data[:99] + bytes([data[99] ^ 4]) + data[100:]):
        opening_table_file(copy).write_bytes(damaged)
        found, err = prove(run, copy, tmp_path / "answer")
        assert found["opening_table"] is False
        (note,) = [line for line in err.splitlines() if line.startswith("note: ")]
        assert "opening table" in note and "made without it" in note and "zkllm precompute" in note


def test_an_intact_table_of_wrong_points_makes_no_proof(run, copy: Path, tmp_path: Path) -> None:
    table = binding(copy)
    save_table(opening_table_file(copy), table, G1_GENERATOR * (table.columns * (table.rows - 1)))
    outcome = run("prove", copy, "--tokens", "72", "--out", tmp_path / "answer")
    outcome.failed_in_one_line("opening table is not that of this model's columns", "zkllm precompute")
    assert not (tmp_path / "answer").exists()


def test_refusals_come_before_the_work(
    run, copy: Path, own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("precompute", tmp_path / "nothing").failed_in_one_line("nothing", "no such file or folder")
    run("precompute", tmp_path).failed_in_one_line("not a model package")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
        run("precompute", copy).failed_in_one_line("takes", "MiB", "make room")
    assert not own_cache.exists()
    record = copy / "keys" / "setup.json"
    text = record.read_text()
    record.write_text(json.dumps({**json.loads(text), "srs_path": str(tmp_path / "none.srs")}))
    run("precompute", copy).failed_in_one_line("none.srs")
    record.unlink()
    run("precompute", copy).failed_in_one_line("no keys yet; run zkllm setup")


def test_an_interrupted_run_goes_on(
    run, tabled: Path, copy: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transformed_srs, "_STEP_LOG2", 9)  # several steps
    steps: list[int] = []
    columns: list[int] = []
    place, column = transformed_srs._place, FixedColumns.values
    monkeypatch.setattr(transformed_srs, "_place", lambda *a: steps.append(a[-2]) or place(*a))
    monkeypatch.setattr(FixedColumns, "values", lambda *a: columns.append(a[1]) or column(*a))
    for stage, skip in (("transform SRS", 2), ("transform SRS", 2), ("opening table", 1)):
        with monkeypatch.context() as patch:
            interrupt_at(patch, stage, signal.SIGINT, skip)
            outcome = run("precompute", copy)
        assert outcome.code == 130 and "give the same command again" in outcome.err
        assert not opening_table_file(copy).exists()
    outcome = run("precompute", copy)
    assert outcome.code == 0, outcome
    assert opening_table_file(copy).read_bytes() == opening_table_file(tabled).read_bytes()
    assert len(steps) == len(set(steps)) > 4 and len(columns) == len(set(columns))
    assert [p.suffix for p in own_cache.iterdir()] == [".points"]


def test_a_damaged_transform_is_made_again_and_a_wrong_one_found_out(
    run, tabled: Path, copy: Path, own_cache: Path
) -> None:
    assert run("precompute", copy).code == 0
    opening_table_file(copy).unlink()
    (path,) = own_cache.iterdir()
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert run("precompute", copy).code == 0
    assert path.read_bytes() == data
    assert opening_table_file(copy).read_bytes() == opening_table_file(tabled).read_bytes()
    opening_table_file(copy).unlink()
    # intact, and of something else: two places are exchanged
    table = binding(copy)
    sizes = (table.srs_digest, table.mu, table.b_log2)
    head = transformed_srs._HEADER.size
    wrong = data[head + 64 : head + 128] + data[head : head + 64] + data[head + 128 :]
    path.write_bytes(data[:head] + wrong)
    with path.open("rb") as file:
        checksum = transformed_srs._checksum(file, *sizes)
    path.write_bytes(transformed_srs._header(*sizes, checksum) + wrong)
    outcome = run("precompute", copy)
    outcome.failed_in_one_line("column 0 of the opening table fails its check", path.name, "delete it")
    assert not opening_table_file(copy).exists()
