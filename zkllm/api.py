"""The Python API: set a model up, prove, verify. The command line only wraps it.

A progress callable, wherever it is taken, is called as progress(stage, done, total); `kernels` do the
work (`zkllm.kernels`), with the same result whichever they are.
"""

from __future__ import annotations

from ._native import field_backend
from .audit import Audit, check_setup
from .model.chat import Messages
from .model.package import ModelPackage
from .model_setup import open_package, setup, setup_keys
from .outer.keys import VerifyingKey
from .precompute import Precomputed, precompute
from .preflight import Asked, check_prompt, prompt_ids
from .proof import Proof
from .proving import ProofResult, answer, check_memory, prove
from .setup_check import open_setup, own_setup
from .setup_record import SetupRecord
from .shapes import ShapeKeys, shape_keys
from .statement import Context, Statement


def verify(proof: Proof | bytes, verifying_key: VerifyingKey) -> None:
    """Raises ProofError unless the proof holds. Pure Python (see also `zkllm.proof`)."""
    parsed = proof if isinstance(proof, Proof) else Proof.from_bytes(proof)
    parsed.verify(verifying_key)


def backend() -> str:
    """The instructions that all native kernels use: see `zkllm --help`, ZKLLM_BACKEND."""
    return field_backend()


__all__ = [
    "Asked",
    "Audit",
    "Context",
    "Messages",
    "ModelPackage",
    "Precomputed",
    "Proof",
    "ProofResult",
    "SetupRecord",
    "ShapeKeys",
    "Statement",
    "VerifyingKey",
    "answer",
    "backend",
    "check_memory",
    "check_prompt",
    "check_setup",
    "open_package",
    "open_setup",
    "own_setup",
    "precompute",
    "prompt_ids",
    "prove",
    "setup",
    "setup_keys",
    "shape_keys",
    "verify",
]
