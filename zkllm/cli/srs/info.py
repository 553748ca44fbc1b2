"""Shows what a file says of itself, unchecked."""

from __future__ import annotations

import argparse

from zkllm.cli.console import Console
from zkllm.cli.srs import check
from zkllm.cli.srs.output import describe_ptau, describe_srs, ptau_rows, srs_rows

SUMMARY = "show what a file says of itself: kind, powers, digest, contributions"
configure = check.configure


def run(arguments: argparse.Namespace, console: Console) -> None:
    from zkllm.cli.text import pairs
    from zkllm.pcs.ptau import is_ptau

    if is_ptau(arguments.path):
        data = describe_ptau(arguments.path)
        rows = ptau_rows(data)
    else:
        data = describe_srs(arguments.path)
        rows = srs_rows(data)
    console.result({"ok": True, **data}, pairs(rows))
