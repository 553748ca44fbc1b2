"""Shows a settled claim as the contract stores it, by the claim's id, by the transaction that settled it, or
by model and prompt. With an id and a prompt, what is shown has to be the model's answer to that prompt; with
--sealed, only who has the prompt's salt can tell."""

from __future__ import annotations

import argparse
from collections.abc import Callable
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
    parser.add_argument(
        "id",
        type=types.digest,
        nargs="?",
        default=None,
        metavar="ID",
        help="of the claim, or of its transaction",
    )
    options.add_model(parser, " (required with a prompt)")
    types.add_prompt(parser, required=False, what="the prompt that it answers")
    types.add_shape(parser)
    types.add_sealed(parser)
    types.add_salt_file(parser, "with --sealed: the salt that the prompt was sealed with")
    options.add_common(parser, sending=False)


def run(arguments: argparse.Namespace, console: Console) -> int:
    prompted = arguments.prompt is not None or arguments.tokens is not None
    if not prompted and arguments.id is None:
        arguments.settle_parser.error("give the id of a claim or a transaction, or a prompt")
    options.require(arguments, *(("network", "model") if prompted else ("network",)))

    from zkllm.settle.claims import claims_of, is_settled, read_claim

    with options.open_from(arguments, console, reading=True) as session:
        question = asked(arguments, console) if prompted else lambda k: b""
        given = arguments.id or question(arguments.certified)
        settlement = session.locate(arguments.owner, arguments.contract)
        rpc = session.rpc
        if is_settled(rpc, settlement, given):
            claims = [read_claim(rpc, settlement, given)]
        else:
            ids = claims_of(rpc, settlement, given)
            claims = [read_claim(rpc, settlement, claim, given) for claim in ids]
    if not claims:
        raise SettlementError(
            f"0x{given.hex()} is neither a settled claim of this contract nor a transaction that settled one"
        )
    if prompted:
        claims = [c for c in claims if c.claim_id == question(len(c.token_ids))]
    if not claims:
        raise SettlementError(f"what 0x{given.hex()} settles is not this model's answer to this prompt")
    data = [describe(claim, settlement) | {"answers_the_prompt": prompted or None} for claim in claims]
    lines = [line for claim, entry in zip(claims, data, strict=True) for line in report(claim, entry)]
    console.result({"ok": True, "claims": data}, lines)
    return 0


def asked(arguments: argparse.Namespace, console: Console) -> Callable[[int], bytes]:
    """The claim id of the prompt that is given, by the number of answered tokens."""
    from zkllm import api
    from zkllm.cli.settle.status import given_salt
    from zkllm.sealed import question_id

    salt = given_salt(arguments)
    package = api.open_package(arguments.model, progress=console.progress)
    prompt = api.prompt_ids(package, arguments.prompt, arguments.tokens)
    model_id = api.own_setup(package, console.progress).model_id
    return lambda k: question_id(model_id, k, prompt, salt)


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
    if data["answers_the_prompt"]:
        rows.append(("prompt", "this model's answer to the prompt that was given"))
    if data["settler"]:
        rows.append(("settler", data["settler"]))
    return [*pairs(rows), f"answer: {quote(claim.text)}"]
