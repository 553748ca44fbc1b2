"""What the processes of a node use."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Usage:
    """Of one process. `memory`: bytes that are no pages of mapped files."""

    memory: int
    files: int
    threads: int


def processes(pid: int) -> dict[str, int]:
    """The node's, by what they do."""
    children = [entry for entry in os.listdir("/proc") if _status(entry).get("PPid") == str(pid)]
    return {"node": pid} | {_words(entry)[-1]: int(entry) for entry in children if _words(entry)}


def _words(pid: str) -> list[str]:
    """Its command line; nothing where the process is no more."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]
    except OSError:
        return []


def is_alive(pid: int) -> bool:
    return _status(str(pid)).get("State", "Z")[0] not in "ZX"


def usage(pid: int) -> Usage:
    status = _status(str(pid))
    memory = int(status["RssAnon"].split()[0]) << 10
    return Usage(memory, len(os.listdir(f"/proc/{pid}/fd")), int(status["Threads"]))


def usages(pid: int) -> dict[str, Usage]:
    """Of each of a node's processes."""
    return {name: usage(number) for name, number in processes(pid).items()}


def _status(pid: str) -> dict[str, str]:
    """Nothing where the process is no more."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
