"""Measures how close the integer program is to the float model: agreement of the most likely token,
perplexity and KL divergence, error of the logits, cosine of the residual stream after each layer, which
tensor's rounding costs most, and the tensors nearest to their bounds. Needs torch and transformers; what is
proved does not depend on it."""

from __future__ import annotations

import argparse

from zkllm.cli import paths
from zkllm.cli.arguments import index, positive
from zkllm.cli.console import Console
from zkllm.errors import PathError
from zkllm.files import MOST_TEXT, read_text, reading
from zkllm.model import hub

SUMMARY = "compare the integer program with the float model"
EXAMPLES = """
{program} build/demo
{program} build/demo --text book.txt --positions 2000 --costs 512
{program} build/demo --checkpoint models/demo-gpt2 --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=paths.Model, metavar="DIR", help=f"model package, {hub.HELP}")
    parser.add_argument(
        "--text",
        type=paths.SourceFile,
        metavar="FILE",
        help="text to measure on (default: that of the calibration, or random ids)",
    )
    parser.add_argument(
        "--checkpoint",
        type=paths.Model,
        metavar="DIR",
        help=f"the float model: {hub.HELP} (default: what the package was made from)",
    )
    parser.add_argument(
        "--positions",
        "--max-tokens",
        type=positive,
        default=4096,
        metavar="N",
        help="how many positions to measure on (default: %(default)s)",
    )
    parser.add_argument(
        "--costs",
        type=index,
        default=128,
        metavar="N",
        help="positions on which each tensor alone is rounded, to tell which costs most (0: none; default: "
        "%(default)s)",
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    from zkllm import api
    from zkllm.model.accuracy import measure_accuracy, require_float_model

    require_float_model()
    text = None
    if arguments.text is not None:
        with reading(arguments.text, "text", PathError):
            text = read_text(arguments.text, MOST_TEXT)
        if not text.strip():
            raise PathError(f"{arguments.text}: the text is empty")
    package = api.open_package(arguments.model, progress=console.progress)
    report = measure_accuracy(
        package,
        arguments.checkpoint,
        text,
        arguments.positions,
        console.progress,
        arguments.costs,
    )
    console.result({"ok": True, **report.to_dict()}, report.format().splitlines())
    return 0
