"""Files that are read whole or refused, files that appear complete or not at all, places that are tried
before work starts, digests that are computed once, and what this user wrote himself.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import json
import os
import shutil
import stat
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from .cache import DIGESTS, OWN
from .errors import Malformed, PathError, ResourceError, ZkllmError, reason
from .in_the_making import abandoned, beside, hold, is_beside

_CHUNK = 1 << 24
REMEMBERED = 1 << 24
"""Digests of files from this size on are remembered; smaller ones cost nothing."""


JsonObject = dict[str, Any]
"""What JSON has in braces, as it was read or is to be written."""


def canonical_json(data: object) -> bytes:
    """The one encoding of `data`: sorted keys, one space of indentation, a final newline."""
    return (json.dumps(data, sort_keys=True, indent=1, ensure_ascii=True) + "\n").encode()


# ---- reading

MOST_BYTES = 1 << 26
"""Of a file that is read at once, unless told otherwise."""
MOST_TEXT = 1 << 30
"""Of a text to calibrate or measure on."""
UNREADABLE = (
    OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, RecursionError,
    MemoryError, struct.error,
)  # fmt: skip
"""What reading a file that may come from anyone raises, parsing included."""


@contextmanager
def reading(path: Path, what: str, kind: type[ZkllmError], cure: str = "") -> Iterator[None]:
    """Whatever goes wrong with the file inside is an error of this kind, which names it and says `cure`."""
    try:
        yield
    except ZkllmError:
        raise
    except UNREADABLE as error:
        advice = f"; {cure}" if cure else ""
        raise kind(f"cannot read the {what} {path}: {reason(error)}{advice}") from None


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """All of a file, which may be a pipe; Malformed where it is longer than `most`."""
    with open(path, "rb") as file:
        state = os.fstat(file.fileno())
        size = state.st_size if stat.S_ISREG(state.st_mode) else 0
        data = b"" if size > most else file.read(most + 1)
    if max(size, len(data)) > most:
        raise Malformed(f"it has more than {most:,} bytes")
    return data


def read_text(path: Path, most: int = MOST_BYTES) -> str:
    """UTF-8; every line ends with one newline."""
    return read_bytes(path, most).decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")


def read_json(path: Path, most: int = MOST_BYTES) -> JsonObject:
    """A JSON object."""
    data = json.loads(read_text(path, most))
    if not isinstance(data, dict):
        raise Malformed("it is not a JSON object")
    return data


# ---- secrets

MOST_SECRET = 1 << 16
"""Characters of a file that holds one."""


def read_private(path: Path, what: str, kind: type[ZkllmError]) -> str:
    """Text of a file that nobody but its owner may read or change; no more than a secret takes."""
    try:
        with path.open(encoding="utf-8-sig") as file:  # Windows' editors begin with a mark
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_ISREG(mode) and stat.S_IMODE(mode) & 0o077:
                raise kind(f"others can read the {what} {path}: run chmod 600 on it")
            text = file.read(MOST_SECRET + 1)
    except OSError as error:
        raise kind(f"cannot read the {what} {path}: {reason(error)}") from None
    except UnicodeDecodeError:
        raise kind(f"cannot read the {what} {path}: it is not text in UTF-8") from None
    if len(text) > MOST_SECRET:
        raise kind(f"cannot read the {what} {path}: it is too large to be one")
    return text


def write_private(path: Path, text: str, what: str, kind: type[ZkllmError]) -> None:
    """A new file for its owner alone, on disk when this returns; nothing is written over."""
    try:
        with os.fdopen(_create(path, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(path.parent)
    except FileExistsError:
        raise kind(f"{path} is there already, and a {what} is not written over; give another place") from None
    except OSError as error:
        raise kind(f"cannot write the {what} {path}: {reason(error)}") from None


# ---- places to write to

_TRIED_BYTES = 1 << 16


def require_file_place(path: Path, ordinary: bool = False) -> None:
    """A PathError unless a file can be written there now. Leaves nothing. `ordinary`: no pipe will do."""
    try:
        real = Path(os.path.realpath(path))
        if real.is_dir():
            raise PathError(f"{path}: it is a folder; give the name of a file")
        if real.exists() and not real.is_file():  # a terminal, a pipe, a device
            if ordinary:
                raise PathError(f"{path}: it is no ordinary file; give the name of one")
            if not os.access(real, os.W_OK):
                raise PermissionError(errno.EACCES, "")
            return
        _try_folder(real.parent, beside(real).name)
    except OSError as error:
        raise PathError(f"{path}: cannot be written: {reason(error)}") from None


def require_folder_place(path: Path) -> None:
    """The same for a folder, which may have to be made, and files in it."""
    try:
        _try_folder(Path(os.path.realpath(path)), beside(Path("file")).name)
    except OSError as error:
        raise PathError(f"{path}: cannot be written to: {reason(error)}") from None


def _try_folder(folder: Path, name: str) -> None:
    """Makes a file of that name in the folder, or in what is there of its path, and removes it."""
    names = [name]
    while not folder.exists() and folder != folder.parent:
        if folder.is_symlink():
            raise OSError(errno.ELOOP, "")
        names.append(folder.name)
        folder = folder.parent
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "")
    if max(len(os.fsencode(part)) for part in names) > os.pathconf(folder, "PC_NAME_MAX"):
        raise OSError(errno.ENAMETOOLONG, "")
    tried = folder / name
    try:
        tried.write_bytes(bytes(_TRIED_BYTES))
    finally:
        with suppress(OSError):
            tried.unlink()


# ---- writing


def _remove_abandoned(path: Path) -> None:
    """Temporary files of `path` whose process is gone."""
    for old in path.parent.glob(f".{glob.escape(path.name)}.*"):
        if is_beside(old):
            with abandoned(old) as left, suppress(OSError):
                if left:
                    old.unlink()


@contextmanager
def replacing(path: Path, *, mode: int = 0o666, durable: bool = False) -> Iterator[IO[bytes]]:
    """A new file that takes its name when it is complete; a link stays one. `durable`: it is on disk then.

    Where the system can, it has no name before, so that nothing of it is left when the process is killed.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():  # never in the place of a device
        raise PathError(f"{path}: it is no ordinary file; give the name of one")
    temporary, held = beside(path), ExitStack()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(path)
        with _nameless(path.parent, mode) or _named(temporary, mode) as file:
            yield file
            _finish(file, durable, held)
            if not temporary.exists():
                _name(file, temporary, mode, durable, held)
        os.replace(temporary, path)
        if durable:
            _sync_folder(path.parent)
    except OSError as error:
        if error.filename in (None, str(temporary)):  # it names what was to be written
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise
    finally:
        with suppress(OSError):
            temporary.unlink()
        held.close()


def _finish(file: IO[bytes], durable: bool, held: ExitStack) -> None:
    """It is closed then, since that tells of errors of writing, and stays held for as long as `held` says."""
    file.flush()
    if durable:
        os.fsync(file.fileno())
    held.callback(os.close, os.dup(file.fileno()))


def _create(path: Path, mode: int) -> int:
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, mode)


def _nameless(folder: Path, mode: int) -> IO[bytes] | None:
    """A file without a name, where the system has such."""
    try:
        file = os.fdopen(os.open(folder, os.O_TMPFILE | os.O_RDWR, mode), "w+b")
    except (OSError, AttributeError):
        return None
    hold(file.fileno())
    return file


def _named(path: Path, mode: int) -> IO[bytes]:
    while True:
        file = os.fdopen(_create(path, mode), "w+b")
        hold(file.fileno())
        if path.exists():
            return file
        file.close()  # it was taken for one that was left before it was held


def _name(file: IO[bytes], path: Path, mode: int, durable: bool, held: ExitStack) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:  # with a folder given, links are followed: from /proc to the file
        os.link(f"/proc/self/fd/{file.fileno()}", path.name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        file.seek(0)
        with _named(path, mode) as copy:
            shutil.copyfileobj(file, copy, _CHUNK)
            _finish(copy, durable, held)
    finally:
        os.close(folder)


def require_room(folder: Path, needed: int, what: str) -> None:
    """A ResourceError unless the disk of a folder, which may have to be made, has so many bytes left."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ResourceError(
            f"{folder}: {what} takes {needed >> 20:,} MiB and the disk has {free >> 20:,} MiB left; make "
            "room, or use a folder of another disk (the cache is where ZKLLM_CACHE says)"
        )


def allocated(folder: Path) -> int:
    """Bytes of disk that the files in a folder take; 0 where there is none."""
    return sum(p.stat().st_blocks * 512 for p in folder.glob("*") if p.is_file())


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_atomically(path: Path, data: bytes) -> None:
    """The file appears complete or not at all; a link stays, and so does what is no file (/dev/stdout)."""
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        try:
            path.write_bytes(data)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from None
        return
    with replacing(path) as file:
        file.write(data)


def write_durably(path: Path, data: bytes) -> None:
    """The same, and on disk when this returns; readable by its owner alone."""
    with replacing(path, mode=0o600, durable=True) as file:
        file.write(data)


# ---- digests


def sha256_file(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _state(path: Path) -> JsonObject:
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
    return DIGESTS.path(f"{name}.json")


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
    return OWN.path(digest.hexdigest())


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
