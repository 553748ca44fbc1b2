"""Standard output without what Ray writes into it.

A thread of Ray's prints on the driver's standard output that a worker died, whatever Ray is told about logs;
results go there, in JSON too, so that nothing else may.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TextIO

_RAY_THREAD = "ray_listen_error_messages"


class _Others:
    """The stream, for all threads but that one."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        return len(text) if threading.current_thread().name == _RAY_THREAD else self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


@contextmanager
def results_only() -> Iterator[None]:
    """Inside, standard output is for results."""
    if sys.stdout is None:  # closed
        yield
        return
    with redirect_stdout(_Others(sys.stdout)):
        yield
