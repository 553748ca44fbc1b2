"""A proof as calldata: of the verifier alone, and of the settlement contract, with the answer's tokens.

A claim's tokens are shown to be the vocabulary's by a Merkle proof, so the submitter needs the tokens of the
model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zkllm.errors import SettlementError
from zkllm.outer.keys import VerifyingKey
from zkllm.proof import Proof
from zkllm.settle.abi import SETTLE, VERIFY, encode_call, words_of

GAS_OF_ZERO, GAS_OF_OTHER = 4, 16
INTRINSIC_GAS = 21_000
FLOOR_PER_TOKEN = 10
MAX_RECORD_BYTES = 0x5FFF
"""Of a settled answer: its text, and what `record_bytes` adds. Longer ones are kept as a contract's code."""


@dataclass(frozen=True)
class Submission:
    """Calldata of `settle`, and what it claims."""

    calldata: bytes
    claim_id: bytes
    token_ids: tuple[int, ...]
    text: bytes


def verify_calldata(proof: Proof) -> bytes:
    """`verify(context, words, proof)` of the generated verifier."""
    return encode_call(VERIFY, proof.context.digest(), list(proof.words), words_of(proof.body))


def record_bytes(texts: Sequence[bytes]) -> int:
    """What the settlement contract keeps of an answer: a count, each token's id and length, the text."""
    return 2 + 5 * len(texts) + sum(map(len, texts))


def settle_arguments(
    proof: Proof, verifying_key: VerifyingKey, tokens: Sequence[bytes]
) -> tuple[list[int], list[int], list[bytes], list[bytes]]:
    """words, proof, siblings and tokens, as `settle` takes them. `tokens`: the bytes of every id of the
    vocabulary."""
    from zkllm.model.vocabulary import VocabularyTree  # whatever else a session does needs no extension

    tree = VocabularyTree(tokens)
    if tree.root != verifying_key.vocabulary_root or len(tokens) != verifying_key.vocab_size:
        raise SettlementError("the tokenizer is not the one that this verifying key commits to")
    answer = proof.answer
    if (size := record_bytes([tokens[i] for i in answer])) > MAX_RECORD_BYTES:
        raise SettlementError(
            f"the answer's {len(answer)} tokens take {size:,} bytes to record; the settlement contract keeps "
            f"up to {MAX_RECORD_BYTES:,}, so this answer can be proved but not settled"
        )
    texts = [tokens[i] for i in sorted(set(answer))]
    return list(proof.words), words_of(proof.body), tree.multiproof(answer), texts


def settle_calldata(
    proof: Proof, verifying_key: VerifyingKey, tokens: Sequence[bytes], verifier: bytes
) -> Submission:
    """`settle(verifier, requestId, words, proof, siblings, tokens)`."""
    arguments = settle_arguments(proof, verifying_key, tokens)
    answer = proof.answer
    return Submission(
        encode_call(SETTLE, verifier, proof.context.request_id, *arguments),
        proof.statement(verifying_key).claim_id(),
        answer,
        b"".join(tokens[i] for i in answer),
    )


def calldata_gas(data: bytes) -> int:
    """What the transaction pays for its bytes, without EIP-7623's floor (see `transaction_floor`)."""
    zeros = data.count(0)
    return GAS_OF_ZERO * zeros + GAS_OF_OTHER * (len(data) - zeros)


def transaction_floor(data: bytes) -> int:
    """EIP-7623: the least that a transaction with these bytes pays, where that rule is in force."""
    tokens = data.count(0) + 4 * (len(data) - data.count(0))
    return INTRINSIC_GAS + FLOOR_PER_TOKEN * tokens
