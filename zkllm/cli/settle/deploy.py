"""Deploys the model's verifier and the settlement contract where they are not yet, and registers the one with
the other where this account is the owner. Both addresses follow from the code (CREATE2)."""

from __future__ import annotations

import argparse

from zkllm.cli import arguments as types
from zkllm.cli.console import Console
from zkllm.cli.settle import costs, options
from zkllm.cli.settle.output import print_planned
from zkllm.files import JsonObject

SUMMARY = "deploy and register the contracts of a model"


def configure(parser: argparse.ArgumentParser) -> None:
    options.add_model(parser)
    types.add_shape(parser)
    types.add_sealed(parser)
    options.add_common(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    options.require(arguments, "network", "model")

    from zkllm import api
    from zkllm.cli.models import shape_verifying_key
    from zkllm.cli.text import pairs
    from zkllm.settle.rpc import checksum_address

    with options.open_from(arguments, console) as session:
        session.check_tools(arguments.owner, arguments.contract)
        package = api.open_package(arguments.model, progress=console.progress)
        key = shape_verifying_key(
            package, arguments.rows, arguments.certified, console.progress, arguments.sealed
        )
        plan = session.target(key, arguments.owner, arguments.contract)
        awaited = None if plan.awaited_owner is None else checksum_address(plan.awaited_owner)
        addresses = {
            "verifier": checksum_address(plan.verifier),
            "settlement": checksum_address(plan.settlement),
            "awaited_owner": awaited,
        }
        then = f"{awaited} has to register the verifier with the command deploy" if awaited else ""
        if options.only_printed(arguments, session):
            return print_planned(console, arguments, session, plan.calls, then, **addresses)
        if plan.calls:
            costs.announce(console, session, key, plan)
            session.ensure_deployed(key, arguments.owner, arguments.contract, unregistered=True)
    gas = {name: receipt.gas_used for name, receipt in session.deployed.items()}
    rows_out: list[tuple[str, object]] = [
        ("verifier", addresses["verifier"]),
        ("settlement", addresses["settlement"]),
        ("model_id", "0x" + key.model_id.hex()),
        ("shape", str(key.shape)),
        ("SRS kind", key.srs_kind),
        *((f"gas: {name}", f"{used:,}") for name, used in gas.items()),
    ]
    if awaited:
        rows_out.append(("left to do", then))
    hashes = {name: receipt.transaction_hash for name, receipt in session.deployed.items()}
    data: JsonObject = {"ok": True, "registered": awaited is None, **addresses, "gas": gas}
    data |= {"model_id": key.model_id, "N": key.N, "k": key.k, "sealed": key.sealed, "srs_kind": key.srs_kind}
    data["transactions"] = hashes
    last = "deployed" if gas else "nothing to do: everything is there"
    console.result(data, [*pairs(rows_out), last])
    return 0
