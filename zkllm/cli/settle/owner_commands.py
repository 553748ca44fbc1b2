"""What the owner's commands share: options, and sending a checked call whose effect is read back."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from zkllm.cli.console import Console
from zkllm.cli.settle import options
from zkllm.cli.settle.output import print_planned, receipt_data, receipt_rows
from zkllm.errors import SettlementError
from zkllm.files import JsonObject

if TYPE_CHECKING:
    from zkllm.settle.fees import Call
    from zkllm.settle.session import Session


def configure(parser: argparse.ArgumentParser, *, for_ever: bool = False) -> None:
    """`for_ever`: what is done cannot be undone, so that it wants `--yes`."""
    if for_ever:
        parser.add_argument(
            "--yes", action="store_true", help="it cannot be undone: do it (required to send)"
        )
    options.add_common(parser)


def want_yes(arguments: argparse.Namespace) -> None:
    """Wrong usage where something that cannot be undone would be sent without `--yes`."""
    printed = arguments.dry_run or arguments.sender is not None
    if not arguments.yes and not printed:
        arguments.settle_parser.error(
            "this cannot be undone: give --yes to do it, or --dry-run to look at it"
        )


def carry_out(
    arguments: argparse.Namespace,
    console: Console,
    session: Session,
    call: Call,
    check: Callable[[], None],
    holds: Callable[[], bool],
    rows: list[tuple[str, object]],
    last: str,
) -> int:
    """`check` refuses what would fail, unless an earlier run has sent it; `holds`: the chain shows the
    effect."""
    from zkllm.cli.text import pairs
    from zkllm.settle.lagging import shown
    from zkllm.settle.rpc import checksum_address

    if not session.sender.is_unfinished(call.intent):
        check()
    data: JsonObject = {name.replace(" ", "_"): value for name, value in rows}
    data["settlement"] = checksum_address(call.to)
    if options.only_printed(arguments, session):
        return print_planned(console, arguments, session, [call], **data)
    receipt, resumed = session.execute(call)
    if not shown(session.network, holds):
        raise SettlementError(
            f"the node does not show the effect of the transaction to {call.what}, "
            f"0x{receipt.transaction_hash.hex()}, which was mined; look again later with the command doctor"
        )
    named = [("settlement", data["settlement"]), *rows]
    lines = [*pairs([*named, *receipt_rows(receipt, resumed, session.network)]), last]
    console.result({"ok": True, **data, **receipt_data(receipt)}, lines)
    return 0
