"""Transactions on disk: the signed bytes are written before they are sent, so that an interrupted run is
taken up by hash and never pays twice.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zkllm.errors import SettlementError
from zkllm.settle.rpc import Receipt

STATES = ("signed", "sent", "mined")


@dataclass(frozen=True)
class Attempt:
    """Signed bytes under the record's nonce. Of a record's attempts at most one can ever be mined."""

    transaction_hash: bytes
    signed: bytes
    max_fee: int  # wei a gas
    priority_fee: int


@dataclass(frozen=True)
class Record:
    """One intended transaction. Nothing in it is secret once it was sent. `to`, `data`, `value` and `gas` are
    those of the last attempt, so that it can be signed again with a higher fee."""

    intent: str
    chain_id: int
    sender: bytes
    nonce: int
    to: bytes
    data: bytes
    value: int
    gas: int
    attempts: tuple[Attempt, ...]  # oldest first
    state: str
    receipt: dict[str, Any] | None = None  # once it is mined: what was paid, and where

    @property
    def transaction_hash(self) -> bytes:
        """Of the last attempt."""
        return self.attempts[-1].transaction_hash

    @property
    def hashes(self) -> tuple[bytes, ...]:
        return tuple(attempt.transaction_hash for attempt in self.attempts)


class Journal:
    """One file for each intent, below `folder`."""

    def __init__(self, folder: Path):
        self.folder = folder

    def path(self, intent: str) -> Path:
        if not re.fullmatch(r"[a-z0-9-]{1,200}", intent):
            raise ValueError(f"not a file name: {intent!r}")
        return self.folder / f"{intent}.json"

    def load(self, intent: str) -> Record | None:
        path = self.path(intent)
        try:
            record = _parse(json.loads(path.read_text(encoding="utf-8")))
            valid = record.intent == intent
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            valid = False
        if not valid:
            raise SettlementError(
                f"{path} is damaged; look up the account's last transactions, then delete the file"
            )
        return record

    def all(self) -> list[Record]:
        """Every record, by name."""
        records = (self.load(path.stem) for path in sorted(self.folder.glob("*.json")))
        return [record for record in records if record is not None]

    def save(self, record: Record) -> None:
        """On disk when this returns; an `OSError`, as of a full disk, leaves what was there before."""
        data: dict[str, Any] = {}
        for name, value in vars(record).items():
            data[name] = value.hex() if isinstance(value, bytes) else value
        data["attempts"] = [
            {k: v.hex() if isinstance(v, bytes) else v for k, v in vars(attempt).items()}
            for attempt in record.attempts
        ]
        write_json(self.path(record.intent), data)

    def advance(self, record: Record, state: str, receipt: Receipt | None = None) -> Record:
        """After the transaction was sent: a disk that is full now loses nothing, since the signed bytes are
        on it."""
        kept = None if receipt is None else _summary(receipt)
        record = replace(record, state=state, receipt=kept)
        try:
            self.save(record)
        except OSError:
            pass
        return record

    def forget(self, record: Record) -> None:
        self.path(record.intent).unlink(missing_ok=True)


def _parse(data: Any) -> Record:
    for name in ("sender", "to", "data"):
        data[name] = bytes.fromhex(data[name])
    data["attempts"] = tuple(_attempt(attempt) for attempt in data["attempts"])
    record = Record(**data)
    numbers = (record.chain_id, record.nonce, record.value, record.gas)
    if record.state not in STATES or not record.attempts or any(type(n) is not int for n in numbers):
        raise ValueError
    if record.receipt is not None and not isinstance(record.receipt, dict):
        raise ValueError
    return record


def _attempt(data: Any) -> Attempt:
    for name in ("transaction_hash", "signed"):
        data[name] = bytes.fromhex(data[name])
    attempt = Attempt(**data)
    if len(attempt.transaction_hash) != 32 or type(attempt.max_fee) is not int:
        raise ValueError
    if type(attempt.priority_fee) is not int:
        raise ValueError
    return attempt


def _summary(receipt: Receipt) -> dict[str, Any]:
    return {
        "transaction_hash": "0x" + receipt.transaction_hash.hex(),
        "block_number": receipt.block_number,
        "block_hash": "0x" + receipt.block_hash.hex(),
        "succeeded": receipt.succeeded,
        "gas_used": receipt.gas_used,
        "gas_price": receipt.gas_price,
    }


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
