"""Requests of a real chain: taken, answered and paid for; or left, with the reason; and nothing twice."""

from __future__ import annotations

import pytest

from tests.serve.scene import ASKER, NODE, RIVAL
from tests.settle.proxy import Answer, error, gateway, result
from zkllm.errors import SettlementError
from zkllm.serve.jobs import DROPPED, FORESTALLED, State
from zkllm.settle import transactions
from zkllm.settle.accounts import development_account
from zkllm.settle.escrow import State as RequestState
from zkllm.settle.escrow import credit_of, read_request
from zkllm.units import ETHER, GWEI

OTHER = (8, 9)


def set_base_fee(rpc, wei: int) -> None:
    rpc.request("anvil_setNextBlockBaseFeePerGas", hex(wei))
    rpc.request("anvil_mine", "0x1")


def balance(scene) -> int:
    return scene.rpc.balance(development_account(NODE).address)


def test_a_request_is_answered_paid_for_and_withdrawn(scene, ask):
    node = scene.node()
    request = ask()
    before = scene.paid()
    node.step()
    job = node.only()
    assert (job.state, job.order.reward, job.order.settle) == (State.SETTLED, ETHER, True)
    assert read_request(scene.rpc, scene.contract, request).state is RequestState.CLOSED
    assert job.gas_used and job.transaction_hash and job.block_number
    assert scene.paid() == before + 2  # settled, withdrawn
    assert credit_of(scene.rpc, scene.contract, development_account(NODE).address) == 0
    node.step()
    assert scene.paid() == before + 2 and node.only().state is State.SETTLED


def test_several_are_answered_the_best_first_and_withdrawn_when_it_pays(scene, ask):
    node = scene.node(withdraw_factor=1e9)
    small = ask(OTHER, reward=ETHER // 2, salt=1)
    large = ask(reward=ETHER, salt=2)
    node.watch()
    assert [job.order.context.request_id for job in node.jobs.all()] == [large, small]
    before = scene.paid()
    for _ in range(2):
        node.step()
    assert [job.state for job in node.jobs.all()] == [State.SETTLED] * 2 and scene.paid() == before + 2
    credit = lambda: credit_of(scene.rpc, scene.contract, development_account(NODE).address)
    assert credit() == ETHER * 3 // 2  # not worth a transaction by that factor
    later = scene.node(withdraw_factor=20.0)
    later.step()
    assert credit() == 0 and scene.paid() == before + 3


LEFT = {
    "a reward below its cost": ({"reward": 10**13}, "its reward of 0.000010 ether is below"),
    "no reward": ({"reward": 0}, "its reward of 0.000000 ether is below"),
    "a deadline that is near": ({"seconds": 65}, "its deadline is"),
    "a digest alone": ({"hide": True}, "its prompt is not told"),
    "a sealed prompt": ({"prompt_salt": 7}, "its prompt is not told"),
    "a prompt too long": ({"prompt": tuple(range(5, 22))}, "no shape here is for 17 tokens"),
    "an id that is none": ({"prompt": (5, 5000)}, "token id 5000 is not below the vocabulary's size"),
}


@pytest.mark.parametrize("case", LEFT)
def test_what_is_not_worth_it_is_left(scene, ask, case):
    options, words = LEFT[case]
    node = scene.node()
    request = ask(**options)
    before = scene.paid()
    node.step()
    assert not node.jobs.all() and scene.paid() == before
    assert words in node.reason(request)


def test_a_request_that_becomes_worth_it_is_taken(scene, ask):
    node = scene.node()
    set_base_fee(scene.rpc, 100 * GWEI)
    request = ask(reward=ETHER // 100)
    node.watch()
    assert not node.jobs.all() and "is below" in node.reason(request)
    set_base_fee(scene.rpc, GWEI)
    node.step()
    assert node.only().state is State.SETTLED


def test_fees_that_rise_are_waited_for_and_nothing_is_paid_above_the_reward(scene, ask):
    node = scene.node()
    ask(reward=ETHER // 100, seconds=300)
    node.watch()
    node.prove()
    set_base_fee(scene.rpc, 100 * GWEI)
    before, held = scene.paid(), balance(scene)
    node.settle()
    job = node.only()
    assert job.state is State.PROVED and "waiting for gas to be cheaper" in job.reason
    assert scene.paid() == before and balance(scene) == held
    set_base_fee(scene.rpc, GWEI)
    scene.rpc.request("evm_increaseTime", 1)
    node.settle()
    job = node.only()
    assert job.state is State.SETTLED and job.gas_used * job.gas_price < job.order.reward


def test_what_stays_too_dear_ends_with_its_deadline(scene, ask):
    node = scene.node()
    ask(reward=ETHER // 100, seconds=300)
    node.watch()
    node.prove()
    set_base_fee(scene.rpc, 100 * GWEI)
    node.settle()
    scene.rpc.request("evm_increaseTime", 400)
    scene.rpc.request("anvil_mine", "0x1")
    before = scene.paid()
    node.settle()
    assert node.only().state is State.CANCELLED and "deadline" in node.only().reason
    assert scene.paid() == before


def test_the_offer_is_never_above_what_the_reward_covers(scene, ask):
    """A base fee that rises while the transaction waits is not followed beyond that."""
    node = scene.node(margin=1.0)
    set_base_fee(scene.rpc, 10 * GWEI)
    ask(reward=ETHER // 200)
    node.watch()
    node.prove()
    node.settle()
    job = node.only()
    assert job.state is State.SETTLED
    (record,) = [r for r in node.chain.session.sender.journal.all() if r.intent.startswith("settle")]
    assert all(a.max_fee * job.gas_used <= job.order.reward for a in record.attempts)


@pytest.mark.parametrize(("proved", "named"), [(False, True), (True, True), (True, False)])
def test_somebody_who_settles_first_ends_the_job_before_anything_is_paid(scene, ask, proved, named):
    node = scene.node()
    request = ask()
    node.watch()
    if proved:
        node.prove()
    scene.settle(RIVAL, request=request if named else bytes(32))
    before = scene.paid()
    if proved:
        node.settle()  # before the watcher has seen it
        assert node.only().state is State.PROVED and node.only().reason == FORESTALLED
    node.watch()
    assert node.only().state is State.CANCELLED and node.only().reason == FORESTALLED
    node.step()
    assert scene.paid() == before


def test_a_request_that_was_answered_or_returned_is_not_taken(scene, ask):
    node = scene.node()
    ask(seconds=100)
    scene.settle(RIVAL)  # in nobody's name: the reward goes back
    ask(OTHER, salt=1)
    scene.settle(RIVAL, OTHER)
    node.step()
    assert not node.jobs.all()


def test_one_claim_asked_for_twice_is_paid_once(scene, ask):
    node = scene.node()
    first, second = ask(salt=1), ask(salt=2)
    before = scene.paid()
    for _ in range(3):
        node.step()
    by_request = {job.order.context.request_id: job for job in node.jobs.all()}
    assert {first, second} == set(by_request)
    states = sorted(job.state for job in by_request.values())
    assert states == [State.CANCELLED, State.SETTLED] and scene.paid() == before + 2


def test_an_outbidding_rival_in_the_same_block_is_no_loss_of_a_job(scene, ask):
    """Somebody's transaction is mined between the simulation and ours: ours fails on chain, is counted, and
    the job ends."""
    node = scene.node()
    request = ask()
    node.watch()
    node.prove()
    session = node.chain.session
    send = session.sender._broadcast

    def outbid(record):
        session.sender._broadcast = send
        scene.settle(RIVAL, request=request)
        send(record)

    node.settler._chain.session.capped = lambda cap: session
    session.sender._broadcast = outbid
    node.settle()
    assert node.only().state is State.PROVED and "settled already" in node.only().reason
    node.watch()
    assert node.only().state is State.CANCELLED
    assert b'zkllm_gas_total{what="failed settling"}' in node.metrics.text()


def test_a_transaction_that_fails_on_the_chain_is_not_paid_for_again(scene, ask, monkeypatch):
    node = scene.node()
    ask()
    node.watch()
    node.prove()
    before = scene.paid()
    with monkeypatch.context() as patch:
        patch.setattr(transactions, "gas_limit", lambda *_: 200_000)  # too little
        for _ in range(4):
            node.settle()
    assert node.only().state is State.FAILED and "failed on chain" in node.only().reason
    assert scene.paid() == before + 1
    node.jobs.retry(node.only().id)
    node.settle()
    assert node.only().state is State.SETTLED


# ---- reorganisations
def test_a_reorganisation_that_removes_the_request_cancels_its_job_and_revives_it(scene, ask):
    node = scene.node()
    scene.rpc.request("anvil_mine", "0x2")
    node.watch()
    snapshot = scene.rpc.request("evm_snapshot")
    ask()
    node.watch()
    node.prove()
    scene.revert(snapshot)
    before = scene.paid()
    node.settle()
    assert node.only().state is State.PROVED and "is not on the chain" in node.only().reason
    node.watch()
    assert (node.only().state, node.only().reason) == (State.CANCELLED, DROPPED)
    node.settle()
    assert scene.paid() == before
    forget_journal(scene, ASKER)
    ask()  # its transaction is mined again, in another block
    node.watch()
    assert node.only().state is State.PROVED
    node.settle()
    assert node.only().state is State.SETTLED


def test_a_reorganisation_that_removes_the_settlement_has_it_settled_again_once(scene, ask):
    node = scene.node(withdraw_factor=1e9)
    ask()
    node.watch()
    node.prove()
    snapshot = scene.rpc.request("evm_snapshot")
    before = scene.paid()
    node.settle()
    first = node.only()
    assert first.state is State.SETTLED and scene.paid() == before + 1
    scene.revert(snapshot)
    assert scene.paid() == before
    node.watch()
    node.settle()
    again = node.only()
    assert again.state is State.SETTLED and scene.paid() == before + 1
    assert again.transaction_hash == first.transaction_hash, (
        "the same signed transaction, under the same nonce"
    )
    assert again.block_hash != first.block_hash
    node.step()
    assert scene.paid() == before + 1


def test_a_reorganisation_that_puts_a_rival_first_ends_the_job(scene, ask):
    node = scene.node(withdraw_factor=1e9)
    request = ask()
    node.watch()
    node.prove()
    snapshot = scene.rpc.request("evm_snapshot")
    node.settle()
    assert node.only().state is State.SETTLED
    scene.revert(snapshot)
    forget_journal(scene, RIVAL)
    scene.settle(RIVAL, request=request)
    for _ in range(3):
        node.watch()
        node.settle()
    assert node.only().state is not State.SETTLED


def test_gaps_are_filled_in_ranges_that_the_node_takes(scene, ask):
    with gateway(scene.rpc.url) as between:
        node = scene.node(between.url, blocks_at_once=7)
        ask()
        scene.rpc.request("anvil_mine", hex(40))
        ask(OTHER, salt=1)
        between.say("eth_getLogs", error("query returned more than 10000 results", -32005))
        with pytest.raises(SettlementError):  # by its code: asked too often
            node.watch()
        between.say("eth_getLogs", error("block range is too wide"), error("range over 5"))
        node.watch()
        assert len(node.jobs.all()) == 2 and between.asked["eth_getLogs"] > 8


# ---- nodes that lie, stall or are behind
def test_what_a_node_says_is_compared_with_what_follows(scene, ask):
    with gateway(scene.rpc.url) as between:
        node = scene.node(between.url)
        request = ask(reward=10**13)

        def richer(data):
            for entry in data["result"]:
                words = entry["data"][2:]
                if len(words) > 5 * 64:
                    entry["data"] = "0x" + words[: 2 * 64] + f"{ETHER:064x}" + words[3 * 64 :]
            return data

        between.changed["eth_getLogs"] = richer
        before = scene.paid()
        node.step()
        assert not node.jobs.all() and scene.paid() == before
        assert node.reason(request) == "the contract does not have it as it was announced"


def test_a_request_that_is_announced_for_another_claim_is_left(scene, ask):
    with gateway(scene.rpc.url) as between:
        node = scene.node(between.url)
        request = ask()

        def other(data):
            for entry in data["result"]:
                if len(entry["topics"]) == 4 and entry["topics"][1] == "0x" + request.hex():
                    entry["topics"][2] = "0x" + "ab" * 32
            return data

        between.changed["eth_getLogs"] = other
        node.step()
        assert not node.jobs.all() and "another claim" in node.reason(request)


BROKEN = {
    "nonsense": result("nonsense"),
    "another contract's": result([{"address": "0x" + "11" * 20, "topics": [], "data": "0x",
                                   "blockNumber": "0x1", "blockHash": "0x" + "22" * 32,
                                   "transactionHash": "0x" + "33" * 32}]),
    "no answer": Answer(None),
    "a stall": Answer({"result": []}, seconds=3.0),
    "no JSON": Answer(b"<html>busy</html>"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_answers_that_are_none_are_waited_out_and_nothing_is_lost(scene, ask, case):
    with gateway(scene.rpc.url) as between:
        node = scene.node(between.url)
        node.chain.reader = lambda: node.chain.session.rpc
        ask()
        between.say("eth_getLogs", BROKEN[case])
        with pytest.raises(SettlementError) as caught:
            node.watch()
        node.watcher.failed(caught.value)
        assert node.chain.trouble
        node.watch()
        assert node.only().state is State.QUEUED and not node.chain.trouble


def test_a_chain_that_changes_while_it_is_looked_at_is_looked_at_again(scene, ask):
    with gateway(scene.rpc.url) as between:
        node = scene.node(between.url)
        ask()
        asked = []

        def other_hash(data):
            asked.append(data)
            if len(asked) == 1:
                data["result"]["hash"] = "0x" + "77" * 32
            return data

        between.changed["eth_getBlockByNumber"] = other_hash
        node.watch()
        assert not node.jobs.all()
        node.watch()
        assert node.only().state is State.QUEUED


def test_a_node_that_stops_answering_while_a_settlement_waits_loses_nothing(scene, ask, monkeypatch):
    monkeypatch.setattr(transactions, "RESEND_SECONDS", 0.05)
    with gateway(scene.rpc.url) as between:
        node = scene.node(between.url)
        ask()
        node.watch()
        node.prove()
        before = scene.paid()
        between.say("eth_sendRawTransaction", error("busy", taken=True), *[Answer(None, taken=True)] * 2)
        between.say("eth_getTransactionReceipt", *[Answer(None)] * 4)
        node.settle()
        for _ in range(3):
            node.settle()
        assert node.only().state is State.SETTLED and scene.paid() == before + 2


def test_a_transaction_that_waits_keeps_its_job_settling(scene, ask):
    """However long it takes, and whatever is said meanwhile."""
    node = scene.node(withdraw_factor=1e9)
    ask()
    node.watch()
    node.prove()
    before = scene.paid()
    session = node.chain.session
    session.capped, session.sender._timeout = lambda cap: session, 0.3
    scene.rpc.request("evm_setAutomine", False)
    for _ in range(2):
        node.settle()
        assert node.only().state is State.SETTLING and "not final yet" in node.only().reason
    node.watch()
    assert node.only().state is State.SETTLING and scene.paid() == before
    scene.rpc.request("anvil_mine", "0x1")
    node.settle()
    assert node.only().state is State.SETTLED and scene.paid() == before + 1


def test_an_account_without_means_keeps_the_job(scene, ask):
    node = scene.node()
    ask()
    node.watch()
    node.prove()
    address = "0x" + development_account(NODE).address.hex()
    held = scene.rpc.request("eth_getBalance", address, "latest")
    scene.rpc.request("anvil_setBalance", address, "0x1")
    node.settle()
    assert node.only().state is State.PROVED and "fund it" in node.only().reason
    scene.rpc.request("anvil_setBalance", address, held)
    node.settle()
    assert node.only().state is State.SETTLED


def test_a_job_that_fails_again_and_again_ends_as_failed_with_the_reason(scene, ask):
    node = scene.node()
    ask()
    node.watch()
    node.prove()
    scene.rpc.request("anvil_setBalance", "0x" + development_account(NODE).address.hex(), "0x1")
    for _ in range(5):
        node.settle()
    assert node.only().state is State.FAILED and "fund it" in node.only().reason
    assert node.jobs.retry(node.only().id).state is State.PROVED


def forget_journal(scene, account: int) -> None:
    """Of somebody whose transactions a reorganisation dropped."""
    for path in (scene.folder / f"account-{account}" / "transactions").rglob("*.json"):
        path.unlink()


def test_a_full_journal_sends_nothing(scene, ask, monkeypatch):
    node = scene.node()
    ask()
    node.watch()
    node.prove()
    before = scene.paid()

    def full(record):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("zkllm.settle.journal.Journal.save", lambda self, record: full(record))
        node.settle()
    assert node.only().state is State.PROVED and "nothing was sent" in node.only().reason
    assert scene.paid() == before
    node.settle()
    assert node.only().state is State.SETTLED
