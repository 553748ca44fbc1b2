"""Writes the Solidity verifier of a model and shape, and the compiler's standard JSON input. Equal keys give
equal files. The same as `python -m verifier_gen`."""

from __future__ import annotations

import argparse
from pathlib import Path

from zkllm.cli.arguments import existing, positive
from zkllm.cli.console import Console

SUMMARY = "write the Solidity verifier of a model and shape"
EXAMPLES = """
{program} build/demo --out verifier
{program} build/demo --max-tokens 16 --new-tokens 2 --out verifier
{program} build/demo/keys/N16-k1/vk.json --out verifier --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=existing, metavar="DIR", help="model package, keys folder or vk.json")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the files go")
    parser.add_argument("--max-tokens", type=positive, metavar="N", help="positions of the shape")
    parser.add_argument("--new-tokens", type=positive, metavar="K", help="certified tokens of the shape")


def run(arguments: argparse.Namespace, console: Console) -> int:
    from verifier_gen.__main__ import main

    command = [str(arguments.model), "--out", str(arguments.out)]
    for option in ("max_tokens", "new_tokens"):
        value = getattr(arguments, option)
        command += [f"--{option.replace('_', '-')}", str(value)] if value is not None else []
    return main(command + (["--json"] if console.as_json else []))
