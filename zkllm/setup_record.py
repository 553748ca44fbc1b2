"""What a package's set-up has fixed, on disk: keys/setup.json."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .errors import Malformed, PackageError, reason
from .files import UNREADABLE, is_own, read_json, remember_own, write_atomically
from .pcs.development import SRS_KINDS
from .records import encode, from_data

_RECORD = b"setup record"


@dataclass(frozen=True)
class SetupRecord:
    """keys/setup.json: what every shape of a package shares."""

    rows: int
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
