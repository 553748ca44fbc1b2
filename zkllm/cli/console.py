"""Where a command's results, progress and errors go: results to stdout (text or JSON), the rest to stderr."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterable
from typing import Any

from zkllm.errors import reason
from zkllm.files import JsonObject

BAR_AFTER_SECONDS = 2.0
TICK_SECONDS = 0.5


class Progress:
    """On a terminal one bar at a time, shown once a stage lasts longer than two seconds; in a pipe or a log
    one line for each stage, when it starts. Called as progress(stage, done, total)."""

    def __init__(self, enabled: bool | None = None):
        """`enabled` None: bars or lines, as stderr is; False: nothing."""
        self._disable = None if enabled is None else not enabled
        self._stage: str | None = None
        self._named: set[str] = set()  # stages that have their line
        self._bar: Any = None
        self._lock = threading.Lock()
        self._ticker: threading.Thread | None = None

    def __call__(self, stage: str, done: int, total: int) -> None:
        with self._lock:
            if stage != self._stage:
                self._close()
                self._open(stage)
            if self._bar is None:
                return
            self._bar.total = total
            self._bar.update(done - self._bar.n)
            if done >= total:
                self._close()

    def _open(self, stage: str) -> None:
        self._stage = stage
        if sys.stderr is None:  # closed
            return
        if self._disable is None and not sys.stderr.isatty():
            if stage not in self._named:
                self._named.add(stage)
                print(f"{stage} ...", file=sys.stderr, flush=True)
            return
        from tqdm import tqdm

        self._bar = tqdm(
            total=1,
            desc=stage,
            leave=False,
            file=sys.stderr,
            disable=self._disable,
            delay=BAR_AFTER_SECONDS,
            miniters=0,
            dynamic_ncols=True,
            bar_format="{desc}: {percentage:3.0f}% |{bar}| {elapsed}<{remaining}",
        )
        if self._ticker is None and not self._bar.disable:
            self._ticker = threading.Thread(target=self._tick, daemon=True)
            self._ticker.start()

    def _tick(self) -> None:
        """Keeps the clock going while one long native call runs."""
        while True:
            time.sleep(TICK_SECONDS)
            with self._lock:
                if self._bar is not None:
                    self._bar.update(0)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar, self._stage = None, None

    def close(self) -> None:
        with self._lock:
            self._close()


class OutputError(Exception):
    """Standard output takes no more."""


class Console:
    """Given to every command."""

    def __init__(self, as_json: bool, progress: Progress):
        self.as_json, self.progress = as_json, progress

    def result(self, data: JsonObject, lines: Iterable[str]) -> None:
        """The outcome, once: JSON or lines."""
        self.progress.close()
        if self.as_json:
            lines = [json.dumps(data, indent=2, ensure_ascii=False, default=_jsonable)]
        try:
            for line in lines:
                print(line)
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(reason(error)) from None

    def note(self, text: str) -> None:
        """What is going on, for people."""
        self.progress.close()
        print(text, file=sys.stderr, flush=True)


def _jsonable(value: object) -> object:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if hasattr(value, "tolist"):  # numpy's arrays and scalars
        return value.tolist()
    return str(value)
