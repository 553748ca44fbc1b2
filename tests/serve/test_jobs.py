"""The table of jobs: states, attempts, and what is left of them when everything ends at once."""

from __future__ import annotations

import sqlite3
import threading
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from zkllm.errors import ZkllmError
from zkllm.serve.board import Board
from zkllm.serve.database import FILE, Database, StorageError
from zkllm.serve.jobs import (
    CANCELLABLE,
    CHAIN,
    STOPPED,
    Job,
    Jobs,
    NoSuchJob,
    Order,
    QueueFull,
    State,
    insert,
)
from zkllm.serve.metrics import Metrics
from zkllm.serve.node import Cleaner
from zkllm.serve.prover import Prover
from zkllm.serve.recovery import recover
from zkllm.serve.settings import JobSettings
from zkllm.settle.journal import Journal
from zkllm.shape_id import ShapeId
from zkllm.statement import Context

ORDER = Order("alice", "m", bytes(32), ShapeId(16, 1), (1, 2), bytes([1] * 32), Context())


def order(number: int, **changes) -> Order:
    return replace(ORDER, claim_id=number.to_bytes(32, "big"), **changes)


def submit(jobs, number=1, **changes):
    return jobs.submit(order(number, **changes), 100)[0]


def test_a_job_goes_from_state_to_state_and_keeps_its_history(jobs):
    job = submit(jobs)
    assert jobs.next_to_prove().id == job.id and jobs.next_to_prove() is None
    assert jobs.move(job.id, [State.PROVING], State.PROVED, fields={"proof": b"x", "answer": "[3]"})
    found = jobs.get(job.id)
    assert (found.state, found.attempts, found.proof, found.answer) == (State.PROVED, 1, b"x", (3,))
    assert found.order == order(1) and found.is_over
    assert [c.state for c in jobs.history(job.id)] == ["queued", "proving", "proved"]
    assert jobs.counts()[State.PROVED] == 1


def test_who_asks_for_the_same_prompt_by_another_text_has_that_text_told(jobs):
    job = submit(jobs, swallowed=2)
    assert jobs.get(job.id).order.swallowed == 2
    for swallowed in (5, 5, 0):
        again, new = jobs.submit(order(1, swallowed=swallowed), 100)
        assert not new and again == jobs.get(job.id) == replace(job, order=order(1, swallowed=swallowed))


def test_they_are_proved_in_the_order_in_which_they_came(jobs):
    ids = [submit(jobs, i).id for i in range(5)]
    assert [jobs.next_to_prove().id for _ in ids] == ids


def test_a_change_from_another_state_changes_nothing(jobs):
    job = submit(jobs)
    assert not jobs.move(job.id, [State.PROVING], State.PROVED, fields={"proof": b"x"})
    assert jobs.get(job.id).proof is None and jobs.state(job.id) is State.QUEUED
    assert not jobs.move("proof-none", [State.QUEUED], State.PROVED)


def test_who_asks_the_same_again_gets_the_same_job(jobs):
    first, new = jobs.submit(order(1), 100)
    assert new
    assert jobs.submit(order(1), 0) == (first, False)  # a client that tries again, of a node that is full
    for other in (order(2), order(1, owner="bob"), order(1, context=Context(1, bytes(20), bytes([1] * 20)))):
        assert jobs.submit(other, 100)[1]
    jobs.cancel(first.id)
    assert jobs.submit(order(1), 100)[1]


def test_no_more_wait_than_the_node_takes(jobs):
    for i in range(3):
        jobs.submit(order(i), 3)
    with pytest.raises(QueueFull, match="3 proofs are waiting"):
        jobs.submit(order(9), 3)
    jobs.next_to_prove()
    jobs.submit(order(9), 3)


def test_many_threads_submit_and_take_and_nothing_is_lost_or_taken_twice(jobs):
    taken, lock = [], threading.Lock()

    def work(number: int) -> None:
        for i in range(10):
            submit(jobs, 100 * number + i)
            job = jobs.next_to_prove()
            with lock:
                taken.append(job.id)

    threads = [threading.Thread(target=work, args=[n]) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(taken)) == 60 == jobs.counts()[State.PROVING]


def test_one_request_of_the_chain_has_one_job(database, jobs):
    of_chain = order(1, owner=CHAIN, context=Context(1, bytes(20), bytes(20), bytes([5] * 32)))
    with database.writing() as connection:
        insert(connection, of_chain)
    with pytest.raises(StorageError, match="UNIQUE"):
        with database.writing() as connection:
            insert(connection, of_chain)
    assert len(jobs.all()) == 1


def test_what_was_being_proved_goes_on_at_once_and_then_later_and_later(database, jobs, monkeypatch):
    """Until it has had its attempts: nothing tells whether it was what ended the node."""
    now = [1e9]
    monkeypatch.setattr(time, "time", lambda: now[0])
    job, waits = submit(jobs), []
    for attempt in range(1, 14):
        waits.append(0)
        while (found := jobs.next_to_prove()) is None:
            now[0] += 1.0
            waits[-1] += 1
        assert found.attempts == attempt
        assert recover(database, 15, 2.0) == (1, 0) and jobs.state(job.id) is State.QUEUED
    assert waits == [0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048]
    assert jobs.next_to_prove() is None
    assert jobs.get(job.id).reason == "the node ended while it was proved, attempt 13 of 15"
    other = submit(jobs, 2)
    assert jobs.next_to_prove().id == other.id, "whoever comes meanwhile is served"
    jobs.move(other.id, [State.PROVING], State.PROVED)
    now[0] += 3600.0
    assert jobs.next_to_prove().id == job.id
    assert recover(database, 15, 2.0) == (1, 0)
    now[0] += 3600.0
    assert jobs.next_to_prove().attempts == 15
    assert recover(database, 15, 2.0) == (0, 1) and jobs.next_to_prove() is None


def test_a_job_with_which_the_node_ends_each_time_fails_and_says_so(database, jobs):
    job = submit(jobs)
    for _ in range(2):
        jobs.next_to_prove()
        assert recover(database, 3, 0.0) == (1, 0)
    jobs.next_to_prove()
    assert recover(database, 3, 0.0) == (0, 1) and recover(database, 3, 0.0) == (0, 0)
    found = jobs.get(job.id)
    assert (found.state, found.attempts, found.failures) == (State.FAILED, 3, 3)
    assert "given up after 3 failed attempts: with the last one the node itself ended" in found.reason
    assert [change.state for change in jobs.history(job.id)] == ["queued", "proving"] * 3 + ["failed"]
    assert jobs.retry(job.id).failures == 0
    jobs.next_to_prove()
    assert recover(database, 3, 0.0) == (1, 0), "counted anew"


def test_attempts_whose_process_was_killed_and_those_with_which_the_node_ended_are_counted_together(
    database, jobs
):
    job = submit(jobs)
    jobs.next_to_prove()
    jobs.move(job.id, [State.PROVING], State.QUEUED, "the process was killed", fields={"failures": 1})
    jobs.next_to_prove()
    assert recover(database, 2, 0.0) == (0, 1) and jobs.get(job.id).failures == 2


def test_an_attempt_that_was_under_way_when_the_node_was_told_to_end_does_not_count(database, jobs):
    job = submit(jobs)
    waiting = submit(jobs, 2)
    for _ in range(5):
        jobs.next_to_prove()
        jobs.note_stop()
        assert jobs.state(job.id) is State.PROVING and jobs.get(waiting.id).reason == ""
        assert recover(database, 1, 1e6) == (1, 0), "though the stop took too long, and it was killed"
        found = jobs.get(job.id)
        assert (found.state, found.attempts, found.failures) == (State.QUEUED, 0, 0)
        assert found.reason == STOPPED
    assert jobs.next_to_prove().reason == ""
    assert recover(database, 1, 1e6) == (0, 1), "the next attempt counts again"


def prover_of(jobs: Jobs) -> Prover:
    """It has no process, and must begin nothing."""
    nothing: Any = SimpleNamespace(places=lambda: 1)
    return Prover(jobs, nothing, Board(), Metrics(dict), JobSettings())


def test_a_prover_that_is_told_to_stop_while_it_takes_a_job_puts_it_back(jobs, monkeypatch):
    """Told after it was seen that it has room for one, as `next_to_prove` looks for it."""
    job, prover = submit(jobs), prover_of(jobs)
    take = jobs.next_to_prove

    def taken_as_it_ends() -> Job | None:
        prover.stop()
        return take()

    monkeypatch.setattr(jobs, "next_to_prove", taken_as_it_ends)
    assert prover.step() == 0.0
    found = jobs.get(job.id)
    assert (found.state, found.attempts, found.reason) == (State.QUEUED, 0, STOPPED)


def test_a_prover_stops_though_the_disk_is_full(jobs, monkeypatch, caplog):
    def full() -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(jobs, "note_stop", full)
    prover = prover_of(jobs)
    prover.stop()
    assert prover.stopping.is_set() and "the disk is full" in caplog.text


def test_recovery_leaves_all_other_states_alone(database, jobs):
    ids = {state: submit(jobs, i).id for i, state in enumerate(State)}
    for state, job_id in ids.items():
        jobs.move(job_id, [State.QUEUED], state)
    recover(database, 3, 10.0)
    for state, job_id in ids.items():
        assert jobs.state(job_id) is (State.QUEUED if state is State.PROVING else state)


@pytest.mark.parametrize("state", State)
def test_cancelling(jobs, state):
    job = submit(jobs)
    jobs.move(job.id, [State.QUEUED], state)
    if state in CANCELLABLE:
        assert jobs.cancel(job.id).state is State.CANCELLED
    else:
        with pytest.raises(ZkllmError, match="is not cancelled"):
            jobs.cancel(job.id)
        assert jobs.state(job.id) is state


@pytest.mark.parametrize("state", State)
def test_trying_again(jobs, state):
    job = submit(jobs)
    jobs.move(job.id, [State.QUEUED], state, fields={"attempts": 3})
    if state in (State.FAILED, State.CANCELLED):
        again = jobs.retry(job.id)
        assert (again.state, again.attempts) == (State.QUEUED, 0)
        jobs.move(job.id, [State.QUEUED], state, fields={"proof": b"x"})
        assert jobs.retry(job.id).state is State.PROVED
    else:
        with pytest.raises(ZkllmError, match="only what failed or was cancelled"):
            jobs.retry(job.id)


def test_settling_comes_first_and_only_what_is_wanted(jobs):
    wanted, other, under_way = (submit(jobs, i, settle=i != 1) for i in range(3))
    for job in (wanted, other):
        jobs.move(job.id, [State.QUEUED], State.PROVED)
    jobs.move(under_way.id, [State.QUEUED], State.SETTLING)
    ids = lambda: [job.id for job in jobs.to_settle(1e12)]
    assert ids() == [under_way.id, wanted.id]
    assert jobs.want_settled(other.id) and not jobs.want_settled(other.id)
    assert ids() == [under_way.id, wanted.id, other.id]
    jobs.move(wanted.id, [State.PROVED], State.PROVED, "later", pause=1e13)
    assert ids() == [under_way.id, other.id]


def test_what_is_over_is_forgotten_after_its_time(jobs):
    over, going = submit(jobs, 1), submit(jobs, 2)
    jobs.cancel(over.id)
    assert jobs.forget(1.0) == 0
    assert jobs.forget(-1.0) == 1
    assert jobs.find(over.id) is None and jobs.history(over.id) == [] and jobs.find(going.id)
    with pytest.raises(NoSuchJob):
        jobs.get(over.id)


def test_records_of_settlements_are_forgotten_with_the_jobs(jobs, tmp_path):
    class Forgetful(Journal):
        def forget_mined(self, prefix: str, before: float) -> int:
            asked.append((prefix, time.time() - before))
            return 0

    asked = []
    over = submit(jobs)
    jobs.cancel(over.id)
    Cleaner(jobs, 2.0, Forgetful(tmp_path)).step()
    assert jobs.find(over.id) and asked == [("settle-", pytest.approx(2 * 86400, abs=60))]


def test_measures_are_moving_means(jobs):
    assert jobs.measure("x") is None
    for value in (4.0, 8.0):
        jobs.note_measure("x", value)
    assert jobs.measure("x") == 5.0


def test_a_file_that_is_none_is_one_line(tmp_path):
    (tmp_path / FILE).write_bytes(b"nothing of SQLite's " * 100)
    with pytest.raises(StorageError, match="not a database"):
        Database(tmp_path)
    with pytest.raises(StorageError, match="no node's state"):
        Database(tmp_path / "none", reading=True)


def test_another_version_is_refused(database):
    with sqlite3.connect(database.path) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StorageError, match="another version"):
        Database(database.path.parent)


def test_a_state_of_before_is_gone_on_with(database, jobs):
    job = submit(jobs)
    with sqlite3.connect(database.path) as connection:
        connection.execute("ALTER TABLE jobs DROP COLUMN swallowed")
        connection.execute("PRAGMA user_version = 1")
    with pytest.raises(StorageError, match="another version"):
        Database(database.path.parent, reading=True)
    upgraded = Jobs(Database(database.path.parent))
    assert upgraded.all() == [job] and submit(upgraded, 2, swallowed=3).order.swallowed == 3
    assert len(Jobs(Database(database.path.parent)).all()) == 2


def test_two_nodes_do_not_share_a_folder(database):
    database.lock()
    with pytest.raises(StorageError, match="another node runs"):
        Database(database.path.parent).lock()


def test_a_reader_changes_nothing(database, jobs):
    submit(jobs)
    reader = Jobs(Database(database.path.parent, reading=True))
    assert len(reader.all()) == 1
    with pytest.raises(StorageError, match="readonly"):
        reader.cancel(reader.all()[0].id)


def test_a_full_disk_is_an_error_of_one_line_and_loses_nothing(database, jobs):
    job = submit(jobs)
    pages = database.connection.execute("PRAGMA page_count").fetchone()[0]
    database.connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageError, match="full"):
        for i in range(2, 200):
            submit(jobs, i)
    assert jobs.get(job.id).state is State.QUEUED
    before = len(jobs.all())
    database.connection.execute("PRAGMA max_page_count = 100000")
    submit(jobs, 999)
    assert len(jobs.all()) == before + 1
