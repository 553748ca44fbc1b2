"""Examines what proving and settling rely on: kernels, cores, memory, Python packages, the cache and its SRS
files, solc, Anvil and, with --network, a node. Each line is ok, a note or WRONG, with its cure. Changes and
sends nothing; exit code 1 if something is wrong. `zkllm settle doctor` examines a model's contracts."""

from __future__ import annotations

import argparse

from zkllm.cli.console import Console

SUMMARY = "examine machine, packages, tools and cache"
EXAMPLES = """
{program}
{program} --json
{program} --network sepolia
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--network", metavar="NAME", help="examine its node too: anvil, sepolia, mainnet ..")
    parser.add_argument(
        "--rpc-url",
        metavar="URL",
        help="the node; better in the network's environment variable: other users of this machine see "
        "command lines",
    )


def misuse(arguments: argparse.Namespace) -> str | None:
    return "--rpc-url is for --network" if arguments.rpc_url and not arguments.network else None


def run(arguments: argparse.Namespace, console: Console) -> int:
    from zkllm.cli.findings import report
    from zkllm.doctor import examine

    console.progress("examine", 0, 1)
    return report(examine(arguments.network, arguments.rpc_url), console)
