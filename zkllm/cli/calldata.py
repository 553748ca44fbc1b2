"""Prints the exact bytes to send, for `cast` or another wallet: with --model those of the settlement
contract's settle(...), which the proof's sender has to send; without, those of the verifier's verify(...),
which costs nothing to call. With --erc8274 they are those of ERC-8274's verify(...), for the adapter that the
proof's context names as the contract. Only the bytes go to stdout."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from zkllm.cli import paths
from zkllm.cli.console import Console
from zkllm.errors import SettlementError
from zkllm.files import JsonObject, write_atomically

SUMMARY = "print a proof as calldata for cast or another wallet"
EXAMPLES = """
{program} answer.zkllm --model build/demo
{program} answer.zkllm --model build/demo --out settle.bin
{program} answer.zkllm --model build/demo --erc8274 --json
cast call 0x5FbDB2315678afecb367f032d93F642f64180aa3 "$(zkllm calldata answer.zkllm)"
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("proof", type=paths.SourceFile, metavar="PROOF", help="the proof file")
    parser.add_argument(
        "--model", type=paths.Source, metavar="DIR", help="model package: calldata of settle(...)"
    )
    parser.add_argument(
        "--erc8274",
        action="store_true",
        help="with --model: calldata of verify(...) of the adapter ZkLLMProofVerifier (docs/standards.md)",
    )
    parser.add_argument(
        "--out", type=paths.TargetFile, metavar="FILE", help="write the bytes there instead of printing them"
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    from zkllm.proof import Proof
    from zkllm.settle.abi import SETTLE, VERIFY
    from zkllm.settle.contracts import verifier_artifact
    from zkllm.settle.create2 import create2_address
    from zkllm.settle.rpc import checksum_address
    from zkllm.settle.standards import PROOF_VERIFIER_VERIFY, proof_verifier_call
    from zkllm.settle.submission import calldata_gas, settle_calldata, verify_calldata

    if arguments.erc8274 and arguments.model is None:
        raise SettlementError("--erc8274 needs the model package (--model), which has the verifier's key")
    proof = Proof.load(arguments.proof)
    data: JsonObject = {"ok": True, "function": VERIFY}
    if arguments.model is None:
        calldata = verify_calldata(proof)
    else:
        from zkllm import api
        from zkllm.cli.models import verifying_key

        if proof.context.is_empty:
            raise SettlementError(
                "the proof was made without a context, so it cannot be settled; prove with --context"
            )
        key = verifying_key(arguments.model, proof)
        proof.verify(key)  # nobody should pay for a proof that the contract rejects
        verifier = create2_address(verifier_artifact(key).creation)
        if arguments.erc8274:
            call = proof_verifier_call(proof, verifier)
            calldata = call.calldata
            data |= {"function": PROOF_VERIFIER_VERIFY, **asdict(call)}
        else:
            tokens = api.open_package(arguments.model, progress=console.progress).tokenizer.token_bytes
            submission = settle_calldata(proof, key, tokens, verifier)
            calldata = submission.calldata
            data |= {"function": SETTLE, "claim_id": submission.claim_id}
        data |= {
            "to": checksum_address(proof.context.contract),
            "from": checksum_address(proof.context.sender),
        }
        data["chain_id"] = proof.context.chain_id
    data |= {"bytes": len(calldata), "gas": calldata_gas(calldata), "calldata": calldata}
    if arguments.out is not None:
        write_atomically(arguments.out, calldata)
    lines = ["0x" + calldata.hex()] if arguments.out is None else [f"{arguments.out}: {len(calldata)} bytes"]
    if "to" in data and not console.as_json:
        console.note(f"to {data['to']} on chain {data['chain_id']}, from {data['from']}")
    console.result(data, lines)
    return 0
