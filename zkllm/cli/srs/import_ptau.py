"""Imports a .ptau file: checks what is kept, and keeps what proving needs."""

from __future__ import annotations

import argparse

from zkllm.cli import paths
from zkllm.cli.console import Console
from zkllm.cli.srs import options
from zkllm.cli.srs.output import describe_srs, srs_rows, stage

SUMMARY = "import a .ptau file: check what is kept, and keep what proving needs"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ptau", type=paths.SourceFile, metavar="PTAU", help="a .ptau file of any power")
    options.add_out(parser, "the SRS, for zkllm setup --srs")
    options.add_size(parser, required=False)
    parser.add_argument(
        "--partial", action="store_true", help="PTAU holds only the ranges of zkllm srs fetch-plan"
    )


def run(arguments: argparse.Namespace, console: Console) -> None:
    from zkllm.cli.text import pairs
    from zkllm.pcs.ptau import import_ptau, require

    wanted = options.powers(arguments)
    srs = import_ptau(arguments.ptau, wanted, stage(console, "check powers"), arguments.partial)
    require(srs, arguments.ptau, wanted or 2)
    srs.save(arguments.out, stage(console, "write SRS"))
    data = describe_srs(arguments.out)
    console.result(
        {"ok": True, **data},
        pairs([*srs_rows(data), ("checked", "all powers that were kept; zkllm srs check reads the record")]),
    )
