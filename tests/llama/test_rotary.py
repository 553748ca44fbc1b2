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
    "llama3, some as fast as they were": (
        Rotary("llama3", 500.0, 8.0, 1.0, 4.0, 64.0), {**LLAMA3, "original_max_position_embeddings": 64},
    ),
}  # fmt: skip
_LONG: dict[str, Any] = {"short_factor": [1.0, 1.25, 3.0], "long_factor": [2.0] * 3, "rope_type": "longrope",
         "rope_theta": 1e4, "partial_rotary_factor": 0.6}  # fmt: skip
_SHORT: dict[str, Any] = {"kind": "longrope", "theta": 1e4, "original": 16.0, "factors": (1.0, 1.25, 3.0)}
LONG: dict[str, tuple[Rotary, dict[str, Any]]] = {
    "longrope": (Rotary(**_SHORT, factor=4.0), _LONG),
    "longrope, its factor given": (Rotary(**_SHORT, factor=1.5), {**_LONG, "factor": 1.5}),
    "longrope, no longer": (Rotary(**_SHORT, factor=0.5), {**_LONG, "factor": 0.5}),
    "longrope, its attention given": (
        Rotary(**_SHORT, factor=4.0, attention=1.19), {**_LONG, "attention_factor": 1.19},
    ),
}  # fmt: skip
"""Of Phi 3s: heads of ten features, six of which are turned; 16 positions made 64."""


@pytest.mark.parametrize("kind", LONG)
def test_long_positions_are_those_of_transformers(kind: str) -> None:
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    rotary, parameters = LONG[kind]
    config = transformers.Phi3Config(
        hidden_size=20, num_attention_heads=2, rope_parameters=dict(parameters), max_position_embeddings=64,
        original_max_position_embeddings=16,
    )  # fmt: skip
    embedding = transformers.models.phi3.modeling_phi3.Phi3RotaryEmbedding(config)
    cos, sin = embedding(torch.zeros(1, dtype=torch.float64), torch.arange(16)[None])
    for found, expected in zip(rotary_tables(rotary, 6, 16, 14), (cos, sin), strict=True):
        assert np.abs(found / 2**14 - expected[0, :, :3].double().numpy()).max() < 2**-15 + 2e-6
    assert embedding.attention_scaling == rotary.magnitude


KINDS |= LONG


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in LONG])
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
                    value = magnitude(rotary) * mpmath.ldexp(function(angle), shift)
                    assert abs(int(table[t, j]) - value) <= mpmath.mpf(0.5)
        first = int(mpmath.nint(magnitude(rotary) * 2**shift))
    assert cos[0].tolist() == [first] * 3 and sin[0].tolist() == [0] * 3


def magnitude(rotary: Rotary) -> mpmath.mpf:
    if rotary.kind != "longrope" or rotary.attention or rotary.factor <= 1:
        return mpmath.mpf(rotary.attention or 1)
    return mpmath.sqrt(1 + mpmath.log(rotary.factor, rotary.original))


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
        {**_SHORT, "factors": ()}, {**_SHORT, "factors": (1.0, float("nan"))},
        {**_SHORT, "factors": (1.0, 0.0)},
        {**_SHORT, "original": 1.0}, {**_SHORT, "low": 1.0}, {**_SHORT, "attention": -1.0},
        {**_SHORT, "attention": 1.25}, {**_SHORT, "attention": 1 + 2.0**-15}, {"factors": (1.0,)},
        {"attention": 1.5}, {"original": 16.0},
    ],
)  # fmt: skip
def test_what_defines_no_frequencies_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        Rotary(**fields).check()


def test_each_kind_is_accepted() -> None:
    for rotary, _ in KINDS.values():
        rotary.check()
