"""Writes every generated file of the repository anew; CI runs it and fails on a difference.

python -m scripts.generate
"""

from __future__ import annotations

import subprocess
import sys

from scripts import ROOT

STEPS = (
    "poseidon2",
    "circuit_sizes",
    "circuit_digests",
    "outer_vectors",
    "chain_fixtures",
    "verifiers",
    "settlement",
    "explorer",
    "gas_snapshot",
)
"""The modules of this package in their order: a step reads what those before it have written."""


def main() -> int:
    for step in STEPS:
        print(f"generate: {step}", flush=True)
        subprocess.run([sys.executable, "-m", f"scripts.generate.{step}"], check=True, cwd=ROOT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
