"""Calls of compiled contracts on a local Anvil, in batches."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from zkllm.settle.anvil import find_anvil

ROOT = Path(__file__).resolve().parents[2]
BATCH = 100


class Evm:
    """eth_call against code placed at fixed addresses."""

    def __init__(self, url: str):
        self.url = url

    def _post(self, requests: list[dict]) -> list[dict]:
        body = json.dumps(requests).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as response:
            return sorted(json.load(response), key=lambda answer: answer["id"])

    def is_up(self) -> bool:
        try:
            self._post([_request(0, "eth_chainId", [])])
        except OSError:
            return False
        return True

    def place(self, address: str, code: bytes) -> None:
        (answer,) = self._post([_request(0, "anvil_setCode", [address, "0x" + code.hex()])])
        assert "error" not in answer, answer

    def result(self, address: str, calldata: bytes) -> bytes:
        """What a call returns; its gas is the node's own limit."""
        call = {"to": address, "data": "0x" + calldata.hex()}
        (answer,) = self._post([_request(0, "eth_call", [call, "latest"])])
        assert "error" not in answer, answer
        return bytes.fromhex(answer["result"][2:])

    def calls(self, address: str, calldata: Sequence[bytes], gas: int = 400_000) -> list[bytes | None]:
        """For each calldata: None if the call succeeds, else the revert data."""
        out: list[bytes | None] = []
        for start in range(0, len(calldata), BATCH):
            requests = [
                _request(
                    i, "eth_call", [{"to": address, "data": "0x" + data.hex(), "gas": hex(gas)}, "latest"]
                )
                for i, data in enumerate(calldata[start : start + BATCH])
            ]
            for answer in self._post(requests):
                if "result" in answer:
                    out.append(None)
                else:
                    data = answer["error"].get("data")
                    out.append(bytes.fromhex(data[2:]) if isinstance(data, str) else b"")
        return out


def _request(number: int, method: str, params: list) -> dict:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


@contextmanager
def running_anvil(hardfork: str = "osaka") -> Iterator[Evm]:
    """An Anvil of its own, on a port that the system chose. Silent: nobody would read its log from a pipe."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([str(find_anvil()), "--port", str(port), "--hardfork", hardfork, "--silent"])
    try:
        evm = Evm(f"http://127.0.0.1:{port}")
        deadline = time.monotonic() + 30
        while not evm.is_up():
            assert process.poll() is None and time.monotonic() < deadline, "Anvil did not start"
            time.sleep(0.05)
        yield evm
    finally:
        process.terminate()
        process.wait()
