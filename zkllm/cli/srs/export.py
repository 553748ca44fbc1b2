"""Writes a .ptau file, for snarkjs: the development SRS, or one of less power."""

from __future__ import annotations

import argparse

from zkllm.cli import paths
from zkllm.cli.console import Console
from zkllm.cli.srs import options
from zkllm.cli.srs.output import DEVELOPMENT, describe_ptau, ptau_rows

SUMMARY = "write a .ptau file, for snarkjs: the development SRS, or one of less power"


class ExportSource(paths.SourceFile):
    """The same, or the word for the development SRS."""

    def check(self) -> None:
        if str(self) != DEVELOPMENT:
            super().check()


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        type=ExportSource,
        metavar="SOURCE",
        help="development, a development SRS, or a .ptau file",
    )
    options.add_out(parser, "the .ptau file")
    parser.add_argument(
        "--power", type=options.power, metavar="P", help="2^(P+1) - 1 powers (default: SOURCE's)"
    )


def run(arguments: argparse.Namespace, console: Console) -> None:
    from zkllm.cli.text import pairs
    from zkllm.errors import SrsError
    from zkllm.pcs.fetch_plan import smallest_power
    from zkllm.pcs.ptau import is_ptau, open_ptau
    from zkllm.pcs.ptau_write import truncate_ptau, write_development_ptau
    from zkllm.pcs.srs import Srs

    source, power = arguments.source, arguments.power
    if str(source) == DEVELOPMENT:
        if power is None:
            raise SrsError("give the power of the development SRS: --power P")
        write_development_ptau(arguments.out, power, console.progress)
    elif is_ptau(source):
        if power is None:
            with open_ptau(source) as file:
                power = file.power
        truncate_ptau(source, arguments.out, power, console.progress)
    else:
        srs = Srs.load(source)
        if srs.kind != DEVELOPMENT:
            raise SrsError(
                f"{source} keeps only what proving needs: a .ptau file also has alpha, beta, all powers in "
                "G2 and the record of contributions; export the .ptau file that it came from"
            )
        write_development_ptau(arguments.out, power or smallest_power(srs.num_powers), console.progress)
    data = describe_ptau(arguments.out)
    console.result({"ok": True, **data}, pairs(ptau_rows(data)))
