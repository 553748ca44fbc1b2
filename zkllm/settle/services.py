"""Publishing sources at the verification services: Etherscan's API V2 (docs.etherscan.io) and Sourcify's API
v2 (docs.sourcify.dev). Both take the compiler's standard JSON input, compile it themselves, and compare.
"""

from __future__ import annotations

import json
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from verifier_gen.standard_json import SOLC_LONG_VERSION
from zkllm.errors import SettlementError
from zkllm.files import JsonObject
from zkllm.settle.http import MAX_PAUSE_SECONDS, open_http, pause_of, read_body, why_unreachable
from zkllm.settle.rpc import checksum_address, one_line

MIT_LICENSE = 3
"""Etherscan's number for it."""
POLL_SECONDS = 3.0
ATTEMPTS = 40
"""Of one request while the service is busy, and of asking for the outcome."""
_TIMEOUT = 60
_MAX_BYTES = 1 << 20
_BUSY = ("rate limit", "rate-limit", "too many requests", "try again later", "unable to locate contractcode")
_PENDING = ("pending", "in progress", "in queue")

Sleep = Callable[[float], None]
Say = Callable[[str], None]


def _silent(text: str) -> None:
    """What is waited for is not said."""


@dataclass(frozen=True)
class Source:
    """A deployed contract with what it was compiled from."""

    name: str
    path: str  # of the file in the standard JSON input
    standard_json: JsonObject
    address: bytes
    constructor_arguments: bytes
    transaction: bytes | None  # that deployed it, where it is known

    @property
    def identifier(self) -> str:
        return f"{self.path}:{self.name}"


@dataclass(frozen=True)
class Outcome:
    service: str
    already: bool  # it was verified before
    match: str  # in the service's words
    page: str | None


class _Http:
    """JSON over HTTP. Parameters may hold a key, so messages name the service alone."""

    def __init__(self, base: str, service: str, sleep: Sleep, say: Say):
        self._session = open_http(base, f"the address of {service}")
        self._base, self._service = base.rstrip("/"), service
        self._sleep, self._say = sleep, say

    def __call__(self, method: str, path: str = "", **options: Any) -> tuple[int, Any]:
        """(status, JSON). Waits and asks again while the service is busy."""
        from requests import RequestException

        for attempt in range(ATTEMPTS):
            try:
                with self._session.request(
                    method,
                    self._base + path,
                    timeout=_TIMEOUT,
                    allow_redirects=False,  # a key is for one host
                    stream=True,
                    **options,
                ) as response:
                    status, pause = response.status_code, pause_of(response)
                    body = read_body(response, _MAX_BYTES, _TIMEOUT)
            except (RequestException, OSError) as error:
                raise SettlementError(f"cannot reach {self._service}: {why_unreachable(error)}") from None
            if status == 429 or status >= 500:
                if attempt + 1 < ATTEMPTS:
                    busy = f"it is busy (HTTP {status})"
                    self.wait(busy, _longer(attempt) if pause is None else pause)
                continue
            try:
                return status, json.loads(body)
            except (ValueError, RecursionError):
                raise self.malformed(status) from None
        raise SettlementError(
            f"{self._service} is busy or out of order (HTTP {status}); run this again later"
        )

    def wait(self, why: str, seconds: float) -> None:
        self._say(f"{self._service}: waiting, since {why}")
        self._sleep(seconds)

    def malformed(self, status: int) -> SettlementError:
        return SettlementError(f"{self._service} gave a malformed answer (HTTP {status})")


def _longer(attempt: int) -> float:
    """Seconds before the next attempt."""
    return min(POLL_SECONDS * 1.5**attempt, MAX_PAUSE_SECONDS)


class Service(Protocol):
    """One of them."""

    @property
    def name(self) -> str: ...
    def verify(self, source: Source) -> Outcome: ...


class Etherscan:
    """`base`: of an API V2, as https://api.etherscan.io/v2/api. One key serves all its chains."""

    name = "Etherscan"

    def __init__(
        self,
        base: str,
        chain_id: int,
        key: str,
        explorer: str | None,
        sleep: Sleep = time.sleep,
        say: Say = _silent,
    ):
        self._http = _Http(base, self.name, sleep, say)
        self._chain_id, self._key, self._explorer = chain_id, key, explorer

    def verify(self, source: Source) -> Outcome:
        arguments = source.constructor_arguments.hex()
        form = {
            "module": "contract",
            "action": "verifysourcecode",
            "apikey": self._key,
            "contractaddress": checksum_address(source.address),
            "codeformat": "solidity-standard-json-input",
            "sourceCode": json.dumps(source.standard_json),
            "contractname": source.identifier,
            "compilerversion": SOLC_LONG_VERSION,
            "constructorArguements": arguments,  # the API's own spelling, of old
            "constructorArguments": arguments,  # and of new
            "licenseType": MIT_LICENSE,
        }
        for attempt in range(ATTEMPTS):
            ok, result = self._ask("POST", params={"chainid": self._chain_id}, data=form)
            if not ok and any(words in result.lower() for words in _BUSY):
                # too many requests, or not indexed yet
                self._http.wait(f"it says: {self._clean(result)}", _longer(attempt))
                continue
            break
        if not ok and "already verified" in result.lower():
            return self._outcome(source, True, result)
        if not ok:
            raise SettlementError(f"{self.name} refused the source of {source.name}: {self._clean(result)}")
        return self._poll(source, result)

    def _poll(self, source: Source, guid: str) -> Outcome:
        query = {
            "chainid": self._chain_id,
            "module": "contract",
            "action": "checkverifystatus",
            "guid": guid,
            "apikey": self._key,
        }
        for _ in range(ATTEMPTS):
            self._http.wait(f"{source.name} is being verified", POLL_SECONDS)
            ok, result = self._ask("GET", params=query)
            words = result.lower()
            if "already verified" in words or ok and words.startswith("pass"):
                return self._outcome(source, not words.startswith("pass"), result)
            if not any(busy in words for busy in (*_PENDING, *_BUSY)):
                raise SettlementError(f"{self.name} did not verify {source.name}: {self._clean(result)}")
        raise SettlementError(f"{self.name} has not decided about {source.name} yet; run this again later")

    def _ask(self, method: str, **options: Any) -> tuple[bool, str]:
        status, data = self._http(method, **options)
        if not isinstance(data, dict) or not isinstance(data.get("result"), str):
            raise self._http.malformed(status)
        return str(data.get("status")) == "1", data["result"]

    def _clean(self, text: str) -> str:
        return one_line(text.replace(self._key, "(key)") if self._key else text)

    def _outcome(self, source: Source, already: bool, result: str) -> Outcome:
        address = checksum_address(source.address)
        page = f"{self._explorer}/address/{address}#code" if self._explorer else None
        return Outcome(self.name, already, self._clean(result), page)


class Sourcify:
    """`base`: of a server with API v2, as https://sourcify.dev/server. It needs no key."""

    name = "Sourcify"

    def __init__(self, base: str, chain_id: int, sleep: Sleep = time.sleep, say: Say = _silent):
        self._http = _Http(base, self.name, sleep, say)
        self._chain_id = chain_id

    def verify(self, source: Source) -> Outcome:
        place = f"{self._chain_id}/{checksum_address(source.address)}"
        known = self._known(place)
        if known is not None:
            return Outcome(self.name, True, known, None)
        body: JsonObject = {
            "stdJsonInput": source.standard_json,
            "compilerVersion": SOLC_LONG_VERSION.removeprefix("v"),
            "contractIdentifier": source.identifier,
        }
        if source.transaction is not None:
            body["creationTransactionHash"] = "0x" + source.transaction.hex()
        status, data = self._http("POST", f"/v2/verify/{place}", json=body)
        job = data.get("verificationId") if isinstance(data, dict) else None
        if status == 409:
            return Outcome(self.name, True, self._known(place) or "match", None)
        if status >= 400:
            raise SettlementError(
                f"{self.name} refused the source of {source.name}: {self._words(data, status)}"
            )
        if not isinstance(job, str) or not job:
            raise self._http.malformed(status)
        return self._poll(source, job)

    def _known(self, place: str) -> str | None:
        """How a contract that is verified matches."""
        status, data = self._http("GET", f"/v2/contract/{place}")
        match = data.get("match") if isinstance(data, dict) and status == 200 else None
        return match if isinstance(match, str) else None

    def _poll(self, source: Source, job: str) -> Outcome:
        for _ in range(ATTEMPTS):
            self._http.wait(f"{source.name} is being verified", POLL_SECONDS)
            status, data = self._http("GET", "/v2/verify/" + urllib.parse.quote(job, safe=""))
            if status == 404:  # not known yet
                continue
            if not isinstance(data, dict) or type(data.get("isJobCompleted")) is not bool:
                raise self._http.malformed(status)
            if not data["isJobCompleted"]:
                continue
            contract, error = data.get("contract"), data.get("error")
            match = contract.get("match") if isinstance(contract, dict) else None
            already = isinstance(error, dict) and error.get("customCode") == "already_verified"
            if isinstance(match, str) or already:
                return Outcome(self.name, already, str(match or "match"), None)
            words = self._words(error, status)
            raise SettlementError(f"{self.name} did not verify {source.name}: {words}")
        raise SettlementError(f"{self.name} has not decided about {source.name} yet; run this again later")

    @staticmethod
    def _words(data: object, status: int) -> str:
        message = data.get("message") if isinstance(data, dict) else None
        return one_line(message) if isinstance(message, str) else f"HTTP {status}"
