"""Answers and proves a file of prompts with a pool of processes: on this machine, or on those of a Ray
cluster (--ray), each of which has the package in the same folder. Proofs are written as they are made; the
same command again goes on with what is left. A process that dies costs the proof that it was making, which
another one makes. Exit code 1 where a prompt is not proved. docs/cluster.md."""

from __future__ import annotations

import argparse

from zkllm.cli import arguments as types
from zkllm.cli import paths
from zkllm.cli.console import Console
from zkllm.files import JsonObject
from zkllm.model import hub

INTERRUPTED = "give the same command again to go on"
SUMMARY = "answer and prove a file of prompts, over processes and machines"
EXAMPLES = """
{program} prompts.jsonl --model build/demo --out proofs
{program} prompts.jsonl --model build/demo --out proofs --workers 2 --cores 1
{program} prompts.jsonl --model /shared/gpt2 --out proofs --ray 10.0.0.1:6379
{program} prompts.jsonl --model build/demo --out proofs --new-tokens 8 --sealed --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "prompts",
        type=paths.SourceFile,
        metavar="FILE",
        help='a JSON object a line: {"prompt": "..."}, or "messages" or "tokens" in its place; "id", '
        '"new_tokens", "max_tokens" and "sealed" stand in for what the command says',
    )
    parser.add_argument(
        "--model", type=paths.Model, required=True, metavar="DIR", help=f"model package, {hub.HELP}"
    )
    parser.add_argument(
        "--out",
        type=paths.TargetFolder,
        required=True,
        metavar="DIR",
        help="where proofs (ID.zkllm), salts (ID.zkllm.salt) and results.jsonl are written",
    )
    types.add_ray(parser, types.RAY + "(default: a Ray of this machine that ends with the command)")
    parser.add_argument("--workers", type=types.positive, metavar="W", help="no more processes than these")
    parser.add_argument(
        "--cores",
        type=types.positive,
        metavar="C",
        help="cores of each process (default: all of the smallest machine; fewer prove more at a time, where "
        "the memory allows, and each takes longer)",
    )
    parser.add_argument(
        "--attempts",
        type=types.positive,
        default=3,
        metavar="A",
        help="how often a prompt is tried whose process dies (default 3)",
    )
    types.add_shape(parser)
    types.add_sealed(parser)
    types.add_memory_budget(parser)
    types.add_context(parser)


def misuse(arguments: argparse.Namespace) -> str | None:
    return types.shape_misuse(arguments)


def run(arguments: argparse.Namespace, console: Console) -> int:
    from zkllm import api
    from zkllm.cluster.many import Summary, placement, prepare, prove_many
    from zkllm.cluster.prompts import read_tasks
    from zkllm.cluster.session import ray_session, require_ray
    from zkllm.shape_id import ShapeId

    require_ray()
    package = api.open_package(arguments.model, progress=console.progress)
    rows = arguments.rows if arguments.rows is not None else api.open_setup(package).rows
    tasks = read_tasks(arguments.prompts, package, ShapeId(rows, arguments.certified, arguments.sealed))
    work = prepare(
        package, tasks, arguments.out, arguments.context, arguments.memory_budget, console.progress
    )
    summary = Summary(len(tasks), len(tasks), 0, {})
    if work.left:
        console.progress("start Ray" if arguments.ray is None else "join Ray", 0, 1)
        with ray_session(arguments.ray) as session:
            where = placement(work, session, arguments.cores, arguments.workers)
            summary = prove_many(work, where, arguments.attempts, console.progress, console.note)
    data = {
        "ok": not summary.failed,
        "out": str(arguments.out),
        "prompts": summary.prompts,
        "found": summary.found,
        "proved": summary.proved,
        "failed": summary.failed,
    }
    console.result(data, _report(data))
    return 1 if summary.failed else 0


def _report(data: JsonObject) -> list[str]:
    from zkllm.cli.text import pairs

    rows: list[tuple[str, object]] = [
        ("prompts", data["prompts"]),
        ("proved", data["proved"]),
        ("were there", data["found"]),
        ("not proved", len(data["failed"])),
        ("in", f"{data['out']}: proofs, and results.jsonl"),
    ]
    return pairs(rows)
