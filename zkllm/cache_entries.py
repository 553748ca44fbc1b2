"""What the cache holds, and removing what can be made again.

An entry goes only if nothing is lost and nobody is disturbed: it is of a kind that can be made again, what it
is made from is there unchanged, no process has a file of it open or mapped, none that may be writing it runs,
and no entry that stays is made from it.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .cache import KINDS, OWN, SOURCES, TRANSFORMED, Kind, cache_directory
from .cache_sources import source_note, sources_of
from .errors import PathError, reason
from .in_the_making import abandoned, beside, is_beside

OLD_DAYS = 30
"""Days without use after which `prune` removes an entry, unless told otherwise."""
_BEING_MADE_SECONDS = 3600.0
_DAY_SECONDS = 86400.0
_LEFT, _MAKING, _FOREIGN = "left over", "in the making", "not zkLLM's"
_WHY_KEPT = {
    _LEFT: None,
    _MAKING: "a process makes or removes it, or it cannot be locked",
    _FOREIGN: "zkLLM did not put it here",
}
_OF_BEFORE = re.compile(r"\..+\.[0-9]+")
"""Names of temporary files of versions that held no lock on them."""


@dataclass(frozen=True)
class Entry:
    """`used`: seconds since the epoch, as the file system or a note tells: of reading it may tell the day
    alone, or nothing (relatime, noatime). `kept`: why it must not be removed, or None."""

    kind: str
    name: str
    paths: tuple[Path, ...]
    bytes: int
    written: float
    used: float
    again: str | None
    sources: tuple[Path, ...] = ()
    kept: str | None = None

    def days(self, now: float) -> float:
        """Since it was used."""
        return max(0.0, now - self.used) / _DAY_SECONDS

    @property
    def left_over(self) -> bool:
        """Of a run that was killed: of no use at any age."""
        return self.kind == _LEFT

    def to_dict(self, now: float) -> dict[str, object]:
        return {
            "kind": self.kind,
            "name": self.name,
            "paths": [str(p) for p in self.paths],
            "bytes": self.bytes,
            "days_unused": round(self.days(now), 2),
            "again": self.again,
            "kept": self.kept,
        }


def entries() -> list[Entry]:
    """All of the cache, the largest first."""
    held = _Held.now()
    found = [_entry(kind, paths, held) for kind, paths in _groups() if paths]
    return sorted(found, key=lambda entry: -entry.bytes)


# ---- what belongs together


def _groups() -> Iterator[tuple[Kind | str, tuple[Path, ...]]]:
    root = cache_directory()
    folders = {kind.folder: kind for kind in KINDS if kind.folder}
    top: dict[Path, list[Path]] = {}
    for path in _listed(root):
        if path.name in folders and path.is_dir() and not path.is_symlink():
            yield from _of_folder(folders[path.name], path)
        elif temporary := _of_temporary(path):
            yield temporary, (path,)
        else:
            top.setdefault(path.with_suffix("") if TRANSFORMED.owns(path.name) else path, []).append(path)
    for paths in top.values():
        kind = next((k for k in KINDS if not k.folder and k.owns(paths[0].name)), None)
        yield kind or _FOREIGN, tuple(paths)


def _of_folder(kind: Kind, folder: Path) -> Iterator[tuple[Kind | str, tuple[Path, ...]]]:
    if kind.whole:
        yield kind, (folder,)
        return
    for path in _listed(folder):
        yield _of_temporary(path) or kind, (path,)


def _of_temporary(path: Path) -> str | None:
    """Of a file of `files.replacing`, or of what `remove` was removing: what becomes of it."""
    if not is_beside(path) and not _OF_BEFORE.fullmatch(path.name):
        return None
    with abandoned(path) as left:
        return _LEFT if left else _MAKING


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise PathError(f"{folder}: cannot be read: {reason(error)}") from None


# ---- one entry


def _entry(kind: Kind | str, paths: tuple[Path, ...], held: _Held) -> Entry:
    stats = [p.lstat() for path in paths for p in _files(path)]
    written = max(s.st_mtime for s in stats)
    used = max(written, *(s.st_atime for s in stats))
    name = str(paths[0].relative_to(cache_directory()))
    size = sum(s.st_blocks * 512 for s in stats)
    if isinstance(kind, str):
        return Entry(
            kind, name, paths, size, written, used, "nothing: it is of no use" if kind == _LEFT else None,
            kept=_WHY_KEPT[kind],
        )  # fmt: skip
    if kind.whole:
        used = written  # reading a list of it is no use of it
    sources: list[tuple[Path, bool]] | None = None
    if kind.sourced:
        sources = sources_of(paths[0])
        with suppress(OSError):
            used = source_note(paths[0]).stat().st_mtime
    kept = _why_kept(kind, sources) or held.why(paths, written)
    return Entry(
        kind.name, name, paths, size, written, used, kind.again, tuple(p for p, _ in sources or ()), kept
    )


def _why_kept(kind: Kind, sources: Sequence[tuple[Path, bool]] | None) -> str | None:
    if kind is OWN or kind is SOURCES:
        return "small, and not to be found out again"
    if kind.again is None:
        return "cannot be made again"
    if not kind.sourced:
        return None
    if sources is None:
        return "what it was made from was not noted yet: it is when it is next used"
    for path, unchanged in sources:
        if not unchanged:
            return f"{path}, which it was made from, has {'changed' if path.exists() else 'gone'}"
    return None


def _files(path: Path) -> Iterator[Path]:
    """All that is below, links as links."""
    yield path
    if path.is_dir() and not path.is_symlink():
        for child in path.iterdir():
            yield from _files(child)


# ---- who uses it


@dataclass(frozen=True)
class _Held:
    """Files that processes have open or mapped, and whether another one has the kernels loaded. Of other
    users' processes the system may not tell; they keep what they have open whatever becomes of its name."""

    files: frozenset[str]
    others: bool

    @classmethod
    def now(cls) -> _Held:
        root, files, others = str(cache_directory().resolve()) + os.sep, set(), False
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                lines = (process / "maps").read_text(errors="replace").splitlines()
                mapped = {line.split(maxsplit=5)[5] for line in lines if line.count(" ") > 4 and "/" in line}
                if process.name != str(os.getpid()) and any("zkllm/_native." in path for path in mapped):
                    others = True
                files |= {path for path in mapped if path.startswith(root)}
                for descriptor in (process / "fd").iterdir():
                    with suppress(OSError):
                        path = os.readlink(descriptor)
                        if path.startswith(root):
                            files.add(path)
        return cls(frozenset(files), others)

    def why(self, paths: Iterable[Path], written: float) -> str | None:
        for path in paths:
            real = str(path.resolve())
            if any(file == real or file.startswith(real + os.sep) for file in self.files):
                return "a running process has it open"
        if self.others and time.time() - written < _BEING_MADE_SECONDS:
            return "written in the last hour, and another zkllm is running"
        return None


# ---- removing


def to_remove(found: Sequence[Entry], days: float, now: float) -> list[Entry]:
    """What is left over, and what can be made again and was not used for so many days. What an entry that
    stays is made from stays too."""
    chosen = [e for e in found if e.kept is None and (e.left_over or e.days(now) >= days)]
    needed = {source for e in found if e not in chosen for source in e.sources}
    return [e for e in chosen if not any(_is_below(source, e.paths) for source in needed)]


def _is_below(file: Path, paths: Iterable[Path]) -> bool:
    real = [p.resolve() for p in paths]
    return any(file == path or path in file.parents for path in real)


def remove(entry: Entry) -> None:
    """At once by name, then the data. Raises PathError."""
    for path in entry.paths:
        try:
            gone = path if entry.left_over else path.rename(beside(path))
            with abandoned(gone) as ours:
                if ours or not entry.left_over:  # what was found left over may have been locked since
                    _delete(gone)
        except FileNotFoundError:
            continue  # somebody else did
        except OSError as error:
            raise PathError(f"{path}: cannot be removed: {reason(error)}") from None
    if entry.sources:
        with suppress(OSError):
            source_note(entry.paths[0]).unlink()


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
