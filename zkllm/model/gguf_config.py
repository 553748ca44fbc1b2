"""The architecture that a GGUF file states, as a config.json.

Every key of the architecture is honoured, or refused by name: llama.cpp computes by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from zkllm.errors import CheckpointError
from zkllm.files import JsonObject

Shapes = Mapping[str, tuple[int, ...]]

_CLASSES = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM",
            "gemma3_text": "Gemma3ForCausalLM", "gpt2": "GPT2LMHeadModel"}  # fmt: skip
_MODEL_TYPES = {"llama": "llama", "qwen2": "qwen2", "qwen3": "qwen3", "gemma3": "gemma3_text", "gpt2": "gpt2"}
ROPE_FACTORS = "rope_freqs.weight"
# (factor, low_freq_factor, high_freq_factor, original positions) of published Llamas
_LLAMA3 = ((8.0, 1.0, 4.0, 8192), (32.0, 1.0, 4.0, 8192))
_GEMMA_PATTERN, _GEMMA_LOCAL_BASE = 6, 10_000.0  # llama.cpp's own, in no file
_GEMMA_27B = 62  # layers of the one Gemma 3 that scales its scores by width over heads


class Keys:
    """The keys of a file's architecture; those that nobody asks for are refused."""

    def __init__(self, metadata: JsonObject, source: str):
        self.metadata, self.source = metadata, source
        self.architecture = str(metadata.get("general.architecture"))
        self._asked: set[str] = set()

    def refuse(self, why: str) -> CheckpointError:
        return CheckpointError(f"{self.source}: {why}")

    def get(self, name: str, default: Any = None) -> Any:
        self._asked.add(f"{self.architecture}.{name}")
        value = self.metadata.get(f"{self.architecture}.{name}", default)
        if isinstance(value, list) and value and all(v == value[0] for v in value):
            return value[0]  # one for each layer
        return value

    def number(self, name: str, default: float | None = None) -> Any:
        value = self.get(name, default)
        if type(value) not in (int, float):
            raise self.refuse(f"{self.architecture}.{name} = {str(value)[:60]} is not one number")
        return value

    def require(self, name: str, *allowed: object) -> None:
        """Where the key is there, it has one of these values."""
        value = self.get(name, allowed[0])
        if value not in allowed:
            raise self.refuse(f"{self.architecture}.{name} = {str(value)[:60]} is not supported")

    def require_all_asked(self) -> None:
        others = [k for k in self.metadata if k.startswith(f"{self.architecture}.") and k not in self._asked]
        if others:
            raise self.refuse(f"{others[0]} = {str(self.metadata[others[0]])[:60]} is not supported")


def config_of(
    metadata: JsonObject, shapes: Shapes, rope_factors: np.ndarray | None, source: str
) -> JsonObject:
    """What config.json would say. `rope_factors`: the tensor of that name, where the file has it."""
    keys = Keys(metadata, source)
    if keys.architecture not in _MODEL_TYPES:
        known = ", ".join(_MODEL_TYPES)
        raise keys.refuse(f"the architecture {keys.architecture[:40]!r} is none of {known}")
    kind = _MODEL_TYPES[keys.architecture]
    if "token_embd.weight" not in shapes:
        raise keys.refuse("has no tensor token_embd.weight")
    config = _gpt2(keys) if kind == "gpt2" else _rotary(keys, kind, shapes, rope_factors)
    keys.require("vocab_size", config_vocabulary := shapes["token_embd.weight"][0])
    keys.require_all_asked()
    tokens = {name: metadata.get(f"tokenizer.ggml.{name}_token_id") for name in ("bos", "eos", "padding")}
    return {
        "model_type": kind, "architectures": [_CLASSES[kind]], "vocab_size": config_vocabulary, **config,
        "tie_word_embeddings": "output.weight" not in shapes, "dtype": "float32",
        "bos_token_id": tokens["bos"], "eos_token_id": tokens["eos"], "pad_token_id": tokens["padding"],
    }  # fmt: skip


def _gpt2(keys: Keys) -> JsonObject:
    return {
        "n_positions": keys.number("context_length"), "n_embd": keys.number("embedding_length"),
        "n_layer": keys.number("block_count"), "n_head": keys.number("attention.head_count"),
        "n_inner": keys.number("feed_forward_length"), "activation_function": "gelu_new",
        "layer_norm_epsilon": keys.number("attention.layer_norm_epsilon"),
    }  # fmt: skip


def _rotary(keys: Keys, kind: str, shapes: Shapes, rope_factors: np.ndarray | None) -> JsonObject:
    width, heads = keys.number("embedding_length"), keys.number("attention.head_count")
    layers = keys.number("block_count")
    rotated = keys.get("rope.dimension_count")
    size = keys.number("attention.key_length", rotated if rotated is not None else width // heads)
    keys.require("attention.value_length", size)
    if rotated not in (None, size):
        raise keys.refuse(f"a rotation of {rotated} features of {size} is not supported")
    rope = _rope(keys, size, rope_factors)
    config = {
        "hidden_size": width, "intermediate_size": keys.number("feed_forward_length"),
        "num_hidden_layers": layers, "num_attention_heads": heads,
        "num_key_value_heads": keys.number("attention.head_count_kv", heads), "head_dim": size,
        "max_position_embeddings": keys.number("context_length"), "rope_parameters": rope,
        "rms_norm_eps": keys.number("attention.layer_norm_rms_epsilon"), "hidden_act": "silu",
    }  # fmt: skip
    biased = lambda part: f"blk.0.{part}.bias" in shapes
    if kind == "qwen2":
        if size * heads != width:
            raise keys.refuse(f"{heads} heads of {size} in a width of {width} are not supported of qwen2")
        del config["head_dim"]
        return {**config, "use_sliding_window": False}
    if kind == "gemma3_text":
        del config["hidden_act"]
        window = keys.number("attention.sliding_window")
        full = [(l + 1) % _GEMMA_PATTERN == 0 for l in range(layers)]
        local = {"rope_type": "default", "rope_theta": _GEMMA_LOCAL_BASE}
        return {
            **config, "hidden_activation": "gelu_pytorch_tanh", "sliding_window": window,
            "layer_types": ["full_attention" if whole else "sliding_attention" for whole in full],
            "rope_parameters": {"full_attention": rope, "sliding_attention": local},
            "query_pre_attn_scalar": width // heads if layers == _GEMMA_27B else size,
            "attention_bias": False, "final_logit_softcapping": None, "attn_logit_softcapping": None,
        }  # fmt: skip
    config["attention_bias"] = biased("attn_q")
    if kind == "llama":
        config["mlp_bias"] = biased("ffn_down")
    return config


def _rope(keys: Keys, size: int, factors: np.ndarray | None) -> JsonObject:
    theta = float(keys.number("rope.freq_base", 10_000.0))
    scaling = keys.get("rope.scaling.type", "none")
    if factors is not None:
        keys.require("rope.scaling.type", "none")
        return {"rope_theta": theta, **_llama3(keys, theta, size, factors)}
    if scaling == "linear":
        return {
            "rope_type": "linear",
            "rope_theta": theta,
            "factor": float(keys.number("rope.scaling.factor")),
        }
    keys.require("rope.scaling.type", "none")
    return {"rope_type": "default", "rope_theta": theta}


def _llama3(keys: Keys, theta: float, size: int, factors: np.ndarray) -> JsonObject:
    """The rotation of Llama 3.1 and later, of which a file has the factors of the frequencies alone."""
    for factor, low, high, original in _LLAMA3:
        wavelengths = 2 * np.pi * theta ** (np.arange(0, size, 2) / size)
        smooth = np.clip((original / wavelengths - low) / (high - low), 0, 1)
        expected = 1 / ((1 - smooth) / factor + smooth)
        if factors.shape == expected.shape and np.allclose(factors, expected, rtol=1e-5, atol=0):
            return {
                "rope_type": "llama3", "factor": factor, "low_freq_factor": low, "high_freq_factor": high,
                "original_max_position_embeddings": original,
            }  # fmt: skip
    raise keys.refuse(f"{ROPE_FACTORS} has factors of no rotation that is known (Llama 3.1, 3.2, 3.3)")
