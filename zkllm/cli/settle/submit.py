"""Settles proofs that were made before for this contract and account: one, or several with one transaction.
Deploys nothing."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from zkllm.cli import arguments as types
from zkllm.cli.console import Console
from zkllm.cli.settle import options, prove_and_settle
from zkllm.cli.settle.output import batch_lines, note_own_chain, print_planned, receipt_data

SUMMARY = "settle proofs that were made before"


def configure(parser: argparse.ArgumentParser) -> None:
    options.add_model(parser)
    parser.add_argument(
        "proofs",
        nargs="*",
        type=Path,
        metavar="PROOF",
        help="the proof; of several, one transaction settles all whose claims are not settled yet",
    )
    parser.add_argument("--proof", type=Path, metavar="FILE", help="the proof, if it is one")
    parser.add_argument("--request", type=types.digest, metavar="ID", help="the request that it answers")
    parser.add_argument(
        "--contract", type=types.checked_address, metavar="ADDRESS", help="settlement contract to use"
    )
    options.add_dry_run(parser)
    options.add_network(parser)
    options.add_account(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    options.require(arguments, "network", "model")
    proofs = [*getattr(arguments, "proofs", []), *filter(None, [arguments.proof])]
    if not proofs:
        arguments.settle_parser.error("the following arguments are required: PROOF")
    if len(proofs) == 1:
        (arguments.proof,) = proofs
        return prove_and_settle.submit(arguments, console)
    if arguments.request is not None:
        arguments.settle_parser.error("--request is for one proof; each of several names its own")
    return submit_several(arguments, console, proofs)


def submit_several(arguments: argparse.Namespace, console: Console, paths: Sequence[Path]) -> int:
    from zkllm import api
    from zkllm.cli.models import verifying_key
    from zkllm.proof import Proof
    from zkllm.settle.batch import prepare_batch, settle_batch, simulate_batch, unsettled
    from zkllm.settle.rpc import checksum_address

    proofs = [Proof.load(path) for path in paths]
    with options.open_from(arguments, console) as session:
        for proof in proofs:
            session.check_context(proof)
        session.check_tools(contract=arguments.contract)
        package = api.open_package(arguments.model, progress=console.progress)
        tokens = package.tokenizer.token_bytes
        keyed = [(proof, verifying_key(arguments.model, proof)) for proof in proofs]
        if options.only_printed(arguments, session):
            batch = prepare_batch(session, keyed, tokens, arguments.contract)
            left = unsettled(session, batch)
            call = batch.call(left)
            simulate_batch(session, call, left)
            remaining = {entry.claim_id for entry in left}
            for entry in batch.entries:
                if entry.claim_id not in remaining:
                    console.note(f"the claim 0x{entry.claim_id.hex()} is settled already: it is left out")
            claims = [
                {"claim_id": e.claim_id, "passed_over": e.claim_id not in remaining} for e in batch.entries
            ]
            return print_planned(console, arguments, session, [call], claims=claims)
        settled = settle_batch(session, keyed, tokens, arguments.contract)
        chain = session.network
        data = {
            "ok": True,
            "network": chain.name,
            "chain_id": chain.chain_id,
            "settlement": checksum_address(settled.settlement),
            "sender": checksum_address(session.account.address),
            "srs_kind": settled.srs_kind,
            **receipt_data(settled.receipt),
            "calldata_bytes": settled.calldata_bytes,
            "calldata_gas": settled.calldata_gas,
            "resumed": settled.resumed,
            "claims": [claim.to_dict() for claim in settled.claims],
        }
        told = [claim.prompt_ids for claim in settled.claims]
        prompts = [None if ids is None else package.tokenizer.decode_bytes(ids) for ids in told]
        console.result(data, batch_lines(settled, prompts, chain))
        note_own_chain(arguments, console, session)
    return 0
