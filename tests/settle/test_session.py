"""Settling on a real Anvil with real proofs of a toy model: the honest path, refusals, interruptions."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest

from zkllm.errors import ProofError, SettlementError
from zkllm.settle import KeySource, network, open_session
from zkllm.settle.abi import read
from zkllm.settle.claims import is_settled
from zkllm.settle.contracts import settlement_artifact, verifier_artifact
from zkllm.settle.create2 import PROXY, create2_address, create2_calldata
from zkllm.settle.deploy import refuse_development_srs
from zkllm.settle.escrow import credit_of, request_call
from zkllm.settle.fees import Call
from zkllm.settle.rpc import Receipt, Reverted, Rpc
from zkllm.statement import Context, request_id

pytestmark = pytest.mark.slow

IDS = (5, 6, 7, 0)


def prepared(session, model, ids=IDS, request=bytes(32)):
    """(proof for this session's contract, settlement contract)."""
    contract = session.ensure_deployed(model.verifying_key).settlement
    return model.prove(ids, session.context(contract, request)), contract


def ask(session, model, ids=IDS, salt=bytes(32), reward=10**18, seconds=3600):
    """Posts a request for what the ids' last one answers; its id."""
    contract = session.ensure_deployed(model.verifying_key).settlement
    key, found = model.verifying_key, request_id(session.account.address, salt)
    deadline = session.rpc.timestamp() + seconds
    prompt = ids[: len(ids) - key.k]
    session.execute(request_call(contract, found, key.model_id, prompt, key.k, deadline, salt, reward))
    return found


def settle(session, model, proof, *, verified=True, **options):
    return session.settle(proof, model.verifying_key, model.tokens, verified=verified, **options)


def paid(session) -> int:
    return session.rpc.nonce(session.account.address)


def test_a_claim_is_settled_and_read_back(session, model):
    request = ask(session, model)
    proof, contract = prepared(session, model, request=request)
    settled = settle(session, model, proof, verified=False)
    assert settled.reward == credit_of(session.rpc, contract, session.account.address) == 10**18
    assert (settled.token_ids, settled.text, settled.prompt_ids) == ((0,), b" magic", (5, 6, 7))
    assert settled.claim_id == proof.statement(model.verifying_key).claim_id()
    assert settled.settlement == contract and settled.request_id == request and not settled.resumed
    assert read(session.rpc, contract, "textOf(bytes32)", ["bytes"], settled.claim_id) == (b" magic",)
    assert settled.gas_used < 400_000 and settled.calldata_bytes < 3500


def test_what_is_deployed_is_used_again(session, open_, model):
    first = session.ensure_deployed(model.verifying_key)
    before = paid(session)
    assert open_().ensure_deployed(model.verifying_key) == first
    assert paid(session) == before == 3
    assert len(session.deployments.all()) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: Context(), "without a context"),
        (lambda c: replace(c, chain_id=1), "was made for chain 1, anvil is chain 31337"),
        (lambda c: replace(c, sender=bytes([7] * 20)), "was made for the sender 0x0707070707070707070707"),
        (lambda c: replace(c, contract=bytes([7] * 20)), "there is no contract at 0x0707070707070707070707"),
    ],
)
def test_a_proof_for_another_context_is_refused_before_anything_is_sent(session, model, change, words):
    contract = session.ensure_deployed(model.verifying_key).settlement
    proof = model.prove(IDS, change(session.context(contract)))
    before = paid(session)
    with pytest.raises(SettlementError, match=words):
        settle(session, model, proof)
    assert paid(session) == before


def test_a_proof_for_another_contract_than_the_named_one_is_refused(session, model):
    proof, _ = prepared(session, model)
    with pytest.raises(SettlementError, match="was made for the contract"):
        settle(session, model, proof, settlement=bytes([8] * 20))


def test_another_sender_cannot_use_a_proof(session, open_, model):
    proof, _ = prepared(session, model)
    thief = open_(1)
    with pytest.raises(SettlementError, match="was made for the sender"):
        settle(thief, model, proof)
    stolen = replace(proof, context=replace(proof.context, sender=thief.account.address))
    with pytest.raises(ProofError):
        settle(thief, model, stolen, verified=False)
    with pytest.raises(Reverted, match="another statement, context or model"):
        settle(thief, model, stolen, verified=True)
    assert paid(thief) == 0


def test_a_replay_is_refused_with_the_reason(session, model):
    proof, contract = prepared(session, model)
    claim = settle(session, model, proof).claim_id
    before = paid(session)
    again = model.prove(IDS, session.context(contract, bytes([1] * 32)))
    for other in (proof, again):
        with pytest.raises(
            SettlementError, match=f"settled already .claim 0x{claim.hex()}.; nothing was sent"
        ):
            settle(session, model, other)
    assert paid(session) == before


def test_a_false_proof_is_refused_by_the_client_and_by_the_simulation(session, model):
    proof, _ = prepared(session, model)
    before = paid(session)
    body = bytearray(proof.body)
    body[-64:-32], body[-128:-96] = body[-128:-96], body[-64:-32]
    false = replace(proof, body=bytes(body))
    with pytest.raises(ProofError):
        settle(session, model, false, verified=False)
    with pytest.raises(Reverted, match="^the proof "):
        settle(session, model, false, verified=True)
    assert paid(session) == before


def test_another_vocabulary_is_refused(session, model):
    proof, _ = prepared(session, model)
    with pytest.raises(SettlementError, match="tokenizer is not the one"):
        session.settle(proof, model.verifying_key, [*model.tokens[:-1], b"x"])


def test_contracts_that_are_not_ours_are_refused(session, model):
    proof, contract = prepared(session, model)
    verifier = session.ensure_deployed(model.verifying_key).verifier
    code = session.rpc.code(contract)
    changed = bytearray(code)
    changed[code.index(session.account.address)] ^= 1  # an immutable
    for address, wrong in ((contract, bytes(changed)), (verifier, session.rpc.code(verifier) + b"\0")):
        snapshot = session.rpc.request("evm_snapshot")
        session.rpc.request("anvil_setCode", "0x" + address.hex(), "0x" + wrong.hex())
        with pytest.raises(SettlementError, match="is not the .* that this version (compiles|deploys)"):
            settle(session, model, proof)
        session.rpc.request("evm_revert", snapshot)
    settle(session, model, proof)


def test_a_contract_with_forged_storage_is_refused(session, model):
    """Hostile init code may write claims and then return the right code with the right immutables."""
    honest = session.ensure_deployed(model.verifying_key)
    code = session.rpc.code(honest.settlement)
    # sstore(1, 1), which stands for forged claims; codecopy(0, 19, size); return(0, size)
    size = len(code).to_bytes(2, "big").hex()
    init = bytes.fromhex(f"600160015561{size}601360003961{size}6000f3") + code
    session.execute(Call("forge", "forge", PROXY, create2_calldata(init)))
    forged = create2_address(init)
    assert session.rpc.code(forged) == code
    assert session.rpc.data("eth_getStorageAt", "0x" + forged.hex(), "0x1", "latest")[-1] == 1

    with pytest.raises(SettlementError, match="is not the settlement contract that this version deploys"):
        session.deployer(model.verifying_key).at(forged)  # --contract
    proof = model.prove(IDS, session.context(forged))
    with pytest.raises(SettlementError, match="is not the settlement contract that this version deploys"):
        settle(session, model, proof)  # the proof's context
    session.deployments.add(replace(honest, settlement=forged))
    assert session.ensure_deployed(model.verifying_key) == honest  # the record
    session.deployments.add(replace(honest, settlement=forged))
    session.network = replace(session.network, local_node=False)
    with pytest.raises(SettlementError, match="is not the settlement contract that this version deploys"):
        session.ensure_deployed(model.verifying_key)


def test_a_chain_without_the_deployment_proxy_is_named(session, model):
    from zkllm.settle.create2 import PROXY_CODE

    assert session.rpc.code(PROXY) == PROXY_CODE
    session.rpc.request("anvil_setCode", "0x" + PROXY.hex(), "0x")
    with pytest.raises(SettlementError, match="lacks the deterministic deployment proxy at 0x4e59"):
        session.ensure_deployed(model.verifying_key)
    assert paid(session) == 0


def test_create2_addresses_are_those_of_eip_1014(monkeypatch):
    from zkllm.settle import create2

    monkeypatch.setattr(create2, "PROXY", bytes.fromhex("deadbeef" + "00" * 16))
    assert create2.create2_address(b"\0").hex() == "b928f69bb1d91cd65274e3c79d8986362984fda3"


def test_a_development_srs_never_meets_a_chain_of_value(model):
    key, chain = model.verifying_key, network("anvil")
    for chain_id, testnet in ((1, False), (1, True), (10, False), (8453, False), (11155111, False)):
        other = replace(chain, chain_id=chain_id, local_node=False, testnet=testnet)
        with pytest.raises(SettlementError, match=f"development SRS.* .chain {chain_id}.; set it up again"):
            refuse_development_srs(key, other)
        refuse_development_srs(replace(key, srs_kind="ceremony"), other)
    refuse_development_srs(key, chain)
    refuse_development_srs(key, replace(chain, chain_id=11155111, local_node=False, testnet=True))


class Killed(BaseException):
    """Not an error that anything handles."""


class DyingRpc:
    """A node whose client dies at one request: before it is sent, or after."""

    def __init__(self, rpc: Rpc, method: str, after: bool):
        self._rpc, self._method, self._after = rpc, method, after

    def __getattr__(self, name):
        original = getattr(self._rpc, name)
        if name != self._method:
            return original

        def die(*arguments):
            if self._after:
                original(*arguments)
            raise Killed

        return die


@pytest.mark.parametrize(
    ("method", "after"), [("send", False), ("send", True), ("receipt", False), ("receipt", True)]
)
def test_an_interrupted_run_is_taken_up_and_pays_once(session, open_, model, method, after):
    proof, contract = prepared(session, model)
    dying = open_()
    dying.sender.rpc = DyingRpc(session.rpc, method, after)
    before = paid(session)
    with pytest.raises(Killed):
        settle(dying, model, proof)
    settled = settle(open_(), model, proof)
    assert settled.resumed and settled.text == b" magic"
    assert paid(session) == before + 1
    with pytest.raises(SettlementError, match="settled already"):
        settle(open_(), model, proof)
    assert paid(session) == before + 1


def test_interrupted_deployments_are_taken_up(session, open_, model):
    dying = open_()
    dying.sender.rpc = DyingRpc(session.rpc, "receipt", False)
    with pytest.raises(Killed):
        dying.ensure_deployed(model.verifying_key)
    first = open_().ensure_deployed(model.verifying_key)
    assert paid(session) == 3
    session.deployments.path.unlink()  # killed before it was recorded
    for account in (0, 1):
        again = open_(account).ensure_deployed(model.verifying_key, session.account.address)
        assert again == first
        session.deployments.path.unlink()
    assert (paid(session), paid(open_(1))) == (3, 0)
    for record in session.sender.journal.folder.glob("*.json"):
        record.unlink()
    # as if somebody else had deployed them
    found = open_(1).ensure_deployed(model.verifying_key, contract=first.settlement)
    assert (found.verifier, found.settlement) == (first.verifier, first.settlement)
    assert found.settlement_transaction is None and session.deployments.all() == [found]
    assert (paid(session), paid(open_(1))) == (3, 0)


def test_a_transaction_that_was_replaced_is_sent_anew(session, open_, model):
    proof, contract = prepared(session, model)
    dying = open_()
    dying.sender.rpc = DyingRpc(session.rpc, "send", False)
    with pytest.raises(Killed):
        settle(dying, model, proof)
    session.rpc.request("anvil_setNonce", "0x" + session.account.address.hex(), hex(paid(session) + 1))
    settled = settle(open_(), model, proof)
    assert not settled.resumed and settled.text == b" magic"


def test_another_account_does_not_take_up_a_transaction(session, open_, model):
    dying = open_()
    dying.sender.rpc = DyingRpc(session.rpc, "send", False)
    with pytest.raises(Killed):
        dying.ensure_deployed(model.verifying_key)
    with pytest.raises(SettlementError, match="an earlier run by 0xf39fd6"):
        open_(1).ensure_deployed(model.verifying_key)


def test_a_transaction_that_fails_on_chain_is_reported(session, model, monkeypatch):
    proof, _ = prepared(session, model)
    send = session.sender.send

    def fail(*arguments) -> Receipt:
        return replace(send(*arguments), succeeded=False)

    monkeypatch.setattr(session.sender, "send", fail)
    with pytest.raises(SettlementError, match="settled already"):
        settle(session, model, proof)


def test_an_empty_account_is_named(open_, model):
    poor = open_(3)
    planned = poor.planned(poor.target(model.verifying_key).calls)
    poor.rpc.request("anvil_setBalance", "0x" + poor.account.address.hex(), "0x1")
    with pytest.raises(SettlementError, match="has 0.000000 ether.*fund it|Insufficient funds"):
        poor.ensure_deployed(model.verifying_key)
    one, all_of_them = (sum(t["most"] for t in planned[:n]) for n in (1, 3))
    assert one < (one + all_of_them) // 2
    poor.rpc.request("anvil_setBalance", "0x" + poor.account.address.hex(), hex((one + all_of_them) // 2))
    with pytest.raises(SettlementError, match="to deploy the verifier, .*, register the verifier may cost"):
        poor.ensure_deployed(model.verifying_key)
    assert paid(poor) == 0


def test_records_hold_no_secret(session, model, tmp_path):
    proof, _ = prepared(session, model)
    settle(session, model, proof)
    key = session.account._signer.key.hex().removeprefix("0x")
    texts = [p.read_text() for p in tmp_path.rglob("*.json")]
    assert len(texts) == 5 and not any(key in text for text in texts)
    assert key not in repr(session.account)


def test_a_local_chain_goes_on_in_the_next_session(model, tmp_path, monkeypatch):
    monkeypatch.delenv("ZKLLM_ANVIL_RPC_URL", raising=False)
    chain = replace(network("anvil"), rpc_url="http://127.0.0.1:9")  # nothing listens there
    with open_session(chain, KeySource(), tmp_path) as session:
        proof, contract = prepared(session, model)
        settled = settle(session, model, proof)
        assert session.own_chain is not None
        command = session.own_chain.command
    with terminal(command) as url:  # as the command of a user who wants it to stay
        assert is_settled(Rpc(url, "its chain"), contract, settled.claim_id)
    with open_session(chain, KeySource(), tmp_path) as session:
        assert session.ensure_deployed(model.verifying_key).settlement == contract
        assert paid(session) == 4
        with pytest.raises(SettlementError, match="settled already"):
            settle(session, model, proof)
    with open_session(chain, KeySource(), tmp_path, fresh_chain=True) as session:
        assert session.deployments.all() == [] and paid(session) == 0
        assert session.own_chain is None  # it goes on with nobody


@contextmanager
def terminal(command: Sequence[str]) -> Iterator[str]:
    """Of an Anvil that runs there, at another port than the usual one."""
    running = subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        said = (re.search(r"Listening on (\S+)", line) for line in running.stdout)
        yield f"http://{next(found[1] for found in said if found)}"
    finally:
        running.terminate()
        running.communicate()


def test_a_local_chain_that_was_started_anew_is_deployed_to_again(session, model):
    deployment = session.ensure_deployed(model.verifying_key)
    session.rpc.request("anvil_setCode", "0x" + deployment.settlement.hex(), "0x")
    session.rpc.request("anvil_setNonce", "0x" + deployment.settlement.hex(), "0x0")
    again = session.ensure_deployed(model.verifying_key)
    assert session.rpc.code(again.settlement)
    assert session.deployments.all() == [again]


def test_the_node_must_be_on_the_network_s_chain(rpc, model, tmp_path, monkeypatch):
    wrong = replace(network("anvil"), chain_id=5, local_node=False)
    monkeypatch.setenv(wrong.rpc_url_env, rpc.url)
    with (
        pytest.raises(SettlementError, match="is on chain 31337, expected 5"),
        open_session(wrong, KeySource(), tmp_path),
    ):
        pass


def test_every_error_of_the_contracts_has_a_sentence(model):
    from zkllm.settle.abi import SENTENCES

    for artifact in (settlement_artifact(), verifier_artifact(model.verifying_key)):
        for entry in artifact.abi:
            if entry["type"] == "error":
                assert f"{entry['name']}({','.join(i['type'] for i in entry['inputs'])})" in SENTENCES


def test_code_that_no_chain_takes_is_refused():
    from zkllm.settle.contracts import parse_artifact

    code = {"evm": {"bytecode": {"object": ""}, "deployedBytecode": {"object": "00" * 24_577}}, "abi": []}
    with pytest.raises(SettlementError, match="has 24,577 bytes of code, Ethereum allows 24,576"):
        parse_artifact({"contracts": {"x.sol": {"X": code}}}, "X")
    with pytest.raises(SettlementError, match="made 0 contracts Y"):
        parse_artifact({"contracts": {"x.sol": {"X": code}}}, "Y")


def test_a_transaction_behind_others_of_a_public_network_is_sent_again(session, open_, model):
    proof, _ = prepared(session, model)
    dying = open_()
    dying.sender.rpc = DyingRpc(session.rpc, "send", False)
    with pytest.raises(Killed):
        settle(dying, model, proof)
    address = "0x" + session.account.address.hex()
    count = paid(session)
    session.rpc.request("anvil_setNonce", address, hex(count - 1))  # as if an earlier one were pending
    later = open_()
    later.sender.network = replace(later.network, local_node=False)
    sent = []
    later.sender.rpc = Recording(
        session.rpc, sent, lambda: session.rpc.request("anvil_setNonce", address, hex(count))
    )
    assert settle(later, model, proof).resumed
    assert len(sent) == 1 and paid(session) == count + 1


class Recording:
    """Notes what is sent; `before` runs first."""

    def __init__(self, rpc: Rpc, sent: list, before):
        self._rpc, self._sent, self._before = rpc, sent, before

    def __getattr__(self, name):
        return getattr(self._rpc, name)

    def send(self, signed: bytes) -> bytes:
        self._before()
        self._sent.append(signed)
        return self._rpc.send(signed)
