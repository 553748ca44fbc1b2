"""Sending a transaction once: estimate, sign, write down, send, wait; and taking up an interrupted one.

A record's attempts share a nonce, so that at most one of them can ever be mined: an offer is raised, and a
lost transaction sent again, without a second payment. What a node says is not believed beyond that: only a
receipt that is deep enough below the chain's head ends the waiting, and no error of a node does.

What happens is told to the logger "zkllm.settle": hashes, nonces and fees, never keys, signed bytes or URLs.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from enum import Enum, auto
from typing import TypeVar

from zkllm.errors import SettlementError, reason
from zkllm.settle import lagging
from zkllm.settle.accounts import Account
from zkllm.settle.endpoint import Unavailable
from zkllm.settle.fees import Call, Fees, data_fee, gas_limit, require_means
from zkllm.settle.journal import Attempt, Journal, Record
from zkllm.settle.networks import Network
from zkllm.settle.refusals import advised, is_waited_for
from zkllm.settle.rpc import Receipt, Reverted, Rpc, RpcError, to_hex
from zkllm.units import GWEI

POLL_SECONDS, LONGEST_POLL_SECONDS = 0.1, 4.0
RESEND_SECONDS = 5.0
"""A transaction that the node has lost, as after a reorganisation, is sent again this often."""
CONFLICTS = 5
"""How often a nonce may be lost to another program that uses the account."""
NO_ANSWER = (Unavailable, RpcError, Reverted)
"""Of a node that was asked about a transaction: it tells nothing about it, and another time it may."""

LOG = logging.getLogger("zkllm.settle")
LOG.addHandler(logging.NullHandler())  # silent, unless the program that uses this wants to know

Explain = Callable[[SettlementError], SettlementError]
Progress = Callable[[str, int, int], None]
T = TypeVar("T")


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
        progress: Progress = lambda stage, done, total: None,
    ):
        self.rpc, self.network, self.account, self.journal = rpc, network, account, journal
        self._timeout, self._explain, self._progress = timeout, explain, progress

    # ---- an earlier run's
    def is_unfinished(self, intent: str) -> bool:
        record = self.journal.load(intent)
        return record is not None and record.state != "mined"

    def resume(self, intent: str, finished: bool = False) -> Receipt | None:
        """The receipt of the transaction that an earlier run left unfinished, waiting for it where it is
        still under way. With `finished`, also that of one that was seen to be mined. None if there is none,
        if it can never be mined any more, or if the node does not take it now: then its record stays, and
        `send` replaces it under its nonce, so that only one of the two can ever be mined."""
        record = self.journal.load(intent)
        if record is None:
            return None
        LOG.info("%s: found of an earlier run, nonce %d, %s", intent, record.nonce, record.state)
        if record.state == "mined":
            receipt = lagging.shown(self.network, lambda: self._receipt(record)) if finished else None
            if not finished or receipt is not None:
                return receipt
            if not self.network.local_node:  # its node is behind: nothing that was mined is paid for again
                raise SettlementError(
                    f"the node does not show transaction 0x{record.transaction_hash.hex()}, which was mined; "
                    "run the same command again later, or delete "
                    f"{self.journal.path(intent)} if the chain dropped it"
                )
            if not self._knows(record):  # the chain was started anew
                self.journal.forget(record)
                return None
        if record.sender != self.account.address or record.chain_id != self.network.chain_id:
            raise SettlementError(
                f"an earlier run by 0x{record.sender.hex()} is under way ({self.journal.path(intent)}); "
                "finish it with the same account, or delete the file if that transaction is lost"
            )
        try:
            revived = Revived.UNDER_WAY if self._receipt(record) is not None else self._revive(record)
        except NO_ANSWER:
            revived = Revived.UNDER_WAY
        if revived is Revived.NEVER:
            LOG.warning("%s: can never be mined any more, forgotten: nonce %d", intent, record.nonce)
            self.journal.forget(record)
        return self._wait(record) if revived is Revived.UNDER_WAY else None

    def reopen(self, intent: str) -> None:
        """A reorganisation has dropped what was seen to be mined: it is under way again, under its nonce."""
        record = self.journal.load(intent)
        if record is not None and record.state == "mined":
            LOG.warning("%s: a reorganisation dropped it, nonce %d", intent, record.nonce)
            self.journal.advance(record, "sent")

    def _revive(self, record: Record) -> Revived:
        """Makes sure that the node has a transaction without a receipt."""
        if self._knows(record):
            return Revived.UNDER_WAY
        used, local = self.rpc.nonce(self.account.address), self.network.local_node
        if used > record.nonce:
            return Revived.NEVER if self._is_superseded(record) else Revived.UNDER_WAY
        if used < record.nonce and local:
            return Revived.NEVER  # the chain was started anew
        try:
            self._broadcast(record)
        except (RpcError, Reverted) as error:
            waited = isinstance(error, RpcError) and is_waited_for(error)
            return Revived.UNDER_WAY if waited else Revived.REFUSED
        return Revived.UNDER_WAY

    def _mined_late(self, record: Record) -> bool:
        """Its nonce is used: by one of its attempts, shown by a node that is ahead of its receipts; or
        not. A node that cannot tell is an error: a payment that may be mined is not given up."""
        for _ in range(1 if self.network.local_node else lagging.LOOKS):
            if self._receipt(record) is not None:
                return True
            time.sleep(0 if self.network.local_node else lagging.PAUSE_SECONDS)
        return False

    # ---- a new one
    def send(self, call: Call) -> Receipt:
        """Sends and waits. A failed transaction is returned, not raised; a failing estimate is raised before
        anything is paid. A nonce that another program took first is given up for the next one, after checking
        again that the call is still wanted."""
        for _ in range(CONFLICTS):
            record = self._sign(call)
            # a refusal leaves it signed: a node may say so and have it all the same; `resume` decides
            try:
                self._broadcast(record)
            except Unavailable:
                pass  # it may have arrived
            except RpcError as error:
                if not is_waited_for(error):
                    raise advised(error) from None
            else:
                record = self.journal.advance(record, "sent")
            receipt = self._wait(record)
            if receipt is not None:
                return receipt
        raise SettlementError(
            "other programs keep using this account's nonces; stop them, and run the same command again"
        )

    def _sign(self, call: Call) -> Record:
        """The record of a new attempt, on disk. It replaces an unfinished one under its nonce, so that never
        both are mined."""
        try:
            gas = gas_limit(self.rpc, self.network, self.account.address, call)
        except SettlementError as error:
            raise self._explain(error) from None
        fees = Fees.suggest(self.rpc, self.network)
        earlier = self.journal.load(call.intent)
        attempts: tuple[Attempt, ...] = ()
        if earlier is not None and earlier.state != "mined":
            attempts, nonce = earlier.attempts, earlier.nonce
            last = Fees(attempts[-1].max_fee, attempts[-1].priority_fee)
            fees = fees.above(last, self.network) or fees
        else:
            nonce = self.rpc.nonce(self.account.address, "pending")
        self._check_balance(call, gas, fees)
        record = Record(
            call.intent,
            self.network.chain_id,
            self.account.address,
            nonce,
            call.to,
            call.data,
            call.value,
            gas,
            attempts,
            "signed",
        )
        record = self._attempt(record, fees)
        try:
            self.journal.save(record)
        except OSError as error:
            raise SettlementError(
                f"cannot write {self.journal.path(call.intent)}: {reason(error)}; nothing was sent"
            ) from None
        return record

    def _check_balance(self, call: Call, gas: int, fees: Fees) -> None:
        cost = call.value + gas * fees.max_fee + data_fee(self.rpc, self.network, call.data, gas)
        require_means(self.rpc, self.account.address, cost, "the transaction")

    def _attempt(self, record: Record, fees: Fees) -> Record:
        """Signs the record's transaction once more, with these fees."""
        signed, transaction_hash = self.account.sign(
            {
                "type": 2,
                "chainId": record.chain_id,
                "nonce": record.nonce,
                "to": record.to,
                "value": record.value,
                "data": record.data,
                "gas": record.gas,
                "maxFeePerGas": fees.max_fee,
                "maxPriorityFeePerGas": fees.priority_fee,
                "accessList": [],
            }
        )
        attempt = Attempt(transaction_hash, signed, fees.max_fee, fees.priority_fee)
        kept = tuple(a for a in record.attempts if a.transaction_hash != transaction_hash)
        return replace(record, attempts=(*kept, attempt))

    def _broadcast(self, record: Record) -> None:
        """Sends the last attempt."""
        try:
            answer = self.rpc.send(record.attempts[-1].signed)
        except (RpcError, Reverted):
            # a node that has it says so in its own words; then waiting for it is right
            if self._has(record):
                return
            raise
        if answer != record.transaction_hash:
            raise Unavailable("the node answered with another transaction's hash")
        most = record.attempts[-1].max_fee / GWEI
        LOG.info("%s: sent 0x%s, nonce %d, up to %.3f gwei", record.intent, answer.hex(), record.nonce, most)

    # ---- waiting
    def _wait(self, record: Record) -> Receipt | None:
        """The receipt, once it is deep enough. None if another transaction used the nonce: then the record is
        forgotten."""
        now = time.monotonic()
        deadline, bump_at, resend_at = now + self._timeout, now + self.network.bump_seconds, now
        resend_at += RESEND_SECONDS
        pause = POLL_SECONDS
        said: str | None = None
        while True:
            receipt, trouble = None, ""
            try:
                receipt = self._receipt(record)
                if receipt is not None and self._is_deep(receipt):
                    _log_mined(record, receipt)
                    self.journal.advance(record, "mined", receipt)
                    return receipt
                if receipt is None and self._is_superseded(record):
                    LOG.warning("%s: another transaction used nonce %d", record.intent, record.nonce)
                    self.journal.forget(record)
                    return None
            except NO_ANSWER as error:
                trouble = str(error)
            now = time.monotonic()
            if receipt is None and now > bump_at and self._has(record):  # not to outbid somebody else's
                record = self._raise_offer(record)
                bump_at = now + self.network.bump_seconds
            elif receipt is None and now > resend_at:
                trouble = self._send_again(record) or trouble
                resend_at = now + RESEND_SECONDS
            if trouble != said:
                if trouble:
                    LOG.warning("%s: waiting: %s", record.intent, trouble)
                self._progress("wait for the transaction" + (f" ({trouble})" if trouble else ""), 0, 1)
                said = trouble
            if now > deadline:
                raise SettlementError(self._not_mined(record, trouble))
            time.sleep(pause)
            pause = min(1.5 * pause, LONGEST_POLL_SECONDS)

    def _is_deep(self, receipt: Receipt) -> bool:
        """Whether as many blocks as the network wants are on top, and the receipt's is still of the chain."""
        if self.network.confirmations == 1:
            return True
        newest = self.rpc.quantity("eth_blockNumber")
        if newest - receipt.block_number + 1 < self.network.confirmations:
            return False
        return self.rpc.block_hash(receipt.block_number) == receipt.block_hash

    def _is_superseded(self, record: Record) -> bool:
        """Whether another transaction has the nonce, as deep as ours would have to be: in the middle of a
        reorganisation a node may count our own and not show it."""
        final = max(0, self.rpc.quantity("eth_blockNumber") - self.network.confirmations + 1)
        try:
            used = self.rpc.nonce(self.account.address, to_hex(final))
        except RpcError:  # one of several nodes is behind, or has no state of that block
            return False
        return used > record.nonce and not self._knows(record) and not self._mined_late(record)

    def _raise_offer(self, record: Record) -> Record:
        """A further attempt with higher fees, where the limit allows one. Both may be mined; not both."""
        last = Fees(record.attempts[-1].max_fee, record.attempts[-1].priority_fee)
        try:
            fees = Fees.suggest(self.rpc, self.network).above(last, self.network)
            if fees is None:
                return record
            raised = self._attempt(record, fees)
            self.journal.save(raised)
        except (SettlementError, OSError):
            return record  # the one that was sent stays in force
        try:
            self._broadcast(raised)
        except NO_ANSWER:
            pass
        return raised

    def _send_again(self, record: Record) -> str:
        """After a reorganisation, or where a node forgot it. Returns what is wrong with that, in words."""
        if self._has(record):
            return ""
        try:
            self._broadcast(record)
        except NO_ANSWER as error:
            return str(error)
        return ""

    def _receipt(self, record: Record) -> Receipt | None:
        """Of whichever attempt was mined."""
        return self._of_any(record, self.rpc.receipt)

    def _knows(self, record: Record) -> bool:
        return bool(self._of_any(record, self.rpc.knows))

    def _of_any(self, record: Record, look: Callable[[bytes], T]) -> T | None:
        """What is true of one of the attempts. A node that cannot tell about one may know another."""
        trouble: SettlementError | None = None
        for transaction_hash in reversed(record.hashes):
            try:
                found = look(transaction_hash)
            except NO_ANSWER as error:
                trouble = error
            else:
                if found:
                    return found
        if trouble is not None:
            raise trouble
        return None

    def _has(self, record: Record) -> bool:
        """Whether the node shows that it has the transaction, mined or not; one that cannot tell does not."""
        try:
            return self._knows(record) or self._receipt(record) is not None
        except NO_ANSWER:
            return False

    def _not_mined(self, record: Record, trouble: str) -> str:
        offered = record.attempts[-1].max_fee
        limit = self.network.max_fee
        above = Fees(offered, offered).above(Fees(offered, offered), self.network)
        return (
            f"transaction 0x{record.transaction_hash.hex()} is not final yet; run the same command again "
            "to wait for it"
            + ("" if above else f" (its fee is at the limit of {limit / GWEI:g} gwei, max_fee_gwei)")
            + (f"; the last thing said: {trouble}" if trouble else "")
        )


def _log_mined(record: Record, receipt: Receipt) -> None:
    LOG.info(
        "%s: mined 0x%s in block %d, %d gas, %s",
        record.intent,
        receipt.transaction_hash.hex(),
        receipt.block_number,
        receipt.gas_used,
        "succeeded" if receipt.succeeded else "failed",
    )
