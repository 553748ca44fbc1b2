"""Accepts the ownership of a settlement contract that was offered to this account. The contract's address
still follows from its first owner: name it with --contract, or its first owner with --owner."""

from __future__ import annotations

import argparse

from zkllm.cli.console import Console
from zkllm.cli.settle import options, owner_commands

SUMMARY = "accept the ownership that was offered to this account"


def configure(parser: argparse.ArgumentParser) -> None:
    owner_commands.configure(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    options.require(arguments, "network")

    from zkllm.settle.ownership import accept_call, check_offered
    from zkllm.settle.registry import owner_of
    from zkllm.settle.rpc import checksum_address

    with options.open_from(arguments, console) as session:
        account = session.account.address
        settlement = session.locate(arguments.owner, arguments.contract)
        return owner_commands.carry_out(
            arguments,
            console,
            session,
            accept_call(settlement, account),
            lambda: check_offered(session.rpc, settlement, account),
            lambda: owner_of(session.rpc, settlement) == account,
            [("owner", checksum_address(account))],
            "accepted: this account is the owner",
        )
