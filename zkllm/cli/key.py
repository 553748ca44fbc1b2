"""Makes the verifying key of a shape from the public record of a private model (zkllm publish), without its
package and without anybody's word but for the SRS: the program is checked to be sound, the lookup tables to
be those that it names. Compare the VERIFIER_ID with that of a contract, or give the key to zkllm verify and
zkllm verifier."""

from __future__ import annotations

import argparse

from zkllm.cli import arguments as types
from zkllm.cli import paths
from zkllm.cli.console import Console

SUMMARY = "make a verifying key from the public record of a private model"
EXAMPLES = """
{program} mine.json --out vk.json
{program} mine.json --max-tokens 64 --new-tokens 8 --srs pot20_final.ptau --out vk.json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "record", type=paths.SourceFile, metavar="RECORD", help="what zkllm publish has written"
    )
    types.add_shape(parser)
    types.add_sealed(parser)
    parser.add_argument(
        "--srs",
        type=paths.SourceFile,
        metavar="FILE",
        help="the SRS that the model was set up with (default: the development SRS)",
    )
    parser.add_argument(
        "--out", type=paths.TargetFile, required=True, metavar="FILE", help="where the key goes"
    )


def misuse(arguments: argparse.Namespace) -> str | None:
    return types.shape_misuse(arguments)


def run(arguments: argparse.Namespace, console: Console) -> int:
    from zkllm.cli.text import pairs, srs_kind_in_words
    from zkllm.files import write_atomically
    from zkllm.preflight import DEFAULT_ROWS
    from zkllm.public_model import PublicModel
    from zkllm.shape_id import ShapeId

    public = PublicModel.load(arguments.record)
    rows = arguments.rows if arguments.rows is not None else min(DEFAULT_ROWS, public.config.n_ctx)
    shape = ShapeId(rows, arguments.certified, arguments.sealed)
    key = public.verifying_key(shape, arguments.srs, console.progress)
    write_atomically(arguments.out, key.to_json().encode())
    data = {
        "ok": True,
        "file": str(arguments.out),
        "model_id": key.model_id,
        "verifier_id": key.verifier_id,
        "N": key.N,
        "k": key.k,
        "sealed": key.sealed,
        "srs_kind": key.srs_kind,
        "srs_digest": key.srs_digest,
    }
    lines = [
        ("key", f"{arguments.out}: {key.shape}"),
        ("model_id", "0x" + key.model_id.hex()),
        ("VERIFIER_ID", "0x" + key.verifier_id.hex()),
        ("SRS", srs_kind_in_words(key.srs_kind)),
    ]
    console.result(data, pairs(lines))
    return 0
