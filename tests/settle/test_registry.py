"""What the settlement contract's owner does, and whom the client trusts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.settle.test_session import IDS, ask, paid, prepared, settle
from tests.settle.toy import ToyModel
from zkllm.errors import SettlementError
from zkllm.settle import escrow
from zkllm.settle.abi import encode_call
from zkllm.settle.doctor import examine, is_generated
from zkllm.settle.fees import Call
from zkllm.settle.registry import Status, owner_of, verifiers_of
from zkllm.settle.settlement import check_settlement, settlement_address

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def longer() -> ToyModel:
    """The same model's shape of 20 positions."""
    return ToyModel(N=20)


@pytest.fixture(scope="module")
def impostor() -> ToyModel:
    """Claims to be the same model and shape, with other weights."""
    return ToyModel(seed=5)


def freeze(session, deployment) -> None:
    data = encode_call("freeze(address)", deployment.verifier)
    session.execute(Call("freeze", "freeze", deployment.settlement, data))


def test_models_share_a_settlement_contract(session, open_, model, longer):
    first = session.ensure_deployed(model.verifying_key)
    before = paid(session)
    second = open_().ensure_deployed(longer.verifying_key)
    assert second.settlement == first.settlement and second.verifier != first.verifier
    assert paid(session) == before + 2
    found = verifiers_of(session.rpc, first.settlement, model.verifying_key.model_id)
    assert [(v.address, v.N, v.status) for v in found] == [
        (first.verifier, 16, Status.ACTIVE),
        (second.verifier, 20, Status.ACTIVE),
    ]
    assert len(session.deployments.all()) == 2
    settle(session, model, prepared(session, model)[0])
    with pytest.raises(SettlementError, match="settled already"):  # whatever the shape: it is one question
        settle(session, longer, prepared(session, longer)[0])


def test_the_address_follows_from_the_first_owner(session, open_, model):
    other = open_(1).account.address
    deployment = session.ensure_deployed(model.verifying_key)
    assert deployment.settlement == settlement_address(session.account.address) != settlement_address(other)
    assert deployment.initial_owner == session.account.address
    assert check_settlement(session.rpc, 31337, deployment.settlement) == session.account.address
    assert owner_of(session.rpc, deployment.settlement) == session.account.address


def test_a_contract_does_not_begin_without_an_owner(session, model):
    with pytest.raises(SettlementError, match="cannot begin without an owner: name one with --owner"):
        session.ensure_deployed(model.verifying_key, owner=bytes(20))
    assert paid(session) == 0


def test_only_the_owner_registers_and_nothing_is_sent_before_that_is_known(session, open_, model, longer):
    contract = session.ensure_deployed(model.verifying_key).settlement
    stranger = open_(1)
    with pytest.raises(SettlementError, match="is not registered with .* this account is not the owner"):
        stranger.ensure_deployed(longer.verifying_key, contract=contract)
    with pytest.raises(SettlementError, match="not the owner"):
        stranger.ensure_deployed(longer.verifying_key, owner=session.account.address)
    assert paid(stranger) == 0
    # who deploys for another owner leaves the registration to him
    stranger.ensure_deployed(longer.verifying_key, contract=contract, unregistered=True)
    assert paid(stranger) == 1
    proof = longer.prove(IDS, stranger.context(contract))
    with pytest.raises(SettlementError, match="is not registered; the contract's owner has to run"):
        settle(stranger, longer, proof)
    session.ensure_deployed(longer.verifying_key)
    assert settle(stranger, longer, proof).text == b" magic"


def test_a_frozen_verifier_is_named(session, open_, model):
    proof, _ = prepared(session, model)
    freeze(session, session.ensure_deployed(model.verifying_key))
    before = paid(session)
    for call in (
        lambda: settle(session, model, proof),
        lambda: open_().ensure_deployed(model.verifying_key),
        lambda: open_().target(model.verifying_key, session.account.address),
    ):
        with pytest.raises(SettlementError, match="the owner froze the verifier 0x"):
            call()
    assert paid(session) == before


def test_a_shape_that_is_taken_is_named(session, open_, model, impostor):
    session.ensure_deployed(model.verifying_key)
    before = paid(session)
    with pytest.raises(SettlementError, match="another verifier is registered for the model 0x0101.*N=16"):
        open_().ensure_deployed(impostor.verifying_key)
    assert paid(session) == before


def test_the_doctor_finds_a_verifier_that_is_not_the_model_s(session, model, longer, impostor):
    key = model.verifying_key
    contract = session.ensure_deployed(longer.verifying_key).settlement
    known = [key, longer.verifying_key]
    healthy = examine(session, longer.verifying_key, known, None, contract, True)
    assert {f.level for f in healthy} == {"ok", "warning"}
    assert [f.about for f in healthy if f.level == "warning"] == ["SRS"]
    session.ensure_deployed(impostor.verifying_key)
    wrong = [f for f in examine(session, longer.verifying_key, known, None, contract, True)]
    assert [f.about for f in wrong if f.level == "wrong"] == ["registry"]
    assert "NOT the verifier that is generated for this model" in str(wrong)
    lying = [v for v in verifiers_of(session.rpc, contract, key.model_id) if v.N == 16]
    assert not is_generated(session.rpc, lying[0], key)
    # without a key of that shape, it says that it cannot tell
    unknown = examine(session, longer.verifying_key, [longer.verifying_key], None, contract, True)
    assert "cannot be compared" in str(unknown) and all(f.level != "wrong" for f in unknown)


def test_the_doctor_refuses_a_development_srs_on_the_main_network(session, model):
    session.network = replace(session.network, chain_id=1, local_node=False)
    findings = examine(session, model.verifying_key, [model.verifying_key], None, None, True)
    assert [f.about for f in findings if f.level == "wrong"] == ["SRS"]


# ---- requests


def test_requests_that_a_claim_would_not_fulfil_are_refused_before_proving(session, model):
    request = ask(session, model)
    contract = session.ensure_deployed(model.verifying_key).settlement
    claim = model.prove(IDS, session.context(contract)).statement(model.verifying_key).claim_id()
    other = bytes([9] * 32)
    rpc = session.rpc
    assert escrow.check_request(rpc, contract, request, claim).reward == 10**18
    with pytest.raises(SettlementError, match="no request 0x0909.* was posted"):
        escrow.check_request(rpc, contract, other, claim)
    with pytest.raises(SettlementError, match=f"asks for another claim, 0x{claim.hex()}"):
        escrow.check_request(rpc, contract, request, other)
    rpc.request("evm_increaseTime", 3700)  # beyond the deadline, however fast this runs
    rpc.request("evm_mine")
    with pytest.raises(SettlementError, match="the deadline of the request 0x.* has passed"):
        escrow.check_request(rpc, contract, request, claim)
    proof, _ = prepared(session, model, request=request)
    with pytest.raises(SettlementError, match="the deadline of the request 0x.* has passed"):
        settle(session, model, proof)
    session.execute(escrow.reclaim_call(contract, request))
    with pytest.raises(SettlementError, match="is closed: it was fulfilled, or its reward went back"):
        escrow.check_request(rpc, contract, request, claim)
    assert escrow.credit_of(rpc, contract, session.account.address) == 10**18


def test_a_reward_goes_to_the_prover_and_to_nobody_who_copies(session, open_, model):
    request = ask(session, model)
    prover, thief = open_(1), open_(2)
    contract = session.ensure_deployed(model.verifying_key).settlement
    proof = model.prove(IDS, prover.context(contract, request))
    prepared_call = prover.prepare(proof, model.verifying_key, model.tokens, verified=True).call
    with pytest.raises(SettlementError, match="another statement, context or model"):
        thief.execute(replace(prepared_call, intent="copy"))
    assert paid(thief) == 0
    assert settle(prover, model, proof).reward == 10**18
    assert escrow.credit_of(session.rpc, contract, prover.account.address) == 10**18
    assert escrow.credit_of(session.rpc, contract, session.account.address) == 0
