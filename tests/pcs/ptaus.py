"""Help with .ptau files: snarkjs, and files with something changed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from zkllm.pcs.ptau import read_sections

ROOT = Path(__file__).resolve().parents[2]
SNARKJS = ROOT / "node_modules/snarkjs/build/cli.cjs"
needs_snarkjs = pytest.mark.skipif(
    not (shutil.which("node") and SNARKJS.exists()), reason="needs Node and `make develop` (snarkjs)"
)
BEACON = "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"


def snarkjs(*arguments: object) -> str:
    """snarkjs powersoftau ARGUMENTS, which must succeed."""
    result = _run(*arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def snarkjs_refuses(*arguments: object) -> None:
    result = _run(*arguments)
    assert result.returncode != 0, result.stdout + result.stderr


def _run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = ["node", str(SNARKJS), "powersoftau", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def rewrite(path: Path, target: Path, section: int, position: int, data: bytes) -> Path:
    """A copy with other bytes at a position of a section."""
    content = bytearray(path.read_bytes())
    offset, _ = read_sections(bytes(content))[section]
    content[offset + position : offset + position + len(data)] = data
    target.write_bytes(content)
    return target
