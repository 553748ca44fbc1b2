"""Benchmarks of parts of the model. sub-block: LayerNorm and self-attention, the first linear layer and GELU,
and the second linear layer and the residual addition of one decoder block, each proved alone with the
relations of the whole. What goes in and out is a committed tensor, as the weights are; the outer proof, the
opening and the pure-Python verification are included. Such a proof says nothing about a model."""

from __future__ import annotations

import argparse

from zkllm.cli import arguments as types
from zkllm.cli import paths
from zkllm.cli.console import Console
from zkllm.errors import StatementError
from zkllm.files import JsonObject

SUMMARY = "prove and time a part of a decoder block"
BLOCKS = ("attention", "fc1-gelu", "fc2-residual")
EXAMPLES = """
{program} sub-block --width 256
{program} sub-block --block fc1-gelu --width 1600 --inner 6400 --heads 25 --json
{program} sub-block --model build/gpt2 --layer 3
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("part", choices=("sub-block",), help="what to time")
    parser.add_argument("--block", choices=BLOCKS, help="one of the three (default: all)")
    parser.add_argument("--width", type=types.positive, default=256, metavar="D", help="default 256")
    parser.add_argument("--inner", type=types.positive, metavar="F", help="inner width (default 4 D)")
    parser.add_argument("--heads", type=types.positive, metavar="H", help="default: D / 64, at least 1")
    parser.add_argument("--rows", type=types.positive, default=16, metavar="N", help="tokens (default 16)")
    parser.add_argument(
        "--model",
        type=paths.SourceFolder,
        metavar="DIR",
        help="a model package, instead of random weights",
    )
    parser.add_argument("--layer", type=types.index, default=0, metavar="L", help="its layer (default 0)")
    parser.add_argument("--mu", type=types.positive, help="log2 of a column (default: one column a group)")
    parser.add_argument("--runs", type=types.positive, default=1, help="proofs; the median is given")
    parser.add_argument(
        "--export",
        type=paths.TargetFile,
        metavar="FILE",
        help="write input, weights and output as floats (.npz)",
    )


def misuse(arguments: argparse.Namespace) -> str | None:
    if arguments.export is not None and arguments.model is not None:
        return "--export writes random weights; it takes no --model"
    return None


def run(arguments: argparse.Namespace, console: Console) -> int:
    from zkllm.measure import benchmark

    if arguments.model is not None:
        source = benchmark.of_package(arguments.model, arguments.layer, arguments.rows)
    else:
        width = arguments.width
        heads = arguments.heads or max(1, width // 64)
        if width % heads:
            raise StatementError(f"{heads} heads do not divide the width {width}")
        source = benchmark.of_widths(width, heads, arguments.inner or 4 * width, arguments.rows)
    if arguments.export is not None:
        benchmark.export(source, arguments.export)
    names = (arguments.block,) if arguments.block else BLOCKS
    results = []
    for name in names:
        runs = benchmark.run_sub_block(source, name, arguments.mu, arguments.runs, console.progress)
        results.append(runs)
    console.result({"ok": True, "results": results}, _report(results))
    return 0


def _report(results: list[JsonObject]) -> list[str]:
    from zkllm.cli.text import pairs, seconds, size, table

    lines: list[str] = []
    for r in results:
        lines += ["", f"{r['block']}, {r['widths']}, N = {r['N']} tokens: {r['reads']} -> {r['writes']}"]
        rows: list[tuple[str, object]] = [
            ("parameters", f"{r['parameters']:,}"),
            ("prove", f"{seconds(r['prove_s'])} (processor {seconds(r['prove_cpu_s'])})"),
            ("a parameter", f"{1e6 * r['seconds_per_parameter']:.3f} us"),
            ("peak memory", size(r["peak_rss_bytes"])),
            ("proving key", f"{size(r['proving_key_bytes'])}; weights {size(r['weights_bytes'])}"),
            ("SRS in use", f"{size(r['srs_bytes'])}, {r['srs']}"),
            ("proof", size(r["proof_bytes"])),
            ("verify", f"{seconds(r['verify_s'])}, pure Python"),
            ("circuit", f"{r['rows']:,} rows; 2^{r['mu']} a column, {r['columns'][0]} + {r['columns'][1]}"),
        ]
        if r["max_error"] is not None:
            rows.append(("largest error", f"{r['max_error']:.3g} against float64"))
        lines += pairs(rows)
        lines += table(("stage", "seconds"), list(r["stages_s"].items()))
    return [*lines[1:], "", "inputs and outputs are committed tensors; not a proof of a model"]
