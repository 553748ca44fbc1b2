"""Says what is there and what is left to do: the contracts, this account's credit and its unfinished
transactions, and the state of a claim or request. Sends nothing."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from zkllm.cli import arguments as types
from zkllm.cli.console import Console
from zkllm.cli.settle import options
from zkllm.files import JsonObject
from zkllm.units import ether

if TYPE_CHECKING:
    from zkllm.settle.journal import Record
    from zkllm.settle.session import Session


SUMMARY = "say what is there and what is left to do"


def configure(parser: argparse.ArgumentParser) -> None:
    options.add_model(parser, "")
    types.add_prompt(parser, required=False, what="whether this prompt's answer is settled")
    types.add_shape(parser)
    types.add_sealed(parser)
    types.add_salt_file(parser, "with --sealed and a prompt: the salt that it was sealed with")
    parser.add_argument("--request", type=types.digest, metavar="ID", help="the state of this request")
    options.add_common(parser, sending=False)


def run(arguments: argparse.Namespace, console: Console) -> int:
    options.require(arguments, "network")
    with options.open_from(arguments, console, reading=True) as session:
        data = examine(arguments, console, session)
    console.result({"ok": True, **data}, report(data))
    return 0


def examine(arguments: argparse.Namespace, console: Console, session: Session) -> JsonObject:
    from zkllm.settle.escrow import credit_of, read_request
    from zkllm.settle.rpc import checksum_address

    account = session.account.address
    data: JsonObject = {
        "network": session.network.name,
        "chain_id": session.network.chain_id,
        "account": None if account == options.NOBODY else checksum_address(account),
        "unfinished": [
            {
                "intent": record.intent,
                "state": record.state,
                "nonce": record.nonce,
                "hashes": list(record.hashes),
                "claims": claims_under_way(session, record),
            }
            for record in session.sender.journal.all()
            if record.state != "mined"
        ],
    }
    data |= contracts(arguments, console, session)
    if not data["deployed"]:
        return data
    settlement = bytes.fromhex(data["settlement"][2:])
    if account != options.NOBODY:
        data["credit"] = credit_of(session.rpc, settlement, account)
    if arguments.request is not None:
        found = read_request(session.rpc, settlement, arguments.request)
        data["request"] = {
            "state": found.state.name,
            "claim_id": found.claim_id,
            "reward": found.reward,
            "deadline": found.deadline,
            "requester": checksum_address(found.requester),
            "seconds_left": max(0, found.deadline - session.rpc.timestamp()),
        }
    return data


def claims_under_way(session: Session, record: Record) -> list[JsonObject]:
    """The claims that a recorded transaction settles, and whether they are settled."""
    from zkllm.settle.claims import claims_in, is_settled

    return [
        {"claim_id": claim, "settled": is_settled(session.rpc, record.to, claim)}
        for claim in claims_in(session.rpc, record)
    ]


def contracts(arguments: argparse.Namespace, console: Console, session: Session) -> JsonObject:
    from zkllm import api
    from zkllm.cli.models import shape_verifying_key
    from zkllm.sealed import question_id
    from zkllm.settle.claims import is_settled
    from zkllm.settle.ownership import pending_owner_of
    from zkllm.settle.registry import owner_of
    from zkllm.settle.rpc import checksum_address
    from zkllm.settle.settlement import check_settlement, settlement_address

    data: JsonObject = {}
    package = key = None
    if arguments.model is not None:
        package = api.open_package(arguments.model, progress=console.progress)
        key = shape_verifying_key(
            package, arguments.rows, arguments.certified, console.progress, arguments.sealed
        )
        plan = session.target(key, arguments.owner, arguments.contract)
        settlement = plan.settlement
        data |= {
            "model_id": key.model_id,
            "verifier": checksum_address(plan.verifier),
            "left_to_do": [call.what for call in plan.calls],
            "awaited_owner": None if plan.awaited_owner is None else checksum_address(plan.awaited_owner),
        }
    elif arguments.contract or arguments.owner:
        settlement = arguments.contract or settlement_address(arguments.owner)
    else:
        recorded = [d.settlement for d in session.deployments.all()]
        settlement = recorded[-1] if recorded else settlement_address(session.account.address)
    data |= {"settlement": checksum_address(settlement), "deployed": bool(session.rpc.code(settlement))}
    if data["deployed"]:
        check_settlement(session.rpc, session.network.chain_id, settlement)
        data["owner"] = checksum_address(owner_of(session.rpc, settlement))
        offered = pending_owner_of(session.rpc, settlement)
        data["pending_owner"] = checksum_address(offered) if any(offered) else None
    if package is not None and key is not None and (arguments.prompt or arguments.tokens):
        k = arguments.certified
        ids = api.check_prompt(package, arguments.prompt, arguments.tokens, k, package.config.n_ctx)
        data["claim_id"] = question_id(key.model_id, k, ids, given_salt(arguments))
        data["settled"] = data["deployed"] and is_settled(session.rpc, settlement, data["claim_id"])
    return data


def given_salt(arguments: argparse.Namespace) -> int | None:
    """Of a sealed prompt that is asked about."""
    from zkllm.salt_files import read_salt

    if problem := types.salt_misuse(arguments):
        arguments.settle_parser.error(problem)
    if not arguments.sealed:
        return None
    if arguments.salt_file is None:
        arguments.settle_parser.error(
            "a sealed prompt takes --salt-file FILE, the salt that it was sealed with"
        )
    return read_salt(arguments.salt_file)


def report(data: JsonObject) -> list[str]:
    from zkllm.cli.text import pairs
    from zkllm.settle.dates import utc

    rows: list[tuple[str, object]] = [("network", f"{data['network']} (chain {data['chain_id']})")]
    if data["account"]:
        rows.append(("account", data["account"]))
    state = f"owner {data['owner']}" if data["deployed"] else "not deployed"
    rows.append(("settlement", f"{data['settlement']}: {state}"))
    if data.get("pending_owner"):
        rows.append(("offered to", f"{data['pending_owner']}: the ownership, until it is accepted"))
    if "verifier" in data:
        rows.append(("verifier", data["verifier"]))
        left = ", ".join(data["left_to_do"])
        if data["awaited_owner"]:
            left += (", then " if left else "") + f"{data['awaited_owner']} registers the verifier"
        rows.append(("left to do", left or "nothing: proofs can be settled"))
    if "credit" in data:
        rows.append(("credit", ether(data["credit"])))
    if "claim_id" in data:
        known = "settled" if data["settled"] else "not settled"
        rows.append(("claim", f"0x{data['claim_id'].hex()}: {known}"))
    if "request" in data:
        found = data["request"]
        state = f"{found['state'].lower()}, {ether(found['reward'])}"
        if found["deadline"]:
            state += f", until {utc(found['deadline'])} ({found['seconds_left']:,} s left)"
        rows.append(("request", state))
    for record in data["unfinished"]:
        shown = ", ".join("0x" + h.hex() for h in record["hashes"])
        rows.append(
            ("unfinished", f"{record['intent']} ({record['state']}, nonce {record['nonce']}): {shown}")
        )
        for claim in record["claims"]:
            known = "settled" if claim["settled"] else "not settled yet"
            rows.append(("", f"claim 0x{claim['claim_id'].hex()}: {known}"))
    return pairs(rows)
