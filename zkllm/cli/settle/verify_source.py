"""Publishes the contracts' sources at Etherscan and Sourcify, waits for what they say, and names a service
that it passes over; or, with --offline, compiles them anew with every compiler of this machine and compares
the result with the code on chain."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from zkllm.cli import arguments as types
from zkllm.cli import paths
from zkllm.cli.console import Console
from zkllm.cli.settle import options
from zkllm.errors import SettlementError
from zkllm.files import JsonObject

if TYPE_CHECKING:
    from zkllm.outer.keys import VerifyingKey
    from zkllm.settle.networks import Network
    from zkllm.settle.services import Service, Source
    from zkllm.settle.session import Session


SUMMARY = "publish the contracts' sources, or compare them with the code on chain"
KEY_ENVIRONMENT = "ETHERSCAN_API_KEY"
SERVICES = ("etherscan", "sourcify")


def configure(parser: argparse.ArgumentParser) -> None:
    options.add_model(parser)
    types.add_shape(parser)
    types.add_sealed(parser)
    parser.add_argument(
        "--service",
        choices=SERVICES,
        default=None,
        help="one of them alone (default: both that the network has)",
    )
    parser.add_argument(
        "--api-key-env",
        default=KEY_ENVIRONMENT,
        metavar="NAME",
        help=f"environment variable with Etherscan's API key (default {KEY_ENVIRONMENT})",
    )
    parser.add_argument(
        "--offline", action="store_true", default=False, help="no service: compile here and compare"
    )
    parser.add_argument(
        "--write",
        type=paths.TargetFolder,
        default=None,
        metavar="DIR",
        help="write the standard JSON inputs there, too",
    )
    options.add_common(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    options.require(arguments, "network", "model")

    from zkllm import api
    from zkllm.cli.models import shape_verifying_key
    from zkllm.settle import network
    from zkllm.settle.recompile import recompile

    services: list[Service] = []
    skipped: dict[str, str] = {}
    if not arguments.offline:  # a key that is not there is said before anything is done
        services, skipped = available(arguments, network(arguments.network), console)
    with options.open_from(arguments, console, reading=True) as session:
        session.check_tools(arguments.owner, arguments.contract)
        package = api.open_package(arguments.model, progress=console.progress)
        key = shape_verifying_key(
            package, arguments.rows, arguments.certified, console.progress, arguments.sealed
        )
        sources = deployed_sources(session, key, arguments.owner, arguments.contract)
        if arguments.write is not None:
            write_inputs(sources, arguments.write)
        if arguments.offline:
            made = [m for source in sources for m in recompile(session.rpc, source)]
            data = [{"contract": m.name, "compiler": m.compiler, "code_bytes": m.code_bytes} for m in made]
            lines = [f"{m.name}: {m.compiler} makes the {m.code_bytes:,} B on chain" for m in made]
            console.result({"ok": True, "recompiled": data}, lines)
            return 0
    if arguments.dry_run:
        lines = [f"would send {s.identifier} to {service.name}" for service in services for s in sources]
        data = [{"contract": s.name, "service": v.name} for v in services for s in sources]
        lines += [*passed_over(skipped), "nothing was sent"]
        console.result({"ok": True, "sent": False, "verifications": data, "skipped": skipped}, lines)
        return 0
    # the services are asked without holding the records
    return publish(console, services, sources, skipped)


def passed_over(skipped: dict[str, str]) -> list[str]:
    return [f"{service} was skipped: {why}" for service, why in skipped.items()]


def publish(console: Console, services: list[Service], sources: list[Source], skipped: dict[str, str]) -> int:
    """Each contract at each service; one that fails does not keep the others from being tried. `skipped`: by
    service, why."""
    from zkllm.settle.rpc import checksum_address

    data: list[JsonObject] = []
    lines, failures = [], []
    for service in services:
        for source in sources:
            console.progress(f"{service.name}: {source.name}", 0, 1)
            entry = {
                "service": service.name,
                "contract": source.name,
                "address": checksum_address(source.address),
            }
            try:
                outcome = service.verify(source)
            except SettlementError as error:
                failures.append(str(error))
                data.append(entry | {"ok": False, "error": str(error)})
                continue
            data.append(
                entry | {"ok": True, "already": outcome.already, "match": outcome.match, "page": outcome.page}
            )
            known = "was verified already" if outcome.already else "is verified"
            page = f": {outcome.page}" if outcome.page else ""
            lines.append(f"{source.name} {known} at {service.name} ({outcome.match}){page}")
    lines += passed_over(skipped)
    console.result({"ok": not failures, "verifications": data, "skipped": skipped}, lines)
    if failures:
        for line in failures:
            console.note(line)
    return 1 if failures else 0


def deployed_sources(
    session: Session, key: VerifyingKey, owner: bytes | None, contract: bytes | None
) -> list[Source]:
    """The model's verifier and the settlement contract, both checked to be on chain."""
    from zkllm.outer.contract import verifier_contract
    from zkllm.settle.contracts import SETTLEMENT, VERIFIER, settlement_source
    from zkllm.settle.services import Source
    from zkllm.settle.settlement import check_settlement, word

    settlement = session.locate(owner, contract)
    initial = check_settlement(session.rpc, session.network.chain_id, settlement)
    verifier = session.deployer(key).check_verifier()
    known = session.deployments.latest(key.verifier_id, initial)
    made = (None, None) if known is None else (known.verifier_transaction, known.settlement_transaction)
    source = verifier_contract(key).standard_json
    return [
        Source(VERIFIER, path_of(source, VERIFIER), source, verifier, b"", made[0]),
        Source(
            SETTLEMENT,
            path_of(settlement_source(), SETTLEMENT),
            settlement_source(),
            settlement,
            word(initial),
            made[1],
        ),
    ]


def path_of(standard_json: JsonObject, name: str) -> str:
    (path,) = [p for p in standard_json["sources"] if Path(p).stem == name]
    return str(path)


def write_inputs(sources: list[Source], folder: Path) -> None:
    from verifier_gen.standard_json import dump

    folder.mkdir(parents=True, exist_ok=True)
    for source in sources:
        (folder / f"{source.name}.json").write_text(dump(source.standard_json), encoding="utf-8")


def available(
    arguments: argparse.Namespace, network: Network, console: Console
) -> tuple[list[Service], dict[str, str]]:
    """The services of the network that are wanted, and why others are not asked. Etherscan's key comes from
    the environment alone."""
    from zkllm.settle.services import Etherscan, Sourcify

    found: list[Service] = []
    skipped: dict[str, str] = {}
    say = lambda text: console.progress(text, 0, 1)
    if arguments.service in (None, "etherscan"):
        key = os.environ.get(arguments.api_key_env)
        if network.etherscan is None:
            skipped[Etherscan.name] = f"{network.name} names none"
        elif key:
            found.append(Etherscan(network.etherscan, network.chain_id, key, network.explorer, say=say))
        elif arguments.service == "etherscan":
            raise SettlementError(f"Etherscan needs an API key: set ${arguments.api_key_env}")
        else:
            skipped[Etherscan.name] = f"it needs an API key: set ${arguments.api_key_env}"
    if arguments.service in (None, "sourcify"):
        if network.sourcify is None:
            skipped[Sourcify.name] = f"{network.name} names none"
        else:
            found.append(Sourcify(network.sourcify, network.chain_id, say=say))
    if not found:
        raise SettlementError(
            f"{network.name} has no such verification service; use --offline"
            + "".join(f" ({line})" for line in passed_over(skipped) if "API key" in line)
        )
    return found, skipped
