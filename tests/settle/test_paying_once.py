"""Nodes that refuse, lag or contradict themselves, and runs that meet: a claim is paid for once."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from tests.settle.test_session import paid, prepared, settle
from zkllm.errors import SettlementError
from zkllm.settle import KeySource, network, open_session
from zkllm.settle.create2 import PROXY
from zkllm.settle.rpc import Reverted, Rpc, RpcError

pytestmark = pytest.mark.slow


class RefusingRpc:
    """A node that answers what it is sent with an error; `takes`: and takes it all the same, unseen yet."""

    def __init__(self, rpc: Rpc, error: SettlementError, takes: bool | bytes):
        self._rpc, self._error, self._takes = rpc, error, takes

    def __getattr__(self, name):
        return getattr(self._rpc, name)

    def send(self, signed: bytes):
        if self._takes:
            transaction_hash = self._rpc.send(signed)
            while self._rpc.receipt(transaction_hash) is None:
                time.sleep(0.01)
        raise self._error

    def knows(self, transaction_hash: bytes) -> bool:
        return False

    def receipt(self, transaction_hash: bytes) -> None:
        return None


REFUSALS = [
    RpcError("eth_sendRawTransaction", -32000, "bad gateway"),
    Reverted(b"", "execution reverted"),
]


@pytest.mark.parametrize("error", REFUSALS)
def test_a_transaction_that_was_refused_in_words_but_taken_is_paid_once(session, open_, model, error):
    proof, contract = prepared(session, model)
    refused, before = open_(), paid(session)
    refused.sender.rpc = RefusingRpc(session.rpc, error, takes=True)
    with pytest.raises(type(error)):
        settle(refused, model, proof)
    assert paid(session) == before + 1
    assert settle(open_(), model, proof).resumed
    assert paid(session) == before + 1


class AheadRpc(RefusingRpc):
    """Refuses one transaction, and counts it in the pool."""

    def send(self, signed: bytes):
        if signed == self._takes:
            raise self._error
        return self._rpc.send(signed)

    def nonce(self, address: bytes, block: str = "latest") -> int:
        return self._rpc.nonce(address) + (block == "pending")

    def knows(self, transaction_hash: bytes) -> bool:
        return self._rpc.knows(transaction_hash)

    def receipt(self, transaction_hash: bytes):
        return self._rpc.receipt(transaction_hash)


@pytest.mark.parametrize("error", REFUSALS)
def test_a_refused_transaction_is_replaced_under_its_nonce(session, open_, model, error):
    proof, contract = prepared(session, model)
    refused, before = open_(), paid(session)
    refused.sender.rpc = RefusingRpc(session.rpc, error, takes=False)
    with pytest.raises(type(error)):
        settle(refused, model, proof)
    (path,) = session.sender.journal.folder.glob("settle-*.json")
    record = session.sender.journal.load(path.stem)
    assert (record.state, record.nonce) == ("signed", before)

    later = open_()
    later.sender.rpc = AheadRpc(session.rpc, error, record.attempts[0].signed)
    monkeyed = later.account.sign
    later.account.sign = lambda transaction: monkeyed(transaction | {"gas": transaction["gas"] + 1})
    settled = settle(later, model, proof)
    assert not settled.resumed and settled.transaction_hash != record.transaction_hash
    assert session.sender.journal.load(path.stem).nonce == before
    assert paid(session) == before + 1


class EmptyRpc(RefusingRpc):
    """Behind: it shows no code but the proxy's, and no receipts unless `takes`."""

    def code(self, address: bytes) -> bytes:
        return self._rpc.code(address) if address == PROXY else b""

    def send(self, signed: bytes):
        pytest.fail("it paid again")

    def receipt(self, transaction_hash: bytes):
        return self._rpc.receipt(transaction_hash) if self._takes else None


@pytest.mark.parametrize("receipts", [False, True])
def test_a_node_that_is_behind_is_not_paid_again(session, open_, model, receipts):
    session.ensure_deployed(model.verifying_key)
    session.deployments.path.unlink()
    before, later = paid(session), open_()
    later.network = later.sender.network = replace(later.network, local_node=False)
    later.rpc = later.sender.rpc = EmptyRpc(session.rpc, REFUSALS[0], receipts)
    with pytest.raises(SettlementError, match="the node does not show .* which was mined|was mined; run"):
        later.ensure_deployed(model.verifying_key)
    assert paid(session) == before


def test_two_runs_do_not_share_their_records(rpc, tmp_path, monkeypatch):
    chain = network("anvil")
    monkeypatch.setenv(chain.rpc_url_env, rpc.url)
    with open_session(chain, KeySource(), tmp_path):
        with (
            pytest.raises(SettlementError, match="another run is settling with the records of"),
            open_session(chain, KeySource(), tmp_path),
        ):
            pass
        with open_session(chain, KeySource(), tmp_path / "other"):
            pass
    with open_session(chain, KeySource(), tmp_path):
        pass
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(SettlementError, match="cannot use the folder"),
        open_session(chain, KeySource(), tmp_path / "file"),
    ):
        pass
