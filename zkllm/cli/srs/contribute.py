"""Multiplies tau by a fresh secret that is kept nowhere: one honest contribution makes an SRS safe."""

from __future__ import annotations

import argparse
import resource
import sys

from zkllm.cli import paths
from zkllm.cli.console import Console
from zkllm.cli.srs import options
from zkllm.cli.srs.output import describe_ptau, describe_srs, ptau_rows, srs_rows
from zkllm.errors import PathError
from zkllm.files import MOST_TEXT, read_bytes, reading

SUMMARY = "multiply tau by a fresh secret that is kept nowhere: one honest contribution makes an SRS safe"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", type=paths.SourceFile, metavar="FILE", help="a whole .ptau file, or an SRS of ours"
    )
    options.add_out(parser, "the new file")
    parser.add_argument("--name", default="", help="who contributes: public, in the record of a .ptau file")
    parser.add_argument(
        "--entropy",
        type=paths.SourceOrStdin,
        metavar="TEXT",
        help="a file to add to the system's entropy, - for stdin",
    )


def run(arguments: argparse.Namespace, console: Console) -> None:
    from zkllm.cli.text import pairs
    from zkllm.errors import SrsError
    from zkllm.pcs.ptau import is_ptau
    from zkllm.pcs.ptau_write import contribute, contribute_srs

    # a crash must not write the secrets to a file
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    entropy = b""
    if arguments.entropy is not None:
        with reading(arguments.entropy, "entropy", PathError):
            stdin = str(arguments.entropy) == "-"
            entropy = sys.stdin.buffer.read() if stdin else read_bytes(arguments.entropy, MOST_TEXT)
    if arguments.name and not is_ptau(arguments.source):
        raise SrsError("--name is for the record of a .ptau file, which an SRS of ours does not keep")
    if is_ptau(arguments.source):
        made = contribute(arguments.source, arguments.out, arguments.name, entropy, console.progress)
        data = describe_ptau(arguments.out) | {"response": made.response}
        rows = [*ptau_rows(data), ("response", made.response.hex())]
    else:
        contribute_srs(arguments.source, arguments.out, entropy, console.progress)
        data = describe_srs(arguments.out)
        rows = [*srs_rows(data), ("record", "none: only a .ptau file lets others check that it follows")]
    console.result({"ok": True, **data}, pairs(rows))
