"""Verifies proofs in pure Python, from their bytes and the verifying key alone: no native code, no numpy.
Several share one pairing. Exit code 0 means that each holds for this key; 1 that one is rejected. The key
says which model, shape and SRS: take it from whom you trust, or compare its VERIFIER_ID with one that
`zkllm setup --check` printed."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zkllm.cli import paths
from zkllm.cli.console import Console
from zkllm.errors import ProofError
from zkllm.files import JsonObject

if TYPE_CHECKING:
    from zkllm.outer.keys import VerifyingKey
    from zkllm.outer.verifier import Equation
    from zkllm.proof import Proof


SUMMARY = "verify proofs in pure Python"
EXAMPLES = """
{program} answer.zkllm --model build/demo
{program} answer.zkllm --model build/demo/keys/N16-k1/vk.json --json
{program} answer.zkllm --model build/demo --trace
{program} first.zkllm second.zkllm third.zkllm --model build/demo
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "proofs", type=paths.SourceFile, nargs="+", metavar="PROOF", help="the proof file, or several"
    )
    parser.add_argument(
        "--model", type=paths.Source, required=True, metavar="DIR", help="model package, or a vk.json"
    )
    parser.add_argument(
        "--trace", action="store_true", help="list every absorb and challenge of the verifier, for one proof"
    )
    parser.set_defaults(verify_parser=parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    if len(arguments.proofs) > 1:
        if arguments.trace:
            arguments.verify_parser.error("--trace is for one proof")
        return run_several(arguments, console)
    from zkllm.cli.models import verifying_key
    from zkllm.proof import Proof

    steps: list[tuple[str, str, str]] = []
    data: JsonObject = {"ok": False}
    start = time.perf_counter()
    try:
        proof = Proof.load(arguments.proofs[0])
        key = verifying_key(arguments.model, proof)
        if arguments.trace:
            steps += statement_steps(proof, key)
        proof.verify(key, Recorder(steps) if arguments.trace else None)
    except ProofError as error:
        line = f"rejected: {error}"
        data["error"] = str(error)
    else:
        seconds = time.perf_counter() - start
        data |= accepted(proof, key) | {"seconds": round(seconds, 3)}
        line = describe(data)
    if arguments.trace:
        data["trace"] = [{"step": step, "name": name, "value": value} for step, name, value in steps]
    console.result(data, [*(f"{step:<9} {name:<16} {value}" for step, name, value in steps), line])
    return 0 if data["ok"] else 1


def run_several(arguments: argparse.Namespace, console: Console) -> int:
    """All proofs with one pairing; where that fails, or there is no common one, each by itself, to name the
    false ones."""
    start = time.perf_counter()
    found = [examine(path, arguments.model) for path in arguments.proofs]
    equations = [equation for _, equation in found if equation is not None]
    together = hold_together(equations)
    for data, equation in found:
        if equation is not None and not together:
            reject_unless_it_holds(data, equation)
    seconds = time.perf_counter() - start
    valid = sum(data["ok"] for data, _ in found)
    lines = [
        f"{data['file']}: {describe(data) if data['ok'] else 'rejected: ' + data['error']}"
        for data, _ in found
    ]
    lines.append(f"{valid} of {len(found)} valid ({seconds:.2f} s)")
    ok = valid == len(found)
    console.result({"ok": ok, "proofs": [data for data, _ in found], "seconds": round(seconds, 3)}, lines)
    return 0 if ok else 1


def examine(path: Path, model: Path) -> tuple[JsonObject, Equation | None]:
    """What a proof says, and what is left of it; None where it is rejected without a pairing."""
    from zkllm.cli.models import verifying_key
    from zkllm.proof import Proof

    try:
        proof = Proof.load(path)
        key = verifying_key(model, proof)
        equation = proof.equation(key)
    except ProofError as error:
        return {"file": str(path), "ok": False, "error": str(error)}, None
    return {"file": str(path), **accepted(proof, key)}, equation


def hold_together(equations: Sequence[Equation]) -> bool:
    from zkllm.outer.batch import check_batch

    try:
        check_batch(equations)
    except (ProofError, ValueError):
        return False
    return True


def reject_unless_it_holds(data: JsonObject, equation: Equation) -> None:
    from zkllm.outer.verifier import require_pairing

    try:
        require_pairing(equation.pairs)
    except ProofError as error:
        data |= {"ok": False, "error": str(error)}


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


def accepted(proof: Proof, key: VerifyingKey) -> JsonObject:
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
        "prompt_ids": None if proof.prompt is None else list(proof.prompt),
        "sealed_prompt": proof.sealed_prompt,
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
    }


def describe(data: JsonObject) -> str:
    context = data["context"]
    where = f"for chain {context['chain_id']}, sender {context['sender']}" if context else "without a context"
    answer = ", ".join(map(str, data["answer_ids"]))
    prompt = f"{len(data['prompt_ids'])} ids" if data["prompt_ids"] is not None else "a sealed prompt"
    notes = [f"{data['seconds']:.2f} s"] if "seconds" in data else []
    if data["srs_kind"] != "ceremony":
        notes.append("development SRS: anyone can forge such proofs")
    return f"valid: model 0x{data['model_id'].hex()} answers {prompt} with {answer}, {where}" + (
        f" ({'; '.join(notes)})" if notes else ""
    )
