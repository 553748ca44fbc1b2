"""The networks that `--network` names: data, not code. A new one, or other values for one of `networks.json`,
is an entry of a file of the same form that $ZKLLM_NETWORKS names.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from zkllm.errors import Malformed, SettlementError, reason
from zkllm.files import JsonObject
from zkllm.records import from_data
from zkllm.settle.http import hosts_in
from zkllm.units import GWEI

DEV_CHAIN_ID = 31337
MAINNET_CHAIN_ID = 1
ENVIRONMENT = "ZKLLM_NETWORKS"
MAX_TRANSACTION_GAS = 1 << 24
"""EIP-7825."""


@dataclass(frozen=True)
class Network:
    """A chain and how to reach it. The nodes' URLs may be secret: they come from a flag, or the environment
    variable `rpc_url_env` where that is set, and are never printed or stored."""

    name: str
    chain_id: int
    rpc_url: str | None = field(repr=False)  # several: separated by commas
    rpc_url_env: str
    confirmations: int  # blocks, the transaction's own included, after which it counts
    explorer: str | None  # a transaction's page is explorer + "/tx/0x..."
    local_node: bool  # start an Anvil when no node listens at rpc_url
    max_fee_gwei: int  # never offer more for a unit of gas
    max_tip_gwei: int = 5  # of which never more goes to the block's builder, whatever the node suggests
    testnet: bool = False  # nothing there has a value, so that a development SRS may be used
    bump_seconds: int = 60  # a transaction that is not mined after this time is offered a higher fee
    calldata_floor: bool = True  # EIP-7623 is in force, or may be: the gas limit is never below its floor
    transaction_gas_cap: int | None = MAX_TRANSACTION_GAS  # EIP-7825; None where it is not in force
    data_fee_oracle: str | None = (
        None  # the OP stack's contract that knows what a transaction costs beside its gas
    )
    etherscan: str | None = None  # an Etherscan API V2
    sourcify: str | None = None  # a Sourcify server with API v2
    rpc_url_flag: str | None = field(default=None, repr=False)  # not of the file: the command line's
    fee_cap: int | None = None  # nor this: wei a gas, of a program that knows what a transaction is worth

    def url(self) -> str | None:
        """Of one node, or of several, separated by commas."""
        return self.rpc_url_flag or os.environ.get(self.rpc_url_env) or self.rpc_url

    def whose_nodes(self) -> str:
        """The hosts of the nodes that are asked, and what names others."""
        variable, where = f"${self.rpc_url_env}", f"that is {hosts_in(self.url() or '')}"
        if self.rpc_url_flag:
            return f"{where}, as --rpc-url says (without it: {variable})"
        return (
            f"{where}, as {variable} says" if self.named_url else f"{where}, unless {variable} says another"
        )

    @property
    def max_fee(self) -> int:
        """Most that is offered, in wei a gas."""
        most = self.max_fee_gwei * GWEI
        return most if self.fee_cap is None else min(most, self.fee_cap)

    @property
    def named_url(self) -> bool:
        """Whether the user named the node, rather than the network's default."""
        return bool(self.rpc_url_flag or os.environ.get(self.rpc_url_env))

    def explain_transaction(self, transaction_hash: bytes) -> str | None:
        return f"{self.explorer}/tx/0x{transaction_hash.hex()}" if self.explorer else None


def parse_networks(text: str, source: str, known: JsonObject | None = None) -> dict[str, Network]:
    """`known`: entries by name, of which those of `text` may be a part."""
    try:
        data: JsonObject = json.loads(text)
        entries = {
            name: _network(name, (known or {}).get(name, {}) | entry if isinstance(entry, dict) else entry)
            for name, entry in data.items()
        }
    except (ValueError, AttributeError, RecursionError) as error:
        raise SettlementError(f"{source}: not a valid list of networks: {reason(error)}") from None
    return entries


def _network(name: str, entry: object) -> Network:
    if isinstance(entry, dict) and {"name", "rpc_url_flag", "fee_cap"} & set(entry):
        raise Malformed(
            f"{name}: its name, the command line's node and a program's cap are no fields of an entry"
        )
    given = {"name": name, **entry} if isinstance(entry, dict) else entry
    network = from_data(Network, given, name, defaults=True)
    if network.chain_id < 1 or network.confirmations < 1 or network.max_fee_gwei < 1:
        raise Malformed(f"{name}: chain_id, confirmations and max_fee_gwei must be positive")
    if network.max_tip_gwei < 0 or network.bump_seconds < 1:
        raise Malformed(f"{name}: max_tip_gwei must not be negative, bump_seconds must be positive")
    if network.testnet and network.chain_id == MAINNET_CHAIN_ID:
        raise Malformed(f"{name}: chain id {MAINNET_CHAIN_ID} is no test network")
    oracle = network.data_fee_oracle
    if oracle is not None and not re.fullmatch("0x[0-9a-fA-F]{40}", oracle):
        raise Malformed(f"{name}: data_fee_oracle is not an address")
    for name_of_field in ("rpc_url", "explorer", "etherscan", "sourcify"):
        urls = getattr(network, name_of_field)  # of nodes there may be several
        if urls is not None and not all(re.match("https?://[^/]", url.strip()) for url in urls.split(",")):
            raise Malformed(f"{name}: {name_of_field} is not an http:// or https:// URL")
    if network.local_node and network.chain_id != DEV_CHAIN_ID:
        raise Malformed(f"{name}: only chain id {DEV_CHAIN_ID} can be a local node")
    return network


def networks() -> dict[str, Network]:
    """By name: the packaged ones, then those of $ZKLLM_NETWORKS, whose entries may give a packaged network
    other values."""
    packaged = files("zkllm.settle").joinpath("networks.json").read_text(encoding="utf-8")
    found = parse_networks(packaged, "networks.json")
    extra = os.environ.get(ENVIRONMENT)
    if extra:
        try:
            text = Path(extra).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettlementError(f"cannot read {extra} (${ENVIRONMENT}): {reason(error)}") from None
        found |= parse_networks(text, extra, json.loads(packaged))
    return found


def network(name: str) -> Network:
    known = networks()
    if name not in known:
        raise SettlementError(f"unknown network {name!r}; known: {', '.join(sorted(known))}")
    return known[name]
