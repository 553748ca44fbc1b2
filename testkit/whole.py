"""A tiny model set up and proved by any kernels, without files: weights, circuit, prompt, proof."""

from __future__ import annotations

from dataclasses import dataclass

from testkit.blinding import weight_masks
from zkllm.blinding import Blinding
from zkllm.commitments import commit_columns
from zkllm.families import describe
from zkllm.kernels.interface import Kernels
from zkllm.model.execution import generate_trace
from zkllm.model.tiny import tiny_model
from zkllm.model.trace import Trace
from zkllm.model.weights import QuantizedModel
from zkllm.opening_table import OpeningTable
from zkllm.outer.keys import VERSION, VerifyingKey
from zkllm.outer.setup import KeyFields, ProvingKey, setup_outer
from zkllm.outer.verifier import verify
from zkllm.pcs.srs import Srs, make_development_srs, srs_powers_needed
from zkllm.protocol.circuit import build_circuit
from zkllm.protocol.column_sizes import ColumnSizes
from zkllm.protocol.description import Description
from zkllm.protocol.witness import fixed_tensors
from zkllm.prover import prove_trace
from zkllm.statement import pack_words

ROWS, CERTIFIED, CONTEXT = 3, 2, bytes(range(32))


@dataclass(frozen=True)
class Whole:
    kernels: Kernels
    model: QuantizedModel
    protocol: Description
    trace: Trace
    pk: ProvingKey
    srs: Srs

    @classmethod
    def make(cls, kernels: Kernels, mu: int, n_layer: int = 3, hidden: bool = False) -> Whole:
        model = tiny_model(1, n_layer=n_layer, **ColumnSizes.full(mu, hidden)._asdict())
        protocol = describe(model.config, ROWS, CERTIFIED)
        circuit = build_circuit(protocol)
        powers = srs_powers_needed(circuit.log2_size, mu)
        srs = make_development_srs((powers - 1).bit_length(), kernels=kernels)
        masks = weight_masks(protocol)
        fixed = commit_columns(srs, protocol.fixed, fixed_tensors(protocol.manifest, model), masks=masks)
        fields: KeyFields = {
            "version": VERSION,
            "N": ROWS,
            "k": CERTIFIED,
            "sealed": False,
            "vocab_size": model.config.vocab_size,
            "pad_id": model.config.pad_id,
            "n_ctx": model.config.n_ctx,
            "model_id": bytes(32),
            "config_digest": bytes(32),
            "vocabulary_root": bytes(32),
        }
        pk, _ = setup_outer(circuit, srs, kernels, fixed, protocol.witness.num_columns, mu, fields)
        trace = generate_trace(model, [3, 7], CERTIFIED, ROWS, kernels=kernels)
        return cls(kernels, model, protocol, trace, pk, srs)

    @property
    def vk(self) -> VerifyingKey:
        return self.pk.vk

    def prove(self, blinding: Blinding | None = None, table: OpeningTable | None = None) -> bytes:
        return prove_trace(
            self.protocol,
            self.model,
            self.trace,
            self.pk,
            self.srs,
            CONTEXT,
            self.kernels,
            blinding=blinding,
            table=table,
            fixed_masks=weight_masks(self.protocol),
        )

    def verify(self, body: bytes) -> None:
        """Raises ProofError unless the proof holds."""
        verify(self.vk, CONTEXT, pack_words(self.trace.T, self.trace.ids, ROWS), body)
