"""What nodes say when they do not take a transaction, each in words of its own: geth and its kin, Reth,
Nethermind, Besu, Erigon, Anvil, the gateways before them. Words decide nothing about money: whatever is said,
the signed transaction stays on disk, and only a receipt tells what became of it. They decide whether waiting
is of use, and what the user is told.
"""

from __future__ import annotations

from zkllm.errors import SettlementError
from zkllm.settle.rpc import Behind, Indexing, NoBaseFee, RateLimited, RpcError, one_line

_HAS_IT = (
    "already known",  # geth, Reth; Erigon: ALREADY_EXISTS: already known
    "alreadyknown",  # Nethermind
    "known transaction",  # Besu, geth of old
    "already imported",  # Anvil, OpenEthereum
    "already in the mempool",
    "already in mempool",
)
_NONCE_TAKEN = (
    "nonce too low",  # geth, Reth, Besu, Nethermind, Erigon (INTERNAL_ERROR: nonce too low)
    "nonce is too low",  # OpenEthereum
    "nonce for account too low",
    "oldnonce",  # Nethermind, before 2026
    "ownnoncealreadyused",
    "invalid transaction nonce",  # Arbitrum
    "wrong transaction nonce",
    "nonce has already been used",
    "replacement transaction underpriced",  # geth, Reth, Besu, Anvil
    "replacementnotallowed",  # Nethermind, before 2026
    "could not replace existing tx",  # Erigon
    "transaction with same nonce in the queue",
)
_NOT_NOW = (
    "nonce too high",  # a node that has not seen the account's earlier transactions
    "noncegap",
    "txpool is full",
    "pool is full",
    "pool full",
    "queue full",
    "try again",
    "timeout",
    "timed out",
    "temporarily",
    "sync",
)
_ADVICE = {
    "fund the account, and run the same command again": (
        "insufficient funds",  # geth, Reth, Erigon
        "insufficientfunds",  # Nethermind
        "insufficient balance",
        "upfront cost exceeds",  # Besu
        "not enough funds",
    ),
    "gas costs more now than was offered: run the same command again, or raise the network's max_fee_gwei": (
        "max fee per gas less than block base fee",
        "maxfeepergas too low",
        "fee cap less than block",
    ),
    "that is the node's own limit (geth: --rpc.txfeecap): use another, or lower the network's max_fee_gwei": (
        "exceeds the configured cap",
        "fee cap exceeded",  # Besu
    ),
    "run the same command again to offer more, or raise the network's max_tip_gwei": (
        "underpriced",
        "feetoolow",  # Nethermind
        "fee too low",
        "gas price below",  # Besu
        "gas price too low",
        "gas tip cap",
    ),
    "the network takes more gas than was offered: set its calldata_floor to true (docs/settlement.md)": (
        "intrinsic gas",
        "floor data gas",
    ),
    "the network allows less gas a transaction: set its transaction_gas_cap (docs/settlement.md)": (
        "gas limit",
        "gaslimitexceeded",  # Nethermind
    ),
    "check the node's URL and chain": ("replay-protected", "invalid chain id", "invalid sender"),
    "this node takes no transactions: use another": (
        "does not exist",
        "not available",
        "not supported",
        "not allowed",
        "not found",
    ),
}
_OLD_CHAIN = ("transaction type not supported", "unsupported transaction type", "invalid transaction type")


def is_waited_for(error: RpcError) -> bool:
    """Whether the node may have the transaction all the same, or another under its nonce, or may take it in a
    moment."""
    if isinstance(error, RateLimited | Behind | Indexing):
        return True
    words = error.message.lower()
    return any(known in words for known in (*_HAS_IT, *_NONCE_TAKEN, *_NOT_NOW))


def advised(error: RpcError) -> SettlementError:
    """The refusal, with what to do about it."""
    words = error.message.lower()
    if any(known in words for known in _OLD_CHAIN):
        return NoBaseFee(f"this chain has no base fee (EIP-1559): {one_line(error.message)}")
    fits = (advice for advice, known in _ADVICE.items() if any(w in words for w in known))
    return Refused(error, next(fits, "run the same command again"))


class Refused(RpcError):
    """A node does not take a transaction, which stays written down."""

    def __init__(self, error: RpcError, advice: str):
        super().__init__(error.method, error.code, error.message)
        self.args = (f"the node refuses the transaction: {one_line(error.message)}; {advice}",)
