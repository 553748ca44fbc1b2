"""Who computes for the node, and the one on this machine: a process that is started when it is needed, told
what to do, ended and started anew where it dies or is to stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from zkllm.errors import ZkllmError
from zkllm.files import JsonObject
from zkllm.serve.process import Process, WorkerDied

WORKER = "zkllm.serve.worker"
"""The module that is run as a worker process."""
LOOK_SECONDS = 0.5
"""How often a task looks whether it is still wanted."""

Tell = Callable[[JsonObject], None]
Wanted = Callable[[], bool]


class Unwanted(ZkllmError):
    """Nobody wants the result any more; the process was ended."""


class TaskFailed(ZkllmError):
    """What the worker says of a task. `again`: another attempt may end otherwise."""

    def __init__(self, reason: str, again: bool):
        super().__init__(reason)
        self.again = again


class Computing(Protocol):
    """Processes that make proofs, on this machine (`Worker`) or on others (`zkllm.serve.cluster`)."""

    def start(self, tell: Tell = ...) -> JsonObject:
        """What is said of the models, by name. Raises a ZkllmError where no proof can be made."""

    def places(self) -> int:
        """How many tasks may run at once now. What has ended is started anew; where that fails it raises."""

    def run(self, order: Mapping[str, object], tell: Tell, wanted: Wanted = ...) -> JsonObject:
        """What a task ends with, from as many threads as there are places; what is said before goes to
        `tell`. Raises TaskFailed, WorkerDied, or, where `wanted` is no longer true, Unwanted."""

    def stop(self) -> None:
        """Ends every process; what runs raises WorkerDied."""

    @property
    def trouble(self) -> str:
        """Why no proof can be made now; nothing where they can."""

    def census(self) -> dict[str, int]:
        """Proving processes by what they do."""


def result_of(message: JsonObject) -> JsonObject | None:
    """What a task ends with, None where this is not its end. Raises TaskFailed."""
    if "failed" in message:
        raise TaskFailed(message["failed"], message["again"])
    done: JsonObject | None = message.get("done")
    return done


class Worker:
    """One process; one thread of the node uses it at a time. `name`: as lists of processes show it; `models`
    and `memory_budget` as the process is told them; `proves`: whether it makes proofs, for which there has to
    be the memory; `hidden`: names of environment variables that it is not to see."""

    trouble = ""

    def __init__(
        self,
        name: str,
        models: Sequence[JsonObject],
        memory_budget: int | None = None,
        hidden: Sequence[str] = (),
        proves: bool = True,
    ):
        self._name, self._hidden = name, hidden
        self._open: JsonObject = {"open": list(models), "memory_budget": memory_budget, "proves": proves}
        self._process: Process | None = None
        self._running = False

    def start(self, tell: Tell = lambda message: None) -> JsonObject:
        """The process, where there is none: what it says of the models, by name, and {} where it is there."""
        if self._process is not None and self._process.is_alive:
            return {}
        self.stop()
        self._process = Process(WORKER, self._name, self._hidden)
        return self._exchange(self._process, self._open, tell, lambda: True)

    def places(self) -> int:
        return 1

    def run(self, order: Mapping[str, object], tell: Tell, wanted: Wanted = lambda: True) -> JsonObject:
        self._running = True
        try:
            self.start()
            if (process := self._process) is None:
                raise WorkerDied("the process that computes was ended")
            return self._exchange(process, order, tell, wanted)
        finally:
            self._running = False

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()

    def census(self) -> dict[str, int]:
        return {"busy": int(self._running), "idle": int(not self._running)}

    def _exchange(
        self, process: Process, order: Mapping[str, object], tell: Tell, wanted: Wanted
    ) -> JsonObject:
        process.say(order)
        look = time.monotonic() + LOOK_SECONDS
        while True:
            message = process.message(look)
            if message is not None:
                if (done := result_of(message)) is not None:
                    return done
                self._tell(tell, message)
            if time.monotonic() >= look:
                look = time.monotonic() + LOOK_SECONDS
                if not wanted():
                    self.stop()
                    raise Unwanted("nobody wants it any more")

    def _tell(self, tell: Tell, message: JsonObject) -> None:
        try:
            tell(message)
        except BaseException:
            self.stop()  # what it says of this task is not to be taken for another's
            raise
