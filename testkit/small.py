"""Models small enough for plain Python, at awkward shapes: circuits are pinned and cheats tried on them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from zkllm.families import describe
from zkllm.model.llama.tiny import tiny_model as tiny_llama
from zkllm.model.llama.weights import LlamaModel
from zkllm.model.tiny import tiny_model
from zkllm.model.weights import QuantizedModel
from zkllm.outer.rows import Circuit
from zkllm.protocol.circuit import build_circuit


@dataclass(frozen=True)
class Small:
    """The rows and certified rows of a proof, and the random model of a seed."""

    rows: int
    certified: int
    fields: dict[str, int]
    """Of the model's configuration, where `tiny_config` chooses otherwise."""
    seed: int

    def of_seed(self, seed: int) -> QuantizedModel:
        return tiny_model(seed, **self.fields)

    @cached_property
    def model(self) -> QuantizedModel:
        return self.of_seed(self.seed)

    @cached_property
    def circuit(self) -> Circuit:
        return build_circuit(describe(self.model.config, self.rows, self.certified))


# fmt: off
PACKED = Small(seed=10, rows=5, certified=2, fields=dict(
    n_layer=2, n_head=2, head_dim=3, d_inner=6, vocab_size=12, n_ctx=6, slots=2, inner_slots=2, vocab_slots=3,
))
"""Two slots of heads and of the inner width, three of the vocabulary, all full; a row of padding."""

RAGGED = Small(seed=29, rows=3, certified=1, fields=dict(
    n_layer=1, n_head=1, head_dim=3, d_inner=5, vocab_size=7, n_ctx=5, slots=1, inner_slots=1, vocab_slots=3,
))
"""No slots for heads and inner width; a last vocabulary slot that is not full; a sole layer."""

LITTLE = Small(seed=70, rows=2, certified=2, fields=dict(
    n_layer=2, n_head=1, head_dim=2, d_inner=3, vocab_size=5, n_ctx=2, slots=1, inner_slots=1, vocab_slots=3,
    mu=8, limb_bits=6, gelu_bits=5, exp_bits=4,
))
"""As small as every axis but the slots of the width allows to be two or more; the inner width has a
coordinate that no equation has. For sweeps over all messages and challenges."""

SMALLEST = Small(seed=1, rows=2, certified=1, fields=dict(
    n_layer=1, n_head=1, head_dim=2, d_inner=2, vocab_size=3, n_ctx=2, mu=8,
))
"""One layer, one head, two rows: for sweeps over every message."""
# fmt: on


@dataclass(frozen=True)
class SmallLlama:
    """The same of a Llama."""

    rows: int
    certified: int
    fields: dict[str, Any]
    seed: int

    def of_seed(self, seed: int) -> LlamaModel:
        return tiny_llama(seed, **self.fields)


LLAMA = SmallLlama(seed=1, rows=5, certified=2, fields=dict(
    n_layer=2, n_head=4, n_kv_head=2, head_dim=4, d_model=6, d_inner=6, vocab_size=12, n_ctx=6, head_slots=2,
    width_slots=2, inner_slots=2, vocab_slots=3, tied_head=False, qkv_bias=True, o_bias=True, mlp_bias=True,
    over_bits=10,
))  # fmt: skip
"""Groups of two on two heads of keys, slots everywhere, a width that is not the heads' nor a power of two."""

TIED = SmallLlama(seed=20, rows=3, certified=1, fields=dict(
    n_layer=1, n_head=3, n_kv_head=1, head_dim=2, d_model=5, d_inner=5, vocab_size=7, n_ctx=5, head_slots=1,
    width_slots=1, inner_slots=1, vocab_slots=3, tied_head=True, qkv_bias=False,
))  # fmt: skip
"""No slots but the vocabulary's, whose last one is not full; no biases; a group of three, a sole layer."""

PARTLY = SmallLlama(seed=1, rows=5, certified=2, fields=dict(
    n_layer=2, n_head=4, n_kv_head=2, head_dim=12, turned=8, d_model=6, d_inner=6, vocab_size=12, n_ctx=6,
    head_slots=2, width_slots=2, inner_slots=2, vocab_slots=3, qkv_bias=False, over_bits=10, mu=12,
))  # fmt: skip
"""Two slots of two pairs each that are turned, and of one that is not."""

WIDE = SmallLlama(seed=0, rows=5, certified=2, fields={
    **LLAMA.fields, "head_bits": 11, "head_norm": True, "mu": 12,
})  # fmt: skip
"""Queries and keys wider than words, and normed."""

NEOX = SmallLlama(seed=0, rows=5, certified=2, fields=dict(
    n_layer=2, n_head=2, n_kv_head=2, head_dim=6, turned=4, d_model=6, d_inner=6, vocab_size=12, n_ctx=6,
    head_slots=1, width_slots=2, inner_slots=2, vocab_slots=3, tied_head=False, qkv_bias=True, o_bias=True,
    mlp_bias=True, over_bits=10, gated=False, centred=True, parallel=True, mu=12,
))  # fmt: skip
"""LayerNorms with biases, an MLP without a gate beside attention, some features of a head that are turned."""

WINDOWED = SmallLlama(seed=42, rows=5, certified=2, fields=dict(
    n_layer=2, n_head=4, n_kv_head=2, head_dim=4, d_model=6, d_inner=6, vocab_size=12, n_ctx=6, head_slots=2,
    width_slots=2, inner_slots=2, vocab_slots=3, qkv_bias=False, over_bits=10, window=2, sliding=(0, 1),
))  # fmt: skip
"""A window in the second layer alone, which all rows but the first two are longer than."""

SLIDING = SmallLlama(seed=42, rows=5, certified=2, fields=dict(
    n_layer=2, n_head=4, n_kv_head=2, head_dim=4, d_model=6, d_inner=6, vocab_size=12, n_ctx=6, head_slots=2,
    width_slots=2, inner_slots=2, vocab_slots=3, qkv_bias=False, over_bits=10, window=3, sliding=(1, 1),
))  # fmt: skip
"""A window in every layer, so that the mask has no axis of layers."""

CAPPED = SmallLlama(seed=6, rows=5, certified=2, fields=dict(
    n_layer=2, n_head=4, n_kv_head=2, head_dim=4, d_model=6, d_inner=6, vocab_size=12, n_ctx=6, head_slots=2,
    width_slots=2, inner_slots=2, vocab_slots=3, qkv_bias=False, cap=True,
))  # fmt: skip
"""Scores that a table holds below a bound."""

CAPPED_WINDOW = SmallLlama(seed=6, rows=5, certified=2, fields={
    **CAPPED.fields, "window": 2, "sliding": (1, 0),
})  # fmt: skip
"""The same, with a window in the first layer."""

GEMMA = SmallLlama(seed=7, rows=5, certified=2, fields=dict(
    n_layer=2, n_head=4, n_kv_head=2, head_dim=6, d_model=6, d_inner=6, vocab_size=12, n_ctx=6, head_slots=3,
    width_slots=2, inner_slots=2, vocab_slots=3, qkv_bias=False, over_bits=10, head_norm=True, post_norm=True,
    angles=(0, 1), wte_factor=5, wte_shift=0, x0_shift=3, limb_bits=7,
))  # fmt: skip
"""What some of the family have: norms of heads and of what is put out, two rotations, a scaled embedding."""
