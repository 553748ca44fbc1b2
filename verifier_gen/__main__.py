"""Solidity verifier of a verifying key, and its compiler's standard JSON input: `zkllm verifier` as a program
of its own.

usage: python -m verifier_gen DIR --out FOLDER [--max-tokens N] [--new-tokens K] [--json]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from zkllm.cli import run_alone


def main(arguments: Sequence[str] | None = None) -> int:
    return run_alone("verifier", "python -m verifier_gen", arguments)


if __name__ == "__main__":
    sys.exit(main())
