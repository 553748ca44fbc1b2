"""What is told while something happens: the stage that a proof is in, and that a job has changed. Nothing of
it is kept; what lasts is in the table of jobs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    name: str
    done: int
    total: int


class Board:
    """Written by threads, watched by the event loop's tasks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stages: dict[str, Stage] = {}
        self._watchers: dict[str, list[tuple[asyncio.AbstractEventLoop, asyncio.Event]]] = {}

    def progress(self, job_id: str, stage: Stage) -> None:
        with self._lock:
            self._stages[job_id] = stage
        self.changed(job_id)

    def end(self, job_id: str) -> None:
        """It is not computed any more."""
        with self._lock:
            self._stages.pop(job_id, None)
        self.changed(job_id)

    def stage(self, job_id: str) -> Stage | None:
        with self._lock:
            return self._stages.get(job_id)

    def changed(self, job_id: str) -> None:
        with self._lock:
            watchers = list(self._watchers.get(job_id, ()))
        for loop, event in watchers:
            loop.call_soon_threadsafe(event.set)

    @contextmanager
    def watching(self, job_id: str) -> Iterator[asyncio.Event]:
        """An event that is set when something about the job changes."""
        entry = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            self._watchers.setdefault(job_id, []).append(entry)
        try:
            yield entry[1]
        finally:
            with self._lock:
                self._watchers[job_id].remove(entry)
                if not self._watchers[job_id]:
                    del self._watchers[job_id]
