"""Jobs are proved as many at once as there are places, and not taken while there are none."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping

import pytest

from tests.serve.test_jobs import order
from zkllm.errors import ZkllmError
from zkllm.files import JsonObject
from zkllm.serve import prover as module
from zkllm.serve.board import Board
from zkllm.serve.computing import TaskFailed, Tell, Wanted
from zkllm.serve.jobs import Jobs, State
from zkllm.serve.metrics import Metrics
from zkllm.serve.process import WorkerDied
from zkllm.serve.prover import Prover
from zkllm.serve.settings import JobSettings

DONE: JsonObject = {"proof": "00", "answer": [3], "seconds": {"all": 1.0}, "machine": "far"}


class Acted:
    """Each task waits until it is told its end."""

    trouble = ""

    def __init__(self, count: int):
        self.count, self.lost = count, ""
        self.ends: list[object] = []
        self.running = self.most = 0
        self._changed = threading.Condition()

    def start(self, tell: Tell = lambda message: None) -> JsonObject:
        return {}

    def places(self) -> int:
        if self.lost:
            raise ZkllmError(self.lost)
        return self.count

    def run(self, order: Mapping[str, object], tell: Tell, wanted: Wanted = lambda: True) -> JsonObject:
        with self._changed:
            self.running += 1
            self.most = max(self.most, self.running)
            self._changed.wait_for(lambda: self.ends)
            end = self.ends.pop(0)
            self.running -= 1
        if isinstance(end, Exception):
            raise end
        assert isinstance(end, dict)
        return end

    def end(self, *ends: object) -> None:
        with self._changed:
            self.ends += ends
            self._changed.notify_all()

    def stop(self) -> None:
        self.end(*[WorkerDied("it ended")] * self.running)

    def census(self) -> dict[str, int]:
        return {"busy": self.running, "idle": self.count - self.running}


@pytest.fixture
def acted() -> Acted:
    return Acted(3)


@pytest.fixture
def prover(jobs: Jobs, acted: Acted, monkeypatch: pytest.MonkeyPatch) -> Iterator[Prover]:
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.01)
    made = Prover(jobs, acted, Board(), Metrics(dict), JobSettings(retry_seconds=0.01, attempts=2))
    yield made
    made.abandon()
    assert made.join(10)


def counts(jobs: Jobs) -> dict[State, int]:
    return {state: count for state, count in jobs.counts().items() if count}


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_as_many_at_once_as_there_are_places(jobs: Jobs, acted: Acted, prover: Prover) -> None:
    for number in range(5):
        jobs.submit(order(number), 100)
    prover.start()
    wait_until(lambda: acted.running == 3)
    time.sleep(0.1)
    assert counts(jobs) == {State.PROVING: 3, State.QUEUED: 2}
    acted.count = 1  # machines have gone
    acted.end(DONE, DONE)
    wait_until(lambda: counts(jobs) == {State.PROVED: 2, State.PROVING: 1, State.QUEUED: 2})
    time.sleep(0.1)
    assert acted.running == 1
    acted.end(DONE, DONE, DONE)
    wait_until(lambda: counts(jobs) == {State.PROVED: 5})
    assert acted.most == 3 and {job.attempts for job in jobs.all()} == {1}
    assert jobs.all()[0].answer == (3,)


def test_nothing_is_taken_while_there_is_no_place(jobs: Jobs, acted: Acted, prover: Prover) -> None:
    """What is lost is said, and costs those that wait no attempt."""
    acted.lost = "no Ray answers"
    jobs.submit(order(1), 100)
    with pytest.raises(ZkllmError, match="no Ray answers"):
        prover.step()
    acted.lost, acted.count = "", 0
    assert prover.step() > 0 and counts(jobs) == {State.QUEUED: 1}
    acted.count = 1
    prover.start()
    acted.end(DONE)
    wait_until(lambda: counts(jobs) == {State.PROVED: 1})
    assert jobs.all()[0].attempts == 1


def test_each_way_to_fail_costs_an_attempt(jobs: Jobs, acted: Acted, prover: Prover) -> None:
    """One of ours too: its job is tried again, and not left as it was."""
    acted.count = 1
    prover.start()
    for number, error in enumerate((TaskFailed("t", True), WorkerDied("d"), ValueError("a fault"))):
        jobs.submit(order(number), 100)
        acted.end(error, DONE)
        wait_until(lambda: jobs.all()[-1].state is State.PROVED)
        acted.end(error, error)
        jobs.submit(order(10 + number), 100)
        wait_until(lambda: jobs.all()[-1].state is State.FAILED)
        assert [job.attempts for job in jobs.all()[-2:]] == [2, 2]
    assert jobs.all()[-1].reason == "internal error: ValueError"


def test_what_is_under_way_is_queued_again_when_the_node_ends(
    jobs: Jobs, acted: Acted, prover: Prover
) -> None:
    for number in range(4):
        jobs.submit(order(number), 100)
    prover.start()
    wait_until(lambda: acted.running == 3)
    prover.stop()
    assert not prover.join(0.1), "three are under way"
    prover.abandon()
    assert prover.join(10)
    assert counts(jobs) == {State.QUEUED: 4}
    assert sorted(job.attempts for job in jobs.all()) == [0] * 4
