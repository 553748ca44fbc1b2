"""Transactions on disk: the signed bytes are written before they are sent, so that an interrupted run is
taken up by hash and never pays twice.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from zkllm.errors import SettlementError

STATES = ("signed", "sent", "mined")


@dataclass(frozen=True)
class Record:
    """One intended transaction. `signed`: its bytes; nothing in it is secret once it was sent."""

    intent: str
    chain_id: int
    sender: bytes
    nonce: int
    transaction_hash: bytes
    signed: bytes
    state: str


class Journal:
    """One file for each intent, below `folder`."""

    def __init__(self, folder: Path):
        self.folder = folder

    def path(self, intent: str) -> Path:
        if not re.fullmatch(r"[a-z0-9-]{1,150}", intent):
            raise ValueError(f"not a file name: {intent!r}")
        return self.folder / f"{intent}.json"

    def load(self, intent: str) -> Record | None:
        path = self.path(intent)
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(data, dict):
                raise ValueError
            for name in ("sender", "transaction_hash", "signed"):
                data[name] = bytes.fromhex(data[name])
            record = Record(**data)
            valid = record.intent == intent and record.state in STATES and type(record.nonce) is int
            valid = valid and type(record.chain_id) is int and len(record.transaction_hash) == 32
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            valid = False
        if not valid:
            raise SettlementError(
                f"{path} is damaged; look up the account's last transactions, then delete the file"
            )
        return record

    def save(self, record: Record) -> None:
        data = {k: v.hex() if isinstance(v, bytes) else v for k, v in asdict(record).items()}
        write_json(self.path(record.intent), data)

    def advance(self, record: Record, state: str) -> Record:
        record = replace(record, state=state)
        self.save(record)
        return record

    def forget(self, record: Record) -> None:
        self.path(record.intent).unlink(missing_ok=True)


def write_json(path: Path, data: Any) -> None:
    """Atomically, and on disk when this returns; readable by the owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            json.dump(data, out, indent=2, sort_keys=True)
            out.write("\n")
            out.flush()
            os.fsync(out.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
