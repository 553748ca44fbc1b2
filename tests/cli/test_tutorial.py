"""The commands of docs/tutorial.md, run in order as they stand, print what stands below them."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial.md"
MODULES = {"zkllm.settle": "settle", "verifier_gen": "verifier"}  # `python -m MODULE` -> zkllm's
ALONE = ("make demo", 'export PATH="$PWD/.venv/bin:$PATH"')  # test_demo.py runs the one, pytest has the other


def blocks() -> list[tuple[str, list[str]]]:
    """(kind, lines)."""
    found = re.findall(r"```(sh|text)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return [(kind, block.splitlines()) for kind, block in found]


@pytest.mark.long
def test_the_tutorial(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("models").symlink_to(ROOT / "models")
    printed = ""
    (_, demo), (_, settled), *rest = blocks()
    assert demo == [ALONE[0]] and settled[0].endswith('-> " magic"')
    for kind, lines in rest:
        if kind == "text":
            for line in lines:
                pattern = ".*".join(map(re.escape, line.split("..")))
                assert re.search(f"^{pattern}$", printed, re.MULTILINE), (line, printed)
            continue
        printed = ""
        for line in set_aside(lines):
            command, _, comment = line.partition("  #")
            program, *arguments = shlex.split(command)
            if program == "python":
                arguments = [MODULES[arguments[1]], *arguments[2:]]
            elif program != "zkllm":
                subprocess.run(command, shell=True, check=True)
                continue
            outcome = run(*arguments)
            assert outcome.code == (1 if "exit code 1" in comment else 0), (line, outcome)
            printed += outcome.out + outcome.err


def set_aside(lines: list[str]) -> list[str]:
    return [line for line in lines if line not in ALONE]


def test_the_table_lists_every_file_of_a_package(package):
    """By the patterns of its first column."""
    table = re.findall(r"^\| (`[^|]*`) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    patterns = [pattern for cell in table for pattern in re.findall(r"`([^`]+)`", cell)]
    patterns = [pattern.replace("N16-k1", "*") for pattern in patterns]
    files = {path.relative_to(package) for path in package.rglob("*") if path.is_file()}
    assert {path for path in files if any(path.match(pattern) for pattern in patterns)} == files
    assert [p for p in patterns if not any(path.match(p) for path in files)] == []
