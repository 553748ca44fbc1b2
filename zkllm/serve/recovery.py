"""After a start: the jobs that were being proved when the node ended, and what is done about one with which
it ends each time, as where memory is short and the system kills the node and not the process that proves.

A job is `proving` from before its proof is begun until after it is stored, each a durable change: whatever
ends the node meanwhile, the attempt was noted. Nothing tells whether the job was the reason. So it has as
many attempts as one whose own process ends, and the two are counted together.
"""

from __future__ import annotations

import sqlite3

from zkllm.serve.database import Database
from zkllm.serve.jobs import STOPPED, STOPPING, State, move

LONGEST_PAUSE = 3600.0
"""Seconds after which a job is proved again that was being proved whenever the node ended."""


def recover(database: Database, attempts: int, pause: float) -> tuple[int, int]:
    """Queues again what was proving, or lets it have failed where this was the last of `attempts`. It goes on
    at once the first time; then after `pause` seconds, doubled each further time up to `LONGEST_PAUSE`, so
    that whatever else waits is proved meanwhile. An orderly stop that took too long costs it no attempt.
    Returns how many were queued, and how many have failed."""
    with database.writing() as connection:
        rows = connection.execute("SELECT * FROM jobs WHERE state = 'proving'").fetchall()
        ended = [_recover(connection, row, attempts, pause) for row in rows]
    return ended.count(State.QUEUED), ended.count(State.FAILED)


def _recover(connection: sqlite3.Connection, row: sqlite3.Row, attempts: int, pause: float) -> State:
    proving, failures = [State.PROVING], row["failures"] + 1
    if row["reason"] == STOPPING:
        move(connection, row["id"], proving, State.QUEUED, STOPPED, fields={"attempts": row["attempts"] - 1})
        return State.QUEUED
    fields = {"failures": failures}
    if failures >= attempts:
        reason = (
            f"given up after {failures} failed attempts: with the last one the node itself ended (it was "
            "killed, as the system does where memory is short, or the machine went down); zkllm jobs retry "
            "begins it again"
        )
        move(connection, row["id"], proving, State.FAILED, reason, fields=fields)
        return State.FAILED
    wait = 0.0 if failures == 1 else min(LONGEST_PAUSE, pause * 2.0 ** min(failures - 2, 64))
    reason = f"the node ended while it was proved, attempt {failures} of {attempts}"
    move(connection, row["id"], proving, State.QUEUED, reason, pause=wait, fields=fields)
    return State.QUEUED
