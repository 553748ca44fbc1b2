"""What a package's set-up has fixed, on disk: keys/setup.json, and which files of keys/ are one's own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from .errors import Malformed, PackageError, reason
from .files import UNREADABLE, is_own, read_json, remember_own, write_atomically
from .pcs.development import SRS_KINDS
from .records import encode, from_data

_RECORD, _KEY = b"setup record", b"key"


@dataclass(frozen=True)
class SetupRecord:
    """keys/setup.json: what every shape of a package shares."""

    max_tokens: int
    srs_kind: str
    srs_path: str | None  # None: the development SRS
    srs_digest: bytes
    fixed_commitments: tuple[bytes, ...]
    config_digest: bytes
    model_id: bytes
    package_digest: bytes

    def to_bytes(self) -> bytes:
        return encode(self)

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.remember()
        write_atomically(path, self.to_bytes())

    @property
    def own(self) -> bool:
        """Whether this user made it, or found it to be what the package leads to (`remember`)."""
        return is_own(_RECORD, self.to_bytes())

    def remember(self) -> None:
        remember_own(_RECORD, self.to_bytes())

    @classmethod
    def load(cls, path: Path) -> SetupRecord:
        try:
            record = from_data(cls, read_json(path), "the record")
            if "\0" in (record.srs_path or ""):
                raise Malformed("srs_path is not a path")
            if record.srs_kind not in SRS_KINDS:
                raise Malformed("srs_kind is unknown")
            return record
        except FileNotFoundError:
            raise PackageError(f"{path.parent.parent}: no keys yet; run zkllm setup") from None
        except UNREADABLE as error:
            raise PackageError(f"{path} is damaged ({reason(error)}); run zkllm setup again") from None


def _key_parts(package: bytes, path: Path, data: bytes) -> tuple[bytes, ...]:
    return _KEY, package, f"{path.parent.name}/{path.name}".encode(), hashlib.sha256(data).digest()


def keep_key(package: bytes, path: Path, data: bytes) -> None:
    """Writes a file of a shape's keys, unless it is there, and notes that it is one's own.

    `package` is the digest of the package that it was made for.
    """
    if not path.is_file() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)
    remember_own(*_key_parts(package, path, data))


def is_own_key(package: bytes, path: Path) -> bool:
    """Whether the file is there, made (or found to be right) by this user for this package and shape."""
    return path.is_file() and is_own(*_key_parts(package, path, path.read_bytes()))
