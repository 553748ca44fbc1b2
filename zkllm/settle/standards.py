"""What the adapters for other people's standards take (contracts/src/adapters, docs/standards.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zkllm.hashing import keccak256
from zkllm.proof import Proof
from zkllm.settle.abi import encode_call, words_of
from zkllm.statement import prompt_digest

PROOF_VERIFIER_VERIFY = "verify(bytes32,bytes32,bytes,bytes)"
"""Of ERC-8274's IProofVerifier."""
_REPORT = "(uint256,bytes32,uint32[],uint256,bytes,bytes32)"


@dataclass(frozen=True)
class ProofVerifierCall:
    """The arguments of ERC-8274's `verify`, in the encodings of `ZkLLMProofVerifier`."""

    input_hash: bytes
    """The prompt's digest, 32 bytes; P where it is sealed."""
    output_hash: bytes
    """The same digest of the answer's ids."""
    metadata: bytes
    """abi.encode(address verifier, bytes32 verifierId)."""
    proof: bytes
    """abi.encode(bytes32 requestId, uint256[] words, uint256[] proof)."""

    @property
    def calldata(self) -> bytes:
        arguments = (self.input_hash, self.output_hash, self.metadata, self.proof)
        return encode_call(PROOF_VERIFIER_VERIFY, *arguments)


def proof_verifier_call(proof: Proof, verifier: bytes) -> ProofVerifierCall:
    """`proof`: its context names the adapter as the contract, and the adapter's caller as the sender.
    `verifier`: address of the generated verifier of its key."""
    from eth_abi import encode

    prompt, sealed = proof.prompt, proof.sealed_prompt
    if prompt is not None:
        input_hash = prompt_digest(prompt)
    else:
        assert sealed is not None
        input_hash = sealed.to_bytes(32, "big")
    return ProofVerifierCall(
        input_hash,
        prompt_digest(proof.answer),
        encode(["address", "bytes32"], [verifier, proof.verifier_id]),
        encode(
            ["bytes32", "uint256[]", "uint256[]"],
            [proof.context.request_id, list(proof.words), words_of(proof.body)],
        ),
    )


@dataclass(frozen=True)
class AnswerReport:
    """What an agent of ERC-8004 reports that a model answered: the payload of a request for validation by
    `AnswerValidator`."""

    agent_id: int
    model_id: bytes
    prompt: Sequence[int]
    """Token ids."""
    k: int
    """Tokens of the answer."""
    text: bytes
    """The answer's bytes."""
    salt: bytes = bytes(32)
    """Makes reports different."""

    @property
    def payload(self) -> bytes:
        """abi.encode of the contract's struct: what is published at the request's URI."""
        from eth_abi import encode

        fields = (self.agent_id, self.model_id, list(self.prompt), self.k, self.text, self.salt)
        return encode([_REPORT], [fields])

    @property
    def request_hash(self) -> bytes:
        """By which the registry knows the request."""
        return keccak256(self.payload)
