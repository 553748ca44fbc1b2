"""Pays this account's credit with the settlement contract out: rewards earned, and rewards that went back."""

from __future__ import annotations

import argparse

from zkllm.cli import arguments as types
from zkllm.cli.console import Console
from zkllm.cli.settle import options
from zkllm.cli.settle.output import print_planned, receipt_data, receipt_rows
from zkllm.errors import SettlementError
from zkllm.units import ether

SUMMARY = "take this account's credit"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--to",
        type=types.checked_address,
        default=None,
        metavar="ADDRESS",
        help="who gets the ether (default: the account)",
    )
    options.add_common(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    options.require(arguments, "network")

    from zkllm.cli.text import pairs
    from zkllm.settle.escrow import credit_of, withdraw_call
    from zkllm.settle.rpc import checksum_address

    with options.open_from(arguments, console) as session:
        account = session.account.address
        recipient = arguments.to or account
        settlement = session.locate(arguments.owner, arguments.contract)
        call = withdraw_call(settlement, account, recipient)
        credit = credit_of(session.rpc, settlement, account)
        unfinished = session.sender.is_unfinished(call.intent)
        if credit == 0 and not unfinished:
            raise SettlementError(f"the account {checksum_address(account)} has no credit to withdraw")
        if options.only_printed(arguments, session):
            return print_planned(console, arguments, session, [call], amount=credit)
        receipt, resumed = session.execute(call)
    rows = [("recipient", checksum_address(recipient)), *receipt_rows(receipt, resumed, session.network)]
    data = {"ok": True, "amount": credit, "recipient": checksum_address(recipient)}
    last = "withdrawn" if unfinished else f"withdrawn: {ether(credit)}"
    console.result(data | receipt_data(receipt), [*pairs(rows), last])
    return 0
