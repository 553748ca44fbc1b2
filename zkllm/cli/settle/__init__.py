"""Settles answers on chain. Without a command it does what is left to do: deploys the model's verifier and
the settlement contract if need be, proves in the context of that contract and account, verifies, simulates,
sends, waits, and reads the claim back. A proof that was made for another context is refused before anything
is sent; an interrupted run is taken up by running it again."""

from __future__ import annotations

import argparse

from zkllm.cli.arguments import action_texts
from zkllm.cli.console import Console
from zkllm.cli.settle import (
    accept_ownership,
    deploy,
    doctor,
    freeze,
    prove_and_settle,
    reclaim,
    renounce_ownership,
    request,
    show,
    status,
    submit,
    transfer_ownership,
    verify_source,
    withdraw,
)

INTERRUPTED = "give the same command again to go on; nothing is paid for twice"
SUMMARY = "prove, submit and confirm an answer on chain"
EXAMPLES = """
{program} --network anvil --model build/demo --prompt "Once upon a"
{program} --network anvil --model build/smollm2 --chat "What is a proof?" --new-tokens 8 --max-tokens 64
{program} --network anvil --model build/demo --proof answer.zkllm
{program} --network sepolia --model build/demo --proof answer.zkllm --keystore key.json --password-file pw
{program} deploy --network sepolia --model build/demo --key-env DEPLOYER_KEY --dry-run
{program} request --network anvil --model build/demo --prompt "Once upon a" --reward 0.01 --deadline 12h
{program} submit --network anvil --model build/demo first.zkllm second.zkllm
{program} status --network anvil --model build/demo --prompt "Once upon a"
{program} show --network anvil --model build/demo --prompt "Once upon a"
{program} withdraw --network anvil
{program} reclaim 0x... --network anvil
{program} verify-source --network anvil --model build/demo --offline
{program} doctor --network sepolia --model build/demo
{program} freeze --network sepolia --model build/demo --keystore key.json --dry-run
{program} transfer-ownership --to 0x... --network sepolia --keystore key.json
{program} accept-ownership --network sepolia --contract 0x... --keystore key.json
{program} renounce-ownership --network sepolia --keystore key.json --dry-run
"""
COMMANDS = {
    "deploy": deploy,
    "request": request,
    "submit": submit,
    "status": status,
    "show": show,
    "withdraw": withdraw,
    "reclaim": reclaim,
    "verify-source": verify_source,
    "doctor": doctor,
    "freeze": freeze,
    "transfer-ownership": transfer_ownership,
    "accept-ownership": accept_ownership,
    "renounce-ownership": renounce_ownership,
}
"""Each is a module with SUMMARY, configure(parser) and run(arguments, console) -> int."""


def configure(parser: argparse.ArgumentParser) -> None:
    prove_and_settle.configure(parser)
    parser.set_defaults(settle_parser=parser)
    commands = parser.add_subparsers(
        dest="settle_command", metavar="COMMAND", title="commands", required=False
    )
    for name, module in COMMANDS.items():
        child = commands.add_parser(
            name,
            help=module.SUMMARY,
            description=module.__doc__,
            **action_texts(EXAMPLES, parser.prog, name),
            argument_default=argparse.SUPPRESS,  # so that an option may come before the command, too
        )
        module.configure(child)
        child.set_defaults(settle_parser=child)  # whose usage is printed with what is wrong
        child.add_argument("--json", action="store_true", help="print the result as JSON")
        child.add_argument("--quiet", action="store_true", help="no progress bars")


def run(arguments: argparse.Namespace, console: Console) -> int:
    if arguments.settle_command is None:
        return prove_and_settle.run(arguments, console)
    return COMMANDS[arguments.settle_command].run(arguments, console)
