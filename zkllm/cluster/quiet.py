"""Standard output without what Ray writes into it.

Threads of Ray's print on the driver's standard output that a worker died, whatever Ray is told about logs;
results go there, in JSON too, so that nothing else may.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from typing import TextIO


class _Own:
    """The stream, for the thread that makes this."""

    def __init__(self, stream: TextIO):
        self._stream, self._thread = stream, threading.get_ident()

    def write(self, text: str) -> int:
        return self._stream.write(text) if threading.get_ident() == self._thread else len(text)

    def flush(self) -> None:
        self._stream.flush()

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


@contextmanager
def results_only() -> Iterator[None]:
    """Inside, standard output is for results, which this thread writes."""
    if sys.stdout is None:  # closed
        yield
        return
    with redirect_stdout(_Own(sys.stdout)):
        yield


@contextmanager
def nothing_printed() -> Iterator[None]:
    """Inside, what is written to standard output is lost."""
    with redirect_stdout(StringIO()):
        yield
