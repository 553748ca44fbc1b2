"""Small GGUF files as llama.cpp's converter writes them, from a model of transformers and a tokenizer."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

Json = dict[str, Any]

_LAYER = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm", "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}  # fmt: skip
_GEMMA3 = {"post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
           "post_feedforward_layernorm": "post_ffw_norm"}  # fmt: skip
_TOP = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
        "transformer.wte": "token_embd", "transformer.wpe": "position_embd",
        "transformer.ln_f": "output_norm"}  # fmt: skip
_GPT2 = {"ln_1": "attn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "ln_2": "ffn_norm",
         "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"}  # fmt: skip
ARCHITECTURES = {"llama": "llama", "qwen2": "qwen2", "qwen3": "qwen3", "gemma": "gemma", "gemma2": "gemma2",
                 "gemma3_text": "gemma3", "phi3": "phi3", "gpt_neox": "gptneox", "gpt2": "gpt2"}  # fmt: skip
_BY_THE_LIBRARY = ("gemma", "gemma2", "phi3", "gpt_neox")
"""Those whose tensors have the names that the gguf library maps theirs to."""


def neighbours(rows: np.ndarray, heads: int) -> np.ndarray:
    """Rows of each head with its two halves interleaved."""
    size = len(rows) // heads
    order = [
        h * size + part * (size // 2) + j for h in range(heads) for j in range(size // 2) for part in (0, 1)
    ]
    return rows[order]


def one_after_another(rows: np.ndarray, heads: int) -> np.ndarray:
    """All queries, all keys, all values, of rows that have those of each head together."""
    size = len(rows) // heads // 3
    order = [(3 * h + part) * size + j for part in range(3) for h in range(heads) for j in range(size)]
    return rows[order]


def _library_name(base: str, config: Any) -> str:
    import gguf

    numbers = {name: arch for arch, name in gguf.MODEL_ARCH_NAMES.items()}
    names = gguf.get_tensor_name_map(numbers[ARCHITECTURES[config.model_type]], config.num_hidden_layers)
    return str(names.get_name(base))


def stored(name: str, values: np.ndarray, config: Any) -> tuple[str, np.ndarray]:
    """The tensor as llama.cpp has it."""
    kind = config.model_type
    base, leaf = name.rsplit(".", 1)
    if kind in _BY_THE_LIBRARY:
        out = _library_name(base, config)
        if kind == "gpt_neox" and "query_key_value" in base:
            values = one_after_another(values, config.num_attention_heads)
    elif base in _TOP:
        out = _TOP[base]
    else:
        _, _, number, part = base.split(".", 3)
        names = {**_LAYER, **(_GEMMA3 if kind == "gemma3_text" else {}), **(_GPT2 if kind == "gpt2" else {})}
        out = f"blk.{number}.{names[part]}"
        if kind == "gpt2" and values.ndim == 2:
            values = values.T
        if kind == "llama" and part in ("self_attn.q_proj", "self_attn.k_proj"):
            queries = part.endswith("q_proj")
            values = neighbours(values, config.num_attention_heads if queries else config.num_key_value_heads)
    if kind.startswith("gemma") and "norm" in name:
        values = values + np.float32(1)
    return f"{out}.{leaf}", np.ascontiguousarray(values)


def write_gguf(
    path: Path, model: Any, tokenizer: Json | None = None, quantised: str = "F32", **more: object
) -> Path:
    """`tokenizer`: values of tokenizer.ggml. `quantised`: the type of matrices whose rows it fits. `more`:
    other keys of the architecture."""
    import gguf

    config, kind = model.config, model.config.model_type
    writer = gguf.GGUFWriter(path, ARCHITECTURES[kind])
    keys = metadata(config) | {name.replace("__", "."): value for name, value in more.items()}
    for name, value in keys.items():
        add: Any = writer.add_float32 if isinstance(value, float) else writer.add_uint32
        add = writer.add_bool if isinstance(value, bool) else add
        add = writer.add_string if isinstance(value, str) else add
        add(f"{ARCHITECTURES[kind]}.{name}", value)
    for name, value in (tokenizer or plain_tokens(config.vocab_size)).items():
        full = f"tokenizer.{name}" if name == "chat_template" else f"tokenizer.ggml.{name}"
        if isinstance(value, list):
            writer.add_array(full, value)
        elif isinstance(value, bool):
            writer.add_bool(full, value)
        else:
            (writer.add_string if isinstance(value, str) else writer.add_uint32)(full, value)
    tied = config.tie_word_embeddings
    for name, parameter in model.state_dict().items():
        if tied and name == "lm_head.weight":
            continue
        out, values = stored(name, parameter.float().numpy(), config)
        form = gguf.GGMLQuantizationType[quantised]
        if values.ndim == 2 and values.shape[-1] % gguf.GGML_QUANT_SIZES[form][0] == 0:
            writer.add_tensor(out, gguf.quantize(values, form), raw_dtype=form)
        else:
            writer.add_tensor(out, values)
    for side in ("long", "short"):
        if factors := (getattr(config, "rope_parameters", None) or {}).get(f"{side}_factor"):
            writer.add_tensor(f"rope_factors_{side}.weight", np.array(factors, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def metadata(config: Any) -> Json:
    if config.model_type == "gpt2":
        return {
            "context_length": config.n_positions, "embedding_length": config.n_embd,
            "block_count": config.n_layer, "attention.head_count": config.n_head,
            "feed_forward_length": config.n_inner or 4 * config.n_embd,
            "attention.layer_norm_epsilon": config.layer_norm_epsilon,
        }  # fmt: skip
    rope, kind = config.rope_parameters, config.model_type
    keys = {
        "context_length": config.max_position_embeddings, "embedding_length": config.hidden_size,
        "feed_forward_length": config.intermediate_size, "block_count": config.num_hidden_layers,
        "attention.head_count": config.num_attention_heads,
    }  # fmt: skip
    own_size = config.hidden_size // config.num_attention_heads
    if kind == "gpt_neox":
        return keys | {
            "rope.dimension_count": int(config.rope_parameters["partial_rotary_factor"] * own_size),
            "use_parallel_residual": config.use_parallel_residual,
            "attention.layer_norm_epsilon": config.layer_norm_eps,
        }
    keys |= {
        "attention.head_count_kv": config.num_key_value_heads,
        "attention.layer_norm_rms_epsilon": config.rms_norm_eps,
    }
    if kind == "phi3":
        original = config.original_max_position_embeddings
        keys |= {
            "rope.scaling.original_context_length": original,
            "rope.dimension_count": int(rope.get("partial_rotary_factor", 1.0) * own_size),
            "attention.sliding_window": config.sliding_window or 0,
        }
        if rope["rope_type"] == "longrope":
            scale = config.max_position_embeddings / original
            factor = math.sqrt(1 + math.log(scale) / math.log(original)) if scale > 1 else 1.0
            keys["rope.scaling.attn_factor"] = factor
    if kind not in ("gemma", "gemma2"):
        keys["rope.freq_base"] = float(rope.get("full_attention", rope)["rope_theta"])
    if config.model_type == "llama":
        keys["rope.dimension_count"] = config.head_dim
    if config.model_type in ("qwen3", "gemma", "gemma2", "gemma3_text"):
        keys |= {"attention.key_length": config.head_dim, "attention.value_length": config.head_dim}
    if config.model_type in ("gemma2", "gemma3_text"):
        keys["attention.sliding_window"] = config.sliding_window
    if config.model_type == "gemma2":
        keys |= {
            "attn_logit_softcapping": float(config.attn_logit_softcapping),
            "final_logit_softcapping": float(config.final_logit_softcapping),
        }
    return keys


def plain_tokens(size: int) -> Json:
    """Byte-level: tokens of one byte, and others."""
    from zkllm.model.tokenizer import byte_alphabet

    tokens = [*sorted(byte_alphabet()), *(f"t{i}" for i in range(max(0, size - 256)))][:size]
    return {"model": "gpt2", "pre": "gpt-2", "tokens": tokens, "token_type": [1] * size, "merges": ["t 1"],
            "bos_token_id": 0, "eos_token_id": size - 1}  # fmt: skip


def tokenizer_metadata(definition: Json, pre: str | None, **more: object) -> Json:
    """Of a tokenizer.json. `pre`: the name of its split; None for SentencePiece's."""
    vocabulary = dict(definition["model"]["vocab"])
    kinds = dict.fromkeys(vocabulary, 1)
    for token in definition["added_tokens"]:
        vocabulary[token["content"]] = token["id"]
        kinds[token["content"]] = 3 if token["special"] else 4
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    data: Json = {"tokens": tokens, "token_type": [kinds[token] for token in tokens], **more}
    if pre is not None:
        merges = [" ".join(m) if isinstance(m, list) else m for m in definition["model"]["merges"]]
        return {"model": "gpt2", "pre": pre, "merges": merges, **data}
    data["token_type"] = [
        6 if t.startswith("<0x") else k for t, k in zip(tokens, data["token_type"], strict=True)
    ]
    return {"model": "llama", "scores": [-float(i) for i in range(len(tokens))], **data}
