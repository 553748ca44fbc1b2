"""Where a model package keeps what its set-up made, and which of these files are one's own.

keys/setup.json        what every shape shares (`setup_record`)
keys/commitments.json  the commitments that an interrupted set-up has made
keys/opening.table     the opening table (`zkllm precompute`); opening.json, what an interrupted one has made
keys/N{N}-k{k}/        a shape: vk.json, what verifies, and proving.key; N{N}-k{k}-sealed/ of sealed prompts
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from .files import is_own, remember_own, write_atomically
from .shape_id import ShapeId

KEYS = "keys"
SETUP_FILE, COMMITMENTS_FILE = "setup.json", "commitments.json"
VERIFYING_KEY_FILE, PROVING_KEY_FILE = "vk.json", "proving.key"
OPENING_TABLE_FILE, OPENING_JOURNAL = "opening.table", "opening.json"
_SHAPE = re.compile(r"N([1-9][0-9]{0,5})-k([1-9][0-9]{0,5})(-sealed)?")
_KEY = b"key"


def setup_file(package: Path) -> Path:
    return package / KEYS / SETUP_FILE


def opening_table_file(package: Path) -> Path:
    return package / KEYS / OPENING_TABLE_FILE


def shape_folder(package: Path, rows: int, certified: int, sealed: bool = False) -> Path:
    return package / KEYS / ShapeId(rows, certified, sealed).folder


def verifying_key_file(package: Path, rows: int, certified: int, sealed: bool = False) -> Path:
    return shape_folder(package, rows, certified, sealed) / VERIFYING_KEY_FILE


def proving_key_file(package: Path, rows: int, certified: int, sealed: bool = False) -> Path:
    return shape_folder(package, rows, certified, sealed) / PROVING_KEY_FILE


def shape_folders(package: Path) -> dict[Path, ShapeId | None]:
    """What is in keys/ beside its files: the shape of each folder, None where its name is none."""
    folders = sorted(path for path in (package / KEYS).glob("*") if path.is_dir())
    found = {folder: _SHAPE.fullmatch(folder.name) for folder in folders}
    return {
        folder: ShapeId(int(m[1]), int(m[2]), m[3] is not None) if m else None for folder, m in found.items()
    }


def verifying_key_files(package: Path) -> dict[ShapeId, Path]:
    shapes = sorted((shape, folder) for folder, shape in shape_folders(package).items() if shape is not None)
    files = {shape: folder / VERIFYING_KEY_FILE for shape, folder in shapes}
    return {shape: path for shape, path in files.items() if path.is_file()}


# ---- one's own


def _parts(package: bytes, path: Path, data: bytes) -> tuple[bytes, ...]:
    return _KEY, package, f"{path.parent.name}/{path.name}".encode(), hashlib.sha256(data).digest()


def keep_key(package: bytes, path: Path, data: bytes) -> None:
    """Writes a file of a shape's keys, unless it is there, and notes that it is one's own.

    `package` is the digest of the package that it was made for.
    """
    if not path.is_file() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)
    remember_own(*_parts(package, path, data))


def is_own_key(package: bytes, path: Path) -> bool:
    """Whether the file is there, made (or found to be right) by this user for this package and shape."""
    return path.is_file() and is_own(*_parts(package, path, path.read_bytes()))


def accept_key(package: bytes, path: Path, digest: bytes) -> bool:
    """Takes a key for one's own if it has this SHA-256, which comes from where it was made or checked."""
    data = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(data).digest() != digest:
        return False
    remember_own(*_parts(package, path, data))
    return True
