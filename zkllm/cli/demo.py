"""The whole pipeline on this machine: set the small model up, start a local Ethereum node, deploy the
generated verifier and the settlement contract, prove the model's answer, verify it in pure Python, settle it
with the decoded token, and read the claim back. What a run builds is used by the next one."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from zkllm.cli import paths
from zkllm.cli.arguments import add_memory_budget, add_shape, chat, shape_misuse
from zkllm.cli.console import Console
from zkllm.cli.rescue import save_proof
from zkllm.errors import CheckpointError, ZkllmError
from zkllm.files import JsonObject, require_folder_place
from zkllm.model import hub

if TYPE_CHECKING:
    from zkllm.model.package import ModelPackage
    from zkllm.preflight import Asked
    from zkllm.proving import ProofResult
    from zkllm.settle.session import Settled


SUMMARY = "prove and settle an answer of the small model on a local chain"
PROMPT = "Any sufficiently advanced technology is indistinguishable from"
MODEL = Path("models") / "demo-gpt2"
EXAMPLES = """
{program}
{program} --prompt "Once upon a"
{program} --model path/to/gpt2 --new-tokens 2 --json
{program} --model path/to/model.gguf --chat "What is a proof?" --new-tokens 16 --max-tokens 64
"""


def configure(parser: argparse.ArgumentParser) -> None:
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument("--prompt", default=PROMPT, metavar="TEXT", help="another prompt")
    asked.add_argument(
        "--chat",
        type=chat,
        metavar="TEXT",
        help="the prompt that the model's chat template makes of a user's message",
    )
    parser.add_argument(
        "--model",
        type=paths.Model,
        metavar="DIR",
        help=f"another model: package, {hub.HELP} (default: {MODEL})",
    )
    add_shape(parser)
    add_memory_budget(parser)
    parser.add_argument(
        "--home", type=paths.TargetFolder, metavar="DIR", help="where it keeps its files (default: .zkllm)"
    )


def misuse(arguments: argparse.Namespace) -> str | None:
    return shape_misuse(arguments)


class Stages:
    """Seconds by stage, announced as they begin."""

    def __init__(self, console: Console):
        self.seconds: dict[str, float] = {}
        self._console = console

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        self._console.note(f"{name} ...")
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start


def run(arguments: argparse.Namespace, console: Console) -> int:
    from zkllm import api
    from zkllm.measure.soundness import security_bits
    from zkllm.settle import KeySource, default_home, network, open_session
    from zkllm.settle.anvil import find_anvil
    from zkllm.settle.contracts import settlement_artifact

    find_anvil()  # before anything is made: what the later stages need
    settlement_artifact()
    home = (arguments.home or default_home()) / "demo"
    require_folder_place(home)
    prompt = arguments.chat or arguments.prompt
    chain, stage = network("anvil"), Stages(console)
    start = time.perf_counter()
    with stage("set up"):
        asked = api.Asked(prompt, None, arguments.certified, arguments.rows)
        package = open_model(arguments.model, asked, console)
        rows = arguments.rows or api.open_setup(package).rows
        api.check_prompt(package, prompt, None, arguments.certified, rows)
        api.check_memory(package, rows, arguments.certified, arguments.memory_budget)
        key = api.shape_keys(package, rows, arguments.certified, console.progress).verifying_key
    with ExitStack() as stack:
        with stage("start the chain"):
            session = stack.enter_context(
                open_session(chain, KeySource(), home, fresh_chain=True, progress=console.progress)
            )
        with stage("deploy"):
            deployment = session.ensure_deployed(key)
        with stage("prove"):
            result = api.prove(
                package,
                prompt=prompt,
                certified=arguments.certified,
                rows=rows,
                context=session.context(deployment.settlement),
                progress=console.progress,
                memory_budget=arguments.memory_budget,
            )
        save_proof(result.proof, home / "answer.zkllm")
        with stage("verify in Python"):
            result.proof.verify(key)
        with stage("settle"):
            settled = session.settle(
                result.proof, key, package.tokenizer.token_bytes, deployment.settlement, verified=True
            )
    data: JsonObject = {
        "ok": True,
        "prompt": arguments.prompt if arguments.chat is None else list(arguments.chat.messages),
        "answer": settled.text.decode("utf-8", errors="backslashreplace"),
        "logits": [logit / 2.0**result.logit_scale_log2 for logit in result.logits],
        "float_logits": float_logits_if_any(package, result),
        "proof": str(home / "answer.zkllm"),
        "proof_bytes": len(result.proof.to_bytes()),
        "body_bytes": len(result.proof.body),
        "deploy_gas": {name: receipt.gas_used for name, receipt in session.deployed.items()},
        "security_bits": security_bits(key),
        "srs_kind": key.srs_kind,
        "seconds": {name: round(t, 3) for name, t in stage.seconds.items()},
        "total_seconds": round(time.perf_counter() - start, 3),
        "prove_stages": {name: round(t, 4) for name, t in result.timings.items()},
        "settled": settled.to_dict(),
    }
    console.result(data, report(data, settled, package.tokenizer.decode_bytes(result.prompt_ids)))
    return 0


def open_model(named: str | None, asked: Asked, console: Console) -> ModelPackage:
    """The package of the demo's checkpoint (or of another), made on the first run."""
    from zkllm import api

    if named is not None:
        return api.open_package(named, progress=console.progress, asked=asked)
    candidates = (Path.cwd() / MODEL, Path(__file__).resolve().parents[2] / MODEL)
    checkpoint = next((c for c in candidates if (c / "config.json").is_file()), None)
    if checkpoint is None:
        raise ZkllmError(
            f"no {MODEL} here: run this in the repository, or name a checkpoint with --model DIR"
        )
    return api.open_package(checkpoint, progress=console.progress, asked=asked)


def float_logits_if_any(package: ModelPackage, result: ProofResult) -> Sequence[float | None]:
    """Those of the answered tokens; None where torch, transformers or the checkpoint is not here."""
    from zkllm.cli.prove import float_checkpoint, float_logits

    try:
        return float_logits(float_checkpoint(package), result)
    except (ImportError, CheckpointError):
        return [None] * len(result.answer_ids)


def report(data: JsonObject, settled: Settled, prompt: bytes) -> list[str]:
    from zkllm.cli.text import pairs, quote, seconds, size

    stages = ", ".join(f"{name} {seconds(t)}" for name, t in data["seconds"].items())
    logits = ", ".join(f"{logit:.4f}" for logit in data["logits"])
    if None not in data["float_logits"]:
        logits += "; float model " + ", ".join(f"{logit:.4f}" for logit in data["float_logits"])
    bits = f"{data['security_bits']:.0f} with a ceremony's SRS"
    if data["srs_kind"] != "ceremony":
        bits += "; this SRS is the development one, whose secret is public: none, for tests only"
    rows: list[tuple[str, object]] = [
        ("prompt", quote(prompt)),
        ("answer", f"{quote(settled.text)} (ids {', '.join(map(str, settled.token_ids))})"),
        ("logits", logits),
        ("model_id", "0x" + settled.model_id.hex()),
        (
            "proof",
            f"{data['proof']}: {size(data['proof_bytes'])}, of which {size(data['body_bytes'])} are sent",
        ),
        ("time", f"{stages}; {seconds(data['total_seconds'])} in all"),
        ("proving", ", ".join(f"{n} {seconds(t)}" for n, t in data["prove_stages"].items() if t > 0.005)),
        ("gas", f"{settled.gas_used:,}, with {size(settled.calldata_bytes)} of calldata"),
        ("transaction", "0x" + settled.transaction_hash.hex()),
        ("claim", "0x" + settled.claim_id.hex()),
        ("security bits", bits),
        ("SRS kind", data["srs_kind"]),
    ]
    return [*pairs(rows), f"settled: {quote(prompt)} -> {quote(settled.text)}"]
