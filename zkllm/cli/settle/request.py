"""Asks for an answer, with a reward for whoever proves it. The reward stays with the settlement contract
until the claim is settled or the deadline has passed; then it goes to the prover or back. Running it again
posts nothing twice: another request for the same answer needs another --salt."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from zkllm.cli import arguments as types
from zkllm.cli.console import Console
from zkllm.cli.settle import options
from zkllm.cli.settle.output import print_planned, receipt_data, receipt_rows
from zkllm.errors import SettlementError
from zkllm.files import JsonObject
from zkllm.units import ether

if TYPE_CHECKING:
    from zkllm.model.package import ModelPackage
    from zkllm.settle.escrow import Request
    from zkllm.settle.session import Session


SUMMARY = "ask for an answer, with a reward"


def configure(parser: argparse.ArgumentParser) -> None:
    options.add_model(parser)
    types.add_prompt(parser, required=False)
    types.add_shape(parser)
    parser.add_argument(
        "--reward",
        type=types.ether,
        default=0,
        metavar="ETHER",
        help="paid to whoever proves the answer (default 0)",
    )
    parser.add_argument(
        "--deadline",
        type=types.duration,
        default=types.duration("1d"),
        metavar="TIME",
        help="how long the answer may take: 90s, 30m, 12h or 7d (default 1d, at most 365d)",
    )
    parser.add_argument(
        "--salt",
        type=types.digest,
        default=None,
        metavar="BYTES",
        help="to ask again for the same answer; it is public, and none of a sealed prompt's",
    )
    parser.add_argument(
        "--hide-prompt", action="store_true", default=False, help="post the prompt's digest alone"
    )
    types.add_sealed(parser, "which nobody can tell from what is posted; the prover is given prompt and salt")
    types.add_salt_file(
        parser, "with --sealed: the prompt's salt, a fresh one where the file is not there (required)"
    )
    options.add_common(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    options.require(arguments, "network", "model")
    if arguments.prompt is None and arguments.tokens is None:
        arguments.settle_parser.error(
            "one of the arguments --prompt --prompt-file --chat --messages --tokens is required"
        )

    from zkllm import api
    from zkllm.cli.text import pairs
    from zkllm.sealed import question_id
    from zkllm.settle.dates import utc
    from zkllm.settle.escrow import MAX_SECONDS, State, read_request, request_call
    from zkllm.settle.lagging import shown
    from zkllm.settle.rpc import checksum_address
    from zkllm.statement import request_id

    if arguments.sealed and arguments.salt_file is None:
        arguments.settle_parser.error(
            "--sealed takes --salt-file FILE, which the prover is given with the prompt"
        )
    if arguments.sealed and arguments.hide_prompt:
        arguments.settle_parser.error("--sealed and --hide-prompt ask for different claims: give one")
    if problem := types.salt_misuse(arguments):
        arguments.settle_parser.error(problem)
    if not 0 < arguments.deadline <= MAX_SECONDS:
        arguments.settle_parser.error("--deadline is longer than nothing, and at most 365d")
    k = arguments.certified
    with options.open_from(arguments, console) as session:
        session.check_tools(arguments.owner, arguments.contract)
        package = api.open_package(arguments.model, progress=console.progress)
        prompt = api.check_prompt(package, arguments.prompt, arguments.tokens, k, package.config.n_ctx)
        model_id = api.open_setup(package).model_id
        settlement = session.locate(arguments.owner, arguments.contract)
        for doubt in refuse_unanswerable(session, settlement, package, len(prompt), k, arguments.sealed):
            console.note(doubt)
        sealing = sealing_salt(arguments, console) if arguments.sealed else None
        claim = question_id(model_id, k, prompt, sealing)
        session.refuse_settled(claim, settlement)
        salt = arguments.salt or claim
        found = request_id(session.account.address, salt)
        deadline = session.rpc.timestamp() + arguments.deadline
        call = request_call(
            settlement,
            found,
            model_id,
            prompt,
            k,
            deadline,
            salt,
            arguments.reward,
            arguments.hide_prompt,
            sealing,
        )
        data: JsonObject = {"request_id": found, "claim_id": claim}
        data["settlement"] = checksum_address(settlement)
        if options.only_printed(arguments, session):
            return print_planned(console, arguments, session, [call], **data)
        receipt, resumed = session.execute(call)
        asked = (claim, session.account.address)

        def look() -> Request | None:
            there = read_request(session.rpc, settlement, found)
            return there if there.state is not State.NONE else None

        posted = shown(session.network, look)
        if posted is None or (posted.claim_id, posted.requester) != asked:
            raise SettlementError("the node does not show the request that was posted; run this again later")
    data |= {"ok": True, "reward": posted.reward, "deadline": posted.deadline, "state": posted.state.name}
    rows: list[tuple[str, object]] = [
        ("request", "0x" + found.hex()),
        ("claim", "0x" + claim.hex()),
        ("reward", ether(posted.reward)),
        ("deadline", utc(posted.deadline)),
        *receipt_rows(receipt, resumed, session.network),
    ]
    last = "posted: settle with --request to answer it"
    console.result(data | receipt_data(receipt), [*pairs(rows), last])
    return 0


def sealing_salt(arguments: argparse.Namespace, console: Console) -> int:
    """Of a new file, or that of the run before: the same request is posted once."""
    from zkllm.salt_files import make_salt, read_salt

    if arguments.salt_file.exists():
        return read_salt(arguments.salt_file)
    console.note(
        f"a fresh salt for this prompt is in {arguments.salt_file}: keep it, and use it for no other"
    )
    return make_salt(arguments.salt_file)


def refuse_unanswerable(
    session: Session, settlement: bytes, package: ModelPackage, prompt: int, k: int, sealed: bool
) -> list[str]:
    """Nobody should pay into a request that no registered verifier can fulfil, or that one which lies can.
    What cannot be told of is returned, in words."""
    from zkllm import api
    from zkllm.settle.doctor import is_generated, keys_of
    from zkllm.settle.registry import Status, verifiers_of
    from zkllm.settle.rpc import checksum_address

    model_id = api.open_setup(package).model_id
    registered = verifiers_of(session.rpc, settlement, model_id)
    if not registered:
        raise SettlementError(f"the model 0x{model_id.hex()} is not registered with this settlement contract")
    able = [v for v in registered if v.status is Status.ACTIVE and (v.k, v.sealed) == (k, sealed)]
    if not any(prompt - 1 + k <= v.N for v in able):
        shapes = ", ".join(f"{v.shape}{' (frozen)' if v.status is Status.FROZEN else ''}" for v in registered)
        kind = "a sealed prompt" if sealed else "a prompt"
        raise SettlementError(
            f"no registered verifier certifies {k} token(s) after {kind} of {prompt}; registered: {shapes}"
        )
    known = {key.shape: key for key in keys_of(package.folder, package.digest, model_id)}
    doubts = []
    for entry in able:  # of whatever length: each can settle the claim
        what = f"the registered verifier {checksum_address(entry.address)} of {entry.shape}"
        key = known.get(entry.shape)
        if key is None:
            doubts.append(f"{what} was not compared, since the package has no key of this shape")
        elif not is_generated(session.rpc, entry, key):
            raise SettlementError(f"{what} is not the one that is generated for this model: do not ask here")
    return doubts
