"""The networks that `--network` names: data, not code. A new one is an entry of `networks.json`, or of a file
of the same form that $ZKLLM_NETWORKS names.
"""

from __future__ import annotations

import json
import os
from dataclasses import MISSING, dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from zkllm.errors import SettlementError

DEV_CHAIN_ID = 31337
MAINNET_CHAIN_ID = 1
ENVIRONMENT = "ZKLLM_NETWORKS"


@dataclass(frozen=True)
class Network:
    """A chain and how to reach it. The node's URL may be secret: it comes from the environment variable
    `rpc_url_env` where that is set, and is never printed or stored."""

    name: str
    chain_id: int
    rpc_url: str | None
    rpc_url_env: str
    confirmations: int  # blocks, the transaction's own included, after which it counts
    explorer: str | None  # a transaction's page is explorer + "/tx/0x..."
    local_node: bool  # start an Anvil when no node listens at rpc_url
    max_fee_gwei: int  # never offer more for a unit of gas
    max_tip_gwei: int = 5  # of which never more goes to the block's builder, whatever the node suggests
    testnet: bool = False  # nothing there has a value, so that a development SRS may be used

    def url(self) -> str | None:
        return os.environ.get(self.rpc_url_env) or self.rpc_url

    def explain_transaction(self, transaction_hash: bytes) -> str | None:
        return f"{self.explorer}/tx/0x{transaction_hash.hex()}" if self.explorer else None


_TYPES: dict[str, tuple[type, ...]] = {
    "chain_id": (int,),
    "rpc_url": (str, type(None)),
    "rpc_url_env": (str,),
    "confirmations": (int,),
    "explorer": (str, type(None)),
    "local_node": (bool,),
    "max_fee_gwei": (int,),
    "max_tip_gwei": (int,),
    "testnet": (bool,),
}


_OPTIONAL = {f.name for f in fields(Network) if f.default is not MISSING}


def parse_networks(text: str, source: str) -> dict[str, Network]:
    try:
        data: Any = json.loads(text)
        entries = {name: _network(name, entry) for name, entry in data.items()}
    except (ValueError, AttributeError, RecursionError) as error:
        raise SettlementError(f"{source}: not a valid list of networks: {error}") from None
    return entries


def _network(name: str, entry: Any) -> Network:
    if not isinstance(entry, dict) or not set(_TYPES) - _OPTIONAL <= set(entry) <= set(_TYPES):
        required, optional = (", ".join(sorted(names)) for names in (set(_TYPES) - _OPTIONAL, _OPTIONAL))
        raise ValueError(f"{name} must have the fields {required}, and may have {optional}")
    for field, types in _TYPES.items():
        if field in entry and type(entry[field]) not in types:
            raise ValueError(f"{name}: {field} has the wrong type")
    if entry["chain_id"] < 1 or entry["confirmations"] < 1 or entry["max_fee_gwei"] < 1:
        raise ValueError(f"{name}: chain_id, confirmations and max_fee_gwei must be positive")
    if entry.get("max_tip_gwei", 0) < 0:
        raise ValueError(f"{name}: max_tip_gwei must not be negative")
    if entry.get("testnet") and entry["chain_id"] == MAINNET_CHAIN_ID:
        raise ValueError(f"{name}: chain id {MAINNET_CHAIN_ID} is no test network")
    if entry["local_node"] and entry["chain_id"] != DEV_CHAIN_ID:
        raise ValueError(f"{name}: only chain id {DEV_CHAIN_ID} can be a local node")
    return Network(name, **entry)


def networks() -> dict[str, Network]:
    """By name: the packaged ones, then those of $ZKLLM_NETWORKS."""
    packaged = files("zkllm.settle").joinpath("networks.json")
    found = parse_networks(packaged.read_text(encoding="utf-8"), "networks.json")
    extra = os.environ.get(ENVIRONMENT)
    if extra:
        try:
            found |= parse_networks(Path(extra).read_text(encoding="utf-8"), extra)
        except (OSError, UnicodeDecodeError) as error:
            raise SettlementError(f"cannot read {extra} (${ENVIRONMENT}): {error}") from None
    return found


def network(name: str) -> Network:
    known = networks()
    if name not in known:
        raise SettlementError(f"unknown network {name!r}; known: {', '.join(sorted(known))}")
    return known[name]
