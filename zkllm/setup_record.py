"""What a package's set-up has fixed, on disk: keys/setup.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from .errors import PackageError
from .files import canonical_json, write_atomically
from .outer.keys import SRS_KINDS


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

    def save(self, path: Path) -> None:
        data = {k: v.hex() if isinstance(v, bytes) else v for k, v in self.__dict__.items()}
        data["fixed_commitments"] = [c.hex() for c in self.fixed_commitments]
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, canonical_json(data))

    @classmethod
    def load(cls, path: Path) -> SetupRecord:
        try:
            data = json.loads(path.read_bytes())
            if set(data) != set(cls.__dataclass_fields__) or type(data["max_tokens"]) is not int:
                raise ValueError("wrong fields")
            path_given = data["srs_path"]
            if path_given is not None and (type(path_given) is not str or "\0" in path_given):
                raise ValueError("srs_path is not a path")
            if data["srs_kind"] not in SRS_KINDS:
                raise ValueError("srs_kind is unknown")
            for name in ("srs_digest", "config_digest", "model_id", "package_digest"):
                data[name] = bytes.fromhex(data[name])
            data["fixed_commitments"] = tuple(bytes.fromhex(c) for c in data["fixed_commitments"])
            return cls(**data)
        except OSError:
            raise PackageError(f"{path.parent.parent}: no keys yet; run zkllm setup") from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PackageError(f"{path} is damaged ({error}); run zkllm setup again") from None
