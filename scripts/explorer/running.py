"""A chain with claims and the page of it, for what looks at the page in a browser."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts import ROOT
from zkllm.explorer import static_folder

TESTS = ROOT / "explorer/test/browser"
"""What runs in the browser."""


class WorldError(Exception):
    """The world could not be made; it has said why."""


@contextmanager
def running_world(browser: str) -> Iterator[dict[str, str]]:
    """The environment of a program that looks at `scripts.explorer.world` in this browser, while it lives."""
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "page"
        command = [sys.executable, "-m", "scripts.explorer.world", "--out", str(site)]
        world = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert world.stdin is not None and world.stdout is not None
        try:
            line = world.stdout.readline()
            if not line:
                raise WorldError(f"the chain of the explorer's tests ended with exit code {world.wait()}")
            said = json.loads(line) | {"site": str(site), "bare": str(static_folder())}
            yield {**os.environ, "CHROMIUM": browser, "ZKLLM_EXPLORER_WORLD": json.dumps(said)}
        finally:
            world.stdin.close()
            world.wait()
