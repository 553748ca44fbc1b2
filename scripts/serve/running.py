"""A node in a process of its own, as its operator starts it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

START_SECONDS = 300.0
SILENT_SECONDS = 600.0
_LISTENING = re.compile(r"listening at (http://\S+)")


class NodeEnded(Exception):
    """The process ended before it was ready; its last words, or that it took too long."""


class RunningNode:
    """`zkllm serve` with these options, its log in a file. A context manager: it is stopped in the end.
    `program`: the module that is run. `seconds`: for which its start is waited for."""

    def __init__(
        self,
        options: list[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        program: str = "zkllm",
        seconds: float = START_SECONDS,
    ):
        self._options, self.log, self._program = [str(option) for option in options], log, program
        self._seconds = seconds
        self._environment = {**os.environ, **(environment or {})}
        self.process: subprocess.Popen[bytes]
        self.url = ""

    def start(self, ready: bool = True) -> Self:
        """Waits until it listens; with `ready`, until it answers questions."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        begun = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self._program, "serve", *self._options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
            )
        try:
            return self._listening(begun, ready)
        except BaseException:  # Ctrl-C too: nobody else would end it
            self.__exit__()
            raise

    def _listening(self, begun: int, ready: bool) -> Self:
        end = time.monotonic() + self._seconds
        while True:
            said = self.log.read_bytes()[begun:].decode(errors="replace")
            if (found := _LISTENING.search(said)) and (not ready or self._is_ready(found[1])):
                self.url = found[1]
                return self
            if self.process.poll() is not None:
                raise NodeEnded(said[-2000:])
            if time.monotonic() > end:
                self.kill()
                raise NodeEnded(f"it was not ready after {self._seconds:.0f} s; {self.log} says what it did")
            time.sleep(0.05)

    def get(self, path: str) -> Any:
        """JSON."""
        return json.loads(self.read(path))

    def post(self, path: str, body: object) -> Any:
        """JSON, of both."""
        return json.loads(self.read(path, json.dumps(body).encode()))

    def read(self, path: str, body: bytes | None = None) -> bytes:
        """What is answered, to its end. A refusal is an error; one that is silent for long too."""
        request = urllib.request.Request(self.url + path, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=SILENT_SECONDS) as response:
            return bytes(response.read())

    def kill(self) -> None:
        """At once."""
        self.process.kill()
        self.process.wait()

    def stop(self, seconds: float = 90.0) -> int:
        """In order; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            self.kill()

    @staticmethod
    def _is_ready(url: str) -> bool:
        try:
            with urllib.request.urlopen(url + "/readyz", timeout=30):
                return True
        except (urllib.error.URLError, OSError):
            return False
