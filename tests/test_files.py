"""Files that appear complete or not at all, with and without files that have no name."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from testkit.containers import Contained
from zkllm import files
from zkllm.files import replacing, write_atomically, write_durably
from zkllm.in_the_making import abandoned, is_beside


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


# ---- whose they are

WRITING = """
import os, sys
from pathlib import Path
from zkllm import files
if sys.argv[2] == "under another name":
    files._nameless = lambda folder, mode: None
else:
    replace = os.replace
    def waiting(*paths):
        print(paths[0], flush=True)
        sys.stdin.readline()
        replace(*paths)
    os.replace = waiting
with files.replacing(Path(sys.argv[1])) as file:
    file.write(b"theirs")
    file.flush()
    if sys.argv[2] == "under another name":
        print(os.readlink(f"/proc/self/fd/{file.fileno()}"), flush=True)
        sys.stdin.readline()
"""


@pytest.mark.parametrize("way", ["under another name", "about to take its own"])
def test_containers_that_share_a_folder_leave_each_others_files_alone(way: str, tmp_path: Path) -> None:
    """What they make has names of its own, though each one's process has the same id; what those left that
    were killed is removed by whichever comes next."""
    path = tmp_path / "some[1].srs"
    first, second = (Contained(WRITING, str(path), way) for _ in range(2))
    killed, kept = Path(first.told), Path(second.told)
    write_atomically(path, b"ours")
    assert sorted(tmp_path.iterdir()) == sorted((path, killed, kept)) and killed != kept
    first.kill(killed)
    write_atomically(path, b"ours")
    assert sorted(tmp_path.iterdir()) == sorted((path, kept))
    second.end()
    assert list(tmp_path.iterdir()) == [path] and path.read_bytes() == b"theirs"


def is_left(path: Path) -> bool:
    with abandoned(path) as left:
        return left


def test_a_file_is_held_until_it_has_its_name(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After it was closed, too, which tells of errors of writing."""
    original, seen = os.replace, []

    def replace(temporary: Path, path: Path) -> None:
        seen.append(file.closed and is_beside(temporary) and not is_left(temporary))
        original(temporary, path)

    monkeypatch.setattr(os, "replace", replace)
    with replacing(tmp_path / "some.srs") as file:
        assert not any(map(is_left, tmp_path.iterdir()))
    assert seen == [True] and is_left(tmp_path / "some.srs")


@pytest.mark.parametrize("when", ["before it is held", "while it is being locked"])
def test_a_file_that_is_taken_for_one_that_was_left_is_made_anew(
    when: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_nameless", lambda folder, mode: None)
    monkeypatch.setattr(files, "_name", None)  # it is not found out when all is written, and copied then
    path, flock, removed = tmp_path / "some.srs", fcntl.flock, []

    def overtaken(descriptor: int, how: int) -> None:
        if how == fcntl.LOCK_SH and not removed:
            (temporary,) = tmp_path.iterdir()
            removed.append(temporary)
            if when == "before it is held":
                files._remove_abandoned(path)
            else:
                temporary.unlink()
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", overtaken)
    write_atomically(path, b"data")
    assert removed and list(tmp_path.iterdir()) == [path] and path.read_bytes() == b"data"


def test_what_has_no_such_name_or_cannot_be_locked_is_nobodys_to_remove(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "some.srs"
    others = [tmp_path / name for name in (".some.srs.1", ".some.srs.0.99999999", ".some.srs.part", "x.part")]
    for other in others:
        other.touch()
    unlocked = tmp_path / ".some.srs.0123abcd.part"
    unlocked.touch()

    def refuse(*arguments: object) -> None:
        raise OSError(95, "Operation not supported")

    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", refuse)
        write_atomically(path, b"data")
    assert sorted(tmp_path.iterdir()) == sorted((path, unlocked, *others))
    write_atomically(path, b"data")
    assert sorted(tmp_path.iterdir()) == sorted((path, *others))
