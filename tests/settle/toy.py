"""A toy model's key and proofs with a real vocabulary: what settling needs, in a second."""

from __future__ import annotations

from dataclasses import replace

from testkit.toy import Instance, Toy
from zkllm.kernels.native import NATIVE
from zkllm.model.vocabulary import VocabularyTree
from zkllm.outer.keys import VERSION
from zkllm.outer.setup import setup_outer
from zkllm.pcs.srs import development_srs, srs_powers_needed
from zkllm.proof import Proof
from zkllm.statement import Context, Statement

TOKENS = [b" magic", *(bytes([65 + i % 26]) * (1 + i % 40) for i in range(1, 90)), b"\xff\xfe", b" token"]
PAD_ID = 3


class ToyModel:
    """`verifying_key`, `tokens`, and `prove(ids, context)`."""

    def __init__(self, N: int = 16, k: int = 1, seed: int = 1):
        self.tokens = TOKENS
        self._toy = toy = Toy.random(seed=seed, N=N)
        circuit = toy.circuit()
        srs = development_srs((srs_powers_needed(circuit.log2_size, toy.mu) - 1).bit_length())
        commitments = [srs.commit(NATIVE.from_list(t)) for t in toy.tables]
        fields = {
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
        }
        fixed = commitments[: toy.num_fixed]
        pk, _ = setup_outer(circuit, srs, NATIVE, fixed, toy.num_witness, toy.mu, fields)
        self._instance = Instance(toy, srs, pk, [], bytes(32), commitments[toy.num_fixed :])
        self.verifying_key = pk.vk

    def prove(self, ids: tuple[int, ...], context: Context = Context()) -> Proof:  # noqa: B008
        vk = self.verifying_key
        statement = Statement(vk.model_id, vk.k, ids)
        words = statement.words(vk.N, PAD_ID)
        body = replace(self._instance, words=words, context=context.digest()).prove()
        return Proof(vk.verifier_id, True, context, vk.N, vk.k, False, tuple(words), body)
