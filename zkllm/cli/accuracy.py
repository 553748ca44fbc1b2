"""Measures how close the integer program is to the float model: agreement of the most likely token, error of
the logits, cosine of the residual stream after each layer, and the tensors nearest to their bounds. Needs
torch and transformers; what is proved does not depend on it."""

from __future__ import annotations

import argparse
from pathlib import Path

from zkllm.cli.arguments import positive
from zkllm.cli.console import Console
from zkllm.errors import ZkllmError

SUMMARY = "compare the integer program with the float model"
EXAMPLES = """
{program} build/demo
{program} build/demo --text book.txt --max-tokens 2000
{program} build/demo --checkpoint models/demo-gpt2 --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="DIR", help="model package, Hugging Face folder or hub id")
    parser.add_argument(
        "--text",
        type=Path,
        metavar="FILE",
        help="text to measure on (default: that of the calibration, or random ids)",
    )
    parser.add_argument(
        "--checkpoint", metavar="DIR", help="the float model (default: what the package was made from)"
    )
    parser.add_argument("--max-tokens", type=positive, default=4096, metavar="N", help="positions to measure")


def run(arguments: argparse.Namespace, console: Console) -> int:
    from zkllm import api
    from zkllm.model.accuracy import measure_accuracy

    text = None
    if arguments.text is not None:
        try:
            text = arguments.text.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise ZkllmError(f"{arguments.text}: the text is not UTF-8") from None
    package = api.open_package(arguments.model, progress=console.progress)
    report = measure_accuracy(
        package,
        arguments.checkpoint,
        text,
        arguments.max_tokens,
        lambda done, total: console.progress("accuracy", done, total),
    )
    console.result({"ok": True, **report.to_dict()}, report.format().splitlines())
    return 0
