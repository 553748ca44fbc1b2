"""Frequencies are transformers', tables are correctly rounded."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

from testkit.llamas import LLAMA3
from zkllm.errors import Malformed
from zkllm.model import rounding
from zkllm.model.llama import rotary as llama_rotary
from zkllm.model.llama.rotary import Rotary, exact_frequency, frequencies, rotary_tables

KINDS = {
    "default": (Rotary(theta=5e5), {"rope_type": "default", "rope_theta": 5e5}),
    "linear": (
        Rotary("linear", 1e4, 2.5), {"rope_type": "linear", "rope_theta": 1e4, "factor": 2.5},
    ),
    "llama3": (Rotary("llama3", 500.0, 8.0, 1.0, 4.0, 12.0), LLAMA3),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_frequencies_are_those_of_transformers(kind: str) -> None:
    transformers = pytest.importorskip("transformers")
    rotary, parameters = KINDS[kind]
    config = transformers.LlamaConfig(
        hidden_size=40, num_attention_heads=2, rope_parameters=parameters, max_position_embeddings=64
    )
    embedding = transformers.models.llama.modeling_llama.LlamaRotaryEmbedding(config)
    expected = embedding.inv_freq.double().numpy()
    assert np.abs(frequencies(rotary, 20) / expected - 1).max() < 1e-6
    assert embedding.attention_scaling == 1


@pytest.mark.parametrize("kind", KINDS)
def test_tables_are_correctly_rounded(kind: str) -> None:
    rotary, shift = KINDS[kind][0], 14
    cos, sin = rotary_tables(rotary, 6, 40, shift)
    with mpmath.workdps(50):
        for t in range(40):
            for j in range(3):
                angle = t * exact_frequency(rotary, 6, j)
                for table, function in ((cos, mpmath.cos), (sin, mpmath.sin)):
                    assert abs(int(table[t, j]) - mpmath.ldexp(function(angle), shift)) <= mpmath.mpf(0.5)
    assert cos[0].tolist() == [1 << shift] * 3 and sin[0].tolist() == [0] * 3


@pytest.mark.parametrize("kind", KINDS)
def test_floats_and_exact_arithmetic_agree(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What decides near ties, asked for every entry."""
    by_floats = rotary_tables(KINDS[kind][0], 6, 40, 14)
    monkeypatch.setattr(rounding, "_NEAR", 1.0)
    llama_rotary._tables.cache_clear()
    exactly = rotary_tables(KINDS[kind][0], 6, 40, 14)
    llama_rotary._tables.cache_clear()
    assert all(np.array_equal(a, b) for a, b in zip(by_floats, exactly, strict=True))


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "yarn"}, {"theta": 1.0}, {"theta": float("inf")}, {"theta": 10}, {"factor": 2.0},
        {"kind": "linear", "factor": 0.0}, {"kind": "linear", "factor": 2.0, "low": 1.0},
        {"kind": "llama3", "factor": 2.0, "low": 4.0, "high": 4.0, "original": 8.0},
        {"kind": "llama3", "factor": 2.0, "low": 1.0, "high": 4.0},
    ],
)  # fmt: skip
def test_what_defines_no_frequencies_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        Rotary(**fields).check()


def test_each_kind_is_accepted() -> None:
    for rotary, _ in KINDS.values():
        rotary.check()
