"""Proves the jobs, as many at once as whoever computes takes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait

from zkllm.errors import ZkllmError
from zkllm.files import JsonObject
from zkllm.serve.board import Board, Stage
from zkllm.serve.computing import Computing, TaskFailed, Unwanted
from zkllm.serve.database import StorageError
from zkllm.serve.jobs import STOPPED, UNCHANGED, Job, Jobs, Order, State
from zkllm.serve.metrics import Metrics
from zkllm.serve.process import WorkerDied
from zkllm.serve.service import LOG, Service
from zkllm.serve.settings import JobSettings
from zkllm.shape_id import ShapeId

MOST_AT_ONCE = 1000
IDLE_SECONDS = 1.0
"""After which the table is looked at again: another process may have changed it."""


def proving_measure(model_id: bytes, shape: ShapeId) -> str:
    """Name of the seconds that a proof takes."""
    return f"proving {model_id.hex()} {shape.folder}"


class Prover(Service):
    """`proved` is told of each job that is proved."""

    name = "prover"

    def __init__(
        self,
        jobs: Jobs,
        computing: Computing,
        board: Board,
        metrics: Metrics,
        settings: JobSettings,
        proved: Callable[[], None] = lambda: None,
    ):
        super().__init__()
        self._jobs, self._computing, self._board, self._metrics = jobs, computing, board, metrics
        self._settings, self._proved = settings, proved
        self._threads = ThreadPoolExecutor(MOST_AT_ONCE, self.name)
        self._under_way: set[Future[None]] = set()

    def step(self) -> float:
        if len(self._under_way) >= self._computing.places() or self.stopping.is_set():
            return IDLE_SECONDS
        job = self._jobs.next_to_prove()
        if job is None:
            return IDLE_SECONDS
        if self.stopping.is_set():  # told between the look at that and this
            self._take_back(job)
            return 0.0
        LOG.info("proving", extra={"job": job.id, "attempt": job.attempts})
        self._board.changed(job.id)
        task = self._threads.submit(self._work, job)
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return 0.0

    def stop(self) -> None:
        """Nothing new is begun; what is being proved has no part in the end of the node."""
        super().stop()
        try:
            self._jobs.note_stop()
        except StorageError as error:
            LOG.error("%s: %s", self.name, error)

    def _ended(self, task: Future[None]) -> None:
        self._under_way.discard(task)
        self.wake()

    def join(self, seconds: float) -> bool:
        """Whether what was under way has ended too."""
        end = time.monotonic() + seconds
        if not super().join(seconds):
            return False
        return not wait(tuple(self._under_way), max(0.0, end - time.monotonic())).not_done

    def abandon(self) -> None:
        """The node ends: what is being proved is given up, and queued again."""
        self.stop()
        self._computing.stop()

    def _work(self, job: Job) -> None:
        try:
            self._prove(job)
        except StorageError as error:  # the node is being stopped: the next start takes the job up
            LOG.error("%s: %s", self.name, error, extra={"job": job.id})
        except Exception as error:  # a fault of ours costs this attempt, not the service
            LOG.exception("%s: an attempt ended", self.name, extra={"job": job.id})
            self._failed(job, ZkllmError(f"internal error: {type(error).__name__}"), again=True)
        finally:
            self._board.end(job.id)

    def _prove(self, job: Job) -> None:
        try:
            done = self._computing.run(
                {"prove": order_of(job.order)},
                lambda message: self._tell(job, message),
                lambda: self._is_wanted(job),
            )
        except Unwanted:
            LOG.info("cancelled while it was proved", extra={"job": job.id})
            return
        except TaskFailed as error:
            self._failed(job, error, error.again)
            return
        except WorkerDied as error:
            if self.stopping.is_set():
                self._take_back(job)
                return
            self._failed(job, error, again=True)
            return
        seconds = done["seconds"]
        moved = self._move(
            job,
            State.PROVED,
            "",
            fields={
                "proof": bytes.fromhex(done["proof"]),
                "answer": json.dumps(done["answer"]),
                "seconds": json.dumps(seconds),
                "failures": 0,  # attempts to settle it are counted anew
            },
        )
        if not moved:
            return
        total = sum(seconds.values())
        self._jobs.note_measure(proving_measure(job.order.model_id, job.order.shape), total)
        self._metrics.proved(seconds)
        LOG.info("proved", extra={"job": job.id, "seconds": round(total, 3), "machine": done.get("machine")})
        self._proved()

    def _take_back(self, job: Job) -> None:
        """The node is being stopped: this was no attempt."""
        self._move(job, State.QUEUED, STOPPED, fields={"attempts": job.attempts - 1})

    def _is_wanted(self, job: Job) -> bool:
        try:
            return self._jobs.state(job.id) is State.PROVING
        except StorageError:
            return True  # as far as is known

    def _failed(self, job: Job, error: ZkllmError, again: bool) -> None:
        self._metrics.failed("proving")
        LOG.warning("not proved: %s", error, extra={"job": job.id, "attempt": job.attempts})
        failures = job.failures + 1
        if again and failures < self._settings.attempts:
            pause = self._settings.retry_seconds * 2.0 ** (failures - 1)
            self._move(job, State.QUEUED, str(error), pause=pause, fields={"failures": failures})
        else:
            self._move(job, State.FAILED, str(error))

    def _move(
        self,
        job: Job,
        to: State,
        reason: str,
        pause: float = 0.0,
        fields: Mapping[str, object] = UNCHANGED,
    ) -> bool:
        """False where it was cancelled meanwhile."""
        proving = [State.PROVING]
        return self.persist(lambda: self._jobs.move(job.id, proving, to, reason, pause=pause, fields=fields))

    def _tell(self, job: Job, message: JsonObject) -> None:
        if "progress" in message:
            self._board.progress(job.id, Stage(*message["progress"]))


def order_of(order: Order) -> JsonObject:
    """As the worker takes it."""
    context = order.context
    return {
        "model": order.model,
        "rows": order.shape.rows,
        "certified": order.shape.certified,
        "prompt": list(order.prompt),
        "context": [
            context.chain_id,
            context.contract.hex(),
            context.sender.hex(),
            context.request_id.hex(),
        ],
    }
