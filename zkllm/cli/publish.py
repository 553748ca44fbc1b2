"""Writes what everybody may know of a private package: configuration, specification of the lookup tables,
vocabulary root, SRS digest, masked commitments. It says nothing of the weights, and from it alone zkllm key
makes the verifying key of each shape, so that nobody has to take a VERIFIER_ID on its owner's word."""

from __future__ import annotations

import argparse

from zkllm.cli import paths
from zkllm.cli.console import Console
from zkllm.errors import PackageError

SUMMARY = "write the public record of a private package, from which anyone makes its verifying keys"
EXAMPLES = """
{program} build/mine --out mine.json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model", type=paths.SourceFolder, metavar="DIR", help="a package made with zkllm setup --private"
    )
    parser.add_argument(
        "--out", type=paths.TargetFile, required=True, metavar="FILE", help="where the record goes"
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    from zkllm import api
    from zkllm.files import write_atomically
    from zkllm.public_model import PublicModel

    package = api.ModelPackage.load(arguments.model)
    if not package.config.hidden:
        raise PackageError(
            f"{arguments.model} is not private: whoever has its checkpoint checks it (zkllm setup --check)"
        )
    public = PublicModel.of(package, api.own_setup(package, console.progress))
    write_atomically(arguments.out, public.to_bytes())
    data = {
        "ok": True,
        "file": str(arguments.out),
        "model_id": public.model_id,
        "columns": len(public.fixed_commitments),
        "srs_kind": public.srs_kind,
        "srs_digest": public.srs_digest,
    }
    lines = [f"{arguments.out}: public record of model 0x{public.model_id.hex()}"]
    console.result(data, lines)
    return 0
