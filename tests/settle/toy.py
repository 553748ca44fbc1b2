"""A toy model's key and proofs with a real vocabulary: what settling needs, in a second."""

from __future__ import annotations

from testkit import toy_model
from zkllm.model.vocabulary import VocabularyTree
from zkllm.outer.keys import VERSION

TOKENS = [b" magic", *(bytes([65 + i % 26]) * (1 + i % 40) for i in range(1, 90)), b"\xff\xfe", b" token"]
PAD_ID = 3


class ToyModel(toy_model.ToyModel):
    """`verifying_key`, `tokens`, and `prove(ids, context)`."""

    def __init__(self, N: int = 16, k: int = 1, seed: int = 1):
        self.tokens = TOKENS
        super().__init__(
            {
                "version": VERSION,
                "N": N,
                "k": k,
                "sealed": False,
                "vocab_size": len(TOKENS),
                "pad_id": PAD_ID,
                "n_ctx": 64,
                "model_id": bytes([1] * 32),
                "config_digest": bytes([2] * 32),
                "vocabulary_root": VocabularyTree(TOKENS).root,
            },
            seed,
        )
