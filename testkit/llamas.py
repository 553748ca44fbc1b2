"""Small random checkpoints of the Llama family, written by transformers as folders, at awkward shapes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from testkit.checkpoints import tokenizer_definition

SHAPE = {
    "vocab_size": 301, "hidden_size": 36, "intermediate_size": 44, "num_hidden_layers": 2,
    "num_attention_heads": 9, "num_key_value_heads": 3, "max_position_embeddings": 24,
    "bos_token_id": 300, "eos_token_id": 300, "pad_token_id": 300,
}  # fmt: skip
"""Groups of three heads on three heads of keys, no size a power of two."""


@dataclass(frozen=True)
class Small:
    """A class of transformers by its name, and what its configuration says besides `SHAPE`."""

    cls: str
    fields: dict[str, Any] = field(default_factory=dict)
    gain: float = 1.0  # spread of the RMSNorms' gains around 1

    def model(self, seed: int = 1) -> Any:
        """Biases, gains and weights all random."""
        import torch
        import transformers

        torch.manual_seed(seed)
        config = getattr(transformers, f"{self.cls}Config")(**{**SHAPE, **self.fields})
        model = getattr(transformers, f"{self.cls.removesuffix('Text')}ForCausalLM")(config).eval()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name.endswith(("norm.weight", "layernorm.weight", "layer_norm.weight")):
                    stored = 0.0 if self.cls.startswith("Gemma") else 1.0  # what is added to it
                    parameter.copy_(stored + 0.3 * self.gain * torch.randn_like(parameter))
                elif name.endswith("bias"):
                    parameter.copy_(0.2 * torch.randn_like(parameter))
                elif name.endswith(("embed_tokens.weight", "lm_head.weight", "embed_in.weight")):
                    parameter.copy_(torch.randn_like(parameter))
                else:
                    parameter.copy_(1.5 * torch.randn_like(parameter) / parameter.shape[1] ** 0.5)
        return model

    def write(self, folder: Path, seed: int = 1) -> Path:
        self.model(seed).save_pretrained(folder)
        (folder / "tokenizer.json").write_text(tokenizer_definition(SHAPE["vocab_size"]), encoding="utf-8")
        return folder

    def edit(self, folder: Path, **fields: Any) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


LLAMA3 = {"rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0, "low_freq_factor": 1.0,
          "high_freq_factor": 4.0, "original_max_position_embeddings": 12}  # fmt: skip
GEMMA3 = {"head_dim": 20, "query_pre_attn_scalar": 50, "sliding_window": 20}
MODELS = {
    "llama": Small("Llama"),
    "llama, tied, biases, a width of its own": Small("Llama", {
        "tie_word_embeddings": True, "attention_bias": True, "mlp_bias": True, "head_dim": 20,
        "hidden_size": 30, "num_attention_heads": 3,
    }),
    "llama, rotation of llama3": Small("Llama", {"rope_parameters": LLAMA3}),
    "llama, linear rotation": Small("Llama", {
        "rope_parameters": {"rope_type": "linear", "factor": 2.5, "rope_theta": 1000.0},
    }),
    "llama, dynamic rotation": Small("Llama", {
        "rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0},
    }),
    "llama, tanh GELU": Small("Llama", {"hidden_act": "gelu_pytorch_tanh"}),
    "mistral": Small("Mistral", {"sliding_window": 16}),
    "mistral, no window": Small("Mistral", {"sliding_window": None, "head_dim": 12}),
    "qwen2": Small("Qwen2"),
    "qwen2, a window, tied": Small("Qwen2", {
        "use_sliding_window": True, "sliding_window": 10, "max_window_layers": 1, "tie_word_embeddings": True,
    }),
    "qwen3": Small("Qwen3", {"head_dim": 20, "attention_bias": True}),
    "qwen3, a window by layer, tied": Small("Qwen3", {
        "head_dim": 12, "num_attention_heads": 3, "use_sliding_window": True, "sliding_window": 10,
        "layer_types": ["sliding_attention", "full_attention"], "tie_word_embeddings": True,
    }),
    "phi3": Small("Phi3", {"hidden_size": 180}),
    "phi3, some features are turned, a window": Small("Phi3", {
        "hidden_size": 180, "partial_rotary_factor": 0.6, "sliding_window": 10, "max_position_embeddings": 48,
    }),
    "phi3, tied, long positions": Small("Phi3", {
        "tie_word_embeddings": True, "num_attention_heads": 3, "hidden_size": 60,
        "max_position_embeddings": 96, "original_max_position_embeddings": 24,
        "rope_parameters": {
            "rope_type": "longrope", "rope_theta": 10000.0, "partial_rotary_factor": 0.6,
            "short_factor": [1.0, 1.05, 1.1, 1.5, 1.75, 2.5], "long_factor": [1.0, 1.5, 2.0, 3.0, 5.0, 8.0],
        },
    }),
    "gpt_neox": Small("GPTNeoX", {"hidden_size": 60, "num_attention_heads": 3, "rotary_pct": 0.6}),
    "gpt_neox, serial, no biases of attention, all turned, tied": Small("GPTNeoX", {
        "hidden_size": 60, "num_attention_heads": 5, "use_parallel_residual": False, "attention_bias": False,
        "rotary_pct": 1.0, "rotary_emb_base": 500, "tie_word_embeddings": True,
        "hidden_act": "gelu_pytorch_tanh",
    }),
    "gpt_neox, a linear rotation, one layer": Small("GPTNeoX", {
        "hidden_size": 32, "num_attention_heads": 2, "num_hidden_layers": 1, "hidden_act": "gelu_new",
        "rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0},
    }),
    "gemma": Small("Gemma", {"head_dim": 20, "hidden_size": 30}),
    "gemma, untied, biases": Small("Gemma", {
        "head_dim": 12, "attention_bias": True, "tie_word_embeddings": False, "hidden_act": "gelu",
    }),
    "gemma2": Small("Gemma2", {
        "head_dim": 20, "query_pre_attn_scalar": 50, "sliding_window": 10, "attn_logit_softcapping": 2.0,
        "final_logit_softcapping": None,
    }),
    "gemma2, no cap, untied": Small("Gemma2", {
        "head_dim": 12, "num_attention_heads": 3, "sliding_window": 100, "attn_logit_softcapping": None,
        "final_logit_softcapping": None, "tie_word_embeddings": False, "query_pre_attn_scalar": 12,
    }),
    "gemma3": Small("Gemma3Text", {
        **GEMMA3, "num_hidden_layers": 3, "sliding_window_pattern": 3, "attn_logit_softcapping": 3.0,
    }),
    "gemma3, a scaled rotation, types by layer": Small("Gemma3Text", {
        **GEMMA3, "hidden_activation": "silu", "attention_bias": True,
        "layer_types": ["full_attention", "sliding_attention"],
        "rope_parameters": {
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
            "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
        },
    }),
}  # fmt: skip
