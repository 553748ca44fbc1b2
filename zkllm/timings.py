"""Where time and memory go: stages, which nest, with wall clock, processor seconds and resident memory."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

Progress = Callable[[str, int, int], None]  # stage, done, total
Report = Callable[[int, int], None]
TELL_SECONDS = 0.2
"""Progress of one stage is told this often, where telling it takes something."""

_STATUS, _REFS = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_FIELDS = {"VmRSS": "rss", "RssAnon": "anon", "RssFile": "file", "VmHWM": "peak"}


def available_cores() -> int:
    """What this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass
class Stage:
    """Seconds add up where a stage is entered again; memory is that of the last time, peaks are the largest.

    `processor` counts all threads. `rss` (= `anon` + `file` + shared) is resident memory at the end, `file`
    being pages of mapped files (weights, SRS) that the system may take back at any time.
    """

    name: str
    wall: float = 0.0
    processor: float = 0.0
    memory: dict[str, int] = field(default_factory=dict)  # bytes: rss, anon, file, peak
    stages: list[Stage] = field(default_factory=list)

    def child(self, name: str) -> Stage:
        for stage in self.stages:
            if stage.name == name:
                return stage
        self.stages.append(Stage(name))
        return self.stages[-1]

    def serial(self, cores: int) -> float | None:
        """Seconds of wall clock that more cores than these would not take away, were each second either one
        core's or all cores'; None where there is one core. What else runs on the machine counts as serial."""
        if cores < 2:
            return None
        return max(0.0, (cores * self.wall - self.processor) / (cores - 1))

    def raise_peak(self, peak: int) -> None:
        self.memory["peak"] = max(peak, self.memory.get("peak", 0))

    def to_dict(self) -> dict[str, object]:
        data: dict[str, object] = {"name": self.name, "wall_s": self.wall, "processor_s": self.processor}
        if self.memory:
            data["memory_bytes"] = self.memory
        if self.stages:
            data["stages"] = [stage.to_dict() for stage in self.stages]
        return data


def resident_memory() -> dict[str, int]:
    """Bytes of this process: rss, anon, file, peak. Empty where the system has no /proc."""
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return {}
    found = (line.split() for line in lines)
    return {_FIELDS[w[0][:-1]]: int(w[1]) << 10 for w in found if w and w[0][:-1] in _FIELDS}


def forget_peak() -> None:
    """The system's mark of the peak starts from what is resident now; without permission it stays."""
    try:
        _REFS.write_text("5")
    except OSError:
        pass


class Paced:
    """Progress that is passed on when the stage changes or ends, and every `TELL_SECONDS` in between."""

    def __init__(self, tell: Progress):
        self._tell, self._stage, self._at = tell, "", 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if stage != self._stage or done >= total or now - self._at > TELL_SECONDS:
            self._stage, self._at = stage, now
            self._tell(stage, done, total)


@dataclass
class Timings:
    """Stages by name. With `memory` also resident memory, for which the process' own mark of its peak is
    started anew at every boundary."""

    progress: Progress | None = None
    memory: bool = False
    entered: Callable[[str], object] = lambda name: None  # told the name of each stage and step as it begins
    root: Stage = field(default_factory=lambda: Stage("all"))
    _open: list[tuple[Stage, float, float]] = field(default_factory=list)
    _step: int | None = None  # depth of the open step, which the next step or its stage's end closes

    def __post_init__(self) -> None:
        if self.memory:
            forget_peak()  # what the process took before belongs to no stage

    @contextmanager
    def stage(self, name: str) -> Iterator[Report | None]:
        """Yields what takes (done, total) of the stage, or None."""
        outer, self._step = self._step, None
        self._begin(name)
        depth = len(self._open)
        report: Report | None = None
        if self.progress is not None:
            progress = self.progress
            progress(name, 0, 1)
            report = lambda done, total: progress(name, done, total)
        try:
            yield report
        finally:
            while len(self._open) >= depth:
                self._end()
            self._step = outer
        if self.progress is not None:
            self.progress(name, 1, 1)

    def step(self, name: str) -> None:
        """What follows, up to the next step or the end of the stage, is `name`."""
        if self._step is not None:
            self._end()
        self._step = len(self._open)
        self._begin(name)

    @property
    def seconds(self) -> dict[str, float]:
        """Wall clock of the outermost stages."""
        return {stage.name: stage.wall for stage in self.root.stages}

    def _begin(self, name: str) -> None:
        self.entered(name)
        self._boundary()
        parent = self._open[-1][0] if self._open else self.root
        self._open.append((parent.child(name), time.perf_counter(), time.process_time()))

    def _end(self) -> None:
        stage, wall, processor = self._open[-1]
        stage.wall += time.perf_counter() - wall
        stage.processor += time.process_time() - processor
        now = self._boundary()
        self._open.pop()
        stage.memory |= {name: size for name, size in now.items() if name != "peak"}

    def _boundary(self) -> dict[str, int]:
        """Adds the peak since the last boundary to every open stage."""
        if not self.memory:
            return {}
        now = resident_memory()
        forget_peak()
        if now:
            for stage in (self.root, *(s for s, _, _ in self._open)):
                stage.raise_peak(now["peak"])
        return now
