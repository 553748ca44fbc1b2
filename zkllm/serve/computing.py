"""A worker process, seen from the node: started when it is needed, told what to do, ended and started anew
where it dies or is to stop."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from zkllm.errors import ZkllmError
from zkllm.files import JsonObject

WORKER = "zkllm.serve.worker"
"""The module that is run as a worker process."""
LOOK_SECONDS = 0.5
"""How often a task looks whether it is still wanted."""
_LIMIT = 1 << 24
"""Bytes of a line of the worker's: far more than a proof takes."""

Tell = Callable[[JsonObject], None]
Wanted = Callable[[], bool]


class WorkerDied(ZkllmError):
    """The process ended in the middle of a task: it was killed, or the machine has too little memory."""


class Unwanted(ZkllmError):
    """Nobody wants the result any more; the process was ended."""


class TaskFailed(ZkllmError):
    """What the worker says of a task. `again`: another attempt may end otherwise."""

    def __init__(self, reason: str, again: bool):
        super().__init__(reason)
        self.again = again


class Worker:
    """One process; one thread of the node uses it. `name`: as lists of processes show it; `models` and
    `memory_budget` as the process is told them; `hidden`: names of environment variables that it is not to
    see."""

    def __init__(
        self,
        name: str,
        models: Sequence[JsonObject],
        memory_budget: int | None = None,
        hidden: Sequence[str] = (),
    ):
        self._name = name
        self._models, self._budget, self._hidden = list(models), memory_budget, hidden
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket
        self._received = b""

    def start(self, tell: Tell = lambda message: None) -> JsonObject:
        """The process, where there is none: what it says of the models, by name, and {} where it is there."""
        if self._process is not None and self._process.poll() is None:
            return {}
        self.stop()
        ours, theirs = socket.socketpair()
        environment = {name: value for name, value in os.environ.items() if name not in self._hidden}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", WORKER, str(theirs.fileno()), self._name],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,  # Ctrl-C is the node's
            )
        self._connection, self._received = ours, b""
        return self._exchange({"open": self._models, "memory_budget": self._budget}, tell, lambda: True)

    def run(self, order: Mapping[str, object], tell: Tell, wanted: Wanted = lambda: True) -> JsonObject:
        """What a task ends with; what the worker says before goes to `tell`. Raises TaskFailed, WorkerDied,
        or, where `wanted` is no longer true, Unwanted."""
        self.start()
        return self._exchange(order, tell, wanted)

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        self._connection.close()

    def _exchange(self, order: Mapping[str, object], tell: Tell, wanted: Wanted) -> JsonObject:
        with suppress(OSError):  # then there is no answer either
            self._connection.sendall(json.dumps(order).encode() + b"\n")
        look = time.monotonic() + LOOK_SECONDS
        while True:
            message = self._message(look)
            if message is not None and "done" in message:
                done: JsonObject = message["done"]
                return done
            if message is not None and "failed" in message:
                raise TaskFailed(message["failed"], message["again"])
            if message is not None:
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

    def _message(self, until: float) -> JsonObject | None:
        """The next line; None where none has come by then."""
        while b"\n" not in self._received:
            ready, _, _ = select.select([self._connection], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                return None
            try:
                data = self._connection.recv(1 << 16)
            except OSError:
                data = b""
            if not data or len(self._received) > _LIMIT:
                raise WorkerDied(f"the process that computes ended ({self._end()})")
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        message: JsonObject = json.loads(line)
        return message

    def _end(self) -> str:
        process = self._process
        self.stop()
        code = None if process is None else process.returncode
        return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
