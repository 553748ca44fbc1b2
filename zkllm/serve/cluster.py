"""`Computing` by the processes of a Ray cluster, seen from the node: one process on this machine speaks with
the cluster (`zkllm.serve.driver`), and is started anew where it dies or the cluster was lost."""

from __future__ import annotations

import itertools
import logging
import queue
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zkllm.errors import ZkllmError
from zkllm.files import JsonObject
from zkllm.serve.computing import LOOK_SECONDS, Tell, Unwanted, Wanted, result_of
from zkllm.serve.process import Process, WorkerDied

LOG = logging.getLogger("zkllm.serve")
DRIVER = "zkllm.serve.driver"
"""The module that is run as the process that speaks with the cluster."""
SPEAKS = "the process that speaks with it"
END_SECONDS = 20.0
"""It may take so long to end in order, with a Ray of its own."""


@dataclass(frozen=True)
class RayPlace:
    """`address`: HOST:PORT, auto, or None for a Ray of this machine that ends with the node. `cores` of each
    process, and at most so many `processes`; None: as many as there are places for."""

    address: str | None
    cores: int | None = None
    processes: int | None = None

    def __str__(self) -> str:
        return "the node's own Ray" if self.address is None else f"the Ray at {self.address}"


class Cluster:
    """`models`, `memory_budget`, `hidden`: as of a `Worker`."""

    def __init__(
        self,
        name: str,
        models: Sequence[JsonObject],
        where: RayPlace,
        memory_budget: int | None = None,
        hidden: Sequence[str] = (),
    ):
        self._name, self._hidden, self._where = name, hidden, where
        self._open: JsonObject = {
            "open": list(models),
            "memory_budget": memory_budget,
            "proves": False,
            "ray": where.address,
            "cores": where.cores,
            "processes": where.processes,
        }
        self._numbers = itertools.count(1)
        self._starting, self._lock = threading.Lock(), threading.Lock()
        self._process: Process | None = None
        self._joined = self._ended = False
        self._tasks: dict[int, queue.SimpleQueue[JsonObject]] = {}
        self._census: dict[str, int] = {}
        self._lost = ""

    def start(self, tell: Tell = lambda message: None) -> JsonObject:
        with self._starting:
            with self._lock:
                if self._ended:
                    raise WorkerDied("the node is being stopped")
                if self._joined:
                    return {}
                process = self._process = Process(DRIVER, self._name, self._hidden, SPEAKS)
            try:
                told = self._opened(process, tell)
            except ZkllmError as error:
                self._lost = str(error)
                process.end(END_SECONDS)
                raise
            with self._lock:
                self._joined, self._lost = True, ""
            threading.Thread(target=self._read, args=[process], name="cluster", daemon=True).start()
        LOG.info("proofs are made by %s", self._where, extra=self._census)
        return told

    def places(self) -> int:
        if not self._joined:
            self.start()
        return self._live()

    def run(self, order: Mapping[str, object], tell: Tell, wanted: Wanted = lambda: True) -> JsonObject:
        task, said = next(self._numbers), queue.SimpleQueue[JsonObject]()
        with self._lock:
            process = self._process
            if process is None or not self._joined:
                raise WorkerDied(self._lost or f"{self._where} is not joined")
            self._tasks[task] = said
        try:
            process.say({"task": task, "prove": order["prove"]})
            look = time.monotonic() + LOOK_SECONDS
            while True:
                message = _next(said, look)
                if message is not None:
                    if "died" in message:
                        raise WorkerDied(message["died"])
                    if (done := result_of(message)) is not None:
                        return done
                    tell(message)
                if time.monotonic() >= look:
                    look = time.monotonic() + LOOK_SECONDS
                    if not wanted():
                        process.say({"drop": task})
                        raise Unwanted("nobody wants it any more")
        finally:
            with self._lock:
                self._tasks.pop(task, None)

    def stop(self) -> None:
        """For good."""
        with self._lock:
            self._ended, process = True, self._process
        if process is not None:
            process.end(END_SECONDS)

    @property
    def trouble(self) -> str:
        if self._lost:
            return f"no proof can be made: {self._lost}"
        return "" if self._live() or not self._joined else f"no process of {self._where} can prove now"

    def census(self) -> dict[str, int]:
        return {"busy": 0, "idle": 0, "starting": 0, "refused": 0} | self._census

    def _live(self) -> int:
        census = self.census()
        return census["busy"] + census["idle"]

    def _opened(self, process: Process, tell: Tell) -> JsonObject:
        """What it says of the models, when a process of the cluster is there that can prove."""
        process.say(self._open)
        while True:
            message = process.message(time.monotonic() + LOOK_SECONDS)
            if message is not None:
                if (done := result_of(message)) is not None:
                    return done
                self._hear(message)
                tell(message)

    def _read(self, process: Process) -> None:
        """Until it ends: then so do the tasks that it was given."""
        try:
            while True:
                message = process.message(time.monotonic() + LOOK_SECONDS)
                if message is not None and "task" not in message and "failed" in message:
                    raise WorkerDied(message["failed"])
                if message is not None:
                    self._hear(message)
        except WorkerDied as error:
            reason = f"{self._where} was lost: {error}"
        process.end(END_SECONDS)
        with self._lock:
            self._joined, self._census, self._lost = False, {}, reason
            tasks, self._tasks = self._tasks, {}
            ended = self._ended
        if not ended:
            LOG.error("cluster: %s", reason, extra={"tasks": len(tasks)})
        for said in tasks.values():
            said.put({"died": reason})

    def _hear(self, message: JsonObject) -> None:
        if "pool" in message:
            self._census = message["pool"]
        elif "warning" in message:
            LOG.warning("cluster: a process cannot prove: %s", message["warning"])
        elif "task" in message:
            with self._lock:
                said = self._tasks.get(message["task"])
            if said is not None:
                said.put(message)


def _next(said: queue.SimpleQueue[JsonObject], until: float) -> JsonObject | None:
    try:
        return said.get(timeout=max(0.0, until - time.monotonic()))
    except queue.Empty:
        return None
