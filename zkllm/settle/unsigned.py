"""Transactions that somebody else signs, or that are only looked at."""

from __future__ import annotations

from collections.abc import Sequence

from zkllm.errors import SettlementError
from zkllm.files import JsonObject
from zkllm.settle.abi import explain
from zkllm.settle.fees import Call, Fees, data_fee, gas_limit
from zkllm.settle.networks import Network
from zkllm.settle.rpc import Rpc, checksum_address


def unsigned_transactions(
    rpc: Rpc, network: Network, sender: bytes, calls: Sequence[Call]
) -> list[JsonObject]:
    """The calls with everything that a wallet signs, in the order in which they have to be sent. A call that
    would fail is an error. `most`: wei that the transaction may cost."""
    fees = Fees.suggest(rpc, network)
    nonce = rpc.nonce(sender, "pending")
    found = []
    for index, call in enumerate(calls):
        try:
            gas = gas_limit(rpc, network, sender, call)
        except SettlementError as error:
            raise explain(error) from None
        found.append(
            {
                "what": call.what,
                "type": 2,
                "chainId": network.chain_id,
                "from": checksum_address(sender),
                "nonce": nonce + index,
                "to": checksum_address(call.to),
                "value": call.value,
                "data": "0x" + call.data.hex(),
                "gas": gas,
                "maxFeePerGas": fees.max_fee,
                "maxPriorityFeePerGas": fees.priority_fee,
                "most": call.value + gas * fees.max_fee + data_fee(rpc, network, call.data, gas),
            }
        )
    return found
