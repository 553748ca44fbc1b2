"""What a node does before it is ready, told to its log and to /readyz: who waits knows what for, and how far
it is."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping

from zkllm.files import JsonObject

LOG = logging.getLogger("zkllm.serve")
TELL_SECONDS = 2.0
"""What takes longer has a line of the log, with the stage that it is in,"""
AGAIN_SECONDS = 15.0
"""and another one each time after so long."""
_LOOK_SECONDS = 0.5


class Opening:
    """Written by the thread that starts the node, and by whom that asks; read by others. Once it is `over`
    nothing more is told."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._step, self._part = "starting", ""
        self._stage: tuple[str, int, int] | None = None
        self._begun = self._stage_begun = self._told = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tick, name="opening", daemon=True)

    def begin(self, step: str, about: Mapping[str, object] | None = None) -> None:
        """A step has a line of its own. `about`: what is known of it, by name."""
        with self._lock:
            self._step, self._part, self._stage = step, "", None
            self._begun = self._stage_begun = self._told = time.monotonic()
            if not self._thread.is_alive() and not self._over.is_set():
                self._thread.start()
        LOG.info("%s", step, extra=about)

    def part(self, part: str) -> None:
        """Of the step: which model, which shape."""
        with self._lock:
            self._part, self._stage, self._stage_begun = part, None, time.monotonic()

    def progress(self, stage: str, done: int, total: int) -> None:
        with self._lock:
            if self._stage is None or self._stage[0] != stage:
                self._stage_begun = time.monotonic()
            self._stage = stage, done, total

    def hear(self, message: JsonObject) -> None:
        """Of a process that computes."""
        if "opening" in message:
            self.part(message["opening"])
        if "progress" in message:
            self.progress(*message["progress"])

    def end(self) -> None:
        self._over.set()

    def __str__(self) -> str:
        with self._lock:
            return self._said()

    def _said(self) -> str:
        said = ": ".join(filter(None, [self._step, self._part]))
        if self._stage is None:
            return said
        stage, done, total = self._stage
        return f"{said}; {stage}" + (f", {done} of {total}" if total > 1 else "")

    def _tick(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            with self._lock:
                now = time.monotonic()
                new = self._told < self._stage_begun
                late = now - self._stage_begun > TELL_SECONDS if new else now - self._told > AGAIN_SECONDS
                said, seconds = self._said(), round(now - self._begun, 1)
                if late:
                    self._told = now
            if late:
                LOG.info("still %s", said, extra={"seconds": seconds})
