"""The whole way on a fork of another chain: of a second Anvil with a dumped state, or of the public network
whose node $ZKLLM_FORK_URL names. A consumer contract acts on the settled answer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from testkit.vault import Terms, deploy_vault
from tests.settle.test_session import IDS
from zkllm.cli.settle.verify_source import deployed_sources
from zkllm.errors import SettlementError
from zkllm.settle import escrow
from zkllm.settle.abi import encode_call, read
from zkllm.settle.accounts import development_account
from zkllm.settle.anvil import LocalNode
from zkllm.settle.claims import read_claim
from zkllm.settle.fees import Call
from zkllm.settle.networks import network
from zkllm.settle.recompile import recompile
from zkllm.settle.rpc import Rpc
from zkllm.settle.session import Session
from zkllm.statement import request_id

pytestmark = pytest.mark.slow

FORK_URL = os.environ.get("ZKLLM_FORK_URL")
REWARD, DEPOSIT = 10**17, 10**18
DEPOSITOR, BENEFICIARY = 5, 6
"""Development accounts of the example consumer."""
Open = Callable[..., Session]


@pytest.fixture(scope="module")
def origin(model, tmp_path_factory) -> Iterator[tuple[str, bytes | None]]:
    """(URL of the chain to fork, its settlement contract). Ours was stopped in between: its state is a
    file."""
    if FORK_URL:
        yield FORK_URL, None
        return
    folder = tmp_path_factory.mktemp("origin")
    state = folder / "state.json"
    with LocalNode(state) as node:
        session = Session(node.rpc, network("anvil"), development_account(), folder)
        contract = session.ensure_deployed(model.verifying_key).settlement
    assert state.is_file()
    with LocalNode(state) as node:
        assert node.rpc.code(contract)
        yield node.rpc.url, contract


@pytest.fixture(scope="module")
def fork(origin) -> Iterator[Rpc]:
    """A second Anvil. Its chain id is a development one, whatever was forked."""
    with LocalNode(fork_url=origin[0]) as node:
        yield node.rpc


@pytest.fixture(scope="module")
def open_(fork, tmp_path_factory) -> Open:
    folder = tmp_path_factory.mktemp("home")

    def make(index: int) -> Session:
        return Session(fork, network("anvil"), development_account(index), folder / str(index))

    return make


def deposit(rpc: Rpc, contract: bytes, model, text: bytes) -> bytes:
    """The example consumer, which waits for the toy's answer."""
    depositor, beneficiary = (development_account(i).address for i in (DEPOSITOR, BENEFICIARY))
    deadline = rpc.timestamp() + 10**6
    terms = Terms(contract, model.verifying_key.model_id, IDS[:3], 1, text, beneficiary, deadline)
    return deploy_vault(rpc, depositor, terms, DEPOSIT)


@pytest.mark.long
def test_the_whole_way_on_a_fork(origin, fork, open_: Open, model):
    owner, asker, prover, thief = (open_(i) for i in range(4))
    key = model.verifying_key

    # deploy, or find what the forked chain has
    before = fork.nonce(owner.account.address)
    contract = owner.ensure_deployed(key).settlement
    if origin[1] is not None:
        assert contract == origin[1] and fork.nonce(owner.account.address) == before
    for source in deployed_sources(owner, key, None, contract):
        assert recompile(fork, source)

    # ask, with a reward; a consumer waits for the same answer
    salt = bytes([4] * 32)
    request = request_id(asker.account.address, salt)
    deadline = fork.timestamp() + 7200
    asker.execute(escrow.request_call(contract, request, key.model_id, IDS[:3], 1, deadline, salt, REWARD))
    vault = deposit(fork, contract, model, b" magic")
    wrong = deposit(fork, contract, model, b" science")
    beneficiary, depositor = open_(BENEFICIARY), open_(DEPOSITOR)
    receiver = bytes([0xBE] * 20)
    open_vault = Call("open", "open the vault", vault, encode_call("open(address)", receiver))
    with pytest.raises(SettlementError, match="unknown error"):
        beneficiary.execute(open_vault)  # NotAnswered

    # settle; nobody else can
    prover.ensure_deployed(key, contract=contract)
    proof = model.prove(IDS, prover.context(contract, request))
    copied = prover.prepare(proof, key, model.tokens, verified=True).call
    with pytest.raises(SettlementError, match="another statement, context or model"):
        thief.execute(copied)
    other = model.prove((*IDS[:3], 8), prover.context(contract, request))  # a toy proves any answer
    swapped = prover.prepare(other, key, model.tokens, verified=True).call
    data = swapped.data.replace(model.tokens[8], bytes(len(model.tokens[8])))
    with pytest.raises(SettlementError, match="are not the vocabulary's"):
        prover.execute(Call("wrong-token", "settle", contract, data))
    settled = prover.settle(proof, key, model.tokens)
    assert settled.reward == REWARD and settled.text == b" magic"
    with pytest.raises(SettlementError, match="settled already"):
        open_(2).settle(proof, key, model.tokens)  # a replay

    # read, and act
    claim = read_claim(fork, contract, settled.claim_id)
    assert (claim.text, claim.token_ids) == (b" magic", (0,))
    assert claim.event is not None and claim.event.settler == prover.account.address
    found = read(fork, contract, "claimIdOf(bytes32,uint256,uint32[])", ["bytes32"], key.model_id, 1, IDS[:3])
    assert found == (settled.claim_id,)
    with pytest.raises(SettlementError, match="unknown error"):
        depositor.execute(open_vault)  # NotEntitled
    beneficiary.execute(open_vault)
    assert fork.balance(receiver) == DEPOSIT and fork.balance(vault) == 0
    open_wrong = Call("open-wrong", "open the vault", wrong, encode_call("open(address)", receiver))
    with pytest.raises(SettlementError, match="unknown error"):
        beneficiary.execute(open_wrong)  # NotEntitled
    depositor.execute(open_wrong)
    assert fork.balance(receiver) == 2 * DEPOSIT and fork.balance(wrong) == 0

    # the reward
    receiver = bytes([0xAB] * 20)
    prover.execute(escrow.withdraw_call(contract, prover.account.address, receiver))
    assert fork.balance(receiver) == REWARD
    with pytest.raises(SettlementError, match="has no credit"):
        prover.execute(escrow.withdraw_call(contract, prover.account.address, receiver))


def test_an_expired_request_on_a_fork(fork, open_: Open, model):
    asker = open_(1)
    contract = open_(0).ensure_deployed(model.verifying_key).settlement
    key, salt, ids = model.verifying_key, bytes([5] * 32), (9, 9, 9, 0)
    request = request_id(asker.account.address, salt)
    deadline = fork.timestamp() + 60
    asker.execute(escrow.request_call(contract, request, key.model_id, ids[:3], 1, deadline, salt, REWARD))
    with pytest.raises(SettlementError, match="is still open"):
        asker.execute(escrow.reclaim_call(contract, request))
    fork.request("evm_increaseTime", 120)
    fork.request("evm_mine")
    proof = model.prove(ids, asker.context(contract, request))
    with pytest.raises(SettlementError, match="the deadline of the request .* has passed"):
        asker.settle(proof, key, model.tokens, contract)
    asker.execute(escrow.reclaim_call(contract, request))
    assert escrow.credit_of(fork, contract, asker.account.address) == REWARD
