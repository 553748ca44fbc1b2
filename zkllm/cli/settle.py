"""Settles an answer on chain: deploys the model's verifier and settlement contract if need be, proves in the
context of that contract and account, verifies, simulates, sends, waits, and reads the claim back. A proof
that was made for another context is refused before anything is sent; an interrupted run is taken up by
running it again."""

from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path
from typing import Any

from zkllm.cli import arguments as types
from zkllm.cli.console import Console
from zkllm.errors import SettlementError

SUMMARY = "prove, submit and confirm an answer on chain"
EXAMPLES = """
{program} --network anvil --model build/demo --prompt "Once upon a"
{program} --network anvil --model build/demo --proof answer.zkllm
{program} --network anvil --model build/demo --prompt "Once upon a" --key-env DEPLOYER_KEY
{program} --network anvil --model build/demo --proof answer.zkllm --keystore key.json --password-env PASSWORD
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--network", required=True, metavar="NAME", help="anvil, or one of $ZKLLM_NETWORKS")
    parser.add_argument(
        "--model", type=Path, required=True, metavar="DIR", help="model package or checkpoint"
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--prompt", metavar="TEXT", help="the prompt to answer")
    what.add_argument("--tokens", type=types.token_ids, metavar="IDS", help="the prompt as token ids: 1,2,3")
    what.add_argument(
        "--proof", type=Path, metavar="FILE", help="a proof made before, for this contract and account"
    )
    types.add_shape(parser)
    types.add_memory_budget(parser)
    parser.add_argument(
        "--request", type=types.digest, metavar="ID", help="request id, 32 bytes (default: 0, or the proof's)"
    )
    parser.add_argument(
        "--contract", type=types.address, metavar="ADDRESS", help="settlement contract to use"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the proof there too")
    key = parser.add_argument_group(
        "account", "on chain id 31337 the public development account, unless given"
    )
    key.add_argument("--keystore", type=Path, metavar="FILE", help="Ethereum keystore (JSON)")
    key.add_argument(
        "--password-env", metavar="NAME", help="environment variable with the keystore's password"
    )
    key.add_argument("--key-env", metavar="NAME", help="environment variable with the private key")
    parser.add_argument(
        "--home", type=Path, metavar="DIR", help="records of deployments and transactions (default: .zkllm)"
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    from zkllm import api
    from zkllm.cli.models import verifying_key
    from zkllm.proof import Proof
    from zkllm.settle import KeySource, network, open_session

    chain = network(arguments.network)
    keys = KeySource(arguments.keystore, arguments.key_env, arguments.password_env)
    proof = None if arguments.proof is None else Proof.load(arguments.proof)
    package = api.open_package(arguments.model, progress=console.progress)
    with open_session(
        chain, keys, arguments.home, ask_password=_ask_password, progress=console.progress
    ) as session:
        if proof is None:
            rows = arguments.max_tokens or api.open_setup(package).max_tokens
            prompt_ids = api.check_prompt(
                package, arguments.prompt, arguments.tokens, arguments.new_tokens, rows
            )
            api.check_memory(package, rows, arguments.new_tokens, arguments.memory_budget)
            key = api.shape_keys(package, rows, arguments.new_tokens, console.progress).verifying_key
            claim_id = api.answer(package, prompt_ids, arguments.new_tokens, rows).claim_id()
            if arguments.contract is None:
                contract = session.ensure_deployed(key).settlement
            else:
                contract = session.check_deployed(key, arguments.contract)
            session.refuse_settled(claim_id, contract)
            proof = api.prove(
                package,
                tokens=prompt_ids,
                new_tokens=arguments.new_tokens,
                rows=rows,
                context=session.context(contract, arguments.request or bytes(32)),
                progress=console.progress,
                memory_budget=arguments.memory_budget,
            ).proof
        else:
            session.check_context(proof)
            made = proof.context.request_id
            if arguments.request not in (None, made):
                raise SettlementError(
                    f"the proof was made for the request 0x{made.hex()}, not for "
                    f"0x{arguments.request.hex()}; prove again, or leave --request out"
                )
            key = verifying_key(arguments.model, proof)
            contract = arguments.contract
        if arguments.out is not None:
            proof.save(arguments.out)
        settled = session.settle(proof, key, package.tokenizer.token_bytes, contract)
    prompt = package.tokenizer.decode_bytes(settled.prompt_ids)
    console.result({"ok": True, "network": chain.name, **settled.to_dict()}, report(settled, prompt, chain))
    return 0


def report(settled: Any, prompt: bytes, chain: Any) -> list[str]:
    from zkllm.cli.text import pairs, quote
    from zkllm.settle.rpc import checksum_address

    rows: list[tuple[str, object]] = [
        ("claim", "0x" + settled.claim_id.hex()),
        ("model_id", "0x" + settled.model_id.hex()),
        ("answer ids", ", ".join(map(str, settled.token_ids))),
        ("settlement", f"{checksum_address(settled.settlement)} on chain {settled.chain_id} ({chain.name})"),
        ("verifier", checksum_address(settled.verifier)),
        ("sender", checksum_address(settled.sender)),
        (
            "SRS kind",
            settled.srs_kind
            + ("" if settled.srs_kind == "ceremony" else ": anyone can forge, for tests only"),
        ),
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
    page = chain.explain_transaction(settled.transaction_hash)
    if page:
        rows.append(("explorer", page))
    return [*pairs(rows), f"settled: {quote(prompt)} -> {quote(settled.text)}"]


def _ask_password(question: str) -> str:
    if not sys.stdin.isatty():
        raise SettlementError("the keystore needs a password: give --password-env NAME")
    return getpass.getpass(question, stream=sys.stderr)
