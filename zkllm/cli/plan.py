"""What proofs of a shape take before any is made: seconds, memory, disk and gas, on one machine of --cores,
and how many machines make so many proofs --per-day. MODEL is a package or a checkpoint, of which config.json
is enough.

Kernels are measured on this machine first, alone, for some seconds; machines of a plan have such cores. How
far a proof's stages are from the kernels' rates was measured on one proof of GPT-2 XL: --profile takes a
proof of yours instead (zkllm prove --profile), made on this machine. Each figure says whether it was
measured, counted or predicted; predicted seconds are those of a machine that does nothing else."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from zkllm.cli import arguments as types
from zkllm.cli import paths
from zkllm.cli.console import Console
from zkllm.model import hub

if TYPE_CHECKING:
    from zkllm.measure.capacity import Capacity
    from zkllm.measure.sharded_forecast import Link, ShardedForecast
    from zkllm.memory import Estimate

SUMMARY = "predict seconds, memory, disk and gas of proofs, on one machine or many"
EXAMPLES = """
{program} build/demo
{program} hf:openai-community/gpt2-xl --max-tokens 64 --new-tokens 8 --cores 32
{program} build/gpt2 --profile profile.json --per-day 10000
{program} build/gpt2-xl --max-tokens 256 --cores 16 --workers 8 --bandwidth 25
"""
BANDWIDTH, LATENCY = 10.0, 0.5


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=paths.Model, metavar="MODEL", help=f"model package, {hub.HELP}")
    types.add_shape(parser)
    parser.add_argument(
        "--mu",
        type=types.log2_size,
        help="columns of 2^MU coefficients (default: the package's, or set-up's)",
    )
    parser.add_argument(
        "--cores", type=types.positive, metavar="C", help="of a machine (default: this one's)"
    )
    parser.add_argument(
        "--per-day", type=types.count, metavar="P", help="proofs a day: says how many machines make them"
    )
    parser.add_argument(
        "--workers",
        type=types.positive,
        metavar="W",
        help="one proof over so many machines of C cores (zkllm prove --shards)",
    )
    parser.add_argument(
        "--bandwidth",
        type=types.number,
        default=BANDWIDTH,
        metavar="GBIT",
        help=f"gigabits a second between coordinator and workers (default {BANDWIDTH})",
    )
    parser.add_argument(
        "--latency",
        type=types.number,
        default=LATENCY,
        metavar="MS",
        help=f"milliseconds of a message and its answer (default {LATENCY})",
    )
    parser.add_argument(
        "--profile", type=paths.SourceFile, metavar="FILE", help="how fast the stages of a proof were here"
    )


def misuse(arguments: argparse.Namespace) -> str | None:
    return types.shape_misuse(arguments)


def run(arguments: argparse.Namespace, console: Console) -> int:
    from zkllm.cli.profile import load
    from zkllm.measure.capacity import capacity
    from zkllm.measure.sharded_forecast import Link
    from zkllm.shards.estimate import coordinator_estimate, worker_estimate
    from zkllm.timings import available_cores

    profile = load(arguments.profile) if arguments.profile is not None else None
    cores = arguments.cores or available_cores()
    console.note("zkllm plan: measuring this machine's kernels")
    made = capacity(arguments.model, arguments.rows, arguments.certified, arguments.mu, profile)
    machines = made.machines_for(arguments.per_day, cores) if arguments.per_day is not None else None
    link = Link(1e9 / 8 * arguments.bandwidth, 1e-3 * arguments.latency)
    data = made.to_dict() | {
        "cores": cores,
        "prove_s": made.proof.on(cores),
        "tabled_prove_s": made.tabled.on(cores),
        "proofs_a_day": arguments.per_day,
        "machines": machines,
        "sharded": None,
    }
    lines = _report(made, cores, arguments.per_day)
    if (workers := arguments.workers) is not None:
        over = made.over(workers, cores)
        worker = worker_estimate(made.protocol, workers)
        here = coordinator_estimate(made.protocol, made.circuit_log2)
        memory = {
            "worker_private_bytes": worker.private,
            "worker_resident_bytes": worker.resident,
            "coordinator_private_bytes": here.private,
            "coordinator_resident_bytes": here.resident,
        }
        data["sharded"] = over.to_dict() | asdict(link) | {"prove_s": over.on(cores, link)} | memory
        lines += ["", *_sharded_report(over, cores, link, worker, here)]
    console.result({"ok": True, **data}, lines)
    return 0


def _report(made: Capacity, cores: int, proofs_a_day: int | None) -> list[str]:
    from zkllm.cli.text import seconds, size, table

    plain, tabled = made.proof.on(cores), made.tabled.on(cores)
    rows = [
        ("proof", seconds(plain), "predicted", f"{seconds(made.proof.serial)} of it whatever the cores"),
        ("with an opening table", seconds(tabled), "predicted", f"table of {size(made.table_bytes)}"),
        ("a certified token", seconds(plain / made.certified), "predicted", ""),
        ("memory", size(made.private_bytes), "predicted", f"{size(made.resident_bytes)} with mapped files"),
        ("disk", size(made.disk_bytes), "counted", f"weights {size(made.weights_bytes)}, the rest SRS"),
        ("proof's body", size(made.proof_bytes), "counted", ""),
        ("settlement", f"{made.gas:,} gas", "predicted", f"{made.gas // made.certified:,} a certified token"),
        ("proofs a day", f"{made.proofs_a_day(cores):,.0f}", "predicted", "of one machine"),
    ]
    if proofs_a_day is not None:
        machines = made.machines_for(proofs_a_day, cores)
        rows.append(
            (f"machines for {proofs_a_day:,} a day", f"{machines:,}", "predicted", f"of {cores} cores")
        )
    rates = ", ".join(f"{name} {value:.3g}" for name, value in made.nanoseconds.items())
    stages = [
        (stage.name, round(stage.processor, 3), round(stage.serial, 3), round(stage.on(cores), 3))
        for stage in made.proof.stages
    ]
    return [
        f"of {made.source}: N = {made.rows}, k = {made.certified}; {made.fixed_columns} columns of "
        f"2^{made.mu} and {made.witness_columns} of 2^{made.witness_mu}, circuit of 2^{made.circuit_log2} "
        f"rows; {cores} cores",
        "",
        *table(("", "", "", ""), rows)[2:],
        "",
        *table(("stage", "processor s", "serial s", f"s on {cores} cores"), stages),
        "",
        f"kernels, measured now, ns on all cores of this machine: {rates}",
        f"stages: as far from these as in a proof of {made.paced_by}",
    ]


def _sharded_report(
    over: ShardedForecast, cores: int, link: Link, worker: Estimate, here: Estimate
) -> list[str]:
    from zkllm.cli.text import seconds, size, table

    workers = over.workers
    rows = [
        (
            stage.name,
            round(stage.alone, 3),
            round(stage.share(workers, cores), 3),
            size(round(stage.sent)),
            stage.messages,
            round(stage.on(workers, cores, link), 3),
        )
        for stage in over.stages
    ]
    head = ("stage", "coordinator s", "worker s", "over the link", "messages", "all s")
    memory = [
        (f"memory of {whose}", size(of.private), "predicted", f"{size(of.resident)} with mapped files")
        for whose, of in (("each worker", worker), ("the coordinator", here))
    ]
    return [
        f"one proof over {workers} workers of {cores} cores: {seconds(over.on(cores, link))} at best, "
        f"predicted; {size(round(over.sent))} over a link of {8e-9 * link.bandwidth:g} Gbit/s, "
        f"{1e3 * link.latency:g} ms a message",
        *table(("", "", "", ""), memory)[2:],
        "",
        *table(head, rows),
    ]
