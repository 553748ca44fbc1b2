"""A JSON text that is nested deeply is an error, and not the end of the process."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
NESTED = """
import json, sys
import zkllm, zkllm.outer.verifier, zkllm.pcs.powers
try:
    json.loads("[" * 200_000)
except RecursionError:
    sys.exit(7)
"""


def test_nesting_does_not_end_the_process() -> None:
    done = subprocess.run([sys.executable, "-c", NESTED], cwd=ROOT, capture_output=True, timeout=60)
    assert done.returncode == 7, done


def test_py_ecc_is_imported_in_one_place() -> None:
    importing = re.compile(r"^\s*(?:from|import) py_ecc", re.MULTILINE)
    folders = ("zkllm", "verifier_gen", "testkit", "scripts")
    paths = [path for folder in folders for path in ROOT.glob(f"{folder}/**/*.py")]
    found = [p.relative_to(ROOT) for p in paths if importing.search(p.read_text(encoding="utf-8"))]
    assert found == [Path("zkllm/pcs/bn128.py")]
