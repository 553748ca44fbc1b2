"""Freezes a registered verifier, as the owner of the settlement contract: no proof is settled by it any more,
for ever. What it settled stays, and its shape stays taken."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from zkllm.cli import arguments as types
from zkllm.cli.console import Console
from zkllm.cli.settle import options, owner_commands

if TYPE_CHECKING:
    from zkllm.settle.session import Session


SUMMARY = "as the owner: end settling by a verifier, for ever"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--verifier", type=types.checked_address, default=None, metavar="ADDRESS", help="the verifier, or:"
    )
    options.add_model(parser, ", whose verifier of the shape is meant")
    types.add_shape(parser)
    types.add_sealed(parser)
    owner_commands.configure(parser, for_ever=True)


def run(arguments: argparse.Namespace, console: Console) -> int:
    options.require(arguments, "network")
    if (arguments.verifier is None) == (getattr(arguments, "model", None) is None):
        arguments.settle_parser.error("give either --verifier ADDRESS or --model DIR")
    owner_commands.want_yes(arguments)

    from zkllm.settle.ownership import check_active, check_owner, freeze_call
    from zkllm.settle.registry import Status, status_of
    from zkllm.settle.rpc import checksum_address

    with options.open_from(arguments, console) as session:
        rpc, account = session.rpc, session.account.address
        settlement = session.locate(arguments.owner, arguments.contract)
        verifier = arguments.verifier or of_model(arguments, console, session)

        def check() -> None:
            check_active(rpc, settlement, verifier)
            check_owner(rpc, settlement, account)

        return owner_commands.carry_out(
            arguments,
            console,
            session,
            freeze_call(settlement, verifier),
            check,
            lambda: status_of(rpc, settlement, verifier) is Status.FROZEN,
            [("verifier", checksum_address(verifier))],
            "frozen: nothing is settled by it any more; what is settled stays",
        )


def of_model(arguments: argparse.Namespace, console: Console, session: Session) -> bytes:
    """The verifier that is generated for a package's shape."""
    from zkllm import api
    from zkllm.cli.models import shape_verifying_key

    package = api.open_package(arguments.model, progress=console.progress)
    key = shape_verifying_key(
        package, arguments.rows, arguments.certified, console.progress, arguments.sealed
    )
    return session.deployer(key).verifier_address()
