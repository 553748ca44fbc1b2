"""How the commands report: transactions that are not sent, what was settled, what was mined."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from zkllm.cli.console import Console
from zkllm.files import JsonObject
from zkllm.units import ether

if TYPE_CHECKING:
    from zkllm.settle.batch import SettledBatch
    from zkllm.settle.fees import Call
    from zkllm.settle.networks import Network
    from zkllm.settle.rpc import Receipt
    from zkllm.settle.session import Session, Settled


_QUANTITIES = ("chainId", "nonce", "value", "gas", "maxFeePerGas", "maxPriorityFeePerGas", "type")


def print_planned(
    console: Console,
    arguments: argparse.Namespace,
    session: Session,
    calls: Sequence[Call],
    then: str = "",
    **more: object,
) -> int:
    """Transactions that this run does not send. `then`: what is left to do after them."""
    planned = session.planned(calls)
    data = {"ok": True, "sent": False, "transactions": [wire(t) for t in planned], "then": then, **more}
    if arguments.dry_run:
        lines = [
            f"would {t['what']}: to {t['to']}, {len(t['data']) // 2 - 1:,} B of calldata, "
            f"{t['gas']:,} gas, at most {ether(t['most'])}"
            + (f" with {ether(t['value'])} sent along" if t["value"] else "")
            for t in planned
        ]
        lines += [f"then: {then}"] if then else []
        lines.append("nothing was sent")
    else:
        lines = [json.dumps(data["transactions"], indent=2)]
        console.note(
            f"{len(planned)} unsigned transaction(s) for {planned[0]['from'] if planned else 'nobody'}, in "
            "this order" + (f"; then: {then}" if then else "")
        )
    console.result(data, lines)
    return 0


def wire(transaction: JsonObject) -> JsonObject:
    """As JSON-RPC and wallets take it: quantities in hexadecimal."""
    out = {name: hex(value) if name in _QUANTITIES else value for name, value in transaction.items()}
    return {name: value for name, value in out.items() if name != "most"}


def note_own_chain(arguments: argparse.Namespace, console: Console, session: Session) -> None:
    """Of a local chain that ends with the command: how to have it stay, and see what was settled on it."""
    if session.own_chain is None:
        return
    show = ["zkllm", "explorer", "--out", "site", "--network", session.network.name]
    show += ["--model", str(arguments.model)]
    show += [] if arguments.home is None else ["--home", str(arguments.home)]
    console.note(
        "the local chain ends now, and goes on with the next command; to have it stay, in another terminal:\n"
        f"  {shlex.join(session.own_chain.command)}\n"
        "and for a page that shows what was settled on it:\n"
        f"  {shlex.join(show)}"
    )


def receipt_rows(receipt: Receipt, resumed: bool, chain: Network) -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = [
        (
            "transaction",
            "0x" + receipt.transaction_hash.hex() + (" (of an earlier run)" if resumed else ""),
        ),
        ("block", receipt.block_number),
        ("gas", f"{receipt.gas_used:,} at {receipt.gas_price / 1e9:.3f} gwei"),
    ]
    page = chain.explain_transaction(receipt.transaction_hash)
    return [*rows, ("explorer", page)] if page else rows


def receipt_data(receipt: Receipt) -> JsonObject:
    return {
        "transaction_hash": receipt.transaction_hash,
        "block_number": receipt.block_number,
        "gas_used": receipt.gas_used,
        "gas_price": receipt.gas_price,
    }


def settled_lines(settled: Settled, prompt: bytes | None, chain: Network) -> list[str]:
    """`prompt`: None where it is sealed."""
    from zkllm.cli.text import pairs, quote, srs_kind_in_words
    from zkllm.settle.rpc import checksum_address

    rows: list[tuple[str, object]] = [
        ("claim", "0x" + settled.claim_id.hex()),
        ("model_id", "0x" + settled.model_id.hex()),
        ("answer ids", ", ".join(map(str, settled.token_ids))),
        ("settlement", f"{checksum_address(settled.settlement)} on chain {settled.chain_id} ({chain.name})"),
        ("verifier", checksum_address(settled.verifier)),
        ("sender", checksum_address(settled.sender)),
        ("SRS kind", srs_kind_in_words(settled.srs_kind)),
        (
            "transaction",
            "0x" + settled.transaction_hash.hex() + (" (of an earlier run)" if settled.resumed else ""),
        ),
        ("block", settled.block_number),
        (
            "gas",
            f"{settled.gas_used:,} at {settled.gas_price / 1e9:.3f} gwei, {settled.calldata_bytes:,} B of "
            "calldata",
        ),
    ]
    if settled.reward:
        rows.append(("reward", f"{ether(settled.reward)}: take it with the command withdraw"))
    page = chain.explain_transaction(settled.transaction_hash)
    if page:
        rows.append(("explorer", page))
    return [*pairs(rows), f"settled: {prompt_in_words(prompt)} -> {quote(settled.text)}"]


def batch_lines(settled: SettledBatch, prompts: Sequence[bytes | None], chain: Network) -> list[str]:
    """The transaction, then a line for each claim. `prompts`: decoded, in the claims' order."""
    from zkllm.cli.text import pairs, quote, srs_kind_in_words
    from zkllm.settle.rpc import checksum_address

    rows: list[tuple[str, object]] = [
        ("settlement", f"{checksum_address(settled.settlement)} on chain {chain.chain_id} ({chain.name})"),
        ("SRS kind", srs_kind_in_words(settled.srs_kind)),
        *receipt_rows(settled.receipt, settled.resumed, chain),
        ("calldata", f"{settled.calldata_bytes:,} B"),
    ]
    reward = sum(claim.reward for claim in settled.claims)
    if reward:
        rows.append(("reward", f"{ether(reward)}: take it with the command withdraw"))
    lines = pairs(rows)
    for claim, prompt in zip(settled.claims, prompts, strict=True):
        state = "passed over, settled before" if claim.passed_over else "settled"
        lines.append(f"{state}: 0x{claim.claim_id.hex()}: {prompt_in_words(prompt)} -> {quote(claim.text)}")
    return lines


def prompt_in_words(prompt: bytes | None) -> str:
    from zkllm.cli.text import quote

    return "a sealed prompt" if prompt is None else quote(prompt)
