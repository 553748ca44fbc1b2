"""Runs solc (the npm package, through Node) on standard JSON input."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from verifier_gen.standard_json import MAX_CODE_BYTES
from zkllm.errors import SettlementError


@dataclass(frozen=True)
class CompiledContract:
    """What deploying and calling a contract takes."""

    abi: list[dict[str, Any]]
    bytecode: bytes
    """Creation code, without constructor arguments."""
    deployed_bytecode: bytes
    """Runtime code; immutables are zero in it."""


def compile_contract(source: Mapping[str, Any], name: str) -> CompiledContract:
    """Compiles standard JSON input and returns the contract `name`. Refuses code that no chain accepts."""
    output = run_solc(source)
    problems = [e for e in output.get("errors", ()) if e["severity"] == "error"]
    if problems:
        raise SettlementError(f"solc refused {name}: {problems[0]['message']}")
    found = [contracts[name] for contracts in output["contracts"].values() if name in contracts]
    if len(found) != 1:
        raise SettlementError(f"expected one contract {name} in the compiler's output, found {len(found)}")
    evm = found[0]["evm"]
    contract = CompiledContract(
        abi=found[0]["abi"],
        bytecode=bytes.fromhex(evm["bytecode"]["object"]),
        deployed_bytecode=bytes.fromhex(evm["deployedBytecode"]["object"]),
    )
    if len(contract.deployed_bytecode) > MAX_CODE_BYTES:
        raise SettlementError(
            f"{name} has {len(contract.deployed_bytecode)} bytes of code, Ethereum allows {MAX_CODE_BYTES}; "
            "use a smaller N, or a larger mu for fewer columns"
        )
    return contract


def run_solc(source: Mapping[str, Any]) -> dict[str, Any]:
    """Output of solc for standard JSON input."""
    node = shutil.which("node")
    if node is None:
        raise SettlementError(
            "compiling contracts needs Node.js >= 18; install it (apt-get install nodejs npm)"
        )
    with resources.as_file(resources.files("verifier_gen").joinpath("solc.js")) as script:
        done = subprocess.run(
            [node, str(script), "--standard-json"],
            input=json.dumps(source).encode(),
            capture_output=True,
            check=False,
        )
    if done.returncode or not done.stdout:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise SettlementError(f"solc failed: {lines[-1] if lines else 'no output'}")
    return json.loads(done.stdout)
