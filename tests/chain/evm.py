"""Calls of compiled contracts on a local Anvil, in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests

from zkllm.settle.anvil import HARDFORK, LocalNode

ROOT = Path(__file__).resolve().parents[2]
BATCH = 100


class Evm:
    """eth_call against code placed at fixed addresses."""

    def __init__(self, node: LocalNode):
        self._node = node

    def place(self, address: str, code: bytes) -> None:
        self._node.rpc.request("anvil_setCode", address, "0x" + code.hex())

    def result(self, address: str, calldata: bytes) -> bytes:
        """What a call returns; its gas is the node's own limit."""
        return self._node.rpc.call(bytes.fromhex(address[2:]), calldata)

    def calls(self, address: str, calldata: Sequence[bytes], gas: int = 400_000) -> list[bytes | None]:
        """For each calldata: None if the call succeeds, else the revert data."""
        out: list[bytes | None] = []
        for start in range(0, len(calldata), BATCH):
            calls = [
                {"to": address, "data": "0x" + data.hex(), "gas": hex(gas)}
                for data in calldata[start : start + BATCH]
            ]
            batch = [
                {"jsonrpc": "2.0", "id": i, "method": "eth_call", "params": [call, "latest"]}
                for i, call in enumerate(calls)
            ]
            answers = requests.post(self._node.url, json=batch, timeout=120).json()
            for answer in sorted(answers, key=lambda answer: answer["id"]):
                if "result" in answer:
                    out.append(None)
                else:
                    data = answer["error"].get("data")
                    out.append(bytes.fromhex(data[2:]) if isinstance(data, str) else b"")
        return out


@contextmanager
def running_anvil(hardfork: str = HARDFORK) -> Iterator[Evm]:
    """An Anvil of its own."""
    with LocalNode(hardfork=hardfork) as node:
        yield Evm(node)
