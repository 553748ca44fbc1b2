"""Prove that a language model said something, and settle that on Ethereum.

    import zkllm
    package = zkllm.setup("models/demo-gpt2", "build/demo")
    result = zkllm.prove(package, prompt="Once upon a")
    zkllm.verify(result.proof, result.verifying_key)       # raises ProofError

Names are imported when first used, so that verifying needs neither native code nor numpy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from zkllm.errors import ZkllmError

if TYPE_CHECKING:
    from zkllm.api import (
        ModelPackage,
        ProofResult,
        ShapeKeys,
        check_setup,
        open_package,
        open_setup,
        prove,
        setup,
        shape_keys,
    )
    from zkllm.measure.inspection import inspect_package, inspect_proof
    from zkllm.model.accuracy import measure_accuracy
    from zkllm.outer.keys import VerifyingKey
    from zkllm.proof import Proof
    from zkllm.settle import KeySource, Network, Session, Settled, network, open_session
    from zkllm.statement import Context, Statement

__version__ = "0.1.0"

_NAMES = {
    "zkllm.api": (
        *("ModelPackage", "ProofResult", "ShapeKeys", "check_setup", "open_package", "open_setup"),
        *("prove", "setup", "shape_keys"),
    ),
    "zkllm.measure.inspection": ("inspect_package", "inspect_proof"),
    "zkllm.model.accuracy": ("measure_accuracy",),
    "zkllm.outer.keys": ("VerifyingKey",),
    "zkllm.proof": ("Proof",),
    "zkllm.settle": ("KeySource", "Network", "Session", "Settled", "network", "open_session"),
    "zkllm.statement": ("Context", "Statement"),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [
    "Context",
    "KeySource",
    "ModelPackage",
    "Network",
    "Proof",
    "ProofResult",
    "Session",
    "Settled",
    "ShapeKeys",
    "Statement",
    "VerifyingKey",
    "ZkllmError",
    "check_setup",
    "inspect_package",
    "inspect_proof",
    "measure_accuracy",
    "network",
    "open_package",
    "open_session",
    "open_setup",
    "prove",
    "setup",
    "shape_keys",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})


def verify(proof: Proof | bytes, verifying_key: VerifyingKey) -> None:
    """Raises ProofError unless the proof, or the bytes of one, holds for the key. Pure Python."""
    from zkllm.proof import Proof

    parsed = proof if isinstance(proof, Proof) else Proof.from_bytes(proof)
    parsed.verify(verifying_key)
