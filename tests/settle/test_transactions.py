"""Transactions on a real Anvil that meet trouble: low fees, nodes that drop, delay or duplicate,
reorganisations, other programs with the same account, a full disk. Each is paid for once."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.settle.test_session import IDS, ask, prepared, settle
from zkllm.errors import SettlementError
from zkllm.settle import transactions
from zkllm.settle.abi import explain
from zkllm.settle.accounts import development_account
from zkllm.settle.anvil import LocalNode
from zkllm.settle.fees import Call
from zkllm.settle.journal import Journal
from zkllm.settle.networks import network
from zkllm.settle.rpc import Receipt, Rpc
from zkllm.settle.session import Session
from zkllm.settle.transactions import Sender
from zkllm.units import GWEI

pytestmark = pytest.mark.slow

SOMEBODY = bytes([0x77] * 20)
PAYMENT = Call("pay", "pay somebody", SOMEBODY, b"", 5)


@pytest.fixture
def node() -> Iterator[Rpc]:
    """A chain of its own: these tests change it in ways that no snapshot takes back."""
    with LocalNode() as running:
        yield running.rpc


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "RESEND_SECONDS", 0.2)
    monkeypatch.setattr(transactions, "POLL_SECONDS", 0.05)


@pytest.fixture
def sender(node: Rpc, tmp_path: Path) -> Callable[..., Sender]:
    """Senders of the first development account, each with a journal of its own."""

    def make(name: str = "a", rpc: object = None, **changes: object) -> Sender:
        chain = replace(network("anvil"), **changes)
        journal = Journal(tmp_path / name)
        return Sender(rpc or node, chain, development_account(), journal, 20.0, explain)

    return make


class Later(threading.Thread):
    """A call in the background, whose outcome is asked for."""

    def __init__(self, function: Callable[..., object], *arguments: object):
        super().__init__(daemon=True)
        self._function, self._arguments = function, arguments
        self.start()

    def run(self) -> None:
        try:
            self._result: object = self._function(*self._arguments)
        except BaseException as error:
            self._result = error

    def outcome(self) -> Any:
        self.join(30)
        assert not self.is_alive()
        if isinstance(self._result, BaseException):
            raise self._result
        return self._result


def wait_for(condition: Callable[[], object], seconds: float = 10.0) -> Any:
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def paid_once(node: Rpc, receipt: object, nonce: int = 1) -> None:
    assert isinstance(receipt, Receipt) and receipt.succeeded
    assert node.balance(SOMEBODY) == PAYMENT.value
    assert node.nonce(development_account().address) == nonce


# ---- what a program that uses the client can follow


def test_a_transaction_is_told_to_the_logger_and_no_secret_is(node, sender, caplog):
    caplog.set_level(logging.DEBUG)
    receipt = sender().send(PAYMENT)
    told = [r for r in caplog.records if r.name == "zkllm.settle"]
    transaction_hash = "0x" + receipt.transaction_hash.hex()
    assert [r.levelname for r in told] == ["INFO", "INFO"]
    sent, mined = (r.getMessage() for r in told)
    assert sent.startswith(f"pay: sent {transaction_hash}, nonce 0, up to ")
    assert mined == (
        f"pay: mined {transaction_hash} in block {receipt.block_number}, {receipt.gas_used} gas, succeeded"
    )
    signed = sender().journal.load("pay").attempts[-1].signed.hex()
    key = development_account()._signer.key.hex().removeprefix("0x")
    for text in (caplog.text, *map(repr, caplog.records)):
        assert signed not in text and key not in text and node.url not in text


def test_the_logger_says_nothing_by_itself():
    program = "import zkllm.settle.transactions as t; t.LOG.warning('x')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == done.stderr == ""


# ---- fees


def test_a_stuck_transaction_is_offered_more_under_its_nonce(node, sender):
    node.request("evm_setAutomine", False)
    stuck = sender(bump_seconds=0.3)
    later = Later(stuck.send, PAYMENT)
    record = wait_for(lambda: (r := stuck.journal.load("pay")) and len(r.attempts) >= 3 and r)
    for earlier, raised in zip(record.attempts, record.attempts[1:], strict=False):
        assert raised.max_fee >= 1.125 * earlier.max_fee
        assert raised.priority_fee >= 1.125 * earlier.priority_fee
    node.request("evm_setAutomine", True)
    node.request("anvil_mine", "0x1")
    receipt = later.outcome()
    paid_once(node, receipt)
    kept = stuck.journal.load("pay")
    assert receipt.transaction_hash in kept.hashes and kept.hashes[:3] == record.hashes[:3]
    assert kept.receipt.transaction_hash == receipt.transaction_hash
    assert kept.receipt.block_number == receipt.block_number and kept.receipt.succeeded


def test_no_more_is_offered_than_the_limit(node, sender):
    node.request("evm_setAutomine", False)
    first = 2 * node.base_fee() + GWEI
    limited = sender(bump_seconds=0.1, max_fee_gwei=-(-first // GWEI))  # less than 12.5 % above the first
    limited._timeout = 1.0
    with pytest.raises(
        SettlementError, match="is not final yet.* .its fee is at the limit of .* max_fee_gwei"
    ):
        limited.send(PAYMENT)
    assert len(limited.journal.load("pay").attempts) == 1
    node.request("evm_setAutomine", True)
    node.request("anvil_mine", "0x1")
    paid_once(node, limited.resume("pay"))


class Proxied:
    """A node between: what is not defined here goes through."""

    def __init__(self, rpc: Rpc):
        self._rpc, self.sent = rpc, []

    def __getattr__(self, name):
        return getattr(self._rpc, name)


class DropsReplacements(Proxied):
    """Takes the first transaction, and loses every later one without saying so."""

    def send(self, signed: bytes) -> bytes:
        from zkllm.hashing import keccak256

        self.sent.append(signed)
        return self._rpc.send(signed) if len(self.sent) == 1 else keccak256(signed)


def test_the_earlier_attempt_may_be_the_one_that_is_mined(node, sender):
    node.request("evm_setAutomine", False)
    between = DropsReplacements(node)
    stuck = sender(rpc=between, bump_seconds=0.2)
    later = Later(stuck.send, PAYMENT)
    record = wait_for(lambda: (r := stuck.journal.load("pay")) and len(r.attempts) >= 2 and r)
    node.request("evm_setAutomine", True)
    node.request("anvil_mine", "0x1")
    receipt = later.outcome()
    paid_once(node, receipt)
    assert receipt.transaction_hash == record.hashes[0] != record.hashes[1]


def test_a_run_that_dies_between_two_offers_is_taken_up(node, sender):
    node.request("evm_setAutomine", False)
    dying = sender(bump_seconds=0.2)
    dying._timeout = 0.6  # stands for the end of the process
    with pytest.raises(SettlementError, match="not final yet"):
        dying.send(PAYMENT)
    assert len(dying.journal.load("pay").attempts) >= 2
    node.request("evm_setAutomine", True)
    node.request("anvil_mine", "0x1")
    paid_once(node, sender().resume("pay"))


# ---- nodes


class Drops(Proxied):
    """Loses the first transactions that it is given, and says that it has them."""

    def send(self, signed: bytes) -> bytes:
        from zkllm.hashing import keccak256

        self.sent.append(signed)
        return keccak256(signed) if len(self.sent) <= 2 else self._rpc.send(signed)


class Duplicates(Proxied):
    def send(self, signed: bytes) -> bytes:
        self._rpc.send(signed)
        return self._rpc.send(signed)  # the node says that it has it


class Delays(Proxied):
    """Passes transactions on after a while, and shows receipts late."""

    def send(self, signed: bytes) -> bytes:
        from zkllm.hashing import keccak256

        timer = threading.Timer(0.5, self._rpc.send, (signed,))
        timer.daemon = True
        if not self.sent:
            timer.start()
        self.sent.append(signed)
        return keccak256(signed)

    def receipt(self, transaction_hash: bytes):
        found = self._rpc.receipt(transaction_hash)
        if found is not None:
            self.seen = getattr(self, "seen", 0) + 1
        return found if getattr(self, "seen", 0) > 2 else None


@pytest.mark.parametrize("kind", [Drops, Duplicates, Delays])
def test_a_node_that_drops_duplicates_or_delays(node, sender, kind):
    between = kind(node)
    paid_once(node, sender(rpc=between, local_node=False).send(PAYMENT))


def test_a_node_that_reorders(node, sender):
    """Two of an account's transactions reach the node in the wrong order."""
    node.request("evm_setAutomine", False)
    first, second = sender("first"), sender("second")
    held: list[bytes] = []
    first.rpc = Holding(node, held)
    one = Later(first.send, PAYMENT)
    wait_for(lambda: held)
    second.rpc = Counting(node)  # knows of the first, which the node has not seen
    two = Later(second.send, replace(PAYMENT, intent="again", value=7))
    wait_for(lambda: second.journal.load("again") and second.journal.load("again").state == "sent")
    node.send(held[0])
    node.request("evm_setAutomine", True)
    node.request("anvil_mine", "0x1")
    for later in (one, two):
        receipt = later.outcome()
        assert receipt.succeeded
    assert node.balance(SOMEBODY) == 12 and node.nonce(development_account().address) == 2


class Holding(Proxied):
    def __init__(self, rpc: Rpc, held: list[bytes]):
        super().__init__(rpc)
        self._held = held

    def send(self, signed: bytes) -> bytes:
        from zkllm.hashing import keccak256

        self._held.append(signed)
        return keccak256(signed)


class Counting(Proxied):
    def nonce(self, address: bytes, block: str = "latest") -> int:
        return self._rpc.nonce(address, block) + (block == "pending")


# ---- reorganisations


@pytest.mark.parametrize("depth", [1, 2])
def test_a_transaction_that_a_reorganisation_drops_is_sent_again(node, sender, depth):
    waiting = sender(confirmations=3)
    later = Later(waiting.send, PAYMENT)
    transaction_hash = wait_for(lambda: (r := waiting.journal.load("pay")) and r.transaction_hash)
    wait_for(lambda: node.receipt(transaction_hash))
    for _ in range(depth - 1):
        node.request("anvil_mine", "0x1")
    before = node.receipt(transaction_hash)
    node.request("anvil_reorg", depth, [])
    assert node.receipt(transaction_hash) is None or node.receipt(transaction_hash) != before
    wait_for(lambda: node.receipt(transaction_hash))  # it was sent again
    assert later.is_alive()  # it is not deep enough yet
    node.request("anvil_mine", "0x3")
    receipt = later.outcome()
    paid_once(node, receipt)
    assert receipt.block_hash == node.block_hash(receipt.block_number) != before.block_hash
    assert waiting.journal.load("pay").receipt.block_hash == receipt.block_hash


def test_a_settlement_survives_a_reorganisation(node, model, tmp_path):
    def session() -> Session:
        return Session(node, network("anvil"), development_account(), tmp_path)

    request = ask(session(), model)
    proof, _ = prepared(session(), model, request=request)
    waiting = session()
    waiting.sender.network = replace(waiting.network, confirmations=2)
    later = Later(lambda: settle(waiting, model, proof))
    blocks = node.quantity("eth_blockNumber")
    wait_for(lambda: node.quantity("eth_blockNumber") > blocks)
    node.request("anvil_reorg", 1, [])
    path = next(waiting.sender.journal.folder.glob("settle-*.json"))
    wait_for(lambda: node.receipt(waiting.sender.journal.load(path.stem).transaction_hash))
    node.request("anvil_mine", "0x2")
    settled = later.outcome()
    assert settled.text == b" magic" and settled.reward == 10**18
    with pytest.raises(SettlementError, match="settled already"):
        settle(session(), model, proof)


def test_a_transaction_that_a_reorganisation_hides_is_not_given_up(node, sender):
    """Its nonce is used, by itself: forgetting it would pay again."""

    class Hides(Proxied):
        looks = 0

        def receipt(self, transaction_hash: bytes):
            self.looks += 1
            return None if self.looks < 4 else self._rpc.receipt(transaction_hash)

        def knows(self, transaction_hash: bytes) -> bool:
            return self.looks >= 4 and self._rpc.knows(transaction_hash)

    hides = Hides(node)
    paying = sender(rpc=hides)
    paying.network = replace(paying.network, confirmations=2)
    waiting = Later(paying.send, PAYMENT)
    wait_for(lambda: hides.looks >= 4)
    node.request("anvil_mine", "0x2")
    paid_once(node, waiting.outcome())


# ---- several programs with one account


def test_two_clients_at_once_each_pay_once(node, sender):
    """Both take the same nonce; who loses it signs again under the next one."""
    barrier = threading.Barrier(2, timeout=10)

    class Meeting(Proxied):
        met = False

        def send(self, signed: bytes) -> bytes:
            if not self.met:
                self.met = True
                barrier.wait()
            return self._rpc.send(signed)

    calls = [replace(PAYMENT, intent=f"pay-{i}", value=5 + i) for i in range(2)]
    senders = [sender(f"client-{i}", rpc=Meeting(node)) for i in range(2)]
    threads = [Later(s.send, call) for s, call in zip(senders, calls, strict=True)]
    receipts = [thread.outcome() for thread in threads]
    assert all(r.succeeded for r in receipts) and len({r.transaction_hash for r in receipts}) == 2
    assert node.balance(SOMEBODY) == 11 and node.nonce(development_account().address) == 2


def test_two_clients_with_one_answer_settle_it_once(node, model, tmp_path):
    first, second = (
        Session(node, network("anvil"), development_account(), tmp_path / name) for name in ("a", "b")
    )
    proof, _ = prepared(first, model)
    prepared(second, model)
    node.request("evm_setAutomine", False)
    threads = [Later(lambda s=s: settle(s, model, proof)) for s in (first, second)]
    wait_for(lambda: all(list(s.sender.journal.folder.glob("settle-*.json")) for s in (first, second)))
    time.sleep(0.2)
    node.request("evm_setAutomine", True)
    node.request("anvil_mine", "0x1")
    outcomes = []
    for thread in threads:
        try:
            outcomes.append(thread.outcome())
        except SettlementError as error:
            outcomes.append(error)
    # the same call under the same nonce is the same transaction; under the next nonce it fails early, and the
    # loser is told
    assert any(not isinstance(o, Exception) and o.text == b" magic" for o in outcomes)
    assert all("settled already" in str(o) for o in outcomes if isinstance(o, Exception))


def test_a_nonce_that_is_lost_again_and_again_ends_in_one_line(node, sender, monkeypatch):
    class Thief(Proxied):
        """Somebody else is always first."""

        def send(self, signed: bytes) -> bytes:
            from zkllm.settle.rpc import RpcError

            self.sent.append(signed)
            address = "0x" + development_account().address.hex()
            self._rpc.request("anvil_setNonce", address, hex(len(self.sent)))
            raise RpcError("eth_sendRawTransaction", -32000, "nonce too low")

    thief = Thief(node)
    with pytest.raises(SettlementError, match="other programs keep using this account's nonces"):
        sender(rpc=thief).send(PAYMENT)
    assert len(thief.sent) == transactions.CONFLICTS and node.balance(SOMEBODY) == 0


# ---- a full disk


@pytest.fixture
def full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of a file system without room: a tiny tmpfs, or, where none can be mounted, fsync fails."""
    folder = tmp_path / "full"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if mounted:
        (folder / "pay").mkdir()
        with (folder / "filler").open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(b"x" * 1024)
            except OSError as error:
                assert error.errno == errno.ENOSPC
    else:

        def no_room(descriptor: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", no_room)
    yield folder
    if mounted:
        subprocess.run(["umount", str(folder)], check=True)


def test_nothing_is_sent_where_the_disk_is_full(node, sender, full_disk):
    full = sender()
    full.journal = Journal(full_disk / "pay")
    with pytest.raises(
        SettlementError, match=r"cannot write .*pay.json: the disk is full.*; nothing was sent"
    ):
        full.send(PAYMENT)
    assert node.nonce(full.account.address) == 0 and node.balance(SOMEBODY) == 0
    assert not list(full.journal.folder.iterdir())
    (full_disk / "filler").unlink(missing_ok=True)


def test_a_disk_that_fills_up_after_sending_loses_nothing(node, sender, monkeypatch):
    full = sender()
    original, saved = os.fsync, []

    def fill_up(descriptor: int) -> None:
        saved.append(descriptor)
        if len(saved) > 2:  # the record's file and its folder
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        original(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fill_up)
        paid_once(node, full.send(PAYMENT))
    record = full.journal.load("pay")
    assert record.state == "signed" and record.receipt is None
    paid_once(node, sender().resume("pay"))
    assert full.journal.load("pay").state == "mined"


def test_a_request_is_posted_once(node, model, tmp_path):
    def session() -> Session:
        return Session(node, network("anvil"), development_account(), tmp_path)

    ask(session(), model, IDS)
    before = node.nonce(development_account().address)
    with pytest.raises(SettlementError, match="was posted already; give another --salt"):
        ask(session(), model, IDS)
    ask(session(), model, IDS, salt=bytes([1] * 32))
    assert node.nonce(development_account().address) == before + 1
