"""Threads of the node that go on until it ends, whatever goes wrong in between."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from zkllm.errors import ZkllmError
from zkllm.serve.database import StorageError

LOG = logging.getLogger("zkllm.serve")
LONGEST_PAUSE = 60.0

T = TypeVar("T")


class Service:
    """A thread that calls `step` again and again. `step` returns the seconds for which there is nothing to
    do; it is woken before by `wake`. What it raises is logged, and it goes on after a pause that grows."""

    name = "service"

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._wake.set()

    def stop(self) -> None:
        """Nothing new is begun."""
        self.stopping.set()
        self._wake.set()

    def join(self, seconds: float) -> bool:
        """Whether it has ended by then."""
        self._thread.join(max(0.0, seconds))
        return not self._thread.is_alive()

    def step(self) -> float:
        raise NotImplementedError

    def failed(self, error: Exception) -> None:
        """Told of whatever `step` raises."""

    def _run(self) -> None:
        trouble = 0
        while not self.stopping.is_set():
            try:
                pause = self.step()
                trouble = 0
            except Exception as error:
                trouble += 1
                pause = min(2.0**trouble, LONGEST_PAUSE)
                LOG.error("%s: %s", self.name, error, exc_info=not isinstance(error, ZkllmError))
                self.failed(error)
            self._wake.wait(pause)
            self._wake.clear()

    def persist(self, write: Callable[[], T]) -> T:
        """The outcome of what was long or dear is written down, however long the disk is full. StorageError
        only where the node is to end meanwhile."""
        pause = 1.0
        while True:
            try:
                return write()
            except StorageError as error:
                LOG.error("%s: %s; trying again in %.0f s", self.name, error, pause)
                if self.stopping.wait(pause):
                    raise
                pause = min(2 * pause, LONGEST_PAUSE)
