"""Verification services on this machine that speak the documented APIs: Etherscan's V2, Sourcify's v2. They
compile what they are sent and compare it with the code of a node, as the real ones do."""

from __future__ import annotations

import functools
import json
import threading
import urllib.parse
from abc import ABC, abstractmethod
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from zkllm.settle.contracts import OUTPUTS, Artifact, parse_artifact
from zkllm.settle.create2 import create2_address
from zkllm.settle.rpc import Rpc
from zkllm.settle.solc import compile_standard

KEY = "KEYOFTHETESTS123"
Answer = tuple[int, Any, dict[str, str]]


class Service(ABC):
    """`before`: answers that come first, in order, whatever is asked. `calls`: what was asked. `busy`:
    whether a job is pending when it is asked about for the first time."""

    def __init__(self, rpc: Rpc, chain_id: int = 31337):
        self.rpc, self.chain_id = rpc, chain_id
        self.before: list[Answer] = []
        self.busy = True
        self.calls: list[tuple[str, str, dict[str, str]]] = []
        self.verified: dict[str, str] = {}
        self.jobs: dict[str, Any] = {}
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.respond("GET", b"")

            def do_POST(self) -> None:
                self.respond("POST", self.rfile.read(int(self.headers["Content-Length"])))

            def respond(self, method: str, body: bytes) -> None:
                parts = urllib.parse.urlsplit(self.path)
                query = dict(urllib.parse.parse_qsl(parts.query))
                service.calls.append((method, parts.path, query))
                if service.before:
                    status, data, headers = service.before.pop(0)
                else:
                    status, data = service.answer(method, parts.path, query, body)
                    headers = {}
                text = data if isinstance(data, bytes) else json.dumps(data).encode()
                self.send_response(status)
                for name, value in (headers | {"Content-Length": str(len(text))}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    @abstractmethod
    def answer(self, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        """(status, JSON or bytes)."""

    def matches(self, address: str, standard_json: Any, identifier: str, arguments: bytes | None) -> bool:
        """Whether the source makes the contract at the address."""
        path, _, name = identifier.rpartition(":")
        assert name and path in standard_json["sources"]
        standard_json["settings"]["outputSelection"] = {"*": {"*": list(OUTPUTS), "": ["ast"]}}
        made = _compiled(json.dumps(standard_json), name)
        deployed = self.rpc.code(bytes.fromhex(address[2:]))
        if arguments is not None:
            return create2_address(made.creation + arguments).hex() == address[2:].lower()
        masked = bytearray(deployed)
        for offset in (o for offsets in made.immutables.values() for o in offsets):
            masked[offset : offset + 32] = bytes(32)
        return bytes(masked) == made.deployed


@functools.cache
def _compiled(standard_json: str, name: str) -> Artifact:
    return parse_artifact(compile_standard(json.loads(standard_json)), name)


class FakeEtherscan(Service):
    """One `/v2/api` for all chains."""

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        form = query | dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
        if path != "/v2/api":
            return 404, b"not found"
        if form.get("apikey") != KEY:
            return 200, _etherscan(False, "Invalid API Key (#err2)|ETHK-")
        if query.get("chainid") != str(self.chain_id):
            return 200, _etherscan(False, "Missing or unsupported chainid parameter (required for v2 api)")
        if (method, form.get("action")) == ("POST", "verifysourcecode"):
            return 200, self._submit(form)
        if (method, form.get("action")) == ("GET", "checkverifystatus"):
            left = self.jobs.get(form["guid"])
            if left is None:
                return 200, _etherscan(False, "Fail - Unable to locate the guid")
            return 200, left.pop(0) if len(left) > 1 else left[0]
        return 200, _etherscan(False, "Error! Missing Or invalid Action name")

    def _submit(self, form: dict[str, str]) -> Any:
        address = form["contractaddress"]
        if self.verified.get(address):
            return _etherscan(False, "Contract source code already verified")
        if not self.rpc.code(bytes.fromhex(address[2:])):
            return _etherscan(False, f"Unable to locate ContractCode at {address}")
        assert form["codeformat"] == "solidity-standard-json-input" and form["licenseType"] == "3"
        assert form["compilerversion"] == "v0.8.30+commit.73712a01"
        arguments = bytes.fromhex(form["constructorArguements"])
        assert form["constructorArguments"] == form["constructorArguements"]
        source = json.loads(form["sourceCode"])
        good = self.matches(address, source, form["contractname"], arguments)
        guid = f"guid{len(self.jobs)}"
        if good:
            self.verified[address] = "exact"
        outcome = (True, "Pass - Verified") if good else (False, "Fail - Unable to verify")
        pending = [_etherscan(False, "Pending in queue")] if self.busy else []
        self.jobs[guid] = [*pending, _etherscan(*outcome)]
        return _etherscan(True, guid)


def _etherscan(ok: bool, result: str) -> dict[str, str]:
    return {"status": "1" if ok else "0", "message": "OK" if ok else "NOTOK", "result": result}


class FakeSourcify(Service):
    """`/v2/contract` and `/v2/verify`."""

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        parts = path.strip("/").split("/")
        if parts[:2] == ["v2", "contract"] and method == "GET":
            _, _, chain, address = parts
            match = self.verified.get(address)
            found = {"match": match, "creationMatch": match, "runtimeMatch": match}
            found |= {"chainId": chain, "address": address}
            return (200 if match else 404), found
        if parts[:2] == ["v2", "verify"] and method == "POST":
            return self._submit(parts[2], parts[3], json.loads(body))
        if parts[:2] == ["v2", "verify"] and method == "GET":
            left = self.jobs.get(parts[2])
            if left is None:
                return 404, _problem("not_found", "no such job")
            return 200, left.pop(0) if len(left) > 1 else left[0]
        return 404, _problem("route_not_found", "no such route")

    def _submit(self, chain: str, address: str, data: Any) -> tuple[int, Any]:
        if chain != str(self.chain_id):
            return 404, _problem("unsupported_chain", f"The chain with chainId {chain} is not supported")
        if self.verified.get(address):
            return 409, _problem("already_verified", "The contract is already verified")
        assert data["compilerVersion"] == "0.8.30+commit.73712a01"
        job = f"job-{len(self.jobs)}"
        good = self.matches(address, data["stdJsonInput"], data["contractIdentifier"], None)
        done: dict[str, Any] = {"isJobCompleted": True, "verificationId": job}
        if good:
            self.verified[address] = "match"
            done["contract"] = {"match": "match", "chainId": chain, "address": address}
        else:
            done["contract"] = {"match": None, "chainId": chain, "address": address}
            done["error"] = _problem("no_match", "The onchain and recompiled bytecodes don't match.")
        pending = [{"isJobCompleted": False, "verificationId": job}] if self.busy else []
        self.jobs[job] = [*pending, done]
        return 202, {"verificationId": job}


def _problem(code: str, message: str) -> dict[str, str]:
    return {"customCode": code, "message": message, "errorId": "00000000-0000-0000-0000-000000000000"}
