"""A process that works for the node, seen from it: started with a socket, over which both say one message a
line of JSON, and ended with it."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from zkllm.errors import ZkllmError
from zkllm.files import JsonObject

END_SECONDS = 1.0
"""Between the end of what a process says and its own."""
_LIMIT = 1 << 24
"""Bytes of a line: far more than a proof takes."""


class WorkerDied(ZkllmError):
    """The process ended in the middle of a task: it was killed, or the machine has too little memory."""


class Process:
    """`python -m MODULE FD NAME`. `hidden`: names of environment variables that it is not to see; `what` it
    is, in words."""

    def __init__(
        self, module: str, name: str, hidden: Sequence[str], what: str = "the process that computes"
    ):
        self._what = what
        ours, theirs = socket.socketpair()
        environment = {name: value for name, value in os.environ.items() if name not in hidden}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, str(theirs.fileno()), name],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,  # Ctrl-C is the node's
            )
        self._connection, self._received = ours, b""
        self._ending = False

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def say(self, message: Mapping[str, object]) -> None:
        """To a process that has ended too: then there is no answer either."""
        with suppress(OSError):
            self._connection.sendall(json.dumps(message).encode() + b"\n")

    def message(self, until: float) -> JsonObject | None:
        """Its next; None where none has come by then. Raises WorkerDied where it has ended."""
        while b"\n" not in self._received:
            try:
                ready, _, _ = select.select([self._connection], [], [], max(0.0, until - time.monotonic()))
                if not ready:
                    return None
                data = self._connection.recv(1 << 16)
            except (OSError, ValueError):  # another thread has ended it
                data = b""
            if not data and self._ending:  # another thread waits for it
                raise WorkerDied(f"{self._what} is being ended")
            if not data or len(self._received) > _LIMIT:
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(END_SECONDS)
                raise WorkerDied(f"{self._what} ended ({self.kill()})")
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        message: JsonObject = json.loads(line)
        return message

    def kill(self) -> str:
        """At once; how it ended."""
        self._process.kill()
        code = self._process.wait()
        self._connection.close()
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    def end(self, seconds: float) -> None:
        """In order: it is told by the end of what it reads, and has so long."""
        self._ending = True
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        self.kill()
