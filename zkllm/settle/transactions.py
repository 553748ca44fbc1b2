"""Sending a transaction once: estimate, sign, write down, send, wait; and taking up an interrupted one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from zkllm.errors import SettlementError
from zkllm.settle.journal import Journal, Record
from zkllm.settle.keys import Account
from zkllm.settle.networks import Network
from zkllm.settle.rpc import Receipt, Reverted, Rpc, RpcError

GWEI = 10**9
MAX_TRANSACTION_GAS = 1 << 24
"""EIP-7825."""
GAS_MARGIN = 1.15
"""Over the estimate: access costs may differ a little when the block is built."""
POLL_SECONDS = 0.1
LAGGING_SECONDS = 15
"""Longer than a node's answers lag behind one another."""

Explain = Callable[[SettlementError], SettlementError]


@dataclass(frozen=True)
class Fees:
    """EIP-1559, in wei a gas."""

    max_fee: int
    priority_fee: int

    @classmethod
    def suggest(cls, rpc: Rpc, network: Network) -> Fees:
        """Room for the base fee to double before the transaction is mined."""
        base = rpc.base_fee()
        try:
            priority = rpc.priority_fee()
        except RpcError:  # an optional method
            priority = GWEI
        priority = min(priority, network.max_tip_gwei * GWEI)
        limit = network.max_fee_gwei * GWEI
        if base > limit:
            raise SettlementError(
                f"gas costs {base / GWEI:.1f} gwei now, more than the {network.max_fee_gwei} of "
                "max_fee_gwei for "
                f"{network.name}; wait, or raise the limit"
            )
        max_fee = min(2 * base + priority, limit)
        return cls(max_fee, min(priority, max_fee))


class Revived(Enum):
    """What became of a transaction without a receipt."""

    UNDER_WAY = auto()
    REFUSED = auto()
    """The node does not take it now; another node may have it still."""
    NEVER = auto()
    """Its nonce was used by another transaction, or its chain is no more."""


class Sender:
    """Sends transactions of one account on one network, each written to the journal first."""

    def __init__(
        self,
        rpc: Rpc,
        network: Network,
        account: Account,
        journal: Journal,
        timeout: float = 600.0,
        explain: Explain = lambda error: error,
    ):
        self.rpc, self.network, self.account, self.journal = rpc, network, account, journal
        self._timeout, self._explain = timeout, explain

    def resume(self, intent: str, finished: bool = False) -> Receipt | None:
        """The receipt of the transaction that an earlier run left unfinished, waiting for it where it is
        still under way. With `finished`, also that of one that was seen to be mined. None if there is none,
        if it can never be mined any more, or if the node does not take it now: then its record stays, and
        `send` replaces it under its nonce, so that only one of the two can ever be mined."""
        record = self.journal.load(intent)
        if record is None:
            return None
        if record.state == "mined":
            receipt = self.rpc.receipt(record.transaction_hash) if finished else None
            if not finished or receipt is not None:
                return receipt
            if not self.network.local_node:  # its node is behind: nothing that was mined is paid for again
                raise SettlementError(
                    f"the node does not show transaction 0x{record.transaction_hash.hex()}, which was mined; "
                    "run the same command again later, or delete "
                    f"{self.journal.path(intent)} if the chain dropped it"
                )
            if not self.rpc.knows(record.transaction_hash):  # the chain was started anew
                self.journal.forget(record)
                return None
        if record.sender != self.account.address or record.chain_id != self.network.chain_id:
            raise SettlementError(
                f"an earlier run by 0x{record.sender.hex()} is under way ({self.journal.path(intent)}); "
                "finish it with the same account, or delete the file if that transaction is lost"
            )
        if self.rpc.receipt(record.transaction_hash) is None:
            revived = self._revive(record)
            if revived is Revived.NEVER:
                self.journal.forget(record)
            if revived is not Revived.UNDER_WAY:
                return None
        receipt = self._wait(record)
        if record.state != "mined":
            self.journal.advance(record, "mined")
        return receipt

    def _revive(self, record: Record) -> Revived:
        """Makes sure that the node has a transaction without a receipt."""
        if self.rpc.knows(record.transaction_hash):
            return Revived.UNDER_WAY
        used, local = self.rpc.nonce(self.account.address), self.network.local_node
        if used > record.nonce:  # just mined, by a node that is ahead of its receipts; else replaced
            for _ in range(1 if local else LAGGING_SECONDS):
                if self.rpc.receipt(record.transaction_hash) is not None:
                    return Revived.UNDER_WAY
                time.sleep(0 if local else 1)
            return Revived.NEVER
        if used < record.nonce and local:
            return Revived.NEVER  # the chain was started anew
        try:
            self._broadcast(record)
        except (RpcError, Reverted):
            return Revived.REFUSED
        return Revived.UNDER_WAY

    def send(self, intent: str, to: bytes | None, data: bytes) -> Receipt:
        """Sends and waits. A failed transaction is returned, not raised; a failing estimate is raised before
        anything is paid."""
        try:
            gas = int(self.rpc.estimate_gas(self.account.address, to, data) * GAS_MARGIN)
        except SettlementError as error:
            raise self._explain(error) from None
        gas = min(gas, MAX_TRANSACTION_GAS)
        fees = Fees.suggest(self.rpc, self.network)
        balance = self.rpc.balance(self.account.address)
        if balance < gas * fees.max_fee:
            raise SettlementError(
                f"the account 0x{self.account.address.hex()} has {balance / 1e18:.6f} ether, the "
                "transaction may "
                f"cost up to {gas * fees.max_fee / 1e18:.6f}; fund it"
            )
        nonce = self._nonce(intent)
        signed, transaction_hash = self.account.sign(
            {
                "type": 2,
                "chainId": self.network.chain_id,
                "nonce": nonce,
                "to": to or b"",
                "value": 0,
                "data": data,
                "gas": gas,
                "maxFeePerGas": fees.max_fee,
                "maxPriorityFeePerGas": fees.priority_fee,
                "accessList": [],
            }
        )
        record = Record(
            intent, self.network.chain_id, self.account.address, nonce, transaction_hash, signed, "signed"
        )
        self.journal.save(record)
        # a refusal leaves it signed: a node may say so and have it all the same; `resume` decides
        self._broadcast(record)
        receipt = self._wait(self.journal.advance(record, "sent"))
        self.journal.advance(record, "mined")
        return receipt

    def _nonce(self, intent: str) -> int:
        """That of the unfinished transaction with the same intent, so that never both are mined; else the
        next."""
        record = self.journal.load(intent)
        if record is not None and record.state != "mined":
            return record.nonce
        return self.rpc.nonce(self.account.address, "pending")

    def _broadcast(self, record: Record) -> None:
        try:
            answer = self.rpc.send(record.signed)
        except (RpcError, Reverted):
            # a node that has it says so in its own words; then waiting for it is right
            if self.rpc.knows(record.transaction_hash) or self.rpc.receipt(record.transaction_hash):
                return
            raise
        if answer != record.transaction_hash:
            raise SettlementError("the node answered with another transaction's hash")

    def _wait(self, record: Record) -> Receipt:
        deadline = time.monotonic() + self._timeout
        pause = POLL_SECONDS
        while True:
            receipt = self.rpc.receipt(record.transaction_hash)
            if receipt is not None:
                if self.network.confirmations == 1:
                    return receipt
                newest = self.rpc.quantity("eth_blockNumber")
                if newest - receipt.block_number + 1 >= self.network.confirmations:
                    return receipt
            if time.monotonic() > deadline:
                raise SettlementError(
                    f"transaction 0x{record.transaction_hash.hex()} is not mined yet; run the same command "
                    "again "
                    "to wait for it"
                )
            time.sleep(pause)
            pause = min(1.5 * pause, 4.0)
