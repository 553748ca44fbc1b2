"""A proof of a tiny model by the naive kernels alone is the native ones' to the byte."""

from __future__ import annotations

import pytest

from zkllm.commitments import commit_columns
from zkllm.gpt2.description import describe
from zkllm.kernels.interface import Kernels
from zkllm.kernels.native import NATIVE
from zkllm.model.program import generate_trace
from zkllm.model.tiny import tiny_model
from zkllm.naive import NAIVE
from zkllm.outer.keys import VerifyingKey
from zkllm.outer.setup import setup_outer
from zkllm.outer.verifier import verify
from zkllm.pcs.srs import make_development_srs, srs_powers_needed
from zkllm.protocol.circuit import build_circuit
from zkllm.protocol.witness import fixed_tensors
from zkllm.prover import prove_trace
from zkllm.statement import pack_words

ROWS, CERTIFIED, CONTEXT = 3, 2, bytes(range(32))


@pytest.fixture(autouse=True)
def backend() -> None:
    """Only the default one: replaces the fixture of conftest.py."""


def prove(kernels: Kernels) -> tuple[VerifyingKey, list[int], bytes]:
    """(key, the statement's words, body): weights committed, circuit set up, prompt answered and proved."""
    model = tiny_model(1, mu=7)
    protocol = describe(model.config, ROWS, CERTIFIED)
    assert any(b.outer for blocks in protocol.fixed.blocks.values() for b in blocks), "layered columns too"
    circuit = build_circuit(protocol).compile()
    powers = srs_powers_needed(circuit.log2_size, model.config.mu)
    srs = make_development_srs((powers - 1).bit_length(), kernels=kernels)
    fixed = commit_columns(srs, protocol.fixed, fixed_tensors(protocol, model))
    fields = {"version": 1, "N": ROWS, "k": CERTIFIED, "vocab_size": model.config.vocab_size}
    fields |= {"pad_id": model.config.pad_id, "n_ctx": model.config.n_ctx}
    fields |= {name: bytes(32) for name in ("model_id", "config_digest", "vocabulary_root")}
    columns = protocol.witness.num_columns
    pk, vk = setup_outer(circuit, srs, kernels, fixed, columns, model.config.mu, fields)
    trace = generate_trace(model, [3, 7], CERTIFIED, ROWS, kernels=kernels)
    body = prove_trace(protocol, model, trace, pk, srs, CONTEXT, kernels)
    return vk, pack_words(trace.T, trace.ids, ROWS), body


def test_a_whole_proof_is_the_same_by_naive_kernels() -> None:
    vk, words, body = prove(NATIVE)
    verify(vk, CONTEXT, words, body)
    assert prove(NAIVE) == (vk, words, body)
