"""JSON-RPC over HTTP with one node, through web3's provider: whatever happens, the outcome is the answer's
JSON or an error of one line that does not hold the URL.
"""

from __future__ import annotations

import io
import itertools
import json
import logging
from typing import TYPE_CHECKING

from zkllm.errors import SettlementError
from zkllm.files import JsonObject
from zkllm.settle.http import open_http, pause_of, read_body, why_unreachable

if TYPE_CHECKING:
    from requests import Response

_MAX_BYTES, _MAX_ERROR_BYTES = 1 << 30, 1 << 16


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
        from web3 import HTTPProvider

        session = open_http(url, f"the node's URL ({label})")
        logging.getLogger("web3").setLevel(logging.WARNING)  # its debug lines repeat the URL
        self._label, self._timeout = label, timeout
        self.pause = 0.0
        """Seconds for which the last answer asked not to be asked again (Retry-After)."""
        session.hooks["response"].append(self._read)
        self._provider = HTTPProvider(
            url,
            request_kwargs={"timeout": timeout},  # of a pause
            session=session,
            exception_retry_configuration=None,  # asking again is decided where it is known to be safe
        )

    def exchange(self, number: int, method: str, params: tuple[object, ...]) -> object:
        """The JSON that the node sends for the request with this id."""
        from requests import JSONDecodeError, RequestException
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
        except JSONDecodeError:
            raise self._malformed(method) from None
        except (RequestException, Web3Exception, OSError) as error:
            reason = why_unreachable(error)
            raise Unavailable(f"cannot reach the node at {self._label}: {reason}") from None
        except (ValueError, RecursionError):
            raise self._malformed(method) from None

    def _read(self, response: Response, **_: object) -> None:
        """Keeps the deadline, and an error's body, which web3 leaves unread."""
        if response.status_code < 400:
            body = read_body(response, _MAX_BYTES, self._timeout)
            if len(body) > _MAX_BYTES:
                raise ValueError("an answer beyond all measure")
            response.raw = io.BytesIO(body)
            return
        self.pause = pause_of(response) or 0.0
        try:
            body = read_body(response, _MAX_ERROR_BYTES, self._timeout)
        except Exception:  # whatever goes wrong with it, the status is what is reported
            body = b""
        response.close()
        raise _Refused(response.status_code, body)

    def _malformed(self, method: str) -> SettlementError:
        return Unavailable(f"the node at {self._label} gave a malformed answer to {method}")


def _json_error(body: bytes) -> JsonObject | None:
    """The JSON-RPC error that some nodes send with an HTTP error status; None where there is none."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) and data.get("error") is not None else None
