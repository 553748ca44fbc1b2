"""Processes as in containers that share a folder: process ids are their own."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

_NAMESPACE = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child"]


@cache
def _namespace() -> list[str]:
    """Where the system does not allow it, a process has to do."""
    tried = subprocess.run([*_NAMESPACE, "true"], capture_output=True) if shutil.which("unshare") else None
    return _NAMESPACE if tried is not None and tried.returncode == 0 else []


class Contained:
    """Runs a program up to the line that it prints, `told`, and on to its end when it may."""

    def __init__(self, program: str, *arguments: str, **environment: str):
        self._process = subprocess.Popen(
            [*_namespace(), sys.executable, "-c", program, *arguments],
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.told = self._process.stdout.readline().strip()

    def end(self) -> None:
        self._process.communicate("\n", timeout=60)
        assert self._process.returncode == 0

    def kill(self, held: Path) -> None:
        """It holds that no more when this returns: one that is killed in a namespace is told by the process
        that made it, which may take a moment."""
        descriptor = os.open(held, os.O_RDONLY)
        self._process.kill()
        self._process.wait()  # before its input ends, at which what it has started would end in order
        self._process.communicate()
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.close(descriptor)
