"""Processes of a test, found by a mark in their environment, which all that they start inherit."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

MARK = "ZKLLM_TEST_MARK"


class Program:
    """`python -c CODE ARGUMENTS`, in a process group of its own."""

    def __init__(self, code: str, arguments: Sequence[object] = (), folder: Path | None = None):
        self.mark = secrets.token_hex(8)
        environment = os.environ | {MARK: self.mark}
        if folder is not None:
            environment["TMPDIR"] = str(folder)
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,
        )

    def line(self) -> str:
        """The next that it prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def signal(self, number: int) -> None:
        """To its group, as a terminal's Ctrl-C."""
        os.killpg(self.process.pid, number)

    def end(self, seconds: float = 60.0) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=seconds)
        return self.process.returncode, out, err

    def left(self, seconds: float = 10.0) -> list[str]:
        """Command lines of what is still there of it after so long."""
        until = time.monotonic() + seconds
        while (found := marked(self.mark)) and time.monotonic() < until:
            time.sleep(0.1)
        return list(found.values())


def marked(mark: str) -> dict[int, str]:
    """Process ids and command lines; zombies are none."""
    found, wanted = {}, f"{MARK}={mark}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ").strip()
        except OSError:
            continue
    return found
