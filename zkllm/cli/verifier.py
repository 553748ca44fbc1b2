"""Writes the Solidity verifier of a model and shape, and the compiler's standard JSON input that block
explorers take. Equal keys give equal files. The key is taken at its word: compare the VERIFIER_ID with one
that zkllm setup --check printed. The same as `python -m verifier_gen`."""

from __future__ import annotations

import argparse

from zkllm.cli import arguments as types
from zkllm.cli import paths
from zkllm.cli.console import Console

SUMMARY = "write the Solidity verifier of a model and shape"
EXAMPLES = """
{program} build/demo --out verifier
{program} build/demo --max-tokens 16 --new-tokens 2 --out verifier
{program} build/demo/keys/N16-k1/vk.json --out verifier --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model", type=paths.Source, metavar="DIR", help="model package, keys folder or vk.json"
    )
    parser.add_argument(
        "--out", type=paths.TargetFolder, required=True, metavar="FOLDER", help="where the files go"
    )
    types.add_shape(parser, certified=None)
    types.add_sealed(parser)


def misuse(arguments: argparse.Namespace) -> str | None:
    return types.shape_misuse(arguments)


def run(arguments: argparse.Namespace, console: Console) -> int:
    from verifier_gen import CONTRACT_NAME
    from verifier_gen.standard_json import SOLC_LONG_VERSION, dump
    from zkllm.cli.models import find_key
    from zkllm.files import write_atomically
    from zkllm.outer.contract import verifier_contract
    from zkllm.outer.keys import VerifyingKey

    key = VerifyingKey.load(find_key(arguments.model, arguments.rows, arguments.certified, arguments.sealed))
    generated = verifier_contract(key)
    source = arguments.out / f"{CONTRACT_NAME}.sol"
    standard = arguments.out / f"{CONTRACT_NAME}.standard.json"
    write_atomically(source, generated.source.encode())
    write_atomically(standard, dump(generated.standard_json).encode())
    verifier_id = "0x" + key.verifier_id.hex()
    lines = [
        f"{source}: verifier of {key.shape}, VERIFIER_ID {verifier_id}",
        f"{standard}: standard JSON input for solc {SOLC_LONG_VERSION}",
    ]
    if key.development_srs:
        lines.append(
            "development SRS: anyone can forge proofs for this verifier; never use it with anything of value"
        )
    data = {
        "ok": True,
        "contract": CONTRACT_NAME,
        "verifier_id": verifier_id,
        "model_id": key.model_id,
        "N": key.N,
        "k": key.k,
        "sealed": key.sealed,
        "development_srs": key.development_srs,
        "compiler": SOLC_LONG_VERSION,
        "source": str(source),
        "standard_json": str(standard),
    }
    console.result(data, lines)
    return 0
