"""Transactions on disk: the signed bytes are written before they are sent, so that an interrupted run is
taken up by hash and never pays twice.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from zkllm.errors import Malformed, SettlementError
from zkllm.files import UNREADABLE, read_json, write_durably
from zkllm.records import encode, from_data
from zkllm.settle.formats import Digest
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
class Mined:
    """What was paid, and where."""

    transaction_hash: Digest
    block_number: int
    block_hash: Digest
    succeeded: bool
    gas_used: int
    gas_price: int

    @classmethod
    def of(cls, receipt: Receipt) -> Mined:
        return cls(
            receipt.transaction_hash,
            receipt.block_number,
            receipt.block_hash,
            receipt.succeeded,
            receipt.gas_used,
            receipt.gas_price,
        )


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
    receipt: Mined | None = None  # once it is mined

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
        self._mined: dict[str, int] = {}  # intents that were seen to be, by when their files were written

    def path(self, intent: str) -> Path:
        if not re.fullmatch(r"[a-z0-9-]{1,200}", intent):
            raise ValueError(f"not a file name: {intent!r}")
        return self.folder / f"{intent}.json"

    def load(self, intent: str) -> Record | None:
        path = self.path(intent)
        try:
            record = from_data(Record, read_json(path), "the record")
            if record.intent != intent or record.state not in STATES or not record.attempts:
                raise Malformed("the record is of another transaction, or of none")
            if any(len(attempt.transaction_hash) != 32 for attempt in record.attempts):
                raise Malformed("the record has no transaction's hash")
        except FileNotFoundError:
            return None
        except UNREADABLE:
            raise SettlementError(
                f"{path} is damaged; look up the account's last transactions, then delete the file"
            ) from None
        return record

    def all(self) -> list[Record]:
        """Every record, by name."""
        records = (self.load(path.stem) for path in sorted(self.folder.glob("*.json")))
        return [record for record in records if record is not None]

    def unfinished(self) -> list[Record]:
        """Those that are under way, by name. What was seen to be mined and has not been written since is not
        read again: a node that settles for others has many of those."""
        found = []
        for path in sorted(self.folder.glob("*.json")):
            try:
                written = path.stat().st_mtime_ns
            except FileNotFoundError:
                continue
            if self._mined.get(path.stem) == written:
                continue
            record = self.load(path.stem)
            if record is not None and record.state == "mined":
                self._mined[path.stem] = written
            elif record is not None:
                found.append(record)
        return found

    def forget_mined(self, prefix: str, before: float) -> int:
        """Deletes what was mined and written before a time (seconds since 1970), of intents that begin so.
        Returns how many there were."""
        count = 0
        for path in self.folder.glob(f"{prefix}*.json"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime >= before:
                    continue
            record = self.load(path.stem)
            if record is not None and record.state == "mined":
                self.forget(record)
                count += 1
        return count

    def save(self, record: Record) -> None:
        """On disk when this returns; an `OSError`, as of a full disk, leaves what was there before."""
        write_durably(self.path(record.intent), encode(record))

    def advance(self, record: Record, state: str, receipt: Receipt | None = None) -> Record:
        """After the transaction was sent: a disk that is full now loses nothing, since the signed bytes are
        on it."""
        record = replace(record, state=state, receipt=None if receipt is None else Mined.of(receipt))
        try:
            self.save(record)
        except OSError:
            pass
        return record

    def forget(self, record: Record) -> None:
        self._mined.pop(record.intent, None)
        self.path(record.intent).unlink(missing_ok=True)
