"""Where a checkpoint has the parameters of the program: which tensors of a class, and which of their rows.

Some classes store several matrices as one, one after another, or head by head. Where only some of a head's
features are turned, they are the first of it as it is stored, r of them as two halves, and in the program the
first of each of its own halves; the others, which nothing tells apart, follow in both. Queries and keys are
read in that order, so that all that is made from them has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from zkllm.model.llama.architecture import LlamaArchitecture
from zkllm.model.llama.tensors import EMBEDDING, HEAD, LAST_BIAS, LAST_NORM, linears, tensor_shapes

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Part:
    """Of a stored tensor, all or these rows."""

    stored: str
    rows: np.ndarray | None = None


@dataclass(frozen=True)
class Stored:
    """`parts`: by the program's names, of those that are stored otherwise. `base`: the decoder's place in the
    class with the head."""

    base: str
    embedding: str
    head: str
    shapes: Shapes  # of what has to be there
    parts: Mapping[str, Part]


def head_order(head_dim: int, turned: int) -> np.ndarray:
    """int64[head_dim]: of each feature in the program, its place in a head as it is stored."""
    pairs, half = turned // 2, head_dim // 2
    order = np.empty((2, half), np.int64)
    order[:, :pairs] = np.arange(turned).reshape(2, -1)
    order[:, pairs:] = np.arange(turned, head_dim).reshape(2, -1)
    return order.reshape(-1)


def _in_heads(start: int, outputs: int, order: np.ndarray) -> np.ndarray:
    """Rows of heads one after another, from `start` on, each in this order."""
    heads: np.ndarray = start + np.arange(0, outputs, len(order))[:, None] + order
    return heads.reshape(-1)


def stored(a: LlamaArchitecture) -> Stored:
    shapes, parts = tensor_shapes(a), dict[str, Part]()
    if a.model_type == "phi3":
        parts = _phi3(a)
    if a.model_type == "gpt_neox":
        parts = _gpt_neox(a)
        return Stored("gpt_neox.", parts[EMBEDDING].stored, NEOX_HEAD, _shapes(shapes, parts), parts)
    return Stored("model.", EMBEDDING, HEAD, _shapes(shapes, parts), parts)


def _phi3(a: LlamaArchitecture) -> dict[str, Part]:
    """q, k, v one after another; the gate before up."""
    known, plain = linears(a), np.arange(a.head_dim)
    turned = head_order(a.head_dim, 2 * a.pairs)
    rows, start = {}, 0
    for name, order in (("q", turned), ("k", turned), ("v", plain)):
        outputs = known[f"self_attn.{name}_proj"][0]
        rows[f"self_attn.{name}_proj"] = _in_heads(start, outputs, order)
        start += outputs
    fused = dict.fromkeys(rows, "self_attn.qkv_proj")
    for i, name in enumerate(("mlp.gate_proj", "mlp.up_proj")):
        rows[name], fused[name] = np.arange(a.d_inner) + i * a.d_inner, "mlp.gate_up_proj"
    return {
        f"layers.{l}.{name}.weight": Part(f"layers.{l}.{fused[name]}.weight", of)
        for l in range(a.n_layer)
        for name, of in rows.items()
    }


NEOX_HEAD = "embed_out.weight"
_NEOX = {"self_attn.o_proj": "attention.dense", "mlp.gate_proj": "mlp.dense_h_to_4h",
         "mlp.down_proj": "mlp.dense_4h_to_h"}  # fmt: skip


def _gpt_neox(a: LlamaArchitecture) -> dict[str, Part]:
    """Query, key and value of a head together; names of its own."""
    turned, plain = head_order(a.head_dim, 2 * a.pairs), np.arange(a.head_dim)
    heads = 3 * a.head_dim * np.arange(a.n_head)[:, None]
    rows = {
        f"self_attn.{name}_proj": (heads + i * a.head_dim + order).reshape(-1)
        for i, (name, order) in enumerate((("q", turned), ("k", turned), ("v", plain)))
    }
    parts = {EMBEDDING: Part("embed_in.weight"), HEAD: Part(NEOX_HEAD)}
    parts |= {LAST_NORM: Part("final_layer_norm.weight"), LAST_BIAS: Part("final_layer_norm.bias")}
    for l in range(a.n_layer):
        for name, (_, _, biased) in linears(a).items():
            of = _NEOX.get(name, "attention.query_key_value")
            for kind in ("weight", "bias") if biased else ("weight",):
                parts[f"layers.{l}.{name}.{kind}"] = Part(f"layers.{l}.{of}.{kind}", rows.get(name))
    if a.tied_head:
        del parts[HEAD]
    return parts


def _shapes(shapes: Shapes, parts: Mapping[str, Part]) -> Shapes:
    """Of the stored tensors, from those of the parameters."""
    found: Shapes = {}
    for name, shape in shapes.items():
        part = parts.get(name)
        if part is None or part.rows is None:
            found[part.stored if part else name] = shape
        else:
            rows = found.get(part.stored, (0,))[0] + shape[0]
            found[part.stored] = (rows, *shape[1:])
    return found
