"""Verifying sources without a service: every compiler of this machine makes the contract from the standard
JSON input, and the results are compared with what is on chain.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

from zkllm.errors import SettlementError
from zkllm.settle.contracts import OUTPUTS, compare_code, parse_artifact
from zkllm.settle.create2 import create2_address
from zkllm.settle.rpc import Rpc, checksum_address
from zkllm.settle.services import Source
from zkllm.settle.solc import compile_with, compilers


@dataclass(frozen=True)
class Recompiled:
    """A compiler whose output is what is on chain."""

    name: str
    compiler: str  # which build: of npm (WebAssembly), or a program
    code_bytes: int


def recompile(rpc: Rpc, source: Source) -> list[Recompiled]:
    """Nothing is taken from a cache. The address is that of CREATE2 with the compiled creation code and the
    constructor's arguments; the deployed code is the compiled one with the immutables that the arguments
    give."""
    request = copy.deepcopy(dict(source.standard_json))
    request["settings"]["outputSelection"] = {"*": {"*": list(OUTPUTS), "": ["ast"]}}
    deployed = rpc.code(source.address)
    found = []
    with compilers() as available:
        if not available:
            raise SettlementError("no compiler found; see docs/settlement.md")
        for name, binary in available:
            made = parse_artifact(compile_with(binary, request), source.name)
            values = {immutable: source.constructor_arguments for immutable in made.immutables}
            compare_code(f"{source.name} of {name}", source.address, deployed, made.code_with(values))
            computed = create2_address(made.creation + source.constructor_arguments)
            if computed != source.address:
                raise SettlementError(
                    f"{source.name} as {name} compiles it would be at {checksum_address(computed)}, not at "
                    f"{checksum_address(source.address)}"
                )
            found.append(Recompiled(source.name, name, len(deployed)))
    return found
