"""`zkllm cache`: all that is kept is known, and nothing goes that cannot be made again or is in use."""

from __future__ import annotations

import gc
import io
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from testkit.containers import Contained
from zkllm import api, cache_entries
from zkllm.cache import DEVELOPMENT, GGUF, KINDS, MODELS, PROOFS, PTAU, TRANSFORMED
from zkllm.cache_sources import note_use
from zkllm.in_the_making import hold
from zkllm.kernels.native import NATIVE
from zkllm.pcs.ptau import open_srs
from zkllm.pcs.ptau_write import write_development_ptau
from zkllm.pcs.srs import development_srs
from zkllm.srs_files import load_srs

DAY = 86400


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("ZKLLM_CACHE", str(folder))
    return folder


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def age(folder: Path, days: float) -> None:
    """Everything below was made, and read for the last time, so many days ago."""
    then = time.time() - days * DAY
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (then, then), follow_symlinks=False)


def put(path: Path, size: int = 5000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    return path


def why_kept(run, name: str) -> str | None:
    (entry,) = [e for e in run("cache", "--json").json["entries"] if e["name"] == name]
    reason = entry["kept"]
    assert reason is None or isinstance(reason, str)
    return reason


def gone(run, *options: object) -> list[str]:
    """Names of what a prune removes."""
    return sorted(e["name"] for e in run("cache", "prune", "--yes", "--json", *options).json["entries"])


@pytest.mark.slow
def test_what_was_pruned_is_made_again_as_it_was(run, cache: Path, checkpoint: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(checkpoint, tmp_path / "copy"))
    opened = api.open_package(copy)
    folder = opened.folder
    before = {p.name: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    age(cache, 2)
    listed = run("cache", "--json").json
    kinds = {e["kind"] for e in listed["entries"]}
    assert kinds == {"model package", "development SRS", "own notes", "sources", "digests"}
    assert listed["bytes"] == sum(e["bytes"] for e in listed["entries"]) > 1 << 24
    model, (srs,) = f"models/{folder.name}", cache.glob(DEVELOPMENT.pattern)
    assert why_kept(run, model) == "a running process has it open"  # this one
    del opened
    gc.collect()
    assert gone(run) == [] and gone(run, "--all") == [srs.name, "digests", model]
    assert not folder.exists() and not srs.exists()
    assert run("cache", "--json").json["bytes"] < 1 << 20
    assert api.open_package(copy).folder == folder
    assert {p.name: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before
    gc.collect()
    config = copy / "config.json"
    os.utime(config, (1, 1))
    age(cache, 2)
    assert why_kept(run, model) == f"{config.resolve()}, which it was made from, has changed"
    shutil.rmtree(copy)
    assert model not in gone(run, "--all") and folder.is_dir()
    assert "has gone" in str(why_kept(run, model))


def test_an_imported_srs_is_kept_without_its_ceremony(run, cache: Path, tmp_path: Path) -> None:
    ptau = tmp_path / "some.ptau"
    write_development_ptau(ptau, 4)
    open_srs(ptau, 16)
    (path,) = cache.glob(PTAU.pattern)
    age(cache, 2)
    assert why_kept(run, path.name) is None
    ptau.rename(tmp_path / "elsewhere")
    assert path.name not in gone(run, "--all") and path.exists()
    (tmp_path / "elsewhere").rename(ptau)
    assert path.name in gone(run, "--all") and not path.exists()
    assert not list((cache / "sources").iterdir())


def test_unused_for_so_many_days(run, cache: Path) -> None:
    old, new = put(DEVELOPMENT.path("development-3.srs")), put(DEVELOPMENT.path("development-4.srs"))
    age(cache, 40)
    put(new)
    os.utime(new, (time.time() - 8 * DAY,) * 2)
    assert gone(run, "--older-than", 50) == []
    assert gone(run) == [old.name] and new.exists()
    assert gone(run, "--older-than", 9) == []
    os.utime(new, (time.time(), time.time() - 8 * DAY))  # read today
    assert gone(run, "--older-than", 1) == []
    os.utime(new, (time.time() - 8 * DAY,) * 2)
    assert gone(run, "--older-than", 7) == [new.name] and not new.exists()


def test_what_is_never_removed(run, cache: Path) -> None:
    proof, mine = put(PROOFS.path("proof-1.zkllm")), put(cache / "mine.txt")
    own, unknown = put(cache / "own" / "1"), put(GGUF.path("model-1") / "config.json")
    age(cache, 400)
    assert gone(run, "--all") == []
    assert all(path.exists() for path in (proof, mine, own, unknown))
    assert why_kept(run, "proofs/proof-1.zkllm") == "cannot be made again"
    assert why_kept(run, "mine.txt") == "zkLLM did not put it here"
    assert "not noted yet" in str(why_kept(run, "gguf/model-1"))


def test_what_a_process_has_open_stays(run, cache: Path) -> None:
    path = put(TRANSFORMED.path("transformed-ab-12-6.points"))
    age(cache, 40)
    with path.open("rb"):
        assert why_kept(run, path.name) == "a running process has it open"
        assert gone(run, "--all") == [] and path.exists()
    assert gone(run, "--all") == [path.name] and not path.exists()


def test_what_a_process_has_mapped_stays(run, cache: Path) -> None:
    srs = development_srs(5)
    age(cache, 40)
    name = "development-5.srs"
    links = [os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd") if _open(n)]
    assert not any(name in link for link in links), "it would be known by its descriptor"
    assert why_kept(run, name) == "a running process has it open" and gone(run, "--all") == []
    del srs
    gc.collect()
    assert gone(run, "--all") == [name]


def _open(descriptor: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{descriptor}")


def test_what_another_run_may_be_making_stays(run, cache: Path) -> None:
    path = put(DEVELOPMENT.path("development-3.srs"))
    command = [sys.executable, "-c", "import zkllm._native; print(flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline()
        assert "another zkllm is running" in str(why_kept(run, path.name))
        assert gone(run, "--all") == [] and path.exists()
        age(cache, 0.1)
        assert why_kept(run, path.name) is None
        other.communicate(b"\n")


def test_what_something_else_is_made_from_stays(run, cache: Path, tmp_path: Path) -> None:
    file = put(tmp_path / "model.gguf")
    weights, package = GGUF.path("model-1"), MODELS.path("model-2")
    put(weights / "config.json")
    put(package / "manifest.json")
    age(cache, 40)
    note_use(weights, [file])
    note_use(package, [weights / "config.json"])
    notes = cache / "sources"
    os.utime(notes / "gguf-model-1.json", (time.time() - 40 * DAY,) * 2)
    assert gone(run) == [] and weights.exists()
    os.utime(notes / "models-model-2.json", (time.time() - 40 * DAY,) * 2)
    assert gone(run) == ["gguf/model-1", "models/model-2"]
    assert not weights.exists() and not package.exists()


HOLDING = """
import os, sys
from zkllm.in_the_making import hold
hold(os.open(sys.argv[1], os.O_RDONLY))
print(flush=True)
sys.stdin.readline()
"""


def test_left_overs_go_at_any_age(run, cache: Path) -> None:
    """By locks: those that hold one have process ids of their own, as in containers that share the cache."""
    left = put(cache / ".development-3.srs.01234567.part")
    before = put(cache / f".development-4.srs.0.{os.getpid()}")
    writing, removing = put(cache / ".development-5.srs.01234567.part"), MODELS.path(".model-1.89abcdef.part")
    put(removing / "manifest.json")
    held = [Contained(HOLDING, str(path)) for path in (writing, removing)]
    age(cache, 0.1)
    assert "a process makes or removes it" in str(why_kept(run, writing.name))
    assert gone(run) == [left.name, before.name] and not left.exists() and not before.exists()
    assert writing.exists() and (removing / "manifest.json").exists()
    for process, path in zip(held, (writing, removing), strict=True):
        process.kill(path)
    assert gone(run, "--all") == [writing.name, f"models/{removing.name}"]
    assert not writing.exists() and not removing.exists()


def test_what_looked_left_over_and_is_held_by_now_stays(cache: Path) -> None:
    """As a file does that is seen between being made and being locked."""
    path = put(cache / ".development-3.srs.01234567.part")
    (entry,) = cache_entries.entries()
    assert entry.left_over
    with path.open("rb") as file:
        hold(file.fileno())
        cache_entries.remove(entry)
        assert path.exists()
    cache_entries.remove(entry)
    assert not path.exists()


def test_it_asks(run, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(DEVELOPMENT.path("development-3.srs"))
    age(cache, 40)
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    run("cache", "prune").failed_in_one_line("--yes", "--dry-run")
    assert run("cache", "prune", "--dry-run").out.startswith("nothing removed; it would be 1 of 1 entries")
    assert path.exists()
    for answer, stays in (("", True), ("n\n", True), ("y\n", False)):
        monkeypatch.setattr(sys, "stdin", Terminal(answer))
        outcome = run("cache", "prune")
        assert outcome.code == 0 and "remove 1 of 1 entries" in outcome.err and path.exists() == stays
    assert run("cache", "--all").code == 2


def test_an_empty_cache_and_one_that_cannot_be_read(run, cache: Path) -> None:
    assert run("cache").out == f"{cache} ($ZKLLM_CACHE): 0 B\n" and not cache.exists()
    cache.write_text("a file")
    run("cache").failed_in_one_line(str(cache), "cannot be read")


def test_whoever_keeps_something_asks_its_kind() -> None:
    root = Path(cache_entries.__file__).parent
    users = {p.name for p in root.rglob("*.py") if "cache_directory" in p.read_text(encoding="utf-8")}
    assert users == {"cache.py", "cache_entries.py", "cache_sources.py", "doctor.py"}
    names = [kind.name for kind in KINDS]
    assert len(set(names)) == len(names)
    with pytest.raises(ValueError, match="no development SRS"):
        DEVELOPMENT.path("../x")


def test_what_is_made_once_says_its_size(cache: Path) -> None:
    stages = []
    load_srs(None, 4, lambda stage, *_: stages.append(stage), NATIVE)
    assert set(stages) == {"development SRS (16 MiB, made once and kept in the cache)"}
    assert DEVELOPMENT.path("development-18.srs").stat().st_size >> 20 == 16
