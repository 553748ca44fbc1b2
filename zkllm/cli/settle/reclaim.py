"""Gives a request's reward back to its requester, who then withdraws it: after the deadline, or once the
claim was settled without the request. Anybody may do it."""

from __future__ import annotations

import argparse

from zkllm.cli import arguments as types
from zkllm.cli.console import Console
from zkllm.cli.settle import options
from zkllm.cli.settle.output import print_planned, receipt_data, receipt_rows
from zkllm.units import ether

SUMMARY = "give an expired request's reward back"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("request", type=types.digest, metavar="REQUEST", help="the request's id")
    options.add_common(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    options.require(arguments, "network")

    from zkllm.cli.text import pairs
    from zkllm.settle.escrow import read_request, reclaim_call
    from zkllm.settle.rpc import checksum_address

    with options.open_from(arguments, console) as session:
        settlement = session.locate(arguments.owner, arguments.contract)
        found = read_request(session.rpc, settlement, arguments.request)
        call = reclaim_call(settlement, arguments.request)
        if options.only_printed(arguments, session):
            return print_planned(console, arguments, session, [call], reward=found.reward)
        receipt, resumed = session.execute(call)
    requester = checksum_address(found.requester)
    rows = [("requester", requester), *receipt_rows(receipt, resumed, session.network)]
    data = {"ok": True, "reward": found.reward, "requester": requester}
    last = f"returned: {ether(found.reward)} are credited to {requester}, who takes them with withdraw"
    console.result(data | receipt_data(receipt), [*pairs(rows), last])
    return 0
