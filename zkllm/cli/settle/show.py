"""Shows a settled claim as the contract stores it, by the claim's id or by the transaction that settled
it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from zkllm.cli import arguments as types
from zkllm.cli.console import Console
from zkllm.cli.settle import options
from zkllm.errors import SettlementError
from zkllm.files import JsonObject

if TYPE_CHECKING:
    from zkllm.settle.claims import Claim


SUMMARY = "show a settled claim"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=types.digest, metavar="ID", help="of the claim, or of its transaction")
    options.add_common(parser, sending=False)


def run(arguments: argparse.Namespace, console: Console) -> int:
    options.require(arguments, "network")

    from zkllm.settle.claims import claims_of, is_settled, read_claim

    with options.open_from(arguments, console, reading=True) as session:
        settlement = session.locate(arguments.owner, arguments.contract)
        rpc = session.rpc
        if is_settled(rpc, settlement, arguments.id):
            claims = [read_claim(rpc, settlement, arguments.id)]
        else:
            ids = claims_of(rpc, settlement, arguments.id)
            claims = [read_claim(rpc, settlement, claim, arguments.id) for claim in ids]
    if not claims:
        raise SettlementError(
            f"0x{arguments.id.hex()} is neither a settled claim of this contract nor a transaction that "
            "settled one"
        )
    data = [describe(claim, settlement) for claim in claims]
    lines = [line for claim, entry in zip(claims, data, strict=True) for line in report(claim, entry)]
    console.result({"ok": True, "claims": data}, lines)
    return 0


def describe(claim: Claim, settlement: bytes) -> JsonObject:
    from zkllm.settle.rpc import checksum_address

    event = claim.event
    return {
        "claim_id": claim.claim_id,
        "settlement": checksum_address(settlement),
        "token_ids": list(claim.token_ids),
        "text": claim.text,
        "text_utf8": claim.text.decode("utf-8", errors="replace"),
        "model_id": None if event is None else event.model_id,
        "prompt_digest": None if event is None else event.prompt_digest,
        "settler": None if event is None else checksum_address(event.settler),
        "request_id": None if event is None else event.request_id,
        "transaction_hash": claim.transaction_hash,
    }


def report(claim: Claim, data: JsonObject) -> list[str]:
    from zkllm.cli.text import pairs, quote

    rows: list[tuple[str, object]] = [
        ("claim", "0x" + claim.claim_id.hex()),
        ("settlement", data["settlement"]),
        ("answer ids", ", ".join(map(str, claim.token_ids))),
    ]
    for name in ("model_id", "prompt_digest", "request_id", "transaction_hash"):
        value = data[name]
        if value is not None and any(value):
            rows.append((name.replace("_hash", ""), "0x" + value.hex()))
    if data["settler"]:
        rows.append(("settler", data["settler"]))
    return [*pairs(rows), f"answer: {quote(claim.text)}"]
