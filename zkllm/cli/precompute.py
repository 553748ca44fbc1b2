"""Makes the opening table of a model package: proofs of this model then skip the multi-scalar multiplication
over all coefficients of the weights; with the same masks they are the same to the byte. The table serves all
shapes, on this machine or another; a proof checks what it takes from it.

The first table for an SRS and a size of columns also transforms the SRS, once for all models, and keeps that
in the cache. A table that is there is checked. An interrupted run goes on column by column. `zkllm setup
--plan` says after how many proofs a table pays."""

from __future__ import annotations

import argparse

from zkllm.cli import paths
from zkllm.cli.arguments import RAY, add_ray
from zkllm.cli.clusters import column_work
from zkllm.cli.console import Console

INTERRUPTED = "give the same command again to go on"
SUMMARY = "make the opening table of a model package: the same proofs with less work"
EXAMPLES = """
{program} build/demo
{program} build/gpt2-xl --json
{program} /shared/gpt2-xl --ray 10.0.0.1:6379
"""


class TablePackage(paths.TargetFolder):
    """A package that gets a table."""

    def check(self) -> None:
        paths.SourceFolder(self).check()
        super().check()


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=TablePackage, metavar="DIR", help="a model package that is set up")
    add_ray(parser, RAY + "(default: this process computes all of it)")


def run(arguments: argparse.Namespace, console: Console) -> int:
    from zkllm import api
    from zkllm.cli.text import pairs, seconds, size

    package = api.ModelPackage.load(arguments.model)
    with column_work(arguments.ray, console) as work:
        made = api.precompute(package, console.progress, work=work)
    binding = made.binding
    data = {
        "ok": True,
        "table": str(made.path),
        "bytes": binding.file_bytes,
        "columns": binding.columns,
        "rows": binding.rows,
        "mu": binding.mu,
        "srs_digest": binding.srs_digest,
        "model_id": binding.model_id,
        "made": not made.found,
        "seconds": {stage: round(t, 3) for stage, t in made.seconds.items()},
    }
    lines = [
        ("opening table", f"{made.path}: {size(binding.file_bytes)}"),
        ("columns", f"{binding.columns} of 2^{binding.mu} coefficients, {binding.rows} rows each"),
        ("model_id", "0x" + binding.model_id.hex()),
        ("state", "was there, and every column is right" if made.found else "made and checked"),
        ("time", ", ".join(f"{stage} {seconds(t)}" for stage, t in made.seconds.items())),
    ]
    console.result(data, pairs(lines))
    return 0
