"""Ends a command at a chosen stage: by Ctrl-C in this process, or by SIGKILL in one of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence

import pytest

from zkllm.cli.console import Progress


def interrupt_at(patch: pytest.MonkeyPatch, stage: str, number: int = signal.SIGINT, skip: int = 0) -> None:
    """The signal comes with report `skip` of the stage (report 0 opens most stages)."""
    seen = 0

    def report(self: Progress, name: str, done: int, total: int) -> None:
        nonlocal seen
        if name == stage:
            seen += 1
            if seen == skip + 1:
                signal.raise_signal(number)

    patch.setattr(Progress, "__call__", report)


def killed_at(stage: str, arguments: Sequence[object], skip: int = 0) -> None:
    """Runs `zkllm`, which is killed in the stage."""
    command = [sys.executable, "-m", "tests.interrupts", stage, str(skip), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, (stage, done)


def _main(stage: str, skip: str, *arguments: str) -> int:
    from zkllm.cli import main

    with pytest.MonkeyPatch.context() as patch:
        interrupt_at(patch, stage, signal.SIGKILL, int(skip))
        return main(arguments)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONPATH", os.getcwd())
    sys.exit(_main(*sys.argv[1:]))
