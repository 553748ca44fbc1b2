"""Commands import what they use: torch, say, takes as long as a proof of a small model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from zkllm.cli import COMMANDS

HEAVY = {
    *(
        "torch",
        "transformers",
        "huggingface_hub",
        "tokenizers",
        "safetensors",
        "scipy",
        "sympy",
    ),  # float model
    *("matplotlib", "hypothesis", "pytest"),  # plots, tests
    "shtab",
    *("web3", "eth_abi", "eth_account", "requests", "aiohttp", "solcx"),  # chains
}
COMPUTING = {"numpy", "zkllm._native"}
SCRIPT = """
import sys
from zkllm.cli import main
try:
    code = main(sys.argv[1:])
except SystemExit as stop:
    code = stop.code
print([code or 0, sorted(sys.modules)], file=sys.stderr)
"""


def imported_by(*arguments: object) -> set[str]:
    """Modules that the command leaves imported; it must succeed."""
    command = [sys.executable, "-c", SCRIPT, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    code, names = json.loads(done.stderr.splitlines()[-1].replace("'", '"'))
    assert code == 0, done.stderr
    return set(names)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_imports_next_to_nothing(command: str) -> None:
    assert not imported_by(command, "--help") & (HEAVY | COMPUTING)


def test_the_version_imports_the_kernels_alone() -> None:
    assert not imported_by("--version") & HEAVY


@pytest.mark.slow
def test_a_proof_imports_what_it_computes_with(package: Path, tmp_path: Path) -> None:
    out = tmp_path / "answer.zkllm"
    found = imported_by("prove", package, "--tokens", "1,2", "--out", out, "--quiet")
    assert out.is_file() and found > COMPUTING and not found & HEAVY
