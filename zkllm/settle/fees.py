"""What a transaction offers and may cost, in wei: EIP-1559 with a limit, and raising an offer."""

from __future__ import annotations

from dataclasses import dataclass

from zkllm.errors import SettlementError
from zkllm.settle.networks import Network
from zkllm.settle.rpc import Reverted, Rpc, RpcError, checksum_address
from zkllm.settle.submission import transaction_floor
from zkllm.units import GWEI, ether

MARGIN_PERCENT = 15
"""Over the estimate: access costs may differ a little when the block is built."""
SETTLE_GAS = 420_000
"""About what settling takes (docs/benchmarks.md), with some room."""
BUMP_PERCENT = 13
"""By how much both fees of a transaction have to rise for nodes to take another in its place: at least
12.5."""


class TooDear(SettlementError):
    """Gas costs more now than is offered."""


def require_means(rpc: Rpc, account: bytes, cost: int, what: str) -> None:
    """SettlementError unless the account has that much now; `what` may cost it."""
    balance = rpc.balance(account)
    if balance < cost:
        raise SettlementError(
            f"the account {checksum_address(account)} has {ether(balance)}, {what} may cost up to "
            f"{ether(cost)}; fund it"
        )


@dataclass(frozen=True)
class Call:
    """A transaction that is still to be signed. `intent` is its name in the journal."""

    intent: str
    what: str  # in words
    to: bytes
    data: bytes
    value: int = 0
    gas: int | None = (
        None  # where the node cannot estimate it yet, since an earlier call has to be mined first
    )


@dataclass(frozen=True)
class Fees:
    """EIP-1559, in wei a gas."""

    max_fee: int
    priority_fee: int

    @classmethod
    def suggest(cls, rpc: Rpc, network: Network) -> Fees:
        """Room for the base fee to double before the transaction is mined."""
        base, priority, limit = rpc.base_fee(), tip(rpc, network), network.max_fee
        if base > limit:
            if limit < network.max_fee_gwei * GWEI:
                raise TooDear(
                    f"gas costs {base / GWEI:.3f} gwei now, more than the {limit / GWEI:.3f} that the "
                    "transaction is worth"
                )
            raise TooDear(
                f"gas costs {base / GWEI:.1f} gwei now, more than the {network.max_fee_gwei} of "
                f"max_fee_gwei for {network.name}; wait, or raise the limit"
            )
        max_fee = min(2 * base + priority, limit)
        return cls(max_fee, min(priority, max_fee))

    def above(self, other: Fees, network: Network) -> Fees | None:
        """These, or as much more than `other` as nodes want for a replacement; None above the limit."""
        least = lambda fee: -(-fee * (100 + BUMP_PERCENT) // 100)
        priority = max(self.priority_fee, least(other.priority_fee))
        max_fee = max(self.max_fee, least(other.max_fee), priority)
        return None if max_fee > network.max_fee else Fees(max_fee, priority)


def tip(rpc: Rpc, network: Network) -> int:
    """For the block's builder, in wei a gas: what the node suggests, within the network's limit."""
    try:
        priority = rpc.priority_fee()
    except RpcError:  # an optional method
        priority = GWEI
    return min(priority, network.max_tip_gwei * GWEI)


def price_now(rpc: Rpc, network: Network) -> int:
    """Wei a gas of a transaction in the next block, about: what is paid of what `Fees.suggest` offers."""
    return rpc.base_fee() + tip(rpc, network)


def gas_limit(rpc: Rpc, network: Network, sender: bytes, call: Call) -> int:
    """With a margin over the node's estimate; a call that would fail is an error."""
    estimate = call.gas if call.gas is not None else rpc.estimate_gas(sender, call.to, call.data, call.value)
    gas = estimate * (100 + MARGIN_PERCENT) // 100
    cap = network.transaction_gas_cap
    if cap is not None:
        if estimate > cap:
            raise SettlementError(
                f"to {call.what} takes {estimate:,} gas, {network.name} allows {cap:,} a transaction; use a "
                "smaller N, or a larger mu for fewer columns"
            )
        gas = min(gas, cap)
    if network.calldata_floor:
        gas = max(gas, transaction_floor(call.data))
    return gas


def data_fee(rpc: Rpc, network: Network, data: bytes, gas: int) -> int:
    """What an OP stack chain takes beside the gas: for posting the transaction's bytes to L1, and, since
    Isthmus, for its operator, if he asks for anything. 0 elsewhere."""
    from zkllm.settle.abi import read
    from zkllm.settle.rpc import parse_address

    if network.data_fee_oracle is None:
        return 0
    envelope = 200  # bytes of a signed transaction beside its data
    oracle = parse_address(network.data_fee_oracle)
    (fee,) = read(rpc, oracle, "getL1FeeUpperBound(uint256)", ["uint256"], len(data) + envelope)
    try:
        (operator,) = read(rpc, oracle, "getOperatorFee(uint256)", ["uint256"], gas)
    except Reverted:  # an oracle from before Isthmus
        operator = 0
    return int(fee) + int(operator)
