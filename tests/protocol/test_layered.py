"""Layered columns: the layer's bits on top of the address, for models whose weights fill several columns."""

from __future__ import annotations

import numpy as np
import pytest

from zkllm.families import describe
from zkllm.kernels.native import NATIVE
from zkllm.model.reference import generate_reference, trace_reference
from zkllm.model.tiny import tiny_model
from zkllm.naive import NAIVE
from zkllm.protocol.columns import column_pieces
from zkllm.protocol.layout import LAYERED_COLUMNS
from zkllm.protocol.party import Prover, Verifier
from zkllm.protocol.program import InnerStatement, run_inner
from zkllm.protocol.witness import fixed_tensors, prover_data
from zkllm.statement import pack_words

from .harness import column_table

ROWS, CERTIFIED, SEED = 5, 2, 12345
SHAPES = [
    {"mu": 7},
    {"mu": 8, "slots": 1, "inner_slots": 1, "vocab_slots": 1},
    {"mu": 8, "fixed_mu": 6, "witness_mu": 6, "n_layer": 5},
    {"mu": 7, "n_layer": 1},
]


@pytest.mark.parametrize("kernels", [NAIVE, NATIVE], ids=["naive", "native"])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: " ".join(f"{k}={v}" for k, v in s.items()))
def test_honest_proofs_with_layered_columns_are_accepted(shape, kernels):
    model = tiny_model(1, **shape)
    protocol = describe(model.config, ROWS, CERTIFIED)
    assert any(b.outer for blocks in protocol.fixed.blocks.values() for b in blocks) == (
        model.config.n_layer > 1
    )
    ids, length = generate_reference(model, [3, 7, 1], CERTIFIED, ROWS)
    data = prover_data(protocol, model, trace_reference(model, ids, CERTIFIED, length), kernels)
    words, statement = pack_words(length, list(ids), ROWS), InnerStatement(length, list(ids))
    prover = Prover(protocol, SEED, data)
    run_inner(protocol, prover, words, statement)
    verifier = Verifier(protocol, SEED, prover.messages)
    result = run_inner(protocol, verifier, words, statement)
    assert verifier.failed == [] and verifier.position == len(prover.messages)
    eq = kernels.eq_table([int(x) for x in result.point])
    layouts = [(lay, g) for lay in (protocol.fixed, protocol.witness) for g in range(lay.num_columns)]
    for (layout, g), value in zip(layouts, result.columns, strict=True):
        assert kernels.inner(column_table(data, protocol.mu, layout, g), eq) == int(value)


@pytest.mark.parametrize("mu", [5, 6, 7, 8, 12])
def test_every_address_is_used_once_at_most(mu):
    model = tiny_model(1, mu=mu + 1, fixed_mu=mu, witness_mu=mu, n_layer=6)
    protocol = describe(model.config, ROWS, CERTIFIED)
    layout, tensors = protocol.fixed, fixed_tensors(protocol.manifest, model)
    entries = 0
    for g in range(layout.num_columns):
        used = np.zeros(1 << mu, dtype=int)
        for offset, shift, values in column_pieces(layout, tensors, g):
            if shift == 0:
                used[offset : offset + values.size] += 1
        assert used.max() == 1
        entries += int(used.sum())
    assert entries == sum(protocol.manifest.count(t.name) for t in protocol.manifest.group(True))


def test_small_models_are_not_layered():
    model = tiny_model(1, mu=12)
    protocol = describe(model.config, ROWS, CERTIFIED)
    weights = sum(protocol.manifest.count(t.name) for t in protocol.manifest.group(True) if t.layered)
    assert weights < LAYERED_COLUMNS << 12
    assert all(b.outer == 0 for blocks in protocol.fixed.blocks.values() for b in blocks)
