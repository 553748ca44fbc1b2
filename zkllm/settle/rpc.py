"""A strict JSON-RPC client for Ethereum nodes. Whatever a node answers, the outcome is a checked value, a
`Reverted`, or a `SettlementError` of one line.
"""

from __future__ import annotations

import ipaddress
import itertools
import json
import logging
import re
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zkllm.errors import SettlementError

if TYPE_CHECKING:
    from requests import Response

_MAX_ERROR_BYTES = 1 << 16
_QUANTITY = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]*)\Z")
_DATA = re.compile(r"0x[0-9a-fA-F]*\Z")


class RpcError(SettlementError):
    """The node answered a request with an error."""

    def __init__(self, method: str, code: int, message: str):
        super().__init__(f"the node refused {method}: {one_line(message)}")
        self.method, self.code, self.message = method, code, message


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


def one_line(text: str, limit: int = 300) -> str:
    """A node's words on one line, without control characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= limit else line[: limit - 3] + "..."


def _is_data(text: str) -> bool:
    """0x and whole bytes."""
    return len(text) % 2 == 0 and _DATA.match(text) is not None


def to_hex(value: int | bytes) -> str:
    return hex(value) if isinstance(value, int) else "0x" + value.hex()


def checksum_address(address: bytes) -> str:
    """EIP-55."""
    from zkllm.hashing import keccak256

    digits = address.hex()
    mask = keccak256(digits.encode()).hex()
    return "0x" + "".join(c.upper() if int(m, 16) >= 8 else c for c, m in zip(digits, mask, strict=False))


def parse_address(text: str) -> bytes:
    """20 bytes of a 0x-prefixed address; a mixed-case one must carry its EIP-55 checksum."""
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", text):
        raise SettlementError(
            f"{one_line(text, 60)!r} is not an address: expected 0x and 40 hexadecimal digits"
        )
    address = bytes.fromhex(text[2:])
    if text[2:] not in (text[2:].lower(), text[2:].upper()) and checksum_address(address) != text:
        raise SettlementError(f"the address {text} has a wrong checksum; copy it again")
    return address


class Rpc:
    """One node, through web3's HTTP provider.

    Its URL may hold an access key, so it never appears in messages: `label` does.
    """

    def __init__(self, url: str, label: str, timeout: float = 60.0):
        """`timeout`: seconds for a whole answer, however slowly it comes."""
        from requests import Session
        from web3 import HTTPProvider

        try:
            parts = urllib.parse.urlsplit(url)
            host = parts.hostname if parts.scheme in ("http", "https") and (parts.port or 1) else None
        except ValueError:
            host = None
        if not host or not url.isascii() or not url.isprintable() or " " in url:
            raise SettlementError(f"the node's URL ({label}) must be an http:// or https:// URL")
        logging.getLogger("web3").setLevel(logging.WARNING)  # its debug lines repeat the URL
        self.label, self._url = label, url
        session = Session()
        # a proxy of the environment is for other machines, never for a node on this one
        session.trust_env = not _is_loopback(host)
        self._provider = HTTPProvider(
            url,
            request_kwargs={"timeout": timeout, "stream": True},  # streamed: a deadline, not a pause
            session=session,
            exception_retry_configuration=None,  # asking again is decided where it is known to be safe
        )
        self._ids = itertools.count(1)

    def request(self, method: str, *params: Any) -> Any:
        """The `result` of a call."""
        from requests import HTTPError, RequestException
        from web3.exceptions import Web3Exception
        from web3.types import RPCEndpoint

        number = next(self._ids)
        self._provider.request_counter = itertools.count(number)
        data: Any
        try:
            data = self._provider.make_request(RPCEndpoint(method), params)
        except HTTPError as error:
            data = _json_error(error.response)
            if data is None:
                status = error.response.status_code if error.response is not None else "error"
                raise SettlementError(
                    f"the node at {self.label} answered HTTP {status} to {method}"
                ) from None
        except (RequestException, Web3Exception, OSError) as error:
            reason = _reason(error)
            if reason is None:
                raise self._malformed(method) from None
            raise SettlementError(f"cannot reach the node at {self.label}: {reason}") from None
        except (ValueError, RecursionError):
            raise self._malformed(method) from None
        valid = (
            isinstance(data, dict)
            and data.get("id") in (number, None)
            and ("result" in data) != (data.get("error") is not None)
        )
        if not valid:
            raise self._malformed(method)
        if data.get("error") is not None:
            raise self._error(method, data["error"])
        return data["result"]

    def _malformed(self, method: str) -> SettlementError:
        return SettlementError(f"the node at {self.label} gave a malformed answer to {method}")

    def _error(self, method: str, error: Any) -> SettlementError:
        if not isinstance(error, dict):
            return self._malformed(method)
        message, code, data = error.get("message"), error.get("code"), error.get("data")
        if isinstance(data, dict):  # some nodes wrap it
            data = data.get("data") or data.get("result")
        message = message if isinstance(message, str) else "no message"
        returned = bytes.fromhex(data[2:]) if isinstance(data, str) and _is_data(data) else b""
        if returned or "revert" in message.lower():
            return Reverted(returned, message)
        return RpcError(method, code if isinstance(code, int) else 0, message)

    # ---- checked values
    def quantity(self, method: str, *params: Any) -> int:
        return self._quantity(method, self.request(method, *params))

    def data(self, method: str, *params: Any) -> bytes:
        return self._data(method, self.request(method, *params))

    def _quantity(self, method: str, value: Any, bits: int = 256) -> int:
        if not isinstance(value, str) or not _QUANTITY.match(value) or int(value, 16) >> bits:
            raise self._malformed(method)
        return int(value, 16)

    def _data(self, method: str, value: Any, size: int | None = None) -> bytes:
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

    def call(self, to: bytes, data: bytes, sender: bytes | None = None) -> bytes:
        transaction = {"to": to_hex(to), "data": to_hex(data)}
        if sender is not None:
            transaction["from"] = to_hex(sender)
        return self.data("eth_call", transaction, "latest")

    def estimate_gas(self, sender: bytes, to: bytes | None, data: bytes) -> int:
        transaction = {"from": to_hex(sender), "data": to_hex(data)}
        if to is not None:
            transaction["to"] = to_hex(to)
        return self.quantity("eth_estimateGas", transaction)

    def base_fee(self) -> int:
        """Of the latest block, in wei a gas."""
        method = "eth_getBlockByNumber"
        block = self.request(method, "latest", False)
        if not isinstance(block, dict) or "baseFeePerGas" not in block:
            raise self._malformed(method)
        return self._quantity(method, block["baseFeePerGas"], 128)

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
        if not isinstance(data, dict) or not isinstance(data.get("logs"), list):
            raise self._malformed(method)
        number = lambda name: self._quantity(method, data.get(name))
        address, status = data.get("contractAddress"), number("status")
        if status not in (0, 1) or self._data(method, data.get("transactionHash"), 32) != transaction_hash:
            raise self._malformed(method)
        return Receipt(
            transaction_hash,
            number("blockNumber"),
            status == 1,
            number("gasUsed"),
            number("effectiveGasPrice"),
            None if address is None else self._data(method, address, 20),
            tuple(self._log(method, log) for log in data["logs"]),
        )

    def _log(self, method: str, log: Any) -> Log:
        if not isinstance(log, dict) or not isinstance(log.get("topics"), list):
            raise self._malformed(method)
        topics = tuple(self._data(method, topic, 32) for topic in log["topics"])
        return Log(self._data(method, log.get("address"), 20), topics, self._data(method, log.get("data")))


def _json_error(response: Response | None) -> Any:
    """The JSON-RPC error that some nodes send with an HTTP error status; None where there is none."""
    try:
        data = (
            json.loads(response.raw.read(_MAX_ERROR_BYTES, decode_content=True))
            if response is not None
            else None
        )
    except Exception:  # whatever else the body is, or goes wrong with it, the status is what is reported
        return None
    return data if isinstance(data, dict) else None


def _reason(error: Exception) -> str | None:
    """Why there is no answer, in words that cannot hold the URL; None: there was one, but not in JSON."""
    from requests import ConnectionError, JSONDecodeError, Timeout
    from requests.exceptions import ChunkedEncodingError, ContentDecodingError, SSLError
    from web3.exceptions import TimeExhausted

    if isinstance(error, JSONDecodeError):
        return None
    if isinstance(error, Timeout | TimeExhausted | TimeoutError):
        return "it does not answer in time"
    if isinstance(error, SSLError):
        return "its certificate is not accepted"
    if isinstance(error, ChunkedEncodingError | ContentDecodingError):
        return "the connection broke off"
    if isinstance(error, ConnectionError | OSError) and not hasattr(error, "response"):
        return "no connection"
    return "no connection" if isinstance(error, ConnectionError) else "the request failed"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
