"""Files that appear complete or not at all, digests that are computed once, what this user wrote himself, and
where the cache is."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

_CHUNK = 1 << 24
REMEMBERED = 1 << 24
"""Digests of files from this size on are remembered; smaller ones cost nothing."""


def cache_directory() -> Path:
    return Path(os.environ.get("ZKLLM_CACHE") or Path.home() / ".cache" / "zkllm")


def canonical_json(data: Any) -> bytes:
    """The one encoding of `data`: sorted keys, one space of indentation, a final newline."""
    return (json.dumps(data, sort_keys=True, indent=1, ensure_ascii=True) + "\n").encode()


# ---- writing


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}")


def _remove_abandoned(path: Path) -> None:
    """Temporary files of `path` whose process is gone."""
    for old in path.parent.glob(f".{path.name}.*"):
        owner = old.name.rpartition(".")[2]
        if owner.isdecimal() and not Path("/proc", owner).exists() and Path("/proc/self").exists():
            old.unlink(missing_ok=True)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A new file that takes its name when it is complete.

    Where the system can, it has no name before, so that nothing of it is left when the process is killed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path)
    temporary = _temporary(path)
    temporary.unlink(missing_ok=True)
    try:
        with _nameless(path.parent) or temporary.open("w+b") as file:
            yield file
            file.flush()
            if not temporary.exists():
                _name(file, temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _nameless(folder: Path) -> IO[bytes] | None:
    """A file without a name, where the system has such."""
    try:
        return os.fdopen(os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o666), "w+b")
    except (OSError, AttributeError):
        return None


def _name(file: IO[bytes], path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:  # with a folder given, links are followed: from /proc to the file
        os.link(f"/proc/self/fd/{file.fileno()}", path.name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        file.seek(0)
        with path.open("wb") as copy:
            shutil.copyfileobj(file, copy, _CHUNK)
    finally:
        os.close(folder)


def write_atomically(path: Path, data: bytes) -> None:
    """The file appears complete or not at all; a link stays, and so does what is no file (/dev/stdout)."""
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    with replacing(path) as file:
        file.write(data)


# ---- digests


def sha256_file(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _state(path: Path) -> dict[str, Any]:
    """What tells that a file has not been written since: the boot is part of it, because a power failure may
    lose data that the file's times promise."""
    boot, stat = Path("/proc/sys/kernel/random/boot_id"), path.stat()
    return {
        "path": str(path.resolve()),
        "boot": boot.read_text().strip() if boot.exists() else "",
        "state": [stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns],
    }


def _note(path: Path) -> Path:
    name = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:32]
    return cache_directory() / "digests" / f"{name}.json"


def remember_digest(path: Path, digest: str) -> None:
    """Notes in the cache (never next to the file, which may come from anyone) what a large file hashes to."""
    if path.stat().st_size >= REMEMBERED:
        with suppress(OSError):  # without a cache it is computed again
            write_atomically(_note(path), canonical_json({**_state(path), "sha256": digest}))


def known_digest(path: Path) -> str | None:
    """What a large file that was not written since hashes to, where that was noted."""
    if path.stat().st_size >= REMEMBERED:
        with suppress(OSError, ValueError, AttributeError, KeyError):
            known = json.loads(_note(path).read_bytes())
            digest = str(known.pop("sha256"))
            return digest if known == _state(path) else None
    return None


def file_digest(path: Path) -> str:
    """SHA-256 of a file, computed when it is not known."""
    if digest := known_digest(path):
        return digest
    digest = sha256_file(path)
    remember_digest(path, digest)
    return digest


# ---- what this user wrote


def _own(parts: tuple[bytes, ...]) -> Path:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return cache_directory() / "own" / digest.hexdigest()


def remember_own(*parts: bytes) -> None:
    """Notes in the cache that this user wrote, or checked, this: a kind, what it belongs to, the data.

    A folder may come from anyone, with everything in it; its files are told by this from one's own.
    """
    with suppress(OSError):  # without a cache it is made or checked again
        note = _own(parts)
        note.parent.mkdir(parents=True, exist_ok=True)
        note.touch()


def is_own(*parts: bytes) -> bool:
    return _own(parts).is_file()
