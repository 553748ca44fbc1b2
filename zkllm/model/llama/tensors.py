"""The tensors of a Llama's checkpoint: names, shapes, and a layer's matrices as they are stored."""

from __future__ import annotations

from zkllm.model.llama.architecture import LlamaArchitecture

BASE = "model."
"""The decoder's place in a LlamaForCausalLM."""
EMBEDDING, HEAD, LAST_NORM = "embed_tokens.weight", "lm_head.weight", "norm.weight"
LAST_BIAS = "norm.bias"
BEFORE_ATTENTION, AFTER_ATTENTION = "input_layernorm", "post_attention_layernorm"
BEFORE_MLP, AFTER_MLP = "pre_feedforward_layernorm", "post_feedforward_layernorm"
HEAD_NORMS = ("self_attn.q_norm", "self_attn.k_norm")


def norm_before(a: LlamaArchitecture, kind: str) -> str | None:
    """The RMSNorm whose output a kind of linear layer reads; None: no RMSNorm's. Where there are none after
    attention, that name is the one before the MLP."""
    if kind == "qkv":
        return BEFORE_ATTENTION
    if kind in ("gate", "up"):
        return BEFORE_MLP if a.post_norm else AFTER_ATTENTION
    return None


def norms(a: LlamaArchitecture) -> dict[str, int]:
    """RMSNorms in a layer, with their features."""
    width = [BEFORE_ATTENTION, AFTER_ATTENTION, *((BEFORE_MLP, AFTER_MLP) if a.post_norm else ())]
    return {**dict.fromkeys(width, a.d_model), **dict.fromkeys(HEAD_NORMS if a.head_norm else (), a.head_dim)}


def linears(a: LlamaArchitecture) -> dict[str, tuple[int, int, bool]]:
    """Name in a layer -> (outputs, inputs, whether it has a bias): stored as (out, in)."""
    d, ff, own, shared = a.d_model, a.d_inner, a.n_head * a.head_dim, a.n_kv_head * a.head_dim
    return {
        "self_attn.q_proj": (own, d, a.qkv_bias),
        "self_attn.k_proj": (shared, d, a.qkv_bias),
        "self_attn.v_proj": (shared, d, a.qkv_bias),
        "self_attn.o_proj": (d, own, a.o_bias),
        "mlp.gate_proj": (ff, d, a.mlp_bias),  # the first, where there is no gate
        **({"mlp.up_proj": (ff, d, a.mlp_bias)} if a.gated else {}),
        "mlp.down_proj": (d, ff, a.mlp_bias),
    }


def tensor_shapes(a: LlamaArchitecture) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the parameters, the head's own matrix where it has one."""
    d = a.d_model
    shapes: dict[str, tuple[int, ...]] = {EMBEDDING: (a.vocab_size, d), LAST_NORM: (d,)}
    if a.centred:
        shapes[LAST_BIAS] = (d,)
    for l in range(a.n_layer):
        for norm, features in norms(a).items():
            shapes[f"layers.{l}.{norm}.weight"] = (features,)
            if a.centred:
                shapes[f"layers.{l}.{norm}.bias"] = (features,)
        for name, (outputs, inputs, biased) in linears(a).items():
            shapes[f"layers.{l}.{name}.weight"] = (outputs, inputs)
            if biased:
                shapes[f"layers.{l}.{name}.bias"] = (outputs,)
    if not a.tied_head:
        shapes[HEAD] = (a.vocab_size, d)
    return shapes
