"""The contracts as the compiler makes them here: code to deploy, and code to compare deployed code with.

The settlement's sources ship with the package as the compiler's standard JSON input (`settlement.json`, made
by scripts/generate); the verifier's are generated from the verifying key.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from verifier_gen.standard_json import MAX_CODE_BYTES, SOLC_LONG_VERSION
from zkllm.cache import CONTRACTS
from zkllm.errors import SettlementError
from zkllm.files import UNREADABLE, JsonObject, canonical_json, read_json, write_atomically
from zkllm.hashing import keccak256
from zkllm.outer.contract import verifier_contract
from zkllm.outer.keys import VerifyingKey
from zkllm.records import from_data, to_data
from zkllm.settle.rpc import checksum_address
from zkllm.settle.solc import compile_standard

VERIFIER, SETTLEMENT = "ZkLLMVerifier", "ZkLLMSettlement"
SETTLEMENT_DIGEST = "settlement.keccak256"
"""Beside `settlement.json`: keccak256 of the creation code it compiles to."""
OUTPUTS = (
    "abi",
    "evm.bytecode.object",
    "evm.deployedBytecode.object",
    "evm.deployedBytecode.immutableReferences",
)


@dataclass(frozen=True)
class Artifact:
    """A compiled contract. `immutables`: name -> byte offsets of its 32-byte words in the deployed code."""

    name: str
    abi: list[JsonObject]
    creation: bytes
    deployed: bytes
    immutables: dict[str, tuple[int, ...]]

    def code_with(self, values: Mapping[str, bytes]) -> bytes:
        """The deployed code with its immutables filled in. `values`: name -> 32 bytes."""
        if set(values) != set(self.immutables):
            wrong = ", ".join(sorted(set(values) ^ set(self.immutables)))
            raise SettlementError(
                f"{self.name}: unexpected immutables ({wrong}); the package is inconsistent"
            )
        code = bytearray(self.deployed)
        for name, offsets in self.immutables.items():
            for offset in offsets:
                code[offset : offset + 32] = values[name]
        return bytes(code)


def settlement_source() -> JsonObject:
    """Standard JSON input of the settlement contract."""
    text = files("zkllm.settle").joinpath("settlement.json").read_text(encoding="utf-8")
    source: JsonObject = json.loads(text)
    return source


def settlement_artifact() -> Artifact:
    """Its creation code is the one that this package was released with, whatever compiled or cached it."""
    text = files("zkllm.settle").joinpath(SETTLEMENT_DIGEST).read_text(encoding="utf-8")
    return build(settlement_source(), SETTLEMENT, bytes.fromhex(text.strip().removeprefix("0x")))


def verifier_artifact(verifying_key: VerifyingKey) -> Artifact:
    return build(verifier_contract(verifying_key).standard_json, VERIFIER)


def build(source: JsonObject, name: str, digest: bytes | None = None) -> Artifact:
    """Compiles, or takes the result of an earlier run from the cache. `digest`: keccak256 that the creation
    code must have."""
    request = copy.deepcopy(dict(source))
    # neither changes the code: the names of the immutables are found by their declarations' numbers
    request["settings"]["outputSelection"] = {"*": {"*": list(OUTPUTS), "": ["ast"]}}
    cached = CONTRACTS.path(f"{_digest(request, name)}.json")
    artifact = _from_cache(cached, name)
    if artifact is None or digest not in (None, keccak256(artifact.creation)):
        artifact = parse_artifact(compile_standard(request), name)
        if digest not in (None, keccak256(artifact.creation)):
            raise SettlementError(
                f"the compiler makes another {name} than this package was released with; check where solc "
                "comes from (docs/settlement.md)"
            )
        _to_cache(cached, artifact)
    return artifact


def parse_artifact(output: JsonObject, name: str) -> Artifact:
    """Of a compiler's output for `OUTPUTS`."""
    found = [c[name] for c in output.get("contracts", {}).values() if name in c]
    if len(found) != 1:
        raise SettlementError(f"solc made {len(found)} contracts {name} instead of one")
    evm = found[0]["evm"]
    declared = dict(_immutables(output.get("sources", {})))
    size = len(evm["deployedBytecode"]["object"]) // 2
    if size > MAX_CODE_BYTES:
        raise SettlementError(
            f"{name} has {size:,} bytes of code, Ethereum allows {MAX_CODE_BYTES:,}; use a smaller N, or a "
            "larger mu for fewer columns"
        )
    return Artifact(
        name,
        found[0]["abi"],
        bytes.fromhex(evm["bytecode"]["object"]),
        bytes.fromhex(evm["deployedBytecode"]["object"]),
        {
            declared[number]: tuple(sorted(reference["start"] for reference in references))
            for number, references in evm["deployedBytecode"].get("immutableReferences", {}).items()
        },
    )


def _immutables(node: object) -> list[tuple[str, str]]:
    """(number, name) of every immutable variable of the syntax trees."""
    found = []
    if isinstance(node, dict):
        if node.get("nodeType") == "VariableDeclaration" and node.get("mutability") == "immutable":
            found.append((str(node["id"]), node["name"]))
        for child in node.values():
            found += _immutables(child)
    elif isinstance(node, list):
        for child in node:
            found += _immutables(child)
    return found


# ---- the cache: compiling takes seconds
def _digest(request: JsonObject, name: str) -> str:
    text = json.dumps([SOLC_LONG_VERSION, name, request], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _seal(data: JsonObject) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def _to_cache(path: Path, artifact: Artifact) -> None:
    data = to_data(artifact)
    with suppress(OSError):  # a cache that cannot be written only costs time
        write_atomically(path, canonical_json(data | {"sha256": _seal(data)}))


def _from_cache(path: Path, name: str) -> Artifact | None:
    """None if it is not there or damaged: then it is made again."""
    try:
        data = read_json(path)
        if data.pop("sha256") != _seal(data) or data["name"] != name:
            return None
        return from_data(Artifact, data, "the artifact")
    except UNREADABLE:
        return None


class CodeMismatch(SettlementError):
    """A deployed contract is not what is expected at its address."""


def compare_code(what: str, address: bytes, deployed: bytes, expected: bytes) -> None:
    """Refuses a contract that is not what the compiler makes here."""
    if not deployed:
        raise CodeMismatch(f"there is no contract at {checksum_address(address)} ({what})")
    if deployed != expected:
        raise CodeMismatch(
            f"the contract at {checksum_address(address)} is not the {what} that this version compiles for "
            "this "
            "model and shape; do not use it"
        )
