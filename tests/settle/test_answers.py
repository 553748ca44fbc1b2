"""What real nodes and gateways answer between sending a transaction and its being final: it is waited for,
sent once, and neither lost nor paid for twice. A real Anvil, behind a gateway that speaks for the others."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.settle.proxy import Answer, Gateway, error, gateway, result
from zkllm.errors import SettlementError
from zkllm.settle import transactions
from zkllm.settle.abi import explain
from zkllm.settle.accounts import development_account
from zkllm.settle.anvil import LocalNode
from zkllm.settle.fees import Call
from zkllm.settle.journal import Journal
from zkllm.settle.networks import network
from zkllm.settle.refusals import Refused
from zkllm.settle.rpc import NoBaseFee, Receipt, Reverted, Rpc
from zkllm.settle.transactions import Sender

ACCOUNT = development_account()
NUMBERS = itertools.count(1)
SEND, RECEIPT, LOOK, COUNT = (
    "eth_sendRawTransaction",
    "eth_getTransactionReceipt",
    "eth_getTransactionByHash",
    "eth_getTransactionCount",
)
HEIGHT, BLOCK = "eth_blockNumber", "eth_getBlockByNumber"
HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


@pytest.fixture(scope="module")
def node() -> Iterator[Rpc]:
    with LocalNode() as running:
        yield running.rpc


@pytest.fixture
def between(node: Rpc) -> Iterator[Gateway]:
    with gateway(node.url) as running:
        yield running


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "RESEND_SECONDS", 0.1)
    monkeypatch.setattr(transactions, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(transactions, "LONGEST_POLL_SECONDS", 0.05)


class Payment:
    """One payment to somebody new, through the gateway."""

    def __init__(self, node: Rpc, between: Gateway, folder: Path):
        self.node, self.between, self.folder = node, between, folder
        self.to = (next(NUMBERS) << 100).to_bytes(20, "big")  # beyond the precompiles
        self.call = Call("pay", "pay somebody", self.to, b"", 5)
        self.before = node.nonce(ACCOUNT.address)

    def sender(self, **changes: object) -> Sender:
        chain = replace(network("anvil"), **{"local_node": False} | changes)
        rpc = Rpc(self.between.url, "the gateway", timeout=1, patience=(0.02, 0.02))
        return Sender(rpc, chain, ACCOUNT, Journal(self.folder), 20.0, explain)

    def is_paid_once(self, receipt: object) -> None:
        assert isinstance(receipt, Receipt) and receipt.succeeded
        assert self.node.balance(self.to) == 5 and self.node.nonce(ACCOUNT.address) == self.before + 1
        record = Journal(self.folder).load("pay")
        assert record is not None and record.state == "mined" and record.nonce == self.before
        assert self.between.unsaid == 0, "the test did not get to what it is about"

    def is_not_paid(self) -> None:
        assert self.node.balance(self.to) == 0 and self.node.nonce(ACCOUNT.address) == self.before
        record = Journal(self.folder).load("pay")
        assert record is not None and record.state == "signed"


@pytest.fixture
def payment(node: Rpc, between: Gateway, tmp_path: Path) -> Payment:
    return Payment(node, between, tmp_path)


# ---- to sending it

TAKEN_IN_OTHER_WORDS = {
    "geth": error("already known"),
    "geth of old": error("known transaction: 7f65"),
    "Nethermind": error("AlreadyKnown", -32010),
    "Besu": error("Known transaction", status=400),
    "Erigon": error("ALREADY_EXISTS: already known"),
    "Anvil": error("transaction already imported", -32003),
    "OpenEthereum": error("Transaction with the same hash was already imported.", -32010),
    "geth, mined": error("nonce too low: next nonce 9, tx nonce 8"),
    "Besu, mined": error("Nonce too low", -32001, status=400),
    "Nethermind, mined": error("OldNonce, Current nonce: 9, nonce of rejected tx: 8", -32010),
    "Erigon, mined": error("INTERNAL_ERROR: nonce too low"),
    "Arbitrum, mined": error("invalid transaction nonce"),
    "geth, an equal one": error("replacement transaction underpriced"),
    "Nethermind, an equal one": error("ReplacementNotAllowed", -32010),
    "Erigon, an equal one": error("INTERNAL_ERROR: could not replace existing tx"),
    "a gateway": Answer(HTML, 502),
    "a busy gateway": Answer(b"", 503),
    "a gateway whose node is slow": Answer({"error": {"code": -32000, "message": "request timed out"}}),
    "a slow gateway": Answer({"result": "0x"}, seconds=1.5),
    "a gateway that breaks off": Answer(None),
    "a gateway that says another hash": result("0x" + "ab" * 32),
    "a gateway that says nothing": result(None),
}


@pytest.mark.parametrize("who", TAKEN_IN_OTHER_WORDS)
def test_a_transaction_that_was_taken_is_waited_for(payment, between, who):
    """And is not shown for a while: the words alone tell."""
    between.say(SEND, replace(TAKEN_IN_OTHER_WORDS[who], taken=True))
    between.say(LOOK, result(None))
    between.say(RECEIPT, result(None), result(None))
    payment.is_paid_once(payment.sender().send(payment.call))


NOT_NOW = {
    "geth": error("txpool is full"),
    "a node that is behind": error("nonce too high"),
    "Nethermind that is behind": error("NonceGap, Future nonce. Expected nonce: 3", -32010),
    "Arbitrum": error("sequencer pending tx pool full, please try again"),
    "Infura": error(
        "project ID request rate exceeded",
        -32005,
        status=429,
        data={"rate": {"allowed_rps": 50, "backoff_seconds": 0.01, "current_rps": 52.3}},
    ),
    "Alchemy": error("Your app has exceeded its compute units per second capacity.", 429, status=429),
    "QuickNode": error("50/second request limit reached - reduce calls per second", -32007),
    "Base": error("over rate limit", -32016),
    "a proxy": Answer(b"slow down", 429, {"Retry-After": "0"}),
    "a proxy without words": Answer(b"", 429),
    "a node at its start": error("node is syncing"),
    "Cloudflare": Answer(HTML, 200),
}


@pytest.mark.parametrize("who", NOT_NOW)
def test_a_transaction_that_is_not_taken_now_is_sent_again(payment, between, who):
    between.say(SEND, *[NOT_NOW[who]] * 4)  # more than the gateway is asked at once
    payment.is_paid_once(payment.sender().send(payment.call))


REFUSED = {
    "insufficient funds for gas * price + value: balance 0, tx cost 7": "fund the account",
    "InsufficientFunds, Account balance: 30, cumulative cost: 58": "fund the account",
    "Upfront cost exceeds account balance": "fund the account",
    "INTERNAL_ERROR: insufficient funds": "fund the account",
    "max fee per gas less than block base fee: maxFeePerGas: 1": "raise the network's max_fee_gwei",
    "FeeTooLow, MaxFeePerGas too low. MaxFeePerGas: 1, BaseFee: 2": "raise the network's max_fee_gwei",
    "transaction underpriced: gas tip cap 1, minimum needed 2": "raise the network's max_tip_gwei",
    "FeeTooLowToCompete": "raise the network's max_tip_gwei",
    "INTERNAL_ERROR: underpriced": "raise the network's max_tip_gwei",
    "Gas price below configured minimum gas price": "raise the network's max_tip_gwei",
    "intrinsic gas too low: gas 20000, minimum needed 21000": "set its calldata_floor",
    "insufficient gas for floor data gas cost": "set its calldata_floor",
    "Intrinsic gas exceeds gas limit": "set its calldata_floor",
    "exceeds block gas limit": "set its transaction_gas_cap",
    "transaction gas limit too high (cap: 16777216, tx: 20000000)": "set its transaction_gas_cap",
    "GasLimitExceeded": "set its transaction_gas_cap",
    "tx fee (1.10 ether) exceeds the configured cap (1.00 ether)": "the node's own limit",
    "Transaction fee cap exceeded": "the node's own limit",
    "only replay-protected (EIP-155) transactions allowed over RPC": "check the node's URL and chain",
    "the method eth_sendRawTransaction does not exist/is not available": "this node takes no transactions",
    "some words that nobody knows": "run the same command again",
}


@pytest.mark.parametrize("words", REFUSED)
def test_a_refusal_says_what_to_do_and_loses_nothing(payment, between, words):
    code = (
        -32005 if words == "exceeds block gas limit" else -32000
    )  # Besu's, which others have for a rate limit
    between.say(SEND, error(words, code))
    with pytest.raises(Refused) as caught:
        payment.sender().send(payment.call)
    said = str(caught.value)
    assert words in said and REFUSED[words] in said and "\n" not in said
    payment.is_not_paid()
    payment.is_paid_once(payment.sender().resume("pay"))  # the same command, run again


# ---- to looking for it

UNSEEN = {
    "nothing": result(None),
    "geth": error("transaction indexing is in progress", data="transaction indexing is in progress"),
    "OpenEthereum": result(
        {"blockHash": None, "blockNumber": None, "logs": [], "transactionHash": "0x" + "ab" * 32}
    ),
    "a node that is behind": error("header not found"),
    "Besu": error("Unknown block", -39001),
    "Reth": error("block not found: 0x11", -32001),
    "Infura": error("daily request count exceeded, request rate limited", -32005, status=429),
    "a gateway": Answer(HTML, 502),
    "Cloudflare": Answer(HTML),
    "a gateway that breaks off": Answer(None),
    "another version": result({"blockNumber": "0x1"}),
    "a gateway that knows less": error("the method is not available", -32601),
    "an internal error": error("Internal error", -32603),
    "JSON-RPC 1": Answer({"result": None, "error": {"code": -32000, "message": "busy"}}),
    "nobody": Answer({"id": 77, "result": None}),
}


@pytest.mark.parametrize("who", UNSEEN)
def test_a_receipt_that_is_not_shown_is_waited_for(payment, between, who):
    between.say(RECEIPT, *[UNSEEN[who]] * 6)
    payment.is_paid_once(payment.sender().send(payment.call))
    assert between.asked[SEND] == 1 or who != "nothing"


@pytest.mark.parametrize("who", UNSEEN)
def test_a_killed_run_s_transaction_is_waited_for(payment, between, who):
    """Whatever the node says to the next run, which finds the transaction on disk."""

    class Killed(BaseException):
        pass

    dying = payment.sender()
    dying._wait = lambda record: (_ for _ in ()).throw(Killed)
    with pytest.raises(Killed):
        dying.send(payment.call)
    between.say(RECEIPT, *[UNSEEN[who]] * 4)
    between.say(LOOK, *[UNSEEN[who]] * 2)
    between.say(SEND, error("nonce too low"))
    receipt = payment.sender().resume("pay")
    between.forget()  # not all have to be asked
    payment.is_paid_once(receipt)


def test_geth_that_indexes_does_not_hide_an_earlier_offer(payment, between, node):
    """Of two offers under one nonce the first was mined, and the node cannot tell about the second."""
    journal = Journal(payment.folder)
    payment.sender().send(payment.call)
    record = journal.load("pay")
    assert record is not None
    never = replace(record.attempts[0], transaction_hash=bytes([1] * 32))
    journal.save(replace(record, state="sent", attempts=(*record.attempts, never)))

    def indexing(data: dict) -> dict:
        words = {"code": -32000, "message": "transaction indexing is in progress"}
        return data if data.get("result") is not None else {"id": data["id"], "error": words}

    between.changed = {RECEIPT: indexing, LOOK: indexing}
    payment.is_paid_once(payment.sender().resume("pay"))


def test_a_nonce_is_given_up_only_by_a_node_that_can_tell(payment, between):
    """geth that indexes shows neither the transaction nor its receipt, while the nonce is used: by it."""
    unknown = error("transaction indexing is in progress")
    between.say(SEND, replace(error("nonce too low"), taken=True))
    between.say(RECEIPT, result(None), result(None), *[unknown] * 20)
    between.say(LOOK, *[result(None)] * 3)
    payment.is_paid_once(payment.sender().send(payment.call))
    assert len(Journal(payment.folder).load("pay").attempts) == 1


# ---- to waiting until it is deep


def once_sent(sending: Sender, then: Callable[[], None]) -> None:
    """`then` comes after the transaction was sent for the first time."""
    broadcast = sending._broadcast

    def first(record: object) -> None:
        sending._broadcast = broadcast
        broadcast(record)
        then()

    sending._broadcast = first


HEIGHTS = {
    "a node that is behind": result("0x0"),
    "a gateway": Answer(HTML, 502),
    "a busy gateway": error("too many requests", 429, status=429),
    "an internal error": error("Internal error", -32603),
    "nothing": result(None),
}
BLOCKS = {
    "a node that is behind": result(None),
    "geth": error("header not found"),
    "Besu": error("Unknown block", -39001),
    "Erigon": error("block not found 11185311"),
    "a gateway": Answer(HTML, 503),
    "another fork": result({"hash": "0x" + "ab" * 32}),
    "a block without a hash": result({}),
}


@pytest.mark.parametrize(
    ("method", "who"), [(HEIGHT, who) for who in HEIGHTS] + [(BLOCK, who) for who in BLOCKS]
)
def test_a_head_that_is_not_shown_is_waited_for(payment, between, node, method, who):
    sending = payment.sender(confirmations=2)

    def then() -> None:
        node.request("anvil_mine", "0x1")
        between.say(method, *[{HEIGHT: HEIGHTS, BLOCK: BLOCKS}[method][who]] * 4)

    once_sent(sending, then)
    payment.is_paid_once(sending.send(payment.call))


PRUNED = [
    error("missing trie node d74423b54378a6d4 (path )"),
    error("historical state 0xab is not available"),
    error("No state available for block 0x11", -32002),
    error("old data not available due to pruning"),
    error("State at block #3 is pruned", -32603),
    error("World state unavailable", -32000),
]


def test_a_node_without_the_state_of_a_block_gives_no_nonce_up(payment, between):
    """The nonce of the block that has to be as deep is asked for where no receipt is shown."""
    between.say(RECEIPT, *[result(None)] * 8)
    between.say(LOOK, *[result(None)] * 2)
    sending = payment.sender()
    once_sent(sending, lambda: between.say(COUNT, *PRUNED))
    payment.is_paid_once(sending.send(payment.call))


def test_backends_that_are_not_equally_far(payment, between, node):
    """Behind one URL: one shows the receipt, the next does not, nor the block that it is in."""
    sending = payment.sender(confirmations=2)
    look = between._ask

    def then() -> None:
        node.request("anvil_mine", "0x1")
        dice = random.Random(1)

        def uneven(request: dict) -> dict:
            found, method = look(request), request["method"]
            if method not in (RECEIPT, LOOK, HEIGHT, BLOCK) or dice.random() < 0.4:
                return found
            return found | {"result": "0x1" if method == HEIGHT else None}

        between._ask = uneven

    once_sent(sending, then)
    payment.is_paid_once(sending.send(payment.call))


def test_what_was_last_said_is_said_at_the_end(payment, between):
    sending = payment.sender()
    sending._timeout = 0.3
    between.changed = {
        RECEIPT: lambda data: {"id": data["id"], "error": {"code": 1, "message": "out of order"}}
    }
    with pytest.raises(
        SettlementError, match="not final yet; run the same command again.* said: .*out of order"
    ):
        sending.send(payment.call)
    between.changed = {}
    payment.is_paid_once(payment.sender().resume("pay"))


def test_what_is_waited_for_is_said(payment, between):
    stages: list[str] = []
    sending = payment.sender()
    sending._progress = lambda stage, done, total: stages.append(stage)
    between.say(RECEIPT, *[UNSEEN["geth"]] * 3, *[result(None)] * 2)
    payment.is_paid_once(sending.send(payment.call))
    assert [s for s, _ in itertools.groupby(stages)] == [
        "wait for the transaction "
        "(the node refused eth_getTransactionReceipt: transaction indexing is in progress)",
        "wait for the transaction",
    ]


# ---- several nodes, and how long they want to be left alone


def test_another_node_is_asked_where_one_is_behind(between, node):
    nowhere = "0x" + "ab" * 32
    for said in (*PRUNED, UNSEEN["geth"], UNSEEN["a node that is behind"], NOT_NOW["QuickNode"]):
        between.say("eth_getBalance", said)
        both = Rpc(f"{between.url},{node.url}", "both", timeout=5)
        assert both.balance(ACCOUNT.address) > 0 and between.unsaid == 0
    assert Rpc(between.url, "one", timeout=5).receipt(bytes.fromhex(nowhere[2:])) is None


def test_a_gateway_is_left_alone_as_long_as_it_asks(between, monkeypatch):
    from zkllm.settle import rpc as module

    pauses: list[float] = []
    monkeypatch.setattr(
        module.time, "sleep", lambda seconds: pauses.append(seconds) if seconds != 0.0 else None
    )
    asked = Rpc(between.url, "the gateway", timeout=5, patience=(1.0,) * 5)
    between.say(
        "eth_chainId",
        Answer(b"slow down", 429, {"Retry-After": "7"}),
        error("slow down", -32005, status=429, data={"rate": {"backoff_seconds": 30}}),
        Answer(b"", 503, {"Retry-After": "999999999999"}),
        Answer(b"", 429, {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}),
        error("slow down", 429, data={"backoff_seconds": "soon"}),
    )
    assert asked.chain_id() == 31337
    assert [p for p in pauses if p >= 1.0] == [7.0, 30.0, 60.0, 1.0, 1.0]


# ---- before it is sent


def test_the_reasons_of_a_call_s_failure_in_the_nodes_own_forms(between):
    reason = (
        "0x08c379a0"
        + (32).to_bytes(32, "big").hex()
        + (2).to_bytes(32, "big").hex()
        + b"no".ljust(32, b"\0").hex()
    )
    for said in (
        error("execution reverted: no", 3, data=reason),  # geth, Reth, Erigon
        error("Execution reverted (no)", 3, data=reason),  # Besu
        error("VM execution error.", -32015, data="Reverted " + reason),  # Nethermind, OpenEthereum
        error("execution reverted", -32000, data={"data": reason}),
    ):
        between.say("eth_call", said)
        with pytest.raises(Reverted) as caught:
            Rpc(between.url, "the gateway", timeout=5).call(bytes(20), b"")
        assert str(explain(caught.value)) == "no"
    between.say("eth_call", error("VM execution error.", -32015, data="Reverted 0x"))
    with pytest.raises(SettlementError, match="VM execution error"):
        Rpc(between.url, "the gateway", timeout=5).call(bytes(20), b"")


def test_a_node_without_a_tip_s_estimate_is_used_all_the_same(payment, between):
    between.say("eth_maxPriorityFeePerGas", error("Method not found", -32601, status=404))
    payment.is_paid_once(payment.sender().send(payment.call))


def test_a_chain_without_a_base_fee_is_named_before_anything_is_signed(tmp_path):
    """Anvil as it was before London."""
    with LocalNode(hardfork="berlin") as old:
        paying = Sender(old.rpc, network("anvil"), ACCOUNT, Journal(tmp_path), 5.0, explain)
        with pytest.raises(NoBaseFee, match=r"this chain has no base fee \(EIP-1559\)"):
            paying.send(Call("pay", "pay somebody", bytes([9] * 20), b"", 5))
        assert old.rpc.nonce(ACCOUNT.address) == 0 and not list(tmp_path.iterdir())


def test_a_chain_that_says_so_only_when_it_is_sent_to_is_named(payment, between):
    between.say(SEND, error("transaction type not supported"))
    with pytest.raises(NoBaseFee, match=r"this chain has no base fee \(EIP-1559\): transaction type not"):
        payment.sender().send(payment.call)
    payment.is_not_paid()
