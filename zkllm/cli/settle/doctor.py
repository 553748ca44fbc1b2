"""Examines everything that settling relies on: node, account, contracts and their code, every verifier that
the owner registered for the model, the SRS, and what a settlement costs now. Sends nothing; exit code 1 if
something is wrong."""

from __future__ import annotations

import argparse

from zkllm.cli import arguments as types
from zkllm.cli.console import Console
from zkllm.cli.findings import report
from zkllm.cli.settle import options

SUMMARY = "examine node, account, contracts and costs"


def configure(parser: argparse.ArgumentParser) -> None:
    options.add_model(parser)
    types.add_shape(parser)
    types.add_sealed(parser)
    options.add_common(parser, sending=False)


def run(arguments: argparse.Namespace, console: Console) -> int:
    options.require(arguments, "network", "model")

    from zkllm import api
    from zkllm.cli.models import shape_verifying_key
    from zkllm.settle.doctor import examine, keys_of

    with options.open_from(arguments, console, reading=True) as session:
        package = api.open_package(arguments.model, progress=console.progress)
        key = shape_verifying_key(
            package, arguments.rows, arguments.certified, console.progress, arguments.sealed
        )
        known = keys_of(package.folder, package.digest, key.model_id)
        account = session.account.address != options.NOBODY
        findings = examine(session, key, known, arguments.owner, arguments.contract, account)
    return report(findings, console)
