"""A client that dies at any step is taken up by running it again, and nothing is paid for twice."""

from __future__ import annotations

import pytest

from tests.settle.test_session import IDS, Killed, ask, paid, prepared, settle
from zkllm.settle.escrow import credit_of, withdraw_call
from zkllm.settle.rpc import Rpc

pytestmark = pytest.mark.slow


class DyingAt:
    """A node whose client dies at the n-th request of a kind: before it is sent, or after."""

    def __init__(self, rpc: Rpc, method: str, number: int, after: bool):
        self._rpc, self._method, self._left, self._after = rpc, method, number, after

    def __getattr__(self, name):
        original = getattr(self._rpc, name)
        if name != self._method:
            return original

        def die(*arguments):
            self._left -= 1
            if self._left:
                return original(*arguments)
            if self._after:
                original(*arguments)
            raise Killed

        return die


STEPS = [(method, n, after) for method in ("send", "receipt") for n in (1, 2, 3) for after in (False, True)]


@pytest.mark.parametrize(("method", "number", "after"), STEPS)
def test_while_deploying(session, open_, model, method, number, after):
    dying = open_()
    dying.sender.rpc = DyingAt(session.rpc, method, number, after)
    with pytest.raises(Killed):
        dying.ensure_deployed(model.verifying_key)
    open_().ensure_deployed(model.verifying_key)
    assert paid(session) == 3
    proof, _ = prepared(open_(), model)
    assert settle(open_(), model, proof).text == b" magic"
    assert paid(session) == 4


ONCE = [("send", False), ("send", True), ("receipt", False), ("receipt", True)]


@pytest.mark.parametrize(("method", "after"), ONCE)
def test_while_posting_a_request(session, open_, model, method, after):
    contract = session.ensure_deployed(model.verifying_key).settlement
    before = paid(session)
    dying = open_()
    dying.sender.rpc = DyingAt(session.rpc, method, 1, after)
    with pytest.raises(Killed):
        ask(dying, model, IDS)
    request = ask(open_(), model, IDS)
    assert paid(session) == before + 1 and session.rpc.balance(contract) == 10**18
    proof, _ = prepared(open_(), model, request=request)
    assert settle(open_(), model, proof).reward == 10**18


@pytest.mark.parametrize(("method", "after"), ONCE)
def test_while_withdrawing(session, open_, model, method, after):
    request = ask(session, model, IDS)
    proof, contract = prepared(session, model, request=request)
    settle(session, model, proof)
    before = paid(session)
    call = withdraw_call(contract, session.account.address, bytes([0x55] * 20))
    dying = open_()
    dying.sender.rpc = DyingAt(session.rpc, method, 1, after)
    with pytest.raises(Killed):
        dying.execute(call)
    open_().execute(call)
    assert paid(session) == before + 1
    assert session.rpc.balance(bytes([0x55] * 20)) == 10**18
    assert credit_of(session.rpc, contract, session.account.address) == 0
