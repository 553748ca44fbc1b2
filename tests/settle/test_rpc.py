"""Whatever a node answers: a checked value, or one error of one line."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.settle.liar import Liar
from zkllm.errors import SettlementError
from zkllm.settle.abi import explain_revert, selector, settled_event
from zkllm.settle.http import hosts_in, read_body
from zkllm.settle.networks import network
from zkllm.settle.rpc import Log, Reverted, Rpc, RpcError, checksum_address, one_line, parse_address

HASH = bytes(range(32))


@pytest.fixture(scope="module")
def liar() -> Iterator[Liar]:
    liar = Liar()
    yield liar
    liar.server.shutdown()
    liar.server.server_close()


@pytest.fixture
def rpc(liar: Liar) -> Rpc:
    liar.status = 200
    return Rpc(liar.url, "the node", timeout=5)


class Slowly(BaseHTTPRequestHandler):
    """An answer that comes byte by byte, for ever."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(OSError):  # until nobody listens
            while True:
                self.wfile.write(b"x")
                time.sleep(0.001)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def slow_answer() -> Iterator[requests.Response]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Slowly) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with requests.get(f"http://127.0.0.1:{server.server_port}", stream=True, timeout=5) as response:
            yield response
        server.shutdown()


def test_an_answer_has_an_end(slow_answer: requests.Response) -> None:
    assert read_body(slow_answer, 100, 60.0) == b"x" * 101


def test_an_answer_has_a_deadline(slow_answer: requests.Response) -> None:
    """However fast its next byte comes."""
    with pytest.raises(TimeoutError):
        read_body(slow_answer, 1 << 40, 0.1)


CALLS = {
    "chain_id": lambda rpc: rpc.chain_id(),
    "code": lambda rpc: rpc.code(bytes(20)),
    "base_fee": lambda rpc: rpc.base_fee(),
    "receipt": lambda rpc: rpc.receipt(HASH),
    "knows": lambda rpc: rpc.knows(HASH),
    "send": lambda rpc: rpc.send(b"\x02"),
    "call": lambda rpc: rpc.call(bytes(20), b"\x01"),
}

RECEIPT = {
    "transactionHash": "0x" + HASH.hex(),
    "blockNumber": "0x5",
    "blockHash": "0x" + "33" * 32,
    "status": "0x1",
    "gasUsed": "0x5208",
    "effectiveGasPrice": "0x1",
    "contractAddress": None,
    "logs": [{"address": "0x" + "11" * 20, "topics": ["0x" + "22" * 32], "data": "0x"}],
}

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["0x", "0x0", "0xzz", "0x01"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(RECEIPT)), inner, max_size=4)
    ),
    max_leaves=8,
)


def outcome(call, rpc) -> None:
    """A value or a SettlementError of one line: nothing else."""
    try:
        call(rpc)
    except SettlementError as error:
        assert str(error) and "\n" not in str(error) and len(str(error)) < 600


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(CALLS)), json_values, st.booleans())
def test_any_json_is_handled(rpc, liar, name, value, is_error):
    (liar.error if is_error else liar.result)(value)
    outcome(CALLS[name], rpc)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(CALLS)), st.binary(max_size=64), st.sampled_from([200, 401, 500]))
def test_any_bytes_are_handled(rpc, liar, name, answer, status):
    liar.answer, liar.status = answer, status
    with pytest.raises(SettlementError):
        CALLS[name](rpc)
    outcome(CALLS[name], rpc)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(RECEIPT)), json_values)
def test_damaged_receipts_are_handled(rpc, liar, name, value):
    liar.result(RECEIPT | {name: value})
    outcome(CALLS["receipt"], rpc)


def test_a_receipt_is_read(rpc, liar):
    liar.result(RECEIPT)
    receipt = rpc.receipt(HASH)
    assert receipt.succeeded and (receipt.block_number, receipt.fee) == (5, 21000)
    for nowhere in ({"blockNumber": None}, {"blockHash": None}):  # of what is in the pool
        liar.result(RECEIPT | nowhere)
        assert rpc.receipt(HASH) is None
    liar.result(RECEIPT | {"transactionHash": "0x" + "ff" * 32})
    with pytest.raises(SettlementError, match="malformed"):
        rpc.receipt(HASH)


def test_an_answer_to_another_question_is_refused(rpc, liar):
    liar.answer = b'{"jsonrpc":"2.0","id":999999,"result":"0x1"}'
    with pytest.raises(SettlementError, match="malformed"):
        rpc.chain_id()


@pytest.mark.parametrize("data", ["0x1234", {"data": "0x1234"}, {"result": "0x1234"}])
def test_reverts_keep_their_data(rpc, liar, data):
    liar.error({"code": 3, "message": "execution reverted", "data": data})
    with pytest.raises(Reverted) as caught:
        rpc.call(bytes(20), b"")
    assert caught.value.data == b"\x12\x34"


def test_the_words_of_a_node_stay_on_one_line(rpc, liar):
    liar.error({"code": -32000, "message": "nonce\ntoo\x1b[31m low" + "x" * 1000})
    with pytest.raises(RpcError) as caught:
        rpc.send(b"\x02")
    assert (
        "nonce too" in str(caught.value) and "\x1b" not in str(caught.value) and len(str(caught.value)) < 400
    )


def test_an_unreachable_node_is_named_by_its_label_and_never_by_its_url():
    rpc = Rpc("http://127.0.0.1:9/v3/secret-key", "mainnet", timeout=1)
    with pytest.raises(SettlementError, match="cannot reach the node at mainnet") as caught:
        rpc.chain_id()
    assert "secret" not in str(caught.value)
    for url in (
        "secret-key",
        "http://[secret",
        "https://node/secret key",
        "ftp://secret",
        "http://a/secr\x00et",
    ):
        with pytest.raises(SettlementError, match="must be an http") as caught:
            Rpc(url, "mainnet")
        assert "secr" not in str(caught.value)


def test_a_proxy_of_the_environment_is_not_asked_for_a_local_node(rpc, liar, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    liar.result("0x7a69")
    assert Rpc(liar.url, "here").chain_id() == 31337


def test_addresses():
    text = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    address = parse_address(text)
    assert checksum_address(address) == text
    assert parse_address(text.lower()) == address
    for wrong in (text[:-1], text.swapcase().replace("X", "x"), "f39F", text + "0", "0x" + "g" * 40):
        with pytest.raises(SettlementError):
            parse_address(wrong)


@given(st.text())
def test_one_line_prints(text):
    line = one_line(text)
    assert line.isprintable() and len(line) <= 300


def test_reverts_become_sentences():
    claim = bytes([7] * 32)
    assert "settled already (claim 0x0707" in explain_revert(selector("AlreadySettled(bytes32)") + claim, "")
    assert "pairing" in explain_revert(selector("PairingFailed()"), "")
    assert explain_revert(selector("Panic(uint256)") + (17).to_bytes(32, "big"), "").endswith("17")
    reason = (
        selector("Error(string)")
        + (32).to_bytes(32, "big")
        + (2).to_bytes(32, "big")
        + b"no".ljust(32, b"\0")
    )
    assert explain_revert(reason, "") == "no"
    assert "unknown error 0x01020304" in explain_revert(b"\1\2\3\4", "")
    assert "out of gas" in explain_revert(b"", "out of gas")


@given(
    st.binary(max_size=80),
    st.sampled_from(["Error(string)", "AlreadySettled(bytes32)", "Panic(uint256)", ""]),
)
def test_any_revert_data_is_one_line(data, signature):
    head = selector(signature) if signature else b""
    try:
        assert "\n" not in explain_revert(head + data, "execution reverted")
    except SettlementError as error:
        assert "malformed" in str(error)


def test_an_event_must_be_there_once():
    with pytest.raises(SettlementError, match="did not announce"):
        settled_event([Log(bytes(20), (bytes(32),), b"")], bytes(20))


def test_a_node_that_trickles_is_not_waited_for():
    """The timeout is for the whole answer, not for the pause between two bytes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def trickle() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                while True:
                    connection.sendall(b" ")
                    time.sleep(0.05)

        threading.Thread(target=trickle, daemon=True).start()
        rpc = Rpc(f"http://127.0.0.1:{server.getsockname()[1]}", "the node", timeout=1)
        start = time.monotonic()
        with pytest.raises(SettlementError, match="does not answer in time"):
            rpc.chain_id()
        assert time.monotonic() - start < 10


@pytest.mark.parametrize("url", ["https://user:hunter2@host/", "http://user:hunter2@127.0.0.1:9/hunter2"])
def test_passwords_in_an_url_are_never_printed(url):
    with pytest.raises(SettlementError) as caught:
        Rpc(url, "the node", timeout=1).chain_id()
    assert "hunter2" not in str(caught.value)


# ---- several nodes


@pytest.fixture
def second() -> Iterator[Liar]:
    liar = Liar()
    yield liar
    liar.server.shutdown()
    liar.server.server_close()


def test_hosts_are_shown_without_what_may_be_a_key_in_them():
    key = "0123456789abcdef0123456789ABCDEF"
    for url, shown in {
        f"https://{key}:{key}@eth.example.org:8545/v3/{key}?key={key}#{key}": "eth.example.org:8545",
        f"https://{key}.eth.example.cloud/": "*.eth.example.cloud",
        "https://ethereum-sepolia-rpc.publicnode.com": "ethereum-sepolia-rpc.publicnode.com",
        "http://127.0.0.1:8545 , http://[::1]:9/": "127.0.0.1:8545, [::1]:9",
        f"{key}": "no URL",
        f"http://[{key}": "no URL",
        f"http://a:{key}/": "no URL",
    }.items():
        assert hosts_in(url) == shown


def test_which_node_it_is_and_what_names_another_is_told(monkeypatch):
    monkeypatch.delenv("ZKLLM_ANVIL_RPC_URL", raising=False)
    anvil = network("anvil")
    assert anvil.whose_nodes() == "that is 127.0.0.1:8545, unless $ZKLLM_ANVIL_RPC_URL says another"
    monkeypatch.setenv("ZKLLM_SEPOLIA_RPC_URL", "https://node.example/key")
    sepolia = network("sepolia")
    assert sepolia.whose_nodes() == "that is node.example, as $ZKLLM_SEPOLIA_RPC_URL says"
    flagged = replace(sepolia, rpc_url_flag="http://me:pw@other.example")
    assert flagged.whose_nodes().startswith("that is other.example, as --rpc-url says")


def test_another_node_is_asked_where_one_does_not_answer(liar, second):
    second.result("0x7")
    both = Rpc(f"http://127.0.0.1:9/secret,{second.url}", "the node", timeout=5)
    assert both.chain_id() == 7
    liar.status, liar.answer = 200, b"<html>"
    assert Rpc(f"{liar.url}, {second.url}", "the node", timeout=5).chain_id() == 7
    liar.status = 503
    assert Rpc(f"{liar.url},{second.url}", "the node", timeout=5).chain_id() == 7
    liar.status = 200
    liar.error({"code": -32005, "message": "daily request count exceeded"})
    assert Rpc(f"{liar.url},{second.url}", "the node", timeout=5).chain_id() == 7
    liar.error({"code": -32000, "message": "nonce too low"})  # an answer, whatever others would say
    with pytest.raises(RpcError, match="nonce too low"):
        Rpc(f"{liar.url},{second.url}", "the node", timeout=5).send(b"")
    with pytest.raises(SettlementError, match="cannot reach the node at the node: no connection") as caught:
        Rpc("http://127.0.0.1:9/secret,http://127.0.0.1:9/other", "the node", timeout=5).chain_id()
    assert "secret" not in str(caught.value)


def test_nodes_are_asked_again_with_longer_and_longer_pauses(liar, monkeypatch):
    from zkllm.settle import rpc as module

    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if seconds == 2.0:
            liar.status = 200
            liar.result("0x7")

    monkeypatch.setattr(module.time, "sleep", sleep)
    liar.status, liar.answer = 429, b"slow down"
    assert Rpc(liar.url, "the node", timeout=5, patience=(1.0, 2.0, 4.0)).chain_id() == 7
    assert pauses == [0.0, 1.0, 2.0]


def test_every_node_must_be_of_the_chain(liar, second):
    liar.status = 200
    liar.result("0x7")
    rpc = Rpc(f"{liar.url},{second.url}", "mars", timeout=5)
    rpc.expect_chain(7)
    second.result("0x8")
    liar.status = 503
    with pytest.raises(SettlementError, match="the node for mars is on chain 8, expected 7; check its URL"):
        rpc.code(bytes(20))
    liar.status = 200
    with pytest.raises(SettlementError, match="is on chain 7, expected 9"):
        rpc.expect_chain(9)
