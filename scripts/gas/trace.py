"""A local node, and where a traced transaction's gas goes: to functions, by the source map."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from verifier_gen.standard_json import standard_json
from zkllm.settle.anvil import LocalNode
from zkllm.settle.rpc import Rpc
from zkllm.settle.solc import compile_standard

INTRINSIC = 21_000
DEPLOYER = "0x00000000000000000000000000000000000000aa"
FAR_DEADLINE = 2**32
"""Within a year of the fixed time at which the chains of this script begin."""
START_TIME = FAR_DEADLINE - 30 * 24 * 3600
PRECOMPILES = {"0x6": "ecAdd", "0x7": "ecMul", "0x8": "pairing"}


class Node:
    """A local chain on which anybody may send."""

    def __init__(self, rpc: Rpc):
        self._rpc = rpc

    def __call__(self, method: str, *params: Any) -> Any:
        return self._rpc.request(method, *params)

    def send(self, sender: str, to: str | None, data: bytes, value: int = 0) -> dict[str, Any]:
        self("anvil_setBalance", sender, hex(10**20))
        self("anvil_impersonateAccount", sender)
        transaction = {"from": sender, "data": "0x" + data.hex(), "gas": hex(16_000_000), "value": hex(value)}
        if to is not None:
            transaction["to"] = to
        digest = self("eth_sendTransaction", transaction)
        receipt = None
        while receipt is None:
            receipt = self("eth_getTransactionReceipt", digest)
        if receipt["status"] != "0x1":
            raise RuntimeError("the transaction was reverted")
        return receipt


@contextmanager
def anvil(chain_id: int, hardfork: str) -> Iterator[Node]:
    """A fresh Anvil that is stopped afterwards."""
    with LocalNode(chain_id=chain_id, hardfork=hardfork, start_time=START_TIME, tracing=True) as node:
        yield Node(node.rpc)


@dataclass
class Program:
    """A compiled contract and the function that each of its instructions belongs to."""

    name: str
    creation: bytes
    functions: list[str]
    """By position of the instruction."""
    index_of_pc: dict[int, int]
    code_bytes: int

    def function_at(self, pc: int) -> str:
        index = self.index_of_pc.get(pc, -1)
        return self.functions[index] if 0 <= index < len(self.functions) else "?"


def compile_programs(sources: dict[str, str], names: list[str]) -> list[Program]:
    request = standard_json(sources)
    outputs = ["evm.bytecode.object", "evm.deployedBytecode.object", "evm.deployedBytecode.sourceMap"]
    request["settings"]["outputSelection"] = {"*": {"*": outputs, "": ["ast"]}}
    output = compile_standard(request)
    by_id: dict[int, list[tuple[int, int, str]]] = {}
    for file in output["sources"].values():
        by_id[file["id"]] = list(_functions(file["ast"]))
    programs = []
    for name in names:
        (evm,) = (c[name]["evm"] for c in output["contracts"].values() if name in c)
        runtime = evm["deployedBytecode"]
        code = bytes.fromhex(runtime["object"])
        functions = [_owner(by_id, *entry) for entry in _source_map(runtime["sourceMap"])]
        creation = bytes.fromhex(evm["bytecode"]["object"])
        programs.append(Program(name, creation, functions, _instructions(code), len(code)))
    return programs


def _functions(node: Any) -> Iterator[tuple[int, int, str]]:
    if isinstance(node, dict):
        if node.get("nodeType") == "FunctionDefinition":
            start, length, _ = map(int, node["src"].split(":"))
            yield start, length, node["name"] or node["kind"]
        for value in node.values():
            yield from _functions(value)
    elif isinstance(node, list):
        for value in node:
            yield from _functions(value)


def _source_map(text: str) -> Iterator[tuple[int, int, int]]:
    start = length = file = 0
    for item in text.split(";"):
        parts = item.split(":")
        start = int(parts[0]) if parts[0] else start
        length = int(parts[1]) if len(parts) > 1 and parts[1] else length
        file = int(parts[2]) if len(parts) > 2 and parts[2] else file
        yield start, length, file


def _owner(by_id: dict[int, list[tuple[int, int, str]]], start: int, length: int, file: int) -> str:
    inside = [
        (size, name)
        for first, size, name in by_id.get(file, ())
        if first <= start and start + length <= first + size
    ]
    return min(inside)[1] if inside else "ABI coding and dispatch"


def _instructions(code: bytes) -> dict[int, int]:
    index_of_pc, pc, index = {}, 0, 0
    while pc < len(code):
        index_of_pc[pc] = index
        pc += 1 + max(0, code[pc] - 0x5F if 0x60 <= code[pc] <= 0x7F else 0)
        index += 1
    return index_of_pc


def attribute(steps: list[dict[str, Any]], program_of: dict[int, Program]) -> Counter[tuple[str, str]]:
    """Gas by (contract and function, what) over a trace; a call is charged without what its callee spends."""
    used: Counter[tuple[str, str]] = Counter()
    frames: list[Frame] = []

    def close(gas_after: int) -> None:
        """Ends the innermost frame's open step, after which the frame has `gas_after` left."""
        frame = frames[-1]
        program = program_of[len(frames)]
        where = f"{program.name}.{program.function_at(frame.step['pc'])}"
        used[where, kind_of(frame.step)] += frame.step["gas"] - gas_after - frame.spent_by_callee
        frame.spent_by_callee = 0

    def leave() -> None:
        """Ends the innermost frame with its last step, and charges what it spent to nobody above it."""
        last = frames[-1].step
        left = last["gas"] - last["gasCost"]
        close(left)
        spent = frames.pop().gas_at_start - left
        if frames:
            frames[-1].spent_by_callee += spent

    for step in steps:
        while len(frames) > step["depth"]:
            leave()
        if len(frames) == step["depth"]:
            close(step["gas"])
            frames[-1].step = step
        else:
            frames.append(Frame(step["gas"], step))
    while frames:
        leave()
    return used


@dataclass
class Frame:
    gas_at_start: int
    step: dict[str, Any]
    """The step whose cost is known when the next one of the frame begins."""
    spent_by_callee: int = 0


def kind_of(step: dict[str, Any]) -> str:
    op = step["op"]
    if op == "STATICCALL":
        return PRECOMPILES.get(hex(int(step["stack"][-2], 16)), "call")
    if op.startswith("LOG"):
        return "event"
    return "storage" if op in ("SSTORE", "SLOAD") else "computation"
