"""The node's state on disk: one SQLite file in WAL mode, of which every change is durable when it returns.

Threads have connections of their own; other processes (`zkllm jobs`) may read and write it meanwhile.
Whatever SQLite says is a `StorageError` of one line. Nothing secret is in it.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zkllm.errors import ZkllmError, reason

FILE, LOCK = "node.sqlite", "node.lock"
VERSION = 2
BUSY_SECONDS = 10.0
"""For which a writer waits for another one."""
LOOKED_AT_SECONDS = 0.5
"""For which a node that starts waits for its lock: who looks whether one runs holds it for a moment."""

_SCHEMA = """
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    number INTEGER NOT NULL UNIQUE,       -- in the order in which they came
    owner TEXT NOT NULL,
    model TEXT NOT NULL,
    model_id BLOB NOT NULL,
    rows INTEGER NOT NULL,
    certified INTEGER NOT NULL,
    prompt TEXT NOT NULL,                 -- ids, as a JSON list
    claim_id BLOB NOT NULL,
    chain_id INTEGER NOT NULL,            -- the proof's context; all zero: none
    contract BLOB NOT NULL,
    sender BLOB NOT NULL,
    request_id BLOB NOT NULL,
    settle INTEGER NOT NULL,              -- whether it is to be settled
    reward TEXT NOT NULL,                 -- wei
    deadline INTEGER,                     -- of the request, in chain time
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL,            -- proofs that were begun
    failures INTEGER NOT NULL,            -- of these; attempts to settle that failed, once it is proved
    not_before REAL NOT NULL,
    created REAL NOT NULL,
    changed REAL NOT NULL,
    answer TEXT,                          -- ids, as a JSON list
    proof BLOB,
    seconds TEXT,                         -- of proving, by stage, as JSON
    transaction_hash BLOB,
    block_number INTEGER,
    block_hash BLOB,
    gas_used INTEGER,
    gas_price TEXT,                       -- wei
    swallowed INTEGER NOT NULL DEFAULT 0  -- characters of what was asked that are no part of the prompt
);
CREATE INDEX jobs_by_state ON jobs (state, number);
CREATE INDEX jobs_by_claim ON jobs (claim_id);
CREATE UNIQUE INDEX jobs_by_request ON jobs (chain_id, contract, request_id) WHERE owner = '';
CREATE TABLE history (
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    at REAL NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL
);
CREATE INDEX history_by_job ON history (job);
CREATE TABLE measures (name TEXT PRIMARY KEY, value REAL NOT NULL);
CREATE TABLE blocks (
    chain_id INTEGER NOT NULL,
    contract BLOB NOT NULL,
    number INTEGER NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (chain_id, contract, number)
);
CREATE TABLE requests (
    chain_id INTEGER NOT NULL,
    contract BLOB NOT NULL,
    request_id BLOB NOT NULL,
    claim_id BLOB NOT NULL,
    model_id BLOB NOT NULL,
    certified INTEGER NOT NULL,
    reward TEXT NOT NULL,                 -- wei
    deadline INTEGER NOT NULL,
    prompt TEXT NOT NULL,                 -- ids, as a JSON list; empty where only a digest was posted
    block_number INTEGER NOT NULL,
    taken INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',      -- why it was taken, or not
    closed_block INTEGER,                 -- where it was fulfilled, or its reward went back
    closed TEXT,                          -- how
    PRIMARY KEY (chain_id, contract, request_id)
);
"""
_UPGRADE = "ALTER TABLE jobs ADD COLUMN swallowed INTEGER NOT NULL DEFAULT 0"
"""From version 1."""


class StorageError(ZkllmError):
    """The state cannot be read or written now: a full disk, a damaged file."""


def no_state(folder: Path) -> str:
    """That there is none in `folder`, and what to do."""
    return (
        f"{folder} holds no node's state: name the folder of one with --data DIR, the --data of zkllm serve, "
        f"or start one with zkllm serve --model DIR --data {folder}"
    )


class Database:
    """The file in a folder, made where it is not there yet. `made`: it has to be there; `reading`: nothing is
    written to it."""

    def __init__(self, folder: Path, reading: bool = False, made: bool = False):
        self.path = folder / FILE
        self._reading = reading
        self._local = threading.local()
        if (reading or made) and not self.path.is_file():
            raise StorageError(no_state(folder))
        with self._guard():
            if not (reading or made):
                folder.mkdir(parents=True, exist_ok=True)
                self._create()
            version = self.connection.execute("PRAGMA user_version").fetchone()[0]
        if version != VERSION:
            raise StorageError(f"{self.path} is of another version of this program ({version})")

    def lock(self) -> None:
        """This process' alone, until it ends: two nodes would prove and pay for the same jobs."""
        end = time.monotonic() + LOOKED_AT_SECONDS
        with self._guard():
            self._held = os.open(self.path.with_name(LOCK), os.O_CREAT | os.O_RDWR, 0o600)
            while not _locks(self._held, fcntl.LOCK_EX):
                if time.monotonic() > end:
                    raise StorageError(
                        f"another node runs with the state of {self.path.parent}; give another --data"
                    )
                time.sleep(0.05)

    @property
    def has_node(self) -> bool | None:
        """Whether a node runs with this state; None where that cannot be told, as of another user's."""
        try:
            descriptor = os.open(self.path.with_name(LOCK), os.O_RDONLY)
        except FileNotFoundError:
            return False
        except OSError:
            return None
        try:
            return not _locks(descriptor, fcntl.LOCK_SH)
        except OSError:  # a file system without locks
            return None
        finally:
            os.close(descriptor)

    def _create(self) -> None:
        self.path.touch(mode=0o600)
        with self.writing() as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version < VERSION:
                for statement in (_UPGRADE if version else _SCHEMA).split(";\n"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {VERSION}")

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's."""
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            mode = "ro" if self._reading else "rwc"
            found = sqlite3.connect(
                f"{self.path.resolve().as_uri()}?mode={mode}",
                uri=True,
                timeout=BUSY_SECONDS,
                isolation_level=None,
            )
            found.row_factory = sqlite3.Row
            if not self._reading:
                found.execute("PRAGMA journal_mode = WAL")
                found.execute("PRAGMA synchronous = FULL")  # a power failure takes nothing back either
            found.execute("PRAGMA foreign_keys = ON")
            self._local.connection = found
        return found

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it is on disk, or none."""
        with self._guard():
            connection = self.connection
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def all(self, query: str, *arguments: object) -> list[sqlite3.Row]:
        with self._guard():
            return self.connection.execute(query, arguments).fetchall()

    def one(self, query: str, *arguments: object) -> sqlite3.Row | None:
        rows = self.all(query, *arguments)
        return rows[0] if rows else None

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            words = " ".join(str(error).split())[:200]
            raise StorageError(f"cannot use {self.path}: {words}") from None
        except OSError as error:
            raise StorageError(f"cannot use {self.path}: {reason(error)}") from None


def _locks(descriptor: int, kind: int) -> bool:
    """Whether nobody else holds it."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
