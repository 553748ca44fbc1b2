"""What other machines send for proofs: it counts as one when it is of what was asked, and verifies here."""

from __future__ import annotations

from zkllm.cluster.prover import Order
from zkllm.errors import ProofError
from zkllm.outer.keys import VerifyingKey
from zkllm.proof import Proof
from zkllm.sealed import question_id


def require_answer(proof: Proof, order: Order, key: VerifyingKey) -> None:
    """A ProofError where it is of another model, shape, SRS, context or prompt. It is not verified."""
    if proof.verifier_id != key.verifier_id or proof.shape != order.shape:
        raise ProofError("it is of another model, shape or SRS")
    if proof.context != order.context:
        raise ProofError("it is for another context")
    claim = question_id(key.model_id, order.shape.certified, order.ids, order.salt)
    if proof.statement(key).claim_id() != claim:
        raise ProofError("it answers another prompt")


def require_proof(data: bytes, order: Order, key: VerifyingKey) -> Proof:
    """The proof. Raises ProofError where it is none of what was asked."""
    proof = Proof.from_bytes(data)
    require_answer(proof, order, key)
    proof.verify(key)
    return proof
