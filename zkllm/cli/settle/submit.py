"""Settles a proof that was made before for this contract and account. Deploys nothing."""

from __future__ import annotations

import argparse
from pathlib import Path

from zkllm.cli import arguments as types
from zkllm.cli.console import Console
from zkllm.cli.settle import options, prove_and_settle

SUMMARY = "settle a proof that was made before"


def configure(parser: argparse.ArgumentParser) -> None:
    options.add_model(parser)
    parser.add_argument("--proof", type=Path, metavar="FILE", help="the proof (required)")
    parser.add_argument("--request", type=types.digest, metavar="ID", help="the request that it answers")
    parser.add_argument(
        "--contract", type=types.checked_address, metavar="ADDRESS", help="settlement contract to use"
    )
    options.add_dry_run(parser)
    options.add_network(parser)
    options.add_account(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    options.require(arguments, "network", "model", "proof")
    return prove_and_settle.submit(arguments, console)
