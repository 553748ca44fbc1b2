"""Makes a model package from a checkpoint: quantised weights, commitments, model_id and the keys of one
shape. Prints how near the calibration came to the declared ranges. A set-up that was interrupted or killed
goes on when the command is given again.

Checkpoints of the GPT-2 and the Llama family are taken: docs/models.md lists the types, and others are
refused by name. One package serves prompts of any length: the keys of another shape (--max-tokens and
--new-tokens of zkllm prove) are made when it is first asked for.

With --check, an existing package, anyone's, is rebuilt from the checkpoint and compared, down to each shape's
VERIFIER_ID: the calibration is repeated, on the text given by --calibration where the package has one of its
own, and the package has to be what the quantiser chooses from it. --allow-scales accepts any other scales
of a GPT-2 that do not round it to nothing: such a program may be a poor one of these weights (zkllm
accuracy).
Give --srs with a ceremony that you trust: without it the SRS is the one that the package names.

With --plan, nothing is made: for some sizes of columns (--mu) it prints columns, gas, memory, disk,
predicted seconds of a proof with and without an opening table (zkllm precompute), and after how many proofs a
table pays."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from zkllm.cli import paths
from zkllm.cli.arguments import RAY, add_memory_budget, add_ray, add_rows, log2_size
from zkllm.cli.clusters import column_work
from zkllm.cli.console import Console
from zkllm.errors import ZkllmError
from zkllm.files import JsonObject
from zkllm.key_files import setup_file
from zkllm.model import hub

if TYPE_CHECKING:
    from zkllm.measure.planning import Plan
    from zkllm.model.package import ModelPackage

INTERRUPTED = "give the same command again to go on"
SUMMARY = "make a model package from a checkpoint, or check one"
EXAMPLES = """
{program} models/demo-gpt2 --out build/demo
{program} path/to/SmolLM2-135M-Instruct --out build/smollm2 --max-tokens 64
{program} hf:openai-community/gpt2 --out build/gpt2 --max-tokens 32
{program} hf:openai-community/gpt2-xl --out build/gpt2-xl --mu 25
{program} models/demo-gpt2 --out build/demo --srs pot20_final.ptau --calibration text.txt
{program} SmolLM2-135M-Instruct.gguf --out build/smollm2 --quality exact
{program} models/demo-gpt2 --out build/demo --check
{program} models/demo-gpt2 --plan
{program} /shared/llama-8b --out /shared/package --srs /shared/pot26.ptau --ray 10.0.0.1:6379
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=paths.Model, metavar="MODEL", help=hub.HELP)
    parser.add_argument(
        "--out", type=paths.Package, metavar="DIR", help="the package's folder (required but for --plan)"
    )
    add_rows(
        parser,
        "positions of the first shape, for prompt and answer together (default: 16, or the context; a chat's "
        "template alone takes some 30)",
    )
    parser.add_argument(
        "--mu",
        type=log2_size,
        metavar="MU",
        help="columns have 2^MU coefficients: fewer columns are cheaper to verify, shorter ones faster to "
        "prove (default: one column where that stays within 2^24, else 24)",
    )
    parser.add_argument(
        "--witness-mu",
        type=log2_size,
        metavar="MU",
        help="a proof's own columns have 2^MU coefficients, at most half as many: shorter ones are faster to "
        "prove, and each takes 64 bytes and about 6,000 gas (default: one column where that is possible)",
    )
    parser.add_argument(
        "--srs",
        type=paths.SourceFile,
        metavar="FILE",
        help="a .ptau file, or an SRS imported from one (default: the development SRS)",
    )
    parser.add_argument(
        "--private",
        action="store_true",
        help="hide the weights: a key in DIR masks the commitments to them, and DIR is for you alone (zkllm "
        "inspect lists what others see)",
    )
    add_memory_budget(parser)
    add_ray(parser, RAY + "(it commits to the weights; default: this process does)")
    parser.add_argument(
        "--calibration", type=paths.SourceFile, metavar="FILE", help="text like the prompts to come"
    )
    parser.add_argument(
        "--quality",
        choices=("fast", "exact"),
        help="of a Llama: fast, shorter words and smaller tables for a smaller proof; exact, longer ones, "
        "nearer to the float model (default: between; docs/quantisation.md)",
    )
    parser.add_argument("--check", action="store_true", help="rebuild DIR from the checkpoint and compare")
    parser.add_argument(
        "--plan",
        action="store_true",
        help="print what sizes of columns cost, of a checkpoint or package (--private: of a hidden one), "
        "and make nothing",
    )
    parser.add_argument(
        "--allow-scales",
        action="store_true",
        help="with --check, of a GPT-2: accept scales that are not the quantiser's choice, unless they are "
        "too coarse",
    )


def misuse(arguments: argparse.Namespace) -> str | None:
    if arguments.plan:
        others = ("out", "mu", "witness_mu", "srs", "memory_budget", "ray", "calibration", "quality",
                  "check", "allow_scales")  # fmt: skip
        if surplus := [name for name in others if getattr(arguments, name)]:
            return f"--plan takes no --{surplus[0].replace('_', '-')}: it makes nothing"
        return None
    if arguments.out is None:
        return "the following arguments are required: --out"
    given = {
        "max-tokens": arguments.rows,
        "mu": arguments.mu,
        "witness-mu": arguments.witness_mu,
        "memory-budget": arguments.memory_budget,
        "ray": arguments.ray,
        "private": arguments.private or None,
        "quality": arguments.quality,
    }
    unused = [name for name, value in given.items() if value is not None]
    if arguments.check and unused:
        return f"--check takes no --{unused[0]}: it checks what is there"
    if arguments.allow_scales and not arguments.check:
        return "--allow-scales is for --check"
    return None


def run(arguments: argparse.Namespace, console: Console) -> int:
    from zkllm import api

    if arguments.plan:
        return _plan(arguments, console)
    if arguments.check:
        return _check(arguments, console)
    if arguments.allow_scales:
        raise ZkllmError("--allow-scales belongs to --check; without it the quantiser chooses the scales")
    start = time.perf_counter()
    if (arguments.out / "build.json").exists() and not setup_file(arguments.out).exists():
        console.note(
            f"zkllm setup: going on with the set-up in {arguments.out} where its inputs are the same"
        )
    with column_work(arguments.ray, console) as work:
        package = api.setup(
            arguments.model,
            arguments.out,
            rows=arguments.rows,
            mu=arguments.mu,
            witness_mu=arguments.witness_mu,
            private=arguments.private,
            srs=arguments.srs,
            calibration=arguments.calibration,
            progress=console.progress,
            memory_budget=arguments.memory_budget,
            quality=arguments.quality,
            work=work,
        )
    elapsed = time.perf_counter() - start
    record = api.open_setup(package)
    key = api.shape_keys(package, record.rows, 1).verifying_key
    data = {
        "ok": True,
        "package": str(package.folder),
        "model_id": record.model_id,
        "max_tokens": record.rows,
        "verifier_id": key.verifier_id,
        "srs_kind": record.srs_kind,
        "srs_digest": record.srs_digest,
        "mu": package.config.mu,
        "fixed_mu": package.config.fixed_mu,
        "witness_mu": package.config.witness_mu,
        "private": package.config.hidden,
        "quality": package.quality,
        "fixed_columns": len(record.fixed_commitments),
        "circuit_rows_log2": key.n_log2,
        "ranges": [row.to_dict() for row in package.ranges],
        "seconds": round(elapsed, 3),
    }
    console.result(data, _report(package, data))
    return 0


def _report(package: ModelPackage, data: JsonObject) -> list[str]:
    from zkllm.cli.text import pairs, seconds, srs_kind_in_words
    from zkllm.model.ranges import format_rows

    return [
        "calibration: the values nearest to the ranges that tracing enforces",
        *format_rows(package.ranges).splitlines(),
        "",
        *pairs(
            [
                ("package", data["package"]),
                ("model_id", "0x" + data["model_id"].hex()),
                ("shape", f"N={data['max_tokens']} k=1; keys of other shapes are made when first used"),
                ("VERIFIER_ID", "0x" + data["verifier_id"].hex()),
                (
                    "columns",
                    f"{data['fixed_columns']} of 2^{data['fixed_mu']} coefficients; a proof's of "
                    f"2^{data['witness_mu']}",
                ),
                ("circuit", f"2^{data['circuit_rows_log2']} rows"),
                *([("weights", f"hidden: keep {data['package']} to yourself")] if data["private"] else []),
                ("SRS", srs_kind_in_words(data["srs_kind"])),
                ("time", seconds(data["seconds"])),
            ]
        ),
    ]


def _plan(arguments: argparse.Namespace, console: Console) -> int:
    from zkllm.measure.planning import plan

    made = plan(arguments.model, arguments.rows, private=arguments.private)
    console.result({"ok": True, **made.to_dict()}, _plan_report(made))
    return 0


def _plan_report(made: Plan) -> list[str]:
    from zkllm.cli.text import seconds, size, table

    head = (
        "mu",
        "witness mu",
        "columns",
        "gas",
        "memory",
        "disk",
        "prove",
        "with table",
        "table",
        "pays after",
    )
    rows = [
        (
            str(c.mu),
            str(c.witness_mu),
            f"{c.fixed_columns} + {c.witness_columns}",
            f"{c.gas:,}",
            size(c.memory_bytes),
            size(c.disk_bytes),
            seconds(c.prove_s),
            seconds(c.tabled_prove_s),
            f"{seconds(c.transform_s)} + {seconds(c.table_s)}",
            "never" if c.pays_after is None else f"{c.pays_after:,} proofs",
        )
        for c in made.choices
    ]
    return [
        f"of {made.source}{', hidden' if made.private else ''}: N = {made.tokens}, one certified token, "
        f"circuit of 2^{made.circuit_log2} rows",
        "",
        *table(head, rows),
        "",
        "columns: fixed ones, of up to 2^mu coefficients, + witness; gas of a settlement; disk: weights, SRS",
        "table: time for the SRS transformed, once for all models of this size, + the model's own table",
        "seconds are predicted from this machine's kernels, measured alone: whole proofs take longer",
    ]


def _check(arguments: argparse.Namespace, console: Console) -> int:
    from zkllm import api

    audit = api.check_setup(
        arguments.model,
        arguments.out,
        console.progress,
        arguments.srs,
        arguments.calibration,
        arguments.allow_scales,
    )
    identities = audit.verifier_ids
    data = {
        "ok": True,
        "package": str(arguments.out),
        "model_id": audit.model_id,
        "srs_kind": audit.srs_kind,
        "srs_digest": audit.srs_digest,
        "scales": "allowed" if arguments.allow_scales else "chosen",
        "verifiers": [
            {"N": shape.rows, "k": shape.certified, "sealed": shape.sealed, "verifier_id": i}
            for shape, i in sorted(identities.items())
        ],
    }
    scales = "the scales that the quantiser chooses for it"
    if arguments.allow_scales:
        scales = "its own scales, none of which is too coarse"
    lines = [
        f"checked: {arguments.out} is what {arguments.model} leads to, at {scales} "
        "(zkllm accuracy measures how close that is to the float model)",
        f"model_id 0x{audit.model_id.hex()}",
        f"SRS {audit.srs_kind}, digest 0x{audit.srs_digest.hex()}"
        + (
            ": anyone can forge, for tests only"
            if audit.srs_kind == "development"
            else ""
            if arguments.srs
            else ": compare it with that of a ceremony that you trust"
        ),
    ]
    lines += [f"{shape}: VERIFIER_ID 0x{i.hex()}" for shape, i in sorted(identities.items())]
    console.result(data, lines)
    return 0
