"""Offers the ownership of the settlement contract to another account, which takes it with accept-ownership.
Until then the owner stays the owner, and can offer it to somebody else; to the zero address, to nobody."""

from __future__ import annotations

import argparse

from zkllm.cli import arguments as types
from zkllm.cli.console import Console
from zkllm.cli.settle import options, owner_commands

SUMMARY = "as the owner: offer the ownership to another account"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--to",
        type=types.checked_address,
        default=None,
        metavar="ADDRESS",
        help="who may accept it; the zero address takes an offer back (required)",
    )
    owner_commands.configure(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    options.require(arguments, "network", "to")

    from zkllm.settle.ownership import check_owner, offer_call, pending_owner_of
    from zkllm.settle.rpc import checksum_address

    with options.open_from(arguments, console) as session:
        settlement, heir = session.locate(arguments.owner, arguments.contract), arguments.to
        return owner_commands.carry_out(
            arguments,
            console,
            session,
            offer_call(settlement, heir),
            lambda: check_owner(session.rpc, settlement, session.account.address),
            lambda: pending_owner_of(session.rpc, settlement) == heir,
            [("offered to", checksum_address(heir))],
            "offered: that account takes it with the command accept-ownership"
            if any(heir)
            else "taken back: the ownership is offered to nobody",
        )
