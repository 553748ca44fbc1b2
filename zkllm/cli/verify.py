"""Verifies a proof in pure Python, from its bytes and the verifying key alone: no native code, no numpy. Exit
code 0 means that the proof holds for this key; 1 that it is rejected. The key says which model, shape and
SRS: take it from whom you trust, or compare its VERIFIER_ID with one that `zkllm setup --check` printed."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from zkllm.cli import paths
from zkllm.cli.console import Console
from zkllm.errors import ProofError
from zkllm.files import JsonObject

if TYPE_CHECKING:
    from zkllm.outer.keys import VerifyingKey
    from zkllm.proof import Proof


SUMMARY = "verify a proof in pure Python"
EXAMPLES = """
{program} answer.zkllm --model build/demo
{program} answer.zkllm --model build/demo/keys/N16-k1/vk.json --json
{program} answer.zkllm --model build/demo --trace
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("proof", type=paths.SourceFile, metavar="PROOF", help="the proof file")
    parser.add_argument(
        "--model", type=paths.Source, required=True, metavar="DIR", help="model package, or a vk.json"
    )
    parser.add_argument(
        "--trace", action="store_true", help="list every absorb and challenge of the verifier"
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    from zkllm.cli.models import verifying_key
    from zkllm.proof import Proof

    steps: list[tuple[str, str, str]] = []
    data: JsonObject = {"ok": False}
    start = time.perf_counter()
    try:
        proof = Proof.load(arguments.proof)
        key = verifying_key(arguments.model, proof)
        if arguments.trace:
            steps += statement_steps(proof, key)
        proof.verify(key, Recorder(steps) if arguments.trace else None)
    except ProofError as error:
        line = f"rejected: {error}"
        data["error"] = str(error)
    else:
        data |= accepted(proof, key, time.perf_counter() - start)
        line = describe(data)
    if arguments.trace:
        data["trace"] = [{"step": step, "name": name, "value": value} for step, name, value in steps]
    console.result(data, [*(f"{step:<9} {name:<16} {value}" for step, name, value in steps), line])
    return 0 if data["ok"] else 1


class Recorder:
    """Collects what the verifier absorbs and draws. Steps are told apart by their place in the schedule,
    since a message and a challenge may have the same name."""

    def __init__(self, steps: list[tuple[str, str, str]]):
        from zkllm.outer.transcript import SCHEDULE

        self._steps = steps
        self._expected = iter(
            [("hash", "H")]
            + [
                step
                for r in SCHEDULE
                for step in (*(("absorb", message) for message in r.messages), ("challenge", r.challenge))
            ]
        )

    def __call__(self, name: str, value: bytes | int) -> None:
        step, expected = next(self._expected)
        assert name == expected
        self._steps.append((step, name, show(value)))


def show(value: bytes | int) -> str:
    return "0x" + (value.hex() if isinstance(value, bytes) else f"{value:064x}")


def statement_steps(proof: Proof, key: VerifyingKey) -> list[tuple[str, str, str]]:
    """What H is the hash of."""
    from zkllm.outer.transcript import STATEMENT_TAG, decode_body

    witness, _, _ = decode_body(proof.body, key.num_witness_columns)
    steps: list[tuple[str, bytes | int]] = [
        ("tag", STATEMENT_TAG),
        ("VERIFIER_ID", key.verifier_id),
        ("context", proof.context.digest()),
        *((f"word{i}", word) for i, word in enumerate(proof.words)),
        *((f"witness{i}", point) for i, point in enumerate(witness)),
    ]
    return [("absorb", name, show(value)) for name, value in steps]


def accepted(proof: Proof, key: VerifyingKey, elapsed: float) -> JsonObject:
    from zkllm.settle.rpc import checksum_address

    statement, context = proof.statement(key), proof.context
    return {
        "ok": True,
        "verifier_id": key.verifier_id,
        "model_id": key.model_id,
        "claim_id": statement.claim_id(),
        "N": proof.N,
        "k": proof.k,
        "T": proof.T,
        "prompt_ids": list(statement.prompt),
        "answer_ids": list(statement.answer),
        "context": None
        if context.is_empty
        else {
            "chain_id": context.chain_id,
            "contract": checksum_address(context.contract),
            "sender": checksum_address(context.sender),
            "request_id": context.request_id,
        },
        "srs_kind": key.srs_kind,
        "proof_bytes": len(proof.to_bytes()),
        "seconds": round(elapsed, 3),
    }


def describe(data: JsonObject) -> str:
    context = data["context"]
    where = f"for chain {context['chain_id']}, sender {context['sender']}" if context else "without a context"
    answer = ", ".join(map(str, data["answer_ids"]))
    warning = "" if data["srs_kind"] == "ceremony" else "; development SRS: anyone can forge such proofs"
    return (
        f"valid: model 0x{data['model_id'].hex()} answers {len(data['prompt_ids'])} ids with {answer}, "
        f"{where} "
        f"({data['seconds']:.2f} s{warning})"
    )
