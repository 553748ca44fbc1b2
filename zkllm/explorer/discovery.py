"""What an export finds out: the network, the settlement contract, and since which block it is there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zkllm.errors import SettlementError
from zkllm.explorer.site import SiteModel
from zkllm.hashing import keccak256
from zkllm.settle.deployments import Deployments
from zkllm.settle.networks import DEV_CHAIN_ID, Network, networks
from zkllm.settle.rpc import PATIENCE, Rpc
from zkllm.settle.settlement import check_settlement

CREATED = keccak256(b"OwnershipTransferred(address,address)"), bytes(32)
"""Topics of what a settlement contract announces first: that nobody's ownership is its first owner's."""


def open_node(url: str, chain_id: int | None = None) -> Rpc:
    """`chain_id`: what it has to be on."""
    patience = () if chain_id == DEV_CHAIN_ID else PATIENCE
    return Rpc(url, "the URL that the page asks", patience=patience)


def network_of(rpc: Rpc) -> Network:
    """The known network that a node is on, or one of its own."""
    chain_id = rpc.chain_id()
    for network in networks().values():
        if network.chain_id == chain_id:
            return network
    return Network(f"chain {chain_id}", chain_id, None, "", 1, None, False, 1)


def recorded_contract(home: Path, network: Network, models: Sequence[SiteModel]) -> bytes:
    """The one settlement contract that this user's records name on the network, for these models if there are
    any."""
    recorded = Deployments(home / "deployments", network.chain_id).all()
    if models:
        ids = {model.model_id for model in models}
        recorded = [d for d in recorded if d.model_id in ids]
    contracts = {d.settlement for d in recorded}
    if len(contracts) != 1:
        found = "several settlement contracts are" if contracts else "no settlement contract is"
        raise SettlementError(f"{found} recorded on {network.name}: name one with --contract ADDRESS")
    return contracts.pop()


def first_block_of(rpc: Rpc, network: Network, contract: bytes) -> int:
    """The block that made the contract, which is checked; 0 where the node does not search that far back."""
    found = rpc.chain_id()
    if found != network.chain_id:
        raise SettlementError(f"the node is on chain {found}, {network.name} is chain {network.chain_id}")
    check_settlement(rpc, network.chain_id, contract)
    try:
        logs = rpc.logs(contract, CREATED)
        receipt = rpc.receipt(logs[0][0]) if logs else None
    except SettlementError:
        return 0
    return 0 if receipt is None else receipt.block_number
