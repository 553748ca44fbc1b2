"""A proof as calldata: of the verifier alone, and of the settlement contract, with the answer's tokens.

A claim's tokens are shown to be the vocabulary's by Merkle paths, so the submitter needs the tokens of the
model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from zkllm.errors import SettlementError
from zkllm.model.vocabulary import VocabularyTree
from zkllm.settle.abi import SETTLE, VERIFY, encode_call, words_of

GAS_OF_ZERO, GAS_OF_OTHER = 4, 16


@dataclass(frozen=True)
class Submission:
    """Calldata of `settle`, and what it claims."""

    calldata: bytes
    claim_id: bytes
    token_ids: tuple[int, ...]
    text: bytes


def verify_calldata(proof: Any) -> bytes:
    """`verify(context, words, proof)` of the generated verifier."""
    return encode_call(VERIFY, proof.context.digest(), proof.words, words_of(proof.body))


def settle_calldata(proof: Any, verifying_key: Any, tokens: Sequence[bytes]) -> Submission:
    """`settle(requestId, words, proof, siblings, tokens)`. `tokens`: the bytes of every id of the
    vocabulary."""
    tree = VocabularyTree(tokens)
    if tree.root != verifying_key.vocabulary_root or len(tokens) != verifying_key.vocab_size:
        raise SettlementError("the tokenizer is not the one that this verifying key commits to")
    answer = proof.ids[proof.T - proof.k + 1 : proof.T + 1]
    siblings = [sibling for i in answer for sibling in tree.path(i)]
    texts = [tokens[i] for i in answer]
    calldata = encode_call(
        SETTLE, proof.context.request_id, proof.words, words_of(proof.body), siblings, texts
    )
    return Submission(calldata, proof.statement(verifying_key).claim_id(), tuple(answer), b"".join(texts))


def calldata_gas(data: bytes) -> int:
    """What the transaction pays for its bytes, without EIP-7623's floor."""
    zeros = data.count(0)
    return GAS_OF_ZERO * zeros + GAS_OF_OTHER * (len(data) - zeros)
