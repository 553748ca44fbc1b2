"""JSON-RPC over HTTP with one node, through web3's provider: whatever happens, the outcome is the answer's
JSON or an error of one line that does not hold the URL.
"""

from __future__ import annotations

import ipaddress
import itertools
import json
import logging
import time
import urllib.parse
from typing import TYPE_CHECKING, Any

from zkllm.errors import SettlementError

if TYPE_CHECKING:
    from requests import Response

_MAX_ERROR_BYTES = 1 << 16
MAX_PAUSE_SECONDS = 60.0
"""No node is left alone for longer, whatever it asks for."""


class Unavailable(SettlementError):
    """There was no proper answer: another node, or the same one later, may give it."""


class _Refused(Exception):
    """An HTTP error status, with its body: nodes and gateways put JSON-RPC errors there."""

    def __init__(self, status: int, body: bytes):
        self.status, self.body = status, body


class Endpoint:
    """One node. Its URL may hold an access key, so it never appears in messages: `label` does. `timeout`:
    seconds for a whole answer, however slowly it comes."""

    def __init__(self, url: str, label: str, timeout: float):
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
        self._label, self._timeout = label, timeout
        self.pause = 0.0
        """Seconds for which the last answer asked not to be asked again (Retry-After)."""
        session = Session()
        session.hooks["response"].append(self._keep_error)  # web3 closes it unread
        # a proxy of the environment is for other machines, never for a node on this one
        session.trust_env = not is_loopback(host)
        self._provider = HTTPProvider(
            url,
            request_kwargs={"timeout": timeout, "stream": True},  # streamed: a deadline, not a pause
            session=session,
            exception_retry_configuration=None,  # asking again is decided where it is known to be safe
        )

    def exchange(self, number: int, method: str, params: tuple[Any, ...]) -> Any:
        """The JSON that the node sends for the request with this id."""
        from requests import RequestException
        from web3.exceptions import Web3Exception
        from web3.types import RPCEndpoint

        self.pause = 0.0
        self._provider.request_counter = itertools.count(number)
        try:
            return self._provider.make_request(RPCEndpoint(method), params)
        except _Refused as error:
            data = _json_error(error.body)
            if data is not None:
                return data
            raise Unavailable(f"the node at {self._label} answered HTTP {error.status} to {method}") from None
        except (RequestException, Web3Exception, OSError) as error:
            reason = _reason(error)
            if reason is None:
                raise self._malformed(method) from None
            raise Unavailable(f"cannot reach the node at {self._label}: {reason}") from None
        except (ValueError, RecursionError):
            raise self._malformed(method) from None

    def _keep_error(self, response: Response, **_: Any) -> None:
        if response.status_code < 400:
            return
        after = response.headers.get("Retry-After", "").strip()
        if after.isdecimal() and after.isascii():
            self.pause = min(float(after[:9]), MAX_PAUSE_SECONDS)
        deadline, body = time.monotonic() + self._timeout, b""
        try:
            for byte in response.iter_content(1):
                body += byte
                if len(body) > _MAX_ERROR_BYTES or time.monotonic() > deadline:
                    break
        except Exception:  # whatever goes wrong with it, the status is what is reported
            body = b""
        response.close()
        raise _Refused(response.status_code, body)

    def _malformed(self, method: str) -> SettlementError:
        return Unavailable(f"the node at {self._label} gave a malformed answer to {method}")


def _json_error(body: bytes) -> Any:
    """The JSON-RPC error that some nodes send with an HTTP error status; None where there is none."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) and data.get("error") is not None else None


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


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
