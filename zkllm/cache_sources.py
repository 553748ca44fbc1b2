"""What entries of the cache were made from, noted when they are used: they can be made again as long as it is
there unchanged."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from .cache import SOURCES, cache_directory
from .files import canonical_json, write_atomically


def source_note(entry: Path) -> Path:
    return SOURCES.path(f"{entry.parent.name if entry.parent != cache_directory() else ''}-{entry.name}.json")


def note_use(entry: Path, sources: Sequence[Path]) -> None:
    """Notes that the entry is used now, and the files that it was made from as they are."""
    note = source_note(entry)
    with suppress(OSError):  # without a note the entry is kept
        data = canonical_json({"files": [[str(p.resolve()), *_state(p)] for p in sources]})
        if note.is_file() and note.read_bytes() == data:
            os.utime(note)
        else:
            write_atomically(note, data)


def _state(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


def sources_of(entry: Path) -> list[tuple[Path, bool]] | None:
    """(file, whether it is there unchanged) for everything that an entry was made from; None where that was
    not noted."""
    try:
        files = json.loads(source_note(entry).read_bytes())["files"]
        return [(Path(path), _unchanged(Path(path), size, time)) for path, size, time in files]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _unchanged(path: Path, size: int, time: int) -> bool:
    try:
        return _state(path) == (size, time)
    except OSError:
        return False
