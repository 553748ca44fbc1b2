"""A strict JSON-RPC client for Ethereum nodes. Whatever a node answers, the outcome is a checked value, a
`Reverted`, or a `SettlementError` of one line.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from zkllm.errors import SettlementError
from zkllm.files import JsonObject
from zkllm.settle.endpoint import Endpoint, Unavailable
from zkllm.settle.http import MAX_PAUSE_SECONDS

RATE_LIMIT_CODES = (-32005, 429)
RATE_LIMITED = (
    "rate limit",
    "request limit",
    "request rate",
    "too many requests",
    "compute units",
    "throttle",
)
"""A gateway's words for it, whatever its code: Infura -32005, Alchemy 429, QuickNode -32007, Base -32016."""
BEHIND = (
    "header not found",  # geth
    "unknown block",  # Besu, and gateways
    "block not found",  # Reth, Erigon
    "missing trie node",  # geth
    "historical state",  # geth
    "no state available",  # Nethermind
    "world state unavailable",  # Besu
    "pruned",  # Reth, geth
    "pruning",  # Erigon
)
"""Nodes' words for a block that they do not have yet, or its state not any more."""
INDEXING = "transaction indexing is in progress"
"""geth's, for a transaction that it does not have."""
PATIENCE = (0.5, 1.0, 2.0, 4.0)
"""Of public networks: pauses between the rounds in which all nodes are asked again."""
_QUANTITY = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]*)\Z")
_DATA = re.compile(r"0x[0-9a-fA-F]*\Z")


class RpcError(SettlementError):
    """The node answered a request with an error."""

    def __init__(self, method: str, code: int, message: str):
        super().__init__(f"the node refused {method}: {one_line(message)}")
        self.method, self.code, self.message = method, code, message


class RateLimited(RpcError):
    """The node has no time for us now. `pause`: seconds after which it has, where it says so."""

    pause = 0.0


class Behind(RpcError):
    """The node does not have the block, or its state: another, or the same one later, may have it."""


class Indexing(RpcError):
    """The node cannot tell what became of a transaction: it does not have it in its pool, and does not know
    all that was mined yet. Asking again at once is of no use."""


class WrongChain(SettlementError):
    """The node is one of another chain."""


class NoBaseFee(SettlementError):
    """The chain is from before EIP-1559, or of another kind."""


class Reverted(SettlementError):
    """A call was reverted. `data`: what the contract returned, empty where the node does not say."""

    def __init__(self, data: bytes, message: str = "execution reverted"):
        super().__init__(one_line(message))
        self.data = data


@dataclass(frozen=True)
class Receipt:
    """What was mined."""

    transaction_hash: bytes
    block_number: int
    block_hash: bytes
    succeeded: bool
    gas_used: int
    gas_price: int
    contract_address: bytes | None
    logs: tuple[Log, ...]

    @property
    def fee(self) -> int:
        """In wei."""
        return self.gas_used * self.gas_price


@dataclass(frozen=True)
class Log:
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True)
class Event:
    """A log, and where it is in the chain."""

    block_number: int
    block_hash: bytes
    transaction_hash: bytes
    log: Log


def one_line(text: str, limit: int = 300) -> str:
    """A node's words on one line, without control characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= limit else line[: limit - 3] + "..."


def _is_data(text: str) -> bool:
    """0x and whole bytes."""
    return len(text) % 2 == 0 and _DATA.match(text) is not None


def _pause(data: object) -> float:
    """Seconds that a gateway (Infura) asks to be left alone, of an error's data."""
    data = data.get("rate", data) if isinstance(data, dict) else None
    seconds = data.get("backoff_seconds") if isinstance(data, dict) else None
    if not isinstance(seconds, int | float):
        return 0.0
    return min(max(float(seconds), 0.0), MAX_PAUSE_SECONDS)


def to_hex(value: int | bytes) -> str:
    return hex(value) if isinstance(value, int) else "0x" + value.hex()


def checksum_address(address: bytes) -> str:
    """EIP-55."""
    from eth_utils import to_checksum_address

    return str(to_checksum_address(address))


def parse_address(text: str) -> bytes:
    """20 bytes of a 0x-prefixed address; a mixed-case one must carry its EIP-55 checksum."""
    from eth_utils import is_checksum_address

    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", text):
        raise SettlementError(
            f"{one_line(text, 60)!r} is not an address: expected 0x and 40 hexadecimal digits"
        )
    if text[2:] not in (text[2:].lower(), text[2:].upper()) and not is_checksum_address(text):
        raise SettlementError(f"the address {text} has a wrong checksum; copy it again")
    return bytes.fromhex(text[2:])


class Rpc:
    """One node, or several that are asked in turn where one does not answer.

    Their URLs may hold access keys, so they never appear in messages: `label` does.
    """

    def __init__(
        self,
        urls: str,
        label: str,
        timeout: float = 60.0,
        patience: Sequence[float] = (),
    ):
        """`urls`: of one node, or of several, separated by commas. `timeout`: seconds for a whole answer,
        however slowly it comes. `patience`: seconds to wait before each new round of asking all of them; a
        request is repeated only where none has answered, which is safe: a signed transaction that is sent
        twice is one transaction."""
        self.label = label
        self.url = urls
        """For those who may know it: never said."""
        parts = [part.strip() for part in urls.split(",")]
        self._endpoints = [Endpoint(part, label, timeout) for part in parts]
        self._patience = tuple(patience)
        self._expected: int | None = None
        self._checked: set[int] = set()
        self._ids = itertools.count(1)

    def expect_chain(self, chain_id: int) -> None:
        """Refuses nodes of another chain, each before anything else is asked of it."""
        self._expected = chain_id
        self._checked.clear()
        self.request("eth_chainId")

    def request(self, method: str, *params: object) -> Any:
        """The `result` of a call."""
        last: SettlementError | None = None
        wanted = 0.0
        for pause in (0.0, *self._patience):
            time.sleep(max(pause, wanted))
            pauses = []
            for index, endpoint in enumerate(self._endpoints):
                try:
                    return self._ask(index, method, params)
                except (Unavailable, RateLimited, Behind, Indexing) as error:
                    last = error
                    pauses.append(max(endpoint.pause, error.pause if isinstance(error, RateLimited) else 0.0))
            if isinstance(last, Indexing):
                break
            wanted = min(pauses)
        assert last is not None
        raise last

    def _ask(self, index: int, method: str, params: tuple[object, ...]) -> object:
        endpoint = self._endpoints[index]
        if self._expected is not None and index not in self._checked:
            found = self._quantity("eth_chainId", self._exchange(endpoint, "eth_chainId", ()))
            if found != self._expected:
                raise WrongChain(
                    f"the node for {self.label} is on chain {found}, expected {self._expected}; check its URL"
                )
            self._checked.add(index)
        return self._exchange(endpoint, method, params)

    def _exchange(self, endpoint: Endpoint, method: str, params: tuple[object, ...]) -> object:
        number = next(self._ids)
        data = endpoint.exchange(number, method, params)
        if not isinstance(data, dict) or data.get("id") not in (number, str(number), None):
            raise self._malformed(method)
        if data.get("error") is not None and data.get("result") is None:
            raise self._error(method, data["error"])
        if data.get("error") is not None or "result" not in data:
            raise self._malformed(method)
        return data["result"]

    def _malformed(self, method: str) -> SettlementError:
        return Unavailable(f"the node at {self.label} gave a malformed answer to {method}")

    def _error(self, method: str, error: object) -> SettlementError:
        if not isinstance(error, dict):
            return self._malformed(method)
        message, code, data = error.get("message"), error.get("code"), error.get("data")
        message = message if isinstance(message, str) else "no message"
        code = code if type(code) is int else 0
        words = message.lower()
        if INDEXING in words:
            return Indexing(method, code, message)
        if any(known in words for known in RATE_LIMITED) or code in RATE_LIMIT_CODES and "gas" not in words:
            limited = RateLimited(method, code, message)
            limited.pause = _pause(data)
            return limited
        if isinstance(data, dict):  # some nodes wrap it
            data = data.get("data") or data.get("result")
        found = re.fullmatch(r"(?:Reverted )?(0x[0-9a-fA-F]*)", data) if isinstance(data, str) else None
        returned = bytes.fromhex(found[1][2:]) if found and _is_data(found[1]) else b""
        if returned or "revert" in words:
            return Reverted(returned, message)
        return (Behind if any(known in words for known in BEHIND) else RpcError)(method, code, message)

    # ---- checked values
    def quantity(self, method: str, *params: object) -> int:
        return self._quantity(method, self.request(method, *params))

    def data(self, method: str, *params: object) -> bytes:
        return self._data(method, self.request(method, *params))

    def _quantity(self, method: str, value: object, bits: int = 256) -> int:
        if not isinstance(value, str) or not _QUANTITY.match(value) or int(value, 16) >> bits:
            raise self._malformed(method)
        return int(value, 16)

    def _data(self, method: str, value: object, size: int | None = None) -> bytes:
        if (
            not isinstance(value, str)
            or not _is_data(value)
            or size is not None
            and len(value) != 2 + 2 * size
        ):
            raise self._malformed(method)
        return bytes.fromhex(value[2:])

    # ---- what settling needs
    def chain_id(self) -> int:
        return self.quantity("eth_chainId")

    def code(self, address: bytes) -> bytes:
        return self.data("eth_getCode", to_hex(address), "latest")

    def balance(self, address: bytes) -> int:
        return self.quantity("eth_getBalance", to_hex(address), "latest")

    def nonce(self, address: bytes, block: str = "latest") -> int:
        """Transactions that the account has sent; with "pending", those in the pool too."""
        return self.quantity("eth_getTransactionCount", to_hex(address), block)

    def call(self, to: bytes, data: bytes, sender: bytes | None = None, value: int = 0) -> bytes:
        transaction = {"to": to_hex(to), "data": to_hex(data)}
        if value:
            transaction["value"] = to_hex(value)
        if sender is not None:
            transaction["from"] = to_hex(sender)
        return self.data("eth_call", transaction, "latest")

    def estimate_gas(self, sender: bytes, to: bytes, data: bytes, value: int = 0) -> int:
        transaction = {"from": to_hex(sender), "to": to_hex(to), "data": to_hex(data)}
        if value:
            transaction["value"] = to_hex(value)
        return self.quantity("eth_estimateGas", transaction)

    def base_fee(self) -> int:
        """Of the latest block, in wei a gas."""
        block = self._block("latest")
        if block.get("baseFeePerGas") is None:
            raise NoBaseFee(
                f"{self.label}: this chain has no base fee (EIP-1559), and its transactions are not of the "
                "kind that is made here; use another network"
            )
        return self._quantity("eth_getBlockByNumber", block["baseFeePerGas"], 128)

    def timestamp(self) -> int:
        """Of the latest block, in seconds."""
        return self._quantity("eth_getBlockByNumber", self._block("latest").get("timestamp"), 64)

    def block_hash(self, number: int) -> bytes | None:
        """None where the chain is not that long, or the node does not show it."""
        method = "eth_getBlockByNumber"
        block = self.request(method, to_hex(number), False)
        if block is None:
            return None
        return self._data(method, block.get("hash") if isinstance(block, dict) else None, 32)

    def _block(self, which: str) -> JsonObject:
        block = self.request("eth_getBlockByNumber", which, False)
        if not isinstance(block, dict):
            raise self._malformed("eth_getBlockByNumber")
        return block

    def priority_fee(self) -> int:
        return self._quantity("eth_maxPriorityFeePerGas", self.request("eth_maxPriorityFeePerGas"), 128)

    def send(self, signed: bytes) -> bytes:
        """Hash of the transaction that the node took."""
        method = "eth_sendRawTransaction"
        return self._data(method, self.request(method, to_hex(signed)), 32)

    def knows(self, transaction_hash: bytes) -> bool:
        """Whether the node has the transaction, mined or not."""
        found = self.request("eth_getTransactionByHash", to_hex(transaction_hash))
        if found is not None and not isinstance(found, dict):
            raise self._malformed("eth_getTransactionByHash")
        return found is not None

    def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """None while it is not mined."""
        method = "eth_getTransactionReceipt"
        data = self.request(method, to_hex(transaction_hash))
        if data is None:
            return None
        if isinstance(data, dict) and (data.get("blockNumber") is None or data.get("blockHash") is None):
            return None  # some nodes have receipts of what is in the pool
        if not isinstance(data, dict) or not isinstance(data.get("logs"), list):
            raise self._malformed(method)
        number = lambda name: self._quantity(method, data.get(name))
        address, status = data.get("contractAddress"), number("status")
        if status not in (0, 1) or self._data(method, data.get("transactionHash"), 32) != transaction_hash:
            raise self._malformed(method)
        return Receipt(
            transaction_hash,
            number("blockNumber"),
            self._data(method, data.get("blockHash"), 32),
            status == 1,
            number("gasUsed"),
            number("effectiveGasPrice"),
            None if address is None else self._data(method, address, 20),
            tuple(self._log(method, log) for log in data["logs"]),
        )

    def logs(self, address: bytes, topics: Sequence[bytes], first_block: int = 0) -> list[tuple[bytes, Log]]:
        """(transaction hash, log) of what a contract announced under these topics, oldest first."""
        return [(event.transaction_hash, event.log) for event in self.events(address, topics, first_block)]

    def events(
        self, address: bytes, topics: Sequence[bytes], first_block: int, last_block: int | None = None
    ) -> list[Event]:
        """What a contract announced under these topics in a range of blocks (to the newest, unless told
        otherwise), oldest first."""
        method = "eth_getLogs"
        query = {
            "address": to_hex(address),
            "topics": [to_hex(topic) for topic in topics],
            "fromBlock": to_hex(first_block),
            "toBlock": "latest" if last_block is None else to_hex(last_block),
        }
        found = self.request(method, query)
        if not isinstance(found, list):
            raise self._malformed(method)
        events = []
        for entry in found:
            log = self._log(method, entry)
            number = self._quantity(method, entry.get("blockNumber"), 64)
            beyond = number < first_block or last_block is not None and number > last_block
            if log.address != address or log.topics[: len(topics)] != tuple(topics) or beyond:
                raise self._malformed(method)
            block, transaction = (
                self._data(method, entry.get(name), 32) for name in ("blockHash", "transactionHash")
            )
            events.append(Event(number, block, transaction, log))
        return events

    def _log(self, method: str, log: object) -> Log:
        if not isinstance(log, dict) or not isinstance(log.get("topics"), list):
            raise self._malformed(method)
        topics = tuple(self._data(method, topic, 32) for topic in log["topics"])
        return Log(self._data(method, log.get("address"), 20), topics, self._data(method, log.get("data")))
