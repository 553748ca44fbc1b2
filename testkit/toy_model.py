"""A model whose proofs are the toy's, under the real outer proof: a real key, and proofs that its contract
accepts for any answer, in a tenth of a second."""

from __future__ import annotations

from dataclasses import replace

from testkit.toy import Instance, Toy
from zkllm.kernels.native import NATIVE
from zkllm.outer.keys import VerifyingKey
from zkllm.outer.setup import KeyFields, setup_outer
from zkllm.pcs.srs import development_srs, srs_powers_needed
from zkllm.proof import Proof
from zkllm.statement import Context, Statement, num_words


class ToyModel:
    """`fields`: the model and shape that the key is of, prompts in the clear. Equal fields and seed
    give the same `verifying_key`."""

    def __init__(self, fields: KeyFields, seed: int = 1):
        words = num_words(fields["N"], fields["k"], fields["sealed"])
        toy = Toy.random(seed=seed, N=fields["N"], words=words)
        circuit = toy.circuit()
        srs = development_srs((srs_powers_needed(circuit.log2_size, toy.mu) - 1).bit_length())
        commitments = [srs.commit(NATIVE.from_list(t)) for t in toy.tables]
        fixed = commitments[: toy.num_fixed]
        pk, _ = setup_outer(circuit, srs, NATIVE, fixed, toy.num_witness, toy.mu, fields)
        self._instance = Instance(toy, srs, pk, [], bytes(32), commitments[toy.num_fixed :])
        self.verifying_key = pk.vk

    @classmethod
    def like(cls, key: VerifyingKey) -> ToyModel:
        """Of the model and shape of a key."""
        return cls(
            {
                "version": key.version,
                "N": key.N,
                "k": key.k,
                "sealed": key.sealed,
                "vocab_size": key.vocab_size,
                "pad_id": key.pad_id,
                "n_ctx": key.n_ctx,
                "model_id": key.model_id,
                "config_digest": key.config_digest,
                "vocabulary_root": key.vocabulary_root,
            }
        )

    def prove(self, ids: tuple[int, ...], context: Context = Context()) -> Proof:  # noqa: B008
        vk = self.verifying_key
        statement = Statement(vk.model_id, vk.k, ids)
        words = statement.words(vk.N, vk.pad_id)
        body = replace(self._instance, words=words, context=context.digest()).prove()
        return Proof(vk.verifier_id, True, context, vk.N, vk.k, False, tuple(words), body)
