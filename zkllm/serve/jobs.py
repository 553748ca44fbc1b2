"""Jobs: a proof that was asked for, and what became of it. Every change of state is one durable transaction
that says from which state it leads, so that two who would change a job do not both.

    queued -> proving -> proved -> settling -> settled
    queued, proving, proved -> cancelled;  anything but settled -> failed

A job that nobody wants settled ends as proved. After kill -9, what was proving is queued again, until it has
had as many attempts as the settings allow; what was settling goes on from the transactions' journal, which
pays for nothing twice.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from zkllm.errors import ZkllmError
from zkllm.files import JsonObject
from zkllm.model.tokenizer import swallowing
from zkllm.serve.database import Database
from zkllm.shape_id import ShapeId
from zkllm.statement import Context

CHAIN = ""
"""Owner of the jobs that answer requests of the chain; no API key has this name."""


class State(StrEnum):
    QUEUED = "queued"
    PROVING = "proving"
    PROVED = "proved"
    SETTLING = "settling"
    SETTLED = "settled"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNFINISHED = (State.QUEUED, State.PROVING, State.PROVED, State.SETTLING)
CANCELLABLE = (State.QUEUED, State.PROVING, State.PROVED)
"""A transaction that was sent cannot be taken back."""
DROPPED = "a reorganisation of the chain removed its request"
FORESTALLED = "somebody else settled its claim first"
CLOSED = "its request is closed"
BY_US = "this node settled its claim for somebody else"
OURS = "this node answered it"
BY_THE_CHAIN = (DROPPED, FORESTALLED, CLOSED, BY_US)
"""Reasons to cancel a job that another reorganisation may take away."""


STOPPING = "the node is being stopped"
"""Reason of a job that is still proving then: whatever ends the node before the proof is made, the job is not
at fault."""
STOPPED = "the node was stopped while it was proved"
UNCHANGED: Mapping[str, object] = MappingProxyType({})
"""No other fields of a job change with its state."""


class QueueFull(ZkllmError):
    """As many proofs are waited for as the node takes."""


class NoSuchJob(ZkllmError):
    """There is none of this id, or it is somebody else's."""


@dataclass(frozen=True)
class Order:
    """What is to be proved, and whether it is to be settled. `reward` in wei, `deadline` in chain time: of
    the request that it answers. `swallowed`: characters of the text that was asked, the last time that it
    was, which the prompt is without."""

    owner: str
    model: str
    model_id: bytes
    shape: ShapeId
    prompt: tuple[int, ...]
    claim_id: bytes
    context: Context
    settle: bool = False
    reward: int = 0
    deadline: int | None = None
    swallowed: int = 0


@dataclass(frozen=True)
class Job:
    """`attempts`: proofs that were begun, but for those that an orderly stop took back; `failures`: of these,
    those with which their process or the node ended; once it is proved, attempts to settle it that failed.
    `seconds` of proving by stage; `gas_price` in wei; the block is that of the settlement."""

    id: str
    order: Order
    state: State
    reason: str
    attempts: int
    failures: int
    created: float
    changed: float
    answer: tuple[int, ...] | None
    proof: bytes | None
    seconds: dict[str, float] | None
    transaction_hash: bytes | None
    block_number: int | None
    block_hash: bytes | None
    gas_used: int | None
    gas_price: int | None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will become of it by itself."""
        return self.state not in UNFINISHED or self.state is State.PROVED and not self.order.settle

    def to_dict(self) -> JsonObject:
        """For JSON; without the proof, which is asked for by itself."""
        order, context = self.order, self.order.context
        settled = None
        if self.transaction_hash is not None:
            settled = {
                "transaction": _hex(self.transaction_hash),
                "block": self.block_number,
                "gas_used": self.gas_used,
                "gas_price": self.gas_price,
            }
        return {
            "id": self.id,
            "state": self.state.value,
            "reason": self.reason or None,
            "attempts": self.attempts,
            "created": self.created,
            "changed": self.changed,
            "model": order.model,
            "model_id": _hex(order.model_id),
            "claim_id": _hex(order.claim_id),
            "N": order.shape.rows,
            "k": order.shape.certified,
            "prompt_ids": list(order.prompt),
            "swallowed": told_of_swallowed(order.swallowed),
            "answer_ids": None if self.answer is None else list(self.answer),
            "context": None
            if context.is_empty
            else {
                "chain_id": context.chain_id,
                "contract": _hex(context.contract),
                "sender": _hex(context.sender),
                "request_id": _hex(context.request_id) if any(context.request_id) else None,
            },
            "settle": order.settle,
            "reward": order.reward,
            "deadline": order.deadline,
            "proof_bytes": None if self.proof is None else len(self.proof),
            "seconds": self.seconds,
            "settlement": settled,
        }


@dataclass(frozen=True)
class Change:
    """A state that a job was in, since when and why."""

    at: float
    state: str
    reason: str


def told_of_swallowed(count: int) -> JsonObject | None:
    """What a client reads of characters that the tokenizer took from what it asked; None of none."""
    return {"characters": count, "message": swallowing(count)} if count else None


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _job(row: sqlite3.Row) -> Job:
    context = Context(row["chain_id"], row["contract"], row["sender"], row["request_id"])
    order = Order(
        row["owner"],
        row["model"],
        row["model_id"],
        ShapeId(row["rows"], row["certified"]),
        tuple(json.loads(row["prompt"])),
        row["claim_id"],
        context,
        bool(row["settle"]),
        int(row["reward"]),
        row["deadline"],
        row["swallowed"],
    )
    return Job(
        row["id"],
        order,
        State(row["state"]),
        row["reason"],
        row["attempts"],
        row["failures"],
        row["created"],
        row["changed"],
        None if row["answer"] is None else tuple(json.loads(row["answer"])),
        row["proof"],
        None if row["seconds"] is None else json.loads(row["seconds"]),
        row["transaction_hash"],
        row["block_number"],
        row["block_hash"],
        row["gas_used"],
        None if row["gas_price"] is None else int(row["gas_price"]),
    )


class Jobs:
    """The table of jobs. Every method may be called from any thread."""

    def __init__(self, database: Database):
        self._database = database

    @property
    def has_node(self) -> bool | None:
        """Whether a node works on them now; None where that cannot be told."""
        return self._database.has_node

    # ---- reading
    def find(self, job_id: str) -> Job | None:
        row = self._database.one("SELECT * FROM jobs WHERE id = ?", job_id)
        return None if row is None else _job(row)

    def get(self, job_id: str) -> Job:
        found = self.find(job_id)
        if found is None:
            raise NoSuchJob(f"there is no job {job_id[:80]!r}")
        return found

    def state(self, job_id: str) -> State | None:
        row = self._database.one("SELECT state FROM jobs WHERE id = ?", job_id)
        return None if row is None else State(row["state"])

    def history(self, job_id: str) -> list[Change]:
        rows = self._database.all("SELECT * FROM history WHERE job = ? ORDER BY rowid", job_id)
        return [Change(row["at"], row["state"], row["reason"]) for row in rows]

    def all(self, states: Iterable[State] = State, limit: int = 1000) -> list[Job]:
        """The newest, in the order in which they came."""
        wanted = [state.value for state in states]
        marks = ", ".join("?" * len(wanted))
        query = f"SELECT * FROM jobs WHERE state IN ({marks}) ORDER BY number DESC LIMIT ?"
        return [_job(row) for row in reversed(self._database.all(query, *wanted, limit))]

    def counts(self) -> dict[State, int]:
        rows = self._database.all("SELECT state, count(*) AS n FROM jobs GROUP BY state")
        return dict.fromkeys(State, 0) | {State(row["state"]): row["n"] for row in rows}

    def to_prove(self) -> list[Job]:
        """Those that wait for it, and the one that is being proved."""
        query = "SELECT * FROM jobs WHERE state IN ('queued', 'proving')"
        return [_job(row) for row in self._database.all(query)]

    def to_settle(self, now: float) -> list[Job]:
        """Those that are proved and wanted on the chain, and those whose transaction is under way: these
        first."""
        query = """SELECT * FROM jobs WHERE (state = 'settling' OR state = 'proved' AND settle)
                   AND not_before <= ? ORDER BY state = 'proved', number"""
        return [_job(row) for row in self._database.all(query, now)]

    def settled_since(self, chain_id: int, contract: bytes, block: int) -> list[Job]:
        """Those whose settlement was in this block or a later one."""
        query = """SELECT * FROM jobs WHERE state = 'settled' AND chain_id = ? AND contract = ?
                   AND block_number >= ?"""
        return [_job(row) for row in self._database.all(query, chain_id, contract, block)]

    def of_requests(self, chain_id: int, contract: bytes) -> list[Job]:
        """The unfinished ones that answer requests of a contract."""
        query = """SELECT * FROM jobs WHERE owner = '' AND chain_id = ? AND contract = ?
                   AND state IN ('queued', 'proving', 'proved')"""
        return [_job(row) for row in self._database.all(query, chain_id, contract)]

    def revivable(self, chain_id: int, contract: bytes) -> list[Job]:
        """Those that the chain has cancelled."""
        marks = ", ".join("?" * len(BY_THE_CHAIN))
        query = f"""SELECT * FROM jobs WHERE owner = '' AND chain_id = ? AND contract = ?
                    AND state = 'cancelled' AND reason IN ({marks})"""
        return [_job(row) for row in self._database.all(query, chain_id, contract, *BY_THE_CHAIN)]

    # ---- making
    def submit(self, order: Order, most_waiting: int) -> tuple[Job, bool]:
        """The job, and whether it is new: who asks the same again, a client that tries again for one, gets
        the same. QueueFull where more than so many would wait to be proved."""
        context = order.context
        with self._database.writing() as connection:
            row = connection.execute(
                """SELECT * FROM jobs WHERE owner = ? AND claim_id = ? AND rows = ? AND chain_id = ?
                   AND contract = ? AND sender = ? AND request_id = ?
                   AND state NOT IN ('failed', 'cancelled')""",
                (
                    *(order.owner, order.claim_id, order.shape.rows, context.chain_id),
                    *(context.contract, context.sender, context.request_id),
                ),
            ).fetchone()
            if row is not None:
                job, told = _job(row), order.swallowed
                if told != job.order.swallowed:
                    connection.execute("UPDATE jobs SET swallowed = ? WHERE id = ?", (told, job.id))
                return replace(job, order=replace(job.order, swallowed=told)), False
            (waiting,) = connection.execute("SELECT count(*) FROM jobs WHERE state = 'queued'").fetchone()
            if waiting >= most_waiting:
                raise QueueFull(f"{waiting} proofs are waiting, and no more are taken; try again later")
            job_id = insert(connection, order)
            row = connection.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
        return _job(row), True

    # ---- changing
    def move(
        self,
        job_id: str,
        states: Sequence[State],
        to: State,
        reason: str = "",
        *,
        pause: float = 0.0,
        fields: Mapping[str, object] = UNCHANGED,
    ) -> bool:
        """From one of `states` to another; False, and nothing changed, where it is in none of them. `pause`:
        seconds for which it is left alone then; `fields`: columns that change with it."""
        with self._database.writing() as connection:
            return move(connection, job_id, states, to, reason, pause=pause, fields=fields)

    def next_to_prove(self) -> Job | None:
        """The first that waits, which is proving then, and whose attempts count one more."""
        now = time.time()
        with self._database.writing() as connection:
            row = connection.execute(
                """SELECT * FROM jobs WHERE state = 'queued' AND not_before <= ?
                   ORDER BY number LIMIT 1""",
                (now,),
            ).fetchone()
            if row is None:
                return None
            attempts = row["attempts"] + 1
            move(connection, row["id"], [State.QUEUED], State.PROVING, fields={"attempts": attempts})
            row = connection.execute("SELECT * FROM jobs WHERE id = ?", (row["id"],)).fetchone()
        return _job(row)

    def note_answer(self, job_id: str, answer: Sequence[int]) -> None:
        """What the model answers, before that is proved."""
        with self._database.writing() as connection:
            connection.execute("UPDATE jobs SET answer = ? WHERE id = ?", (json.dumps(list(answer)), job_id))

    def want_settled(self, job_id: str) -> bool:
        """Whether that changed anything."""
        with self._database.writing() as connection:
            done = connection.execute(
                """UPDATE jobs SET settle = 1, not_before = 0 WHERE id = ? AND NOT settle
                   AND state IN ('queued', 'proving', 'proved')""",
                (job_id,),
            )
            return done.rowcount == 1

    def retry(self, job_id: str) -> Job:
        """One that failed or was cancelled begins again, with the proof that it has, if any."""
        job = self.get(job_id)
        to = State.QUEUED if job.proof is None else State.PROVED
        ended = [State.FAILED, State.CANCELLED]
        if not self.move(job_id, ended, to, "tried again by hand", fields={"attempts": 0, "failures": 0}):
            raise ZkllmError(
                f"the job {job.id} is {job.state}: only what failed or was cancelled is tried again"
            )
        return self.get(job_id)

    def cancel(self, job_id: str) -> Job:
        job = self.get(job_id)
        if not self.move(job_id, CANCELLABLE, State.CANCELLED, "cancelled by hand"):
            why = "its transaction is under way" if job.state is State.SETTLING else "it is over"
            raise ZkllmError(f"the job {job.id} is {job.state}, and is not cancelled: {why}")
        return self.get(job_id)

    def note_stop(self) -> None:
        """The node was told to end: what is proving now is not to blame for it, even where it is not queued
        again before somebody loses patience and kills the node."""
        with self._database.writing() as connection:
            for row in connection.execute("SELECT id FROM jobs WHERE state = 'proving'").fetchall():
                move(connection, row["id"], [State.PROVING], State.PROVING, STOPPING)

    def forget(self, days: float) -> int:
        """Deletes what has been over for so long. Returns how many there were."""
        with self._database.writing() as connection:
            done = connection.execute(
                """DELETE FROM jobs WHERE changed < ? AND (state IN ('settled', 'failed', 'cancelled')
                   OR state = 'proved' AND NOT settle)""",
                (time.time() - days * 86400,),
            )
            return done.rowcount

    # ---- what was measured
    def measure(self, name: str) -> float | None:
        row = self._database.one("SELECT value FROM measures WHERE name = ?", name)
        return None if row is None else float(row["value"])

    def note_measure(self, name: str, value: float) -> None:
        """A moving mean, in which the newest value counts a quarter."""
        with self._database.writing() as connection:
            connection.execute(
                """INSERT INTO measures VALUES (?, ?)
                   ON CONFLICT (name) DO UPDATE SET value = 0.75 * value + 0.25 * excluded.value""",
                (name, value),
            )


def insert(connection: sqlite3.Connection, order: Order) -> str:
    """A new job within a transaction; its id, which nobody can guess."""
    job_id, now, context = "proof-" + secrets.token_hex(16), time.time(), order.context
    values = {
        "id": job_id,
        "owner": order.owner,
        "model": order.model,
        "model_id": order.model_id,
        "rows": order.shape.rows,
        "certified": order.shape.certified,
        "prompt": json.dumps(list(order.prompt)),
        "claim_id": order.claim_id,
        "chain_id": context.chain_id,
        "contract": context.contract,
        "sender": context.sender,
        "request_id": context.request_id,
        "settle": int(order.settle),
        "reward": str(order.reward),
        "deadline": order.deadline,
        "swallowed": order.swallowed,
        "state": State.QUEUED.value,
        "reason": "",
        "attempts": 0,
        "failures": 0,
        "not_before": 0.0,
        "created": now,
        "changed": now,
    }
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    connection.execute(
        f"INSERT INTO jobs (number, {names}) "
        f"VALUES ((SELECT coalesce(max(number), 0) + 1 FROM jobs), {marks})",
        tuple(values.values()),
    )
    _note(connection, job_id, State.QUEUED, "")
    return job_id


def move(
    connection: sqlite3.Connection,
    job_id: str,
    states: Sequence[State],
    to: State,
    reason: str = "",
    *,
    pause: float = 0.0,
    fields: Mapping[str, object] = UNCHANGED,
) -> bool:
    """`Jobs.move` within a transaction. The history has a line for each change of state or reason."""
    now = time.time()
    before = connection.execute("SELECT state, reason FROM jobs WHERE id = ?", (job_id,)).fetchone()
    if before is None or before["state"] not in [state.value for state in states]:
        return False
    values = {"state": to.value, "reason": reason, "changed": now, "not_before": now + pause, **fields}
    assignments = ", ".join(f"{name} = ?" for name in values)
    connection.execute(f"UPDATE jobs SET {assignments} WHERE id = ?", (*values.values(), job_id))
    if (before["state"], before["reason"]) != (to.value, reason):
        _note(connection, job_id, to, reason)
    return True


def _note(connection: sqlite3.Connection, job_id: str, state: State, reason: str) -> None:
    connection.execute("INSERT INTO history VALUES (?, ?, ?, ?)", (job_id, time.time(), state.value, reason))
