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
Factors = Mapping[str, np.ndarray]

_CLASSES = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM",
            "gemma": "GemmaForCausalLM", "gemma2": "Gemma2ForCausalLM", "gemma3_text": "Gemma3ForCausalLM",
            "phi3": "Phi3ForCausalLM", "gpt_neox": "GPTNeoXForCausalLM",
            "gpt2": "GPT2LMHeadModel"}  # fmt: skip
_MODEL_TYPES = {"llama": "llama", "qwen2": "qwen2", "qwen3": "qwen3", "gemma": "gemma", "gemma2": "gemma2",
                "gemma3": "gemma3_text", "phi3": "phi3", "gptneox": "gpt_neox", "gpt2": "gpt2"}  # fmt: skip
ROPE_FACTORS = "rope_freqs.weight"
LONG_FACTORS, SHORT_FACTORS = "rope_factors_long.weight", "rope_factors_short.weight"
FACTORS = (ROPE_FACTORS, LONG_FACTORS, SHORT_FACTORS)
"""Tensors that are no weights: what frequencies are divided by."""
_READ_FACTORS = {"llama": (ROPE_FACTORS,), "qwen2": (ROPE_FACTORS,), "qwen3": (ROPE_FACTORS,),
                 "phi3": (LONG_FACTORS, SHORT_FACTORS)}  # fmt: skip
# (factor, low_freq_factor, high_freq_factor, original positions) of published Llamas
_LLAMA3 = ((8.0, 1.0, 4.0, 8192), (32.0, 1.0, 4.0, 8192))
_GEMMA_PATTERN, _GEMMA_LOCAL_BASE = 6, 10_000.0  # llama.cpp's own, in no file
_GEMMA2_27B, _GEMMA3_27B = 46, 62  # layers of those that scale their scores by width over heads
_TANH = "gelu_pytorch_tanh"
_IN_PART = ("phi3", "gpt_neox")  # whose heads may be turned in part, and are the width over their number


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


def config_of(metadata: JsonObject, shapes: Shapes, factors: Factors, source: str) -> JsonObject:
    """What config.json would say. `factors`: those of `FACTORS` that the file has."""
    keys = Keys(metadata, source)
    if keys.architecture not in _MODEL_TYPES:
        known = ", ".join(_MODEL_TYPES)
        raise keys.refuse(f"the architecture {keys.architecture[:40]!r} is none of {known}")
    kind = _MODEL_TYPES[keys.architecture]
    if "token_embd.weight" not in shapes:
        raise keys.refuse("has no tensor token_embd.weight")
    if others := sorted(set(factors) - set(_READ_FACTORS.get(kind, ()))):
        raise keys.refuse(f"tensor {others[0]} is none of a {kind}")
    config = _gpt2(keys) if kind == "gpt2" else _rotary(keys, kind, shapes, factors)
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


def _rotary(keys: Keys, kind: str, shapes: Shapes, factors: Factors) -> JsonObject:
    width, heads = keys.number("embedding_length"), keys.number("attention.head_count")
    if not width or not heads or width % heads and kind in _IN_PART:
        raise keys.refuse(f"{heads} heads in a width of {width} are not supported of {kind}")
    rotated = keys.get("rope.dimension_count")
    size = rotated if rotated is not None and kind not in _IN_PART else width // heads
    size = keys.number("attention.key_length", size)
    keys.require("attention.value_length", size)
    share = {}
    if kind in _IN_PART:
        share = {"partial_rotary_factor": _share(keys, rotated, size)}
    elif rotated not in (None, size):
        raise keys.refuse(f"a rotation of {rotated} features of {size} is not supported")
    rope = _phi3_rope(keys, rotated, size, factors) if kind == "phi3" else _rope(keys, size, factors)
    config = {
        "hidden_size": width, "intermediate_size": keys.number("feed_forward_length"),
        "num_hidden_layers": keys.number("block_count"), "num_attention_heads": heads,
        "num_key_value_heads": keys.number("attention.head_count_kv", heads), "head_dim": size,
        "max_position_embeddings": keys.number("context_length"), "rope_parameters": rope | share,
        "hidden_act": "silu",
    }  # fmt: skip
    if kind != "gpt_neox":
        config["rms_norm_eps"] = keys.number("attention.layer_norm_rms_epsilon")
    return {**config, **_OWN[kind](keys, config, shapes)} if kind in _OWN else config


def _share(keys: Keys, rotated: object, size: int) -> float:
    """Of a head's features those that are turned: the class rounds the product down."""
    if type(rotated) is not int or not 0 < rotated <= size:
        raise keys.refuse(f"a rotation of {str(rotated)[:20]} features of {size} is not supported")
    share = rotated / size
    return share if int(size * share) == rotated else float(np.nextafter(share, 1))


def _llama(keys: Keys, config: JsonObject, shapes: Shapes) -> JsonObject:
    return {"attention_bias": _biased("attn_q", shapes), "mlp_bias": _biased("ffn_down", shapes)}


def _biased(part: str, shapes: Shapes) -> bool:
    return f"blk.0.{part}.bias" in shapes


def _qwen2(keys: Keys, config: JsonObject, shapes: Shapes) -> JsonObject:
    size, heads, width = (config[name] for name in ("head_dim", "num_attention_heads", "hidden_size"))
    if size * heads != width:
        raise keys.refuse(f"{heads} heads of {size} in a width of {width} are not supported of qwen2")
    return {"use_sliding_window": False}


def _qwen3(keys: Keys, config: JsonObject, shapes: Shapes) -> JsonObject:
    return {"attention_bias": _biased("attn_q", shapes)}


def _phi3(keys: Keys, config: JsonObject, shapes: Shapes) -> JsonObject:
    """A window of 0 positions is none."""
    original = keys.number("rope.scaling.original_context_length")
    if SHORT_FACTORS not in shapes and original != config["max_position_embeddings"]:
        raise keys.refuse(f"{original} original positions, but no {SHORT_FACTORS}")
    window = keys.number("attention.sliding_window")
    return {"original_max_position_embeddings": original, "sliding_window": window or None}


def _gpt_neox(keys: Keys, config: JsonObject, shapes: Shapes) -> JsonObject:
    """No file says the activation: published models have the GELU itself, llama.cpp takes its tanh form."""
    keys.require("attention.head_count_kv", config["num_attention_heads"])
    parallel = keys.get("use_parallel_residual", True)
    if type(parallel) is not bool:
        raise keys.refuse(f"gptneox.use_parallel_residual = {str(parallel)[:40]} is not true or false")
    return {
        "layer_norm_eps": keys.number("attention.layer_norm_epsilon"), "use_parallel_residual": parallel,
        "hidden_act": "gelu", "attention_bias": _biased("attn_qkv", shapes),
    }  # fmt: skip


def _gemma(keys: Keys, config: JsonObject, shapes: Shapes) -> JsonObject:
    return {"hidden_act": _TANH, "attention_bias": False}


def _gemma2(keys: Keys, config: JsonObject, shapes: Shapes) -> JsonObject:
    return {
        **_windowed_gemma(keys, config, 2, _GEMMA2_27B),
        "attn_logit_softcapping": keys.number("attn_logit_softcapping", 50.0),
        "final_logit_softcapping": keys.number("final_logit_softcapping", 30.0),
    }


def _gemma3(keys: Keys, config: JsonObject, shapes: Shapes) -> JsonObject:
    local = {
        "rope_type": "default", "rope_theta": float(keys.number("rope.freq_base_swa", _GEMMA_LOCAL_BASE))
    }  # fmt: skip
    return {
        **_windowed_gemma(keys, config, _GEMMA_PATTERN, _GEMMA3_27B),
        "rope_parameters": {"full_attention": config["rope_parameters"], "sliding_attention": local},
        "final_logit_softcapping": None, "attn_logit_softcapping": None,
    }  # fmt: skip


def _windowed_gemma(keys: Keys, config: JsonObject, pattern: int, scaled: int) -> JsonObject:
    """Of each `pattern` layers the last sees all. `scaled`: layers of the one of its kind whose scores are
    divided by the width over the heads, which llama.cpp knows by them."""
    layers, own = config["num_hidden_layers"], config["hidden_size"] // config["num_attention_heads"]
    full = [(l + 1) % pattern == 0 for l in range(layers)]
    return {
        "hidden_activation": _TANH, "sliding_window": keys.number("attention.sliding_window"),
        "layer_types": ["full_attention" if whole else "sliding_attention" for whole in full],
        "query_pre_attn_scalar": own if layers == scaled else config["head_dim"], "attention_bias": False,
    }  # fmt: skip


_OWN = {"llama": _llama, "qwen2": _qwen2, "qwen3": _qwen3, "phi3": _phi3, "gpt_neox": _gpt_neox,
        "gemma": _gemma, "gemma2": _gemma2, "gemma3_text": _gemma3}  # fmt: skip


def _rope(keys: Keys, size: int, factors: Factors) -> JsonObject:
    theta = float(keys.number("rope.freq_base", 10_000.0))
    scaling = keys.get("rope.scaling.type", "none")
    if ROPE_FACTORS in factors:
        keys.require("rope.scaling.type", "none")
        return {"rope_theta": theta, **_llama3(keys, theta, size, factors[ROPE_FACTORS])}
    if scaling == "linear":
        return {
            "rope_type": "linear",
            "rope_theta": theta,
            "factor": float(keys.number("rope.scaling.factor")),
        }
    keys.require("rope.scaling.type", "none")
    return {"rope_type": "default", "rope_theta": theta}


def _phi3_rope(keys: Keys, rotated: int, size: int, factors: Factors) -> JsonObject:
    """longrope where there are factors; what cosines and sines are multiplied by is the file's number."""
    theta = float(keys.number("rope.freq_base", 10_000.0))
    keys.require("rope.scaling.type", "none", "longrope")
    attention = keys.get("rope.scaling.attn_factor")
    if not factors:
        if attention not in (None, 1):
            raise keys.refuse(f"phi3.rope.scaling.attn_factor = {attention}, but no {SHORT_FACTORS}")
        return {"rope_type": "default", "rope_theta": theta}
    if set(factors) != {LONG_FACTORS, SHORT_FACTORS}:
        raise keys.refuse(f"has one of {LONG_FACTORS} and {SHORT_FACTORS} without the other")
    if any(values.shape != (rotated // 2,) for values in factors.values()):
        raise keys.refuse(f"{SHORT_FACTORS} and {LONG_FACTORS} are not {rotated // 2} numbers each")
    return {
        "rope_type": "longrope", "rope_theta": theta,
        "short_factor": factors[SHORT_FACTORS].tolist(), "long_factor": factors[LONG_FACTORS].tolist(),
        "attention_factor": float(keys.number("rope.scaling.attn_factor")),
    }  # fmt: skip


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
