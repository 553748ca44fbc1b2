"""Where the gas of a settlement goes: an honest one on a local Anvil, traced, attributed to functions.

    python scripts/gas_table.py [--fixture single | --proof FILE --model DIR] [--hardfork osaka] [--json]

The proof, of a fixture of the contracts' tests or a file, is settled for real: chain, contract and sender are
the ones it was made for.
Every step of the trace is attributed, by the compiler's source map, to the Solidity function it comes from.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verifier_gen import CONTRACT_NAME, generate
from verifier_gen.compiler import run_solc
from verifier_gen.standard_json import standard_json
from zkllm.api import open_package
from zkllm.cli.models import verifying_key
from zkllm.errors import SettlementError, ZkllmError
from zkllm.proof import Proof
from zkllm.settle.abi import REGISTER, REQUEST, SETTLE, VERIFY, encode_call
from zkllm.settle.submission import calldata_gas, settle_arguments, verify_calldata

ROOT = Path(__file__).resolve().parent.parent
INTRINSIC = 21_000
DEPLOYER = "0x00000000000000000000000000000000000000aa"
REWARD = 10**18
FAR_DEADLINE = 2**32
"""Within a year of the fixed time at which the chains of this script begin."""
START_TIME = FAR_DEADLINE - 30 * 24 * 3600
SNAPSHOT = (("single", "osaka"), ("single", "prague"), ("multi", "osaka"))
"""(fixture, hardfork) of the committed snapshot, contracts/gas.json."""
PRECOMPILES = {"0x6": "ecAdd", "0x7": "ecMul", "0x8": "pairing"}


class Node:
    """JSON-RPC of a local node."""

    def __init__(self, port: int):
        self.url = f"http://127.0.0.1:{port}"

    def __call__(self, method: str, *params: Any) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.load(response)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

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
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    command = [str(ROOT / "node_modules/.bin/anvil"), "--port", str(port), "--chain-id", str(chain_id)]
    command += ["--hardfork", hardfork, "--steps-tracing", "--silent"]
    command += ["--timestamp", str(START_TIME)]
    process = subprocess.Popen(command)
    try:
        node = Node(port)
        for _ in range(200):
            try:
                node("eth_chainId")
                break
            except OSError:
                time.sleep(0.05)
        yield node
    finally:
        process.terminate()
        process.wait()


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
    output = run_solc(request)
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


@dataclass(frozen=True)
class Case:
    """A proof with everything that settling it takes."""

    name: str
    verifier_source: str
    fixed_columns: int
    witness_columns: int
    certified_tokens: int
    chain_id: int
    settlement: str
    sender: str
    verify: bytes
    statement: tuple[list[int], list[int], list[bytes], list[bytes]]
    """words, proof, siblings and tokens, as `settle` takes them."""
    request_id: bytes
    request: bytes | None
    """Calldata that posts the request, where there is one."""

    def settle(self, verifier: bytes) -> bytes:
        return encode_call(SETTLE, verifier, self.request_id, *self.statement)

    @classmethod
    def from_fixture(cls, name: str) -> Case:
        data = json.loads((ROOT / f"contracts/test/fixtures/{name}.json").read_text())
        words, proof = ([int(x, 16) for x in data[key]] for key in ("words", "proof"))
        siblings, tokens = ([bytes.fromhex(x[2:]) for x in data[key]] for key in ("siblings", "tokens"))
        request_id, context, model_id, salt = (
            bytes.fromhex(data[key][2:]) for key in ("requestId", "context", "modelId", "salt")
        )
        prompt = data["ids"][: len(data["ids"]) - data["k"]]
        asked = encode_call(REQUEST, model_id, prompt, data["k"], FAR_DEADLINE, salt)
        return cls(
            name=f"fixture {name}",
            verifier_source=(ROOT / f"contracts/generated/{name}/{CONTRACT_NAME}.sol").read_text(),
            fixed_columns=data["fixedColumns"],
            witness_columns=data["witnessColumns"],
            certified_tokens=data["k"],
            chain_id=data["chainId"],
            settlement=data["settlement"],
            sender=data["sender"],
            verify=encode_call(VERIFY, context, words, proof),
            statement=(words, proof, siblings, tokens),
            request_id=request_id,
            request=asked if any(request_id) else None,
        )

    @classmethod
    def from_proof(cls, path: Path, model: Path) -> Case:
        proof = Proof.load(path)
        if proof.context.is_empty:
            raise SettlementError(f"{path} was made without a context, so it cannot be settled")
        if any(proof.context.request_id):
            raise SettlementError(f"{path} answers a request, which a fresh chain does not have")
        package = open_package(model)
        vk = verifying_key(model, proof)
        return cls(
            name=path.name,
            verifier_source=generate(vk).source,
            fixed_columns=len(vk.fixed_commitments),
            witness_columns=vk.num_witness_columns,
            certified_tokens=vk.k,
            chain_id=proof.context.chain_id,
            settlement="0x" + proof.context.contract.hex(),
            sender="0x" + proof.context.sender.hex(),
            verify=verify_calldata(proof),
            statement=settle_arguments(proof, vk, package.tokenizer.token_bytes),
            request_id=proof.context.request_id,
            request=None,
        )


def measure(case: Case, hardfork: str) -> dict[str, Any]:
    """Settles the case on a fresh chain; gas of the transaction and of each part of it."""
    (verifier,) = compile_programs({f"{CONTRACT_NAME}.sol": case.verifier_source}, [CONTRACT_NAME])
    source_dir = ROOT / "contracts/src"
    sources = {str(p.relative_to(source_dir)): p.read_text() for p in sorted(source_dir.rglob("*.sol"))}
    (settlement,) = compile_programs(sources, ["ZkLLMSettlement"])

    with anvil(case.chain_id, hardfork) as node:
        verifier_at = node.send(DEPLOYER, None, verifier.creation)["contractAddress"]
        verifier_address, owner = (bytes.fromhex(x[2:]) for x in (verifier_at, DEPLOYER))
        owner = owner.rjust(32, b"\0")
        deployed = node.send(DEPLOYER, None, settlement.creation + owner)["contractAddress"]
        node("anvil_setCode", case.settlement, node("eth_getCode", deployed, "latest"))
        node("anvil_setStorageAt", case.settlement, "0x0", "0x" + owner.hex())
        node.send(DEPLOYER, case.settlement, encode_call(REGISTER, verifier_address))
        if case.request is not None:
            node.send(case.sender, case.settlement, case.request, REWARD)
        alone = node.send(case.sender, verifier_at, case.verify)
        settle = case.settle(verifier_address)
        receipt = node.send(case.sender, case.settlement, settle)
        trace = node("debug_traceTransaction", receipt["transactionHash"], {"disableStorage": True})
    used = attribute(trace["structLogs"], {1: settlement, 2: verifier})
    alone_total, total = int(alone["gasUsed"], 16), int(receipt["gasUsed"], 16)
    return {
        "case": case.name,
        "hardfork": hardfork,
        "fixed_columns": case.fixed_columns,
        "witness_columns": case.witness_columns,
        "certified_tokens": case.certified_tokens,
        "verifier_code_bytes": verifier.code_bytes,
        "settlement_calldata_bytes": len(settle),
        "verify_calldata_bytes": len(case.verify),
        "verification_gas": alone_total - INTRINSIC - calldata_gas(case.verify),
        "verification_transaction_gas": alone_total,
        "settlement_transaction_gas": total,
        "parts": [
            {"where": "transaction", "what": "intrinsic", "gas": INTRINSIC},
            {"where": "transaction", "what": "calldata", "gas": calldata_gas(settle)},
            *({"where": where, "what": what, "gas": gas} for (where, what), gas in used.most_common()),
        ],
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fixture", default="single", help="name in contracts/test/fixtures")
    parser.add_argument("--proof", type=Path, help="a proof file made for a settlement, instead of a fixture")
    parser.add_argument("--model", type=Path, help="its model package")
    parser.add_argument("--hardfork", default="osaka", help="osaka (default), prague ...")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    if (arguments.proof is None) != (arguments.model is None):
        parser.error("--proof and --model belong together")
    try:
        if arguments.proof:
            case = Case.from_proof(arguments.proof, arguments.model)
        else:
            case = Case.from_fixture(arguments.fixture)
        result = measure(case, arguments.hardfork)
    except (ZkllmError, OSError) as error:
        print(f"gas_table: {error}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps(result, indent=2))
        return 0
    print(
        f"{result['case']}: {result['fixed_columns']} fixed and {result['witness_columns']} witness columns, "
        f"{result['certified_tokens']} certified token(s), hardfork {result['hardfork']}\n"
    )
    print(f"{'gas':>9}  where")
    for part in result["parts"]:
        print(f"{part['gas']:>9,}  {part['where']}: {part['what']}")
    listed = sum(part["gas"] for part in result["parts"])
    print(f"{listed:>9,}  sum of the parts\n")
    for key in ("settlement_transaction_gas", "verification_transaction_gas", "verification_gas"):
        print(f"{result[key]:>9,}  {key.replace('_', ' ')}")
    for key in ("settlement_calldata_bytes", "verify_calldata_bytes", "verifier_code_bytes"):
        print(f"{result[key]:>9,}  {key.replace('_', ' ')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
