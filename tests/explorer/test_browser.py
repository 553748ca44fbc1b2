"""The tests in a browser do not pass for want of one."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from scripts import ROOT


@pytest.mark.parametrize("script", ["test", "bench", "chromium", "pictures"])
def test_without_a_browser_one_line_says_how_to_get_it(script: str) -> None:
    command = [sys.executable, "-m", f"scripts.explorer.{script}"]
    environment = {**os.environ, "CHROMIUM": "/nowhere/chromium"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "apt-get install chromium" in line and "$CHROMIUM" in line
