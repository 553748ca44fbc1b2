"""Options that the commands share."""

from __future__ import annotations

import argparse

from zkllm.cli import paths
from zkllm.cli.arguments import log2_size

MAX_COUNT = 1 << 29


def add_out(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--out", type=paths.OrdinaryTarget, required=True, metavar="FILE", help=what)


def count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 10 or not 2 <= int(text) <= MAX_COUNT:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a number from 2 to {MAX_COUNT}")
    return int(text)


def power(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 2 or not 1 <= int(text) <= 28:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a power from 1 to 28")
    return int(text)


def add_size(parser: argparse.ArgumentParser, required: bool) -> None:
    group = parser.add_mutually_exclusive_group(required=required)
    group.add_argument("--mu", type=log2_size, metavar="MU", help="enough for columns of 2^MU coefficients")
    group.add_argument("--powers", type=count, metavar="COUNT", help="so many powers of tau in G1")


def powers(arguments: argparse.Namespace) -> int | None:
    from zkllm.pcs.fetch_plan import powers_for

    return powers_for(arguments.mu) if arguments.mu is not None else arguments.powers
