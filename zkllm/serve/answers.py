"""Answers: computed token by token, one question after the other, in a process of its own, so that neither a
proof nor another question's client holds them up."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from zkllm.errors import ZkllmError
from zkllm.files import JsonObject
from zkllm.serve.computing import TaskFailed, Unwanted, Worker
from zkllm.serve.metrics import Metrics
from zkllm.serve.models import Question, Served
from zkllm.serve.process import WorkerDied
from zkllm.serve.service import LOG, Service


class Busy(ZkllmError):
    """As many answers are waited for as the node takes."""


class Unanswerable(ZkllmError):
    """The model has no answer to this prompt: a value leaves the range that the program has for it."""


@dataclass
class Answer:
    """An answer on its way: iterate over its tokens, as they are known. Raises Unanswerable, or ZkllmError
    where the node is at fault."""

    model: Served
    question: Question
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    _said: asyncio.Queue[int | ZkllmError | None] = field(default_factory=asyncio.Queue)
    _dropped: threading.Event = field(default_factory=threading.Event)

    async def __aiter__(self) -> AsyncIterator[int]:
        try:
            while (said := await self._said.get()) is not None:
                if isinstance(said, ZkllmError):
                    raise said
                yield said
        finally:
            self.drop()

    def drop(self) -> None:
        """Nobody waits for it any more."""
        self._dropped.set()

    @property
    def is_dropped(self) -> bool:
        return self._dropped.is_set()

    def say(self, said: int | ZkllmError | None) -> None:
        """From another thread: a token, what went wrong, or None at the end."""
        try:
            self._loop.call_soon_threadsafe(self._said.put_nowait, said)
        except RuntimeError:  # the loop is closed
            self.drop()


class Answerer(Service):
    """At most `most_waiting` answers wait at once."""

    name = "answerer"

    def __init__(self, worker: Worker, metrics: Metrics, most_waiting: int):
        super().__init__()
        self._worker, self._metrics, self._most = worker, metrics, most_waiting
        self._waiting: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._count, self._lock = 0, threading.Lock()

    def ask(self, model: Served, question: Question) -> Answer:
        """Raises Busy."""
        with self._lock:
            if self._count >= self._most or self.stopping.is_set():
                raise Busy(f"{self._count} answers are waited for, and no more are taken; try again later")
            self._count += 1
            self._metrics.waiting_answers.set(self._count)
            answer = Answer(model, question)
            self._waiting.put(answer)
        self.wake()
        return answer

    def step(self) -> float:
        try:
            answer = self._waiting.get_nowait()
        except queue.Empty:
            return 3600.0
        try:
            if not answer.is_dropped:
                self._compute(answer)
        finally:
            with self._lock:
                self._count -= 1
                self._metrics.waiting_answers.set(self._count)
        return 0.0

    def finish(self) -> None:
        """Those that wait are told that the node ends."""
        with self._lock:
            self.stop()
        while True:
            try:
                self._waiting.get_nowait().say(Busy("the node is being stopped; try again later"))
            except queue.Empty:
                return

    def _compute(self, answer: Answer) -> None:
        def tell(message: JsonObject) -> None:
            if "token" in message:
                self._metrics.tokens(answer.model.name, 1)
                answer.say(message["token"])

        shape = answer.question.shape
        order = {
            "model": answer.model.name,
            "rows": shape.rows,
            "certified": shape.certified,
            "prompt": list(answer.question.prompt),
        }
        try:
            self._worker.run({"answer": order}, tell)
            answer.say(None)
        except TaskFailed as error:
            self._metrics.failed("answering")
            LOG.warning("not answered: %s", error)
            answer.say(error if error.again else Unanswerable(str(error)))
        except (WorkerDied, Unwanted) as error:
            self._metrics.failed("answering")
            LOG.error("answerer: %s", error)
            answer.say(error)
