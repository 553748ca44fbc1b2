"""Several answers settled by one transaction, on a real Anvil: paid, passed over, refused, resumed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.settle.test_killed import ONCE, DyingAt
from tests.settle.test_session import IDS, Killed, ask, paid, settle
from tests.settle.toy import ToyModel
from zkllm.errors import SettlementError
from zkllm.settle import batch as batches
from zkllm.settle.abi import SETTLE, SETTLE_MANY, argument_types, read
from zkllm.settle.batch import prepare_batch, settle_batch
from zkllm.settle.claims import claims_in
from zkllm.settle.escrow import credit_of
from zkllm.settle.rpc import Reverted

pytestmark = pytest.mark.slow

PROMPTS = (IDS, (5, 6, 0), (8, 9, 10, 11, 90))


@pytest.fixture(scope="session")
def other_shape() -> ToyModel:
    """The same model with two tokens."""
    return ToyModel(k=2)


def proofs(session, model, prompts=PROMPTS, requests=()):
    """Proofs for this session's contract, with their key; the last ones answer these requests."""
    contract = session.ensure_deployed(model.verifying_key).settlement
    asked = [bytes(32)] * (len(prompts) - len(requests)) + list(requests)
    return [
        (model.prove(ids, session.context(contract, request)), model.verifying_key)
        for ids, request in zip(prompts, asked, strict=True)
    ]


def settle_all(session, model, pairs, **options):
    return settle_batch(session, pairs, model.tokens, verified=True, **options)


def claim_of(pair) -> bytes:
    proof, key = pair
    return proof.statement(key).claim_id()


def test_argument_types_of_tuples():
    assert argument_types("f()") == []
    assert argument_types(SETTLE_MANY) == [f"({','.join(argument_types(SETTLE))})[]"]
    assert argument_types("f(uint256,(a,(b,c))[],d)") == ["uint256", "(a,(b,c))[]", "d"]


def test_several_are_settled_at_once_and_read_back(session, model, other_shape):
    request = ask(session, model, PROMPTS[1])
    pairs = proofs(session, model, PROMPTS[:2], [request]) + proofs(session, other_shape, PROMPTS[2:])
    before = paid(session)
    settled = settle_batch(session, pairs, model.tokens)
    assert paid(session) == before + 1 and not settled.resumed
    assert [c.claim_id for c in settled.claims] == [claim_of(p) for p in pairs]
    assert [c.reward for c in settled.claims] == [0, 10**18, 0]
    assert credit_of(session.rpc, settled.settlement, session.account.address) == 10**18
    assert not any(c.passed_over for c in settled.claims)
    assert (
        settled.claims[2].token_ids == (11, 90) and settled.claims[2].verifier != settled.claims[0].verifier
    )
    for claim in settled.claims:
        assert read(session.rpc, settled.settlement, "textOf(bytes32)", ["bytes"], claim.claim_id) == (
            claim.text,
        )
    record = session.sender.journal.load(prepare_batch(session, pairs, model.tokens, verified=True).intent)
    assert claims_in(session.rpc, record) == [claim_of(p) for p in pairs]
    assert settled.calldata_bytes == len(record.data) and settled.calldata_gas > 16_000


def test_it_costs_less_than_one_by_one(session, model):
    pairs = proofs(session, model)
    alone = settle(session, model, pairs[0][0]).gas_used
    assert settle_all(session, model, pairs[1:]).receipt.gas_used < 2 * alone - 100_000


def test_what_is_settled_is_left_out(session, model):
    pairs = proofs(session, model)
    settle(session, model, pairs[1][0])
    settled = settle_all(session, model, pairs)
    assert [c.passed_over for c in settled.claims] == [False, True, False]
    record = session.sender.journal.load(prepare_batch(session, pairs, model.tokens, verified=True).intent)
    assert claims_in(session.rpc, record) == [claim_of(pairs[0]), claim_of(pairs[2])]


def test_what_is_settled_meanwhile_is_passed_over(session, model, monkeypatch):
    request = ask(session, model, PROMPTS[1])
    pairs = proofs(session, model)
    settle(session, model, pairs[1][0])
    pairs[1:2] = proofs(session, model, PROMPTS[1:2], [request])
    monkeypatch.setattr(batches, "unsettled", lambda session, batch: list(batch.entries))
    settled = settle_all(session, model, pairs)
    assert [(c.passed_over, c.reward) for c in settled.claims] == [(False, 0), (True, 0), (False, 0)]


def test_nothing_is_sent_where_all_is_settled(session, model):
    pairs = proofs(session, model)
    settle_all(session, model, pairs)
    before = paid(session)
    with pytest.raises(SettlementError, match="all claims of the batch are settled already; nothing was"):
        settle_all(session, model, pairs)
    assert paid(session) == before


def test_what_cannot_be_settled_together_is_refused_before_anything_is_sent(session, model):
    pairs = proofs(session, model)
    before = paid(session)
    (proof, key), *others = pairs
    elsewhere = replace(proof, context=replace(proof.context, contract=bytes([7] * 20)))
    stolen = replace(proof, context=replace(proof.context, sender=bytes([7] * 20)))
    for first, words in (
        ((elsewhere, key), "made for different contracts"),
        ((stolen, key), "was made for the sender"),
        ((proof, replace(key, srs_digest=bytes(32))), "made under different SRSs"),
        (others[0], "two of the proofs are of one claim"),
    ):
        with pytest.raises(SettlementError, match=words):
            settle_all(session, model, [first, *others])
    assert paid(session) == before


def test_false_proofs_are_refused_by_the_simulation(session, model):
    pairs = proofs(session, model)
    proof, key = pairs[1]
    changed = bytes([proof.body[-1] ^ 1])
    pairs[1] = (replace(proof, body=proof.body[:-1] + changed), key)
    before = paid(session)
    with pytest.raises(Reverted, match="another statement, context or model"):
        settle_all(session, model, pairs)
    assert paid(session) == before


@pytest.mark.parametrize(("method", "after"), ONCE)
def test_a_killed_run_is_taken_up(session, open_, model, method, after):
    pairs = proofs(session, model)
    before = paid(session)
    dying = open_()
    dying.sender.rpc = DyingAt(session.rpc, method, 1, after)
    with pytest.raises(Killed):
        settle_all(dying, model, pairs)
    # in another order it is the same batch
    settled = settle_all(open_(), model, pairs[::-1])
    assert settled.resumed and not any(c.passed_over for c in settled.claims)
    assert paid(session) == before + 1


def test_a_claim_is_paid_for_once_alone_or_with_others(session, open_, model):
    pairs = proofs(session, model)
    dying = open_()
    dying.sender.rpc = DyingAt(session.rpc, "send", 1, False)
    with pytest.raises(Killed):
        settle_all(dying, model, pairs[:2])
    with pytest.raises(SettlementError, match="an unfinished transaction, 0x.*, settles the claim"):
        settle(open_(), model, pairs[0][0])
    with pytest.raises(SettlementError, match="an unfinished transaction, 0x.*, settles the claim"):
        settle_all(open_(), model, pairs[1:])
    settle_all(open_(), model, pairs[:2])
    assert not settle_all(open_(), model, pairs[1:]).resumed
