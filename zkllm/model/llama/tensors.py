"""The tensors of a Llama's checkpoint: names, shapes, and a layer's matrices as they are stored."""

from __future__ import annotations

from zkllm.model.llama.architecture import LlamaArchitecture

BASE = "model."
"""The decoder's place in a LlamaForCausalLM."""
EMBEDDING, HEAD, LAST_NORM = "embed_tokens.weight", "lm_head.weight", "norm.weight"
NORMS = {"qkv": "input_layernorm", "gate": "post_attention_layernorm", "up": "post_attention_layernorm"}
"""kind of linear layer -> the RMSNorm before it."""


def linears(a: LlamaArchitecture) -> dict[str, tuple[int, int, bool]]:
    """Name in a layer -> (outputs, inputs, whether it has a bias): stored as (out, in)."""
    d, ff, own, shared = a.d_model, a.d_inner, a.n_head * a.head_dim, a.n_kv_head * a.head_dim
    return {
        "self_attn.q_proj": (own, d, a.qkv_bias),
        "self_attn.k_proj": (shared, d, a.qkv_bias),
        "self_attn.v_proj": (shared, d, a.qkv_bias),
        "self_attn.o_proj": (d, own, a.o_bias),
        "mlp.gate_proj": (ff, d, a.mlp_bias),
        "mlp.up_proj": (ff, d, a.mlp_bias),
        "mlp.down_proj": (d, ff, a.mlp_bias),
    }


def tensor_shapes(a: LlamaArchitecture) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the parameters, the head's own matrix where it has one."""
    d = a.d_model
    shapes: dict[str, tuple[int, ...]] = {EMBEDDING: (a.vocab_size, d), LAST_NORM: (d,)}
    for l in range(a.n_layer):
        for norm in ("input_layernorm", "post_attention_layernorm"):
            shapes[f"layers.{l}.{norm}.weight"] = (d,)
        for name, (outputs, inputs, biased) in linears(a).items():
            shapes[f"layers.{l}.{name}.weight"] = (outputs, inputs)
            if biased:
                shapes[f"layers.{l}.{name}.bias"] = (outputs,)
    if not a.tied_head:
        shapes[HEAD] = (a.vocab_size, d)
    return shapes
