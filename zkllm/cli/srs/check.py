"""Checks every power by pairings, and the contributions of a .ptau file."""

from __future__ import annotations

import argparse

from zkllm.cli import paths
from zkllm.cli.console import Console
from zkllm.cli.srs.output import describe_ptau, describe_srs, ptau_rows, srs_rows, stage

SUMMARY = "check every power by pairings, and the contributions of a .ptau file"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=paths.SourceFile, metavar="FILE", help="an SRS or a whole .ptau file")


def run(arguments: argparse.Namespace, console: Console) -> None:
    from zkllm.cli.text import pairs
    from zkllm.pcs.powers import check_srs
    from zkllm.pcs.ptau import is_ptau, open_ptau
    from zkllm.pcs.ptau_check import check_ptau
    from zkllm.pcs.srs import Srs

    path = arguments.path
    if is_ptau(path):
        with open_ptau(path) as file:
            report = check_ptau(file, console.progress)
        data = describe_ptau(path) | {"transcript_hash": report.transcript_hash}
        checked = f"{report.num_points:,} points, the record of {len(report.contributions)} contributions"
        checked += (
            " and its hash of the powers" if report.transcript_hash else "; not its hash, as the file was cut"
        )
        rows = ptau_rows(data)
    else:
        check_srs(Srs.load(path), stage(console, "check SRS"))
        data = describe_srs(path)
        checked, rows = "all powers", srs_rows(data)
    console.result({"ok": True, **data}, pairs([*rows, ("checked", checked)]))
