"""Answers a prompt and proves the answer. Decoding is greedy; the K answered tokens are certified in one
pass. A proof for settlement is made for one chain, contract and sender (--context); without, it can be
verified but not settled."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from zkllm.cli import arguments as types
from zkllm.cli import paths
from zkllm.cli.console import Console
from zkllm.cli.rescue import save_proof
from zkllm.errors import CheckpointError, PathError, reason
from zkllm.files import JsonObject, write_atomically
from zkllm.model import hub

if TYPE_CHECKING:
    from zkllm.model.package import ModelPackage
    from zkllm.proving import ProofResult
    from zkllm.sharded import Shards


SUMMARY = "answer a prompt and prove the answer"
EXAMPLES = """
{program} build/demo --prompt "Once upon a" --out answer.zkllm
{program} build/smollm2 --chat "What is a proof?" --new-tokens 8 --max-tokens 64 --out answer.zkllm
{program} models/demo-gpt2 --tokens 1,2,3 --new-tokens 3 --out answer.zkllm
{program} build/demo --prompt-file question.txt --sealed --out answer.zkllm
{program} build/demo --prompt "Once upon a" --out answer.zkllm --shards 2
{program} build/demo --prompt "Once upon a" --out answer.zkllm \\
    --context 31337:0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512:0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=paths.Model, metavar="DIR", help=f"model package, {hub.HELP}")
    types.add_prompt(parser)
    types.add_shape(parser)
    types.add_sealed(parser)
    types.add_salt_file(
        parser,
        "the salt that the prompt was sealed with (default: a fresh one, kept in the proof's name + .salt)",
    )
    types.add_memory_budget(parser)
    parser.add_argument(
        "--shards",
        type=types.positive,
        metavar="S",
        help="cut the proof's work over S workers, processes of a Ray: the same proof, with the weights of a "
        "layer in one worker alone, and --memory-budget for each of them",
    )
    types.add_ray(
        parser,
        types.RAY + "(with --shards; default: a Ray of this machine that ends with the command)",
    )
    types.add_context(parser)
    parser.add_argument("--out", type=paths.TargetFile, required=True, metavar="FILE", help="the proof file")
    parser.add_argument(
        "--profile",
        type=paths.TargetFile,
        metavar="FILE",
        help="write where time and memory went (zkllm profile shows it)",
    )
    parser.add_argument(
        "--float-logits",
        action="store_true",
        help="after the proof, run the float model too and show its logits beside (needs torch, transformers "
        "and the checkpoint; takes seconds)",
    )


def misuse(arguments: argparse.Namespace) -> str | None:
    if arguments.ray is not None and arguments.shards is None:
        return "--ray is for --shards, the number of workers that the proof is cut over"
    return types.shape_misuse(arguments) or types.salt_misuse(arguments)


def run(arguments: argparse.Namespace, console: Console) -> int:
    from zkllm import api

    package = api.open_package(
        arguments.model,
        progress=console.progress,
        asked=api.Asked(arguments.prompt, arguments.tokens, arguments.certified, arguments.rows),
    )
    checkpoint = float_checkpoint(package) if arguments.float_logits else None
    salt, salt_file = sealing(arguments) if arguments.sealed else (None, None)
    result, shards = _proved(arguments, package, console, salt)
    save_proof(result.proof, arguments.out)
    if arguments.profile is not None:
        text = json.dumps(profile_of(package, result), indent=1) + "\n"
        try:
            write_atomically(arguments.profile, text.encode())
        except OSError as error:
            why = f"cannot be written: {reason(error)}"
            raise PathError(f"{arguments.profile}: {why}; the proof is in {arguments.out}") from None
    scale = 2.0**result.logit_scale_log2
    beside = [None] * len(result.answer_ids) if checkpoint is None else float_logits(checkpoint, result)
    answered = package.conversation.answered(result.answer_ids)
    tokens = [
        {
            "id": token,
            "text": package.tokenizer.decode_bytes([token]).decode("utf-8", errors="backslashreplace"),
            "logit": logit / scale,
            "integer_logit": logit,
            "float_logit": expected,
        }
        for token, logit, expected in list(zip(result.answer_ids, result.logits, beside, strict=True))[
            :answered
        ]
    ]
    data = {
        "ok": True,
        "proof": str(arguments.out),
        "proof_bytes": len(result.proof.to_bytes()),
        "body_bytes": len(result.proof.body),
        "claim_id": result.claim_id,
        "model_id": result.statement.model_id,
        "verifier_id": result.verifying_key.verifier_id,
        "srs_kind": result.verifying_key.srs_kind,
        "N": result.proof.N,
        "k": result.proof.k,
        "T": result.proof.T,
        "sealed_prompt": result.proof.sealed_prompt,
        "salt_file": None if salt_file is None else str(salt_file),
        "backend": api.backend(),
        "opening_table": result.tabled,
        "prompt_ids": None if result.proof.prompt is None else list(result.proof.prompt),
        "answer": package.tokenizer.decode(result.answer_ids[:answered]),
        "ended": any(i in package.conversation.ends for i in result.answer_ids),
        "tokens": tokens,
        "shards": None if shards is None else shards.to_dict(),
        "timings": {stage: round(t, 4) for stage, t in result.timings.items()},
    }
    told = result.proof.prompt
    prompt = None if told is None else package.tokenizer.decode_bytes(told)
    console.result(data, _report(result, data, prompt))
    return 0


def _proved(
    arguments: argparse.Namespace, package: ModelPackage, console: Console, salt: int | None
) -> tuple[ProofResult, Shards | None]:
    """By this process alone, or cut over workers."""
    from zkllm import api
    from zkllm.proving import ProveOptions

    asked = ProveOptions(
        prompt=arguments.prompt,
        tokens=arguments.tokens,
        certified=arguments.certified,
        rows=arguments.rows,
        context=arguments.context,
        progress=console.progress,
        memory=arguments.profile is not None,
        memory_budget=arguments.memory_budget,
        salt=salt,
    )
    if arguments.shards is None:
        return api.prove(package, **asked), None
    from zkllm.cluster.proving import prove_on_ray

    return prove_on_ray(package, count=arguments.shards, address=arguments.ray, **asked)


def sealing(arguments: argparse.Namespace) -> tuple[int, Path]:
    """The salt, and where it is kept."""
    from zkllm.salt_files import make_salt, read_salt

    if arguments.salt_file is not None:
        return read_salt(arguments.salt_file), arguments.salt_file
    path = Path(arguments.out).with_name(arguments.out.name + ".salt")
    return make_salt(path), path


def _report(result: ProofResult, data: JsonObject, prompt: bytes | None) -> list[str]:
    from zkllm.cli.text import pairs, quote, seconds, size

    answer = []
    for token in data["tokens"]:
        known = token["float_logit"]
        beside = "" if known is None else f", float model {known:.4f}"
        answer.append(f"{quote(token['text'])} (id {token['id']}): logit {token['logit']:.4f}{beside}")
    if prompt is None:
        hidden = f"sealed as 0x{data['sealed_prompt']:064x}, its salt in {data['salt_file']}"
    rows: list[tuple[str, object]] = [("prompt", hidden if prompt is None else quote(prompt))]
    if len(answer) > 1:
        rows.append(("answer", quote(data["answer"])))
    head = "answer" if len(answer) == 1 else "tokens"
    rows += [("" if i else head, line) for i, line in enumerate(answer)]
    if beyond := len(result.answer_ids) - len(answer):
        rows.append(("", f"it ends there; {beyond} more are certified and no part of it"))
    rows += [
        ("claim", "0x" + data["claim_id"].hex()),
        ("shape", f"{result.proof.shape}" + ("" if data["T"] is None else f" T={data['T']}")),
        ("proof", f"{data['proof']}: {size(data['proof_bytes'])}"),
        ("backend", data["backend"] + (", with the opening table" if result.tabled else "")),
        ("time", ", ".join(f"{stage} {seconds(t)}" for stage, t in result.timings.items())),
    ]
    if (shards := data["shards"]) is not None:
        lost = f", {shards['lost']} lost and replaced" if shards["lost"] else ""
        sent = sum(sum(s["sent"].values()) + sum(s["received"].values()) for s in shards["bytes"].values())
        rows.append(("workers", f"{shards['workers']}{lost}; {size(sent)} sent and received"))
    if data["srs_kind"] != "ceremony":
        rows.append(("SRS", "development: anyone can forge such proofs, for tests only"))
    return pairs(rows)


def profile_of(package: ModelPackage, result: ProofResult) -> JsonObject:
    from zkllm.api import backend
    from zkllm.measure.profiling import profile
    from zkllm.shape_protocol import protocol_of

    key = result.verifying_key
    about = {"model": package.source, "N": key.N, "k": key.k, "backend": backend(), "srs": key.srs_kind}
    protocol = protocol_of(package, *key.shape)
    return profile(result.stages, protocol, 1 << key.n_log2, about, result.tabled)


def float_checkpoint(package: ModelPackage) -> Path:
    """The package's checkpoint; a CheckpointError where it, torch or transformers is not here."""
    from zkllm.model.accuracy import require_float_model

    require_float_model()
    origin = package.checkpoint()
    here = origin is not None and (Path(origin).is_dir() or hub.is_gguf(Path(origin)))
    if origin is None or not here:  # never fetch a model for this
        raise CheckpointError(
            f"the float model needs the checkpoint that {package.folder} was made from, which is not here"
        )
    return Path(origin)


def float_logits(checkpoint: Path, result: ProofResult) -> list[float]:
    """Logits of the answered tokens in the float model."""
    from zkllm.model.accuracy import FloatReference

    logits = FloatReference(checkpoint).logits(list(result.statement.ids[:-1]))
    first = len(result.prompt_ids) - 1
    return [float(logits[first + i, token]) for i, token in enumerate(result.answer_ids)]
