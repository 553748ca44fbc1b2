"""Gives the ownership of the settlement contract up: the verifiers that are registered stay as they are, and
none is added or frozen any more, for ever. Compare them with doctor before."""

from __future__ import annotations

import argparse

from zkllm.cli.console import Console
from zkllm.cli.settle import options, owner_commands

SUMMARY = "as the owner: give the ownership up, for ever"


def configure(parser: argparse.ArgumentParser) -> None:
    owner_commands.configure(parser, for_ever=True)


def run(arguments: argparse.Namespace, console: Console) -> int:
    options.require(arguments, "network")
    owner_commands.want_yes(arguments)

    from zkllm.settle.ownership import check_owner, renounce_call
    from zkllm.settle.registry import owner_of

    with options.open_from(arguments, console) as session:
        settlement = session.locate(arguments.owner, arguments.contract)
        return owner_commands.carry_out(
            arguments,
            console,
            session,
            renounce_call(settlement),
            lambda: check_owner(session.rpc, settlement, session.account.address),
            lambda: not any(owner_of(session.rpc, settlement)),
            [("owner", "nobody")],
            "given up: no verifier is added or frozen any more",
        )
