"""A verifier's description -> Solidity and standard JSON input. `python -m verifier_gen --help`.

It knows no zkLLM: what a verifying key and the protocol say comes as a `VerifierSpec`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from verifier_gen.solidity import CONTRACT_NAME, render_verifier
from verifier_gen.spec import VerifierSpec
from verifier_gen.standard_json import standard_json

__all__ = ["CONTRACT_NAME", "GeneratedVerifier", "VerifierSpec", "generate"]


@dataclass(frozen=True)
class GeneratedVerifier:
    """The contract of one description; equal descriptions give equal bytes."""

    source: str
    standard_json: dict[str, Any]


def generate(spec: VerifierSpec) -> GeneratedVerifier:
    source = render_verifier(spec)
    return GeneratedVerifier(source, standard_json({f"{CONTRACT_NAME}.sol": source}))
