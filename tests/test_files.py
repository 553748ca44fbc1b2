"""Files that appear complete or not at all, with and without files that have no name."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from zkllm import files
from zkllm.files import write_atomically, write_durably


@pytest.fixture(params=["without a name", "under another name", "no links to it"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How the system lets a file be made before it takes its name."""
    if request.param == "under another name":
        monkeypatch.setattr(files, "_nameless", lambda folder, mode: None)
    if request.param == "no links to it":

        def refuse(*arguments: object, **named: object) -> None:
            raise OSError

        monkeypatch.setattr(os, "link", refuse)
    return str(request.param)


def test_what_is_private_is_on_disk_and_its_owner_s_alone(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, original = [], os.fsync

    def sync(descriptor: int) -> None:
        synced.append(stat.S_ISDIR(os.fstat(descriptor).st_mode))
        original(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    path = tmp_path / "new" / "record.json"
    for data in (b"first", b"second"):
        synced.clear()
        write_durably(path, data)
        assert path.read_bytes() == data and stat.S_IMODE(path.stat().st_mode) == 0o600
        assert False in synced and synced[-1] is True, "the file, then its folder"
    assert [p.name for p in path.parent.iterdir()] == ["record.json"]
    synced.clear()
    write_atomically(tmp_path / "other", b"x")
    assert synced == []


@pytest.mark.parametrize("write", [write_atomically, write_durably])
def test_a_failure_leaves_what_was_there(
    way: str, write: Callable[[Path, bytes], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "record.json"
    write_durably(path, b"first")

    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match=r"record\.json"):
        write(path, b"second")
    assert path.read_bytes() == b"first" and list(tmp_path.iterdir()) == [path]
