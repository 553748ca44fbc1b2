"""What the benchmark scripts share: processes apart with limits, kept JSON lines, and the machine."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from scripts import ROOT
from zkllm.files import write_atomically
from zkllm.timings import available_cores

BUILD = ROOT / "build"
POLL_SECONDS = 0.2


class Failed(Exception):
    """A process ended badly, or reached a limit; one line."""


def say(text: str) -> None:
    """What the run is doing, with the time: these runs last long."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


def resident(pid: int) -> int:
    """Bytes of a process; 0 once it has gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmRSS")), 0)


def script(name: str, *arguments: object) -> list[object]:
    """The command that runs a script of this repository, apart."""
    return [sys.executable, "-m", f"scripts.{name}", *arguments]


def run_apart(
    command: Sequence[object],
    *,
    seconds: float | None = None,
    memory: int | None = None,
    environment: dict[str, str] | None = None,
) -> str:
    """Standard output of a process of its own; it is ended beyond `seconds` or `memory` bytes resident."""
    child = subprocess.Popen(
        [str(c) for c in command],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        text=True,
        start_new_session=True,
    )
    deadline = None if seconds is None else time.monotonic() + seconds
    name = " ".join(Path(str(c)).name for c in command[1:5] if c != "-m")
    try:
        while True:
            try:
                out, _ = child.communicate(timeout=POLL_SECONDS)
                break
            except subprocess.TimeoutExpired:
                if deadline is not None and time.monotonic() > deadline:
                    raise Failed(f"{name}: stopped after {seconds:.0f} s") from None
                if memory is not None and resident(child.pid) > memory:
                    raise Failed(f"{name}: stopped at {memory / 2**30:.1f} GiB of memory") from None
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)  # its own session: nothing else is in it
            child.wait()
    if child.returncode:
        raise Failed(f"{name}: exit code {child.returncode}")
    return str(out)


def last_json(text: str) -> dict[str, Any]:
    """The JSON object of the last line."""
    return dict(json.loads(text.strip().splitlines()[-1]))


class Lines:
    """A file of JSON lines, one a case; a case whose line is there is not run again."""

    def __init__(self, path: Path, keys: Sequence[str]):
        self.path, self.keys = path, tuple(keys)
        self.path.parent.mkdir(parents=True, exist_ok=True)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        if self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                if line.strip():
                    yield json.loads(line)

    def _key(self, line: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(line.get(k) for k in self.keys)

    def find(self, case: dict[str, Any]) -> dict[str, Any] | None:
        return next((line for line in self if self._key(line) == self._key(case)), None)

    def put(self, line: dict[str, Any]) -> None:
        """Replaces the case's line, or appends one; complete or not at all."""
        kept = [old for old in self if self._key(old) != self._key(line)]
        text = "".join(json.dumps(x) + "\n" for x in [*kept, line])
        write_atomically(self.path, text.encode())


def rounded(value: Any, digits: int = 4) -> Any:
    """Floats to some significant digits, all the way down."""
    if isinstance(value, float):
        return float(f"{value:.{digits}g}")
    if isinstance(value, dict):
        return {k: rounded(v, digits) for k, v in value.items()}
    return [rounded(v, digits) for v in value] if isinstance(value, list) else value


def machine() -> dict[str, Any]:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "machine": names[0] if names else platform.processor() or platform.machine(),
        "cores": available_cores(),
        "memory_bytes": memory,
        "load": round(os.getloadavg()[0], 2),
    }
