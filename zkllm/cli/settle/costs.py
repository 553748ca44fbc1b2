"""What a run pays for before it settles: said, with the most that it may cost, and asked where it is a
further contract of a model that has its contracts already."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from zkllm.cli.console import Console
from zkllm.errors import SettlementError
from zkllm.shape_id import ShapeId
from zkllm.units import ether

if TYPE_CHECKING:
    from zkllm.outer.keys import VerifyingKey
    from zkllm.settle.deploy import Plan
    from zkllm.settle.session import Session


def announce(console: Console, session: Session, key: VerifyingKey, plan: Plan) -> None:
    """Where anything has a value: on a development chain nothing has."""
    if not is_worthless(session):
        console.note(costs(session, key, plan))


def is_worthless(session: Session) -> bool:
    from zkllm.settle.networks import DEV_CHAIN_ID

    return bool(session.network.chain_id == DEV_CHAIN_ID)


def costs(session: Session, key: VerifyingKey, plan: Plan) -> str:
    """Of the plan's calls, in words."""
    planned = session.planned(plan.calls)
    gas, cost = (sum(t[name] for t in planned) for name in ("gas", "most"))
    what = ", ".join(call.what for call in plan.calls)
    where = f"{key.shape} on {session.network.name}"
    return f"{what} for {where}: up to {gas:,} gas, at most {ether(cost)}"


def confirm(
    arguments: argparse.Namespace, console: Console, session: Session, key: VerifyingKey, plan: Plan
) -> None:
    """Before anything is paid for. A deployment that an earlier run began is not asked about again."""
    if is_worthless(session):
        return
    text = costs(session, key, plan)
    begun = any(session.sender.is_unfinished(call.intent) for call in plan.calls)
    others = [] if begun or arguments.yes else further(session, key, plan)
    if not others:
        console.note(text)
        return
    there = f"this model has {', '.join(others)} already"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise SettlementError(
            f"{there}, and this run would {text}; give --yes to pay for that, or the --new-tokens, "
            "--max-tokens and --contract of what is there"
        )
    console.note(f"{there}; this run is going to {text}")
    print("Pay for that? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise SettlementError("nothing was sent")


def further(session: Session, key: VerifyingKey, plan: Plan) -> list[str]:
    """What the model has on this chain already, where the plan adds a contract to it: by the records, and by
    the settlement contract's registry."""
    from zkllm.settle.deploy import SETTLEMENT, VERIFIER
    from zkllm.settle.registry import verifiers_of
    from zkllm.settle.rpc import checksum_address

    makes = {name for name, _ in plan.steps}
    found: dict[bytes, str] = {}

    def add_verifier(address: bytes, shape: ShapeId) -> None:
        found[address] = f"the verifier {checksum_address(address)} for {shape}"

    for made in session.deployments.all():
        if made.model_id == key.model_id and VERIFIER in makes:
            add_verifier(made.verifier, ShapeId(made.N, made.k, made.sealed))
        if made.model_id == key.model_id and SETTLEMENT in makes:
            found[made.settlement] = f"the settlement contract {checksum_address(made.settlement)}"
    if VERIFIER in makes and SETTLEMENT not in makes:
        for other in verifiers_of(session.rpc, plan.settlement, key.model_id):
            add_verifier(other.address, other.shape)
    return list(found.values())
