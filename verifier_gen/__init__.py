"""Verifying key -> Solidity verifier and standard JSON input. `python -m verifier_gen --help`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from verifier_gen.compiler import CompiledContract, compile_contract
from verifier_gen.solidity import CONTRACT_NAME, render_verifier
from verifier_gen.spec import VerifierSpec
from verifier_gen.standard_json import standard_json
from zkllm.outer.keys import VerifyingKey

__all__ = ["CONTRACT_NAME", "CompiledContract", "GeneratedVerifier", "generate"]


@dataclass(frozen=True)
class GeneratedVerifier:
    """The contract of one verifying key; equal keys give equal bytes."""

    source: str
    standard_json: dict[str, Any]

    def compile(self) -> CompiledContract:
        return compile_contract(self.standard_json, CONTRACT_NAME)


def generate(vk: VerifyingKey) -> GeneratedVerifier:
    """Generates the verifier of a verifying key."""
    source = render_verifier(VerifierSpec.from_verifying_key(vk))
    return GeneratedVerifier(source, standard_json({f"{CONTRACT_NAME}.sol": source}))
