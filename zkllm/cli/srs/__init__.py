"""Structured reference strings: what a model is set up with (zkllm setup --srs FILE). A ceremony's .ptau file
of any power is imported once, checked, and kept in a smaller file of ours."""

from __future__ import annotations

import argparse

from zkllm.cli.arguments import action_texts
from zkllm.cli.console import Console
from zkllm.cli.srs import check, contribute, export, fetch_plan, import_ptau, info

INTERRUPTED = "nothing was written; give the same command again"
SUMMARY = "import, check, export or contribute to a structured reference string"
EXAMPLES = """
{program} fetch-plan --mu 22 --out ceremony.ptau --script > fetch.sh
{program} import ceremony.ptau --mu 22 --partial --out ceremony.srs
{program} info ceremony.srs
{program} check powersOfTau28_hez_final_20.ptau
{program} export development --power 12 --out development.ptau
{program} contribute before.ptau --out after.ptau --name Alice
"""
COMMANDS = {
    "import": import_ptau,
    "export": export,
    "check": check,
    "info": info,
    "contribute": contribute,
    "fetch-plan": fetch_plan,
}
"""Each is a module with SUMMARY, configure(parser) and run(arguments, console)."""


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, module in COMMANDS.items():
        text = module.SUMMARY
        child = actions.add_parser(
            name,
            help=text.split(":")[0],
            description=text[0].upper() + text[1:] + ".",
            **action_texts(EXAMPLES, parser.prog, name),
        )
        module.configure(child)
        for option, what in (("--json", "print the result as JSON"), ("--quiet", "no progress bars")):
            child.add_argument(option, action="store_true", default=argparse.SUPPRESS, help=what)


def run(arguments: argparse.Namespace, console: Console) -> int:
    COMMANDS[arguments.action].run(arguments, console)
    return 0
