"""config.json of a GPT-2 family checkpoint: each field is honoured, known to be inert, or refused by name."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zkllm.errors import CheckpointError

# Fields that change the function: read below.
_HONOURED = {
    "model_type", "vocab_size", "n_positions", "n_ctx", "n_embd", "n_layer", "n_head", "n_inner",
    "activation_function", "layer_norm_epsilon", "scale_attn_weights", "scale_attn_by_inverse_layer_idx",
    "tie_word_embeddings", "add_cross_attention", "is_encoder_decoder", "architectures", "pruned_heads",
    "eos_token_id", "pad_token_id", "quantization_config", "chunk_size_feed_forward",
}  # fmt: skip

# Fields that cannot change the logits of inference: training, generation defaults, output formats, labels,
# storage. `reorder_and_upcast_attn` changes only the rounding of the float model.
_INERT = {
    "_attn_implementation_autoset", "_commit_hash", "_name_or_path", "_num_labels",
    "attn_implementation", "attn_pdrop", "bad_words_ids", "begin_suppress_tokens", "bos_token_id",
    "cross_attention_hidden_size", "decoder_start_token_id", "diversity_penalty", "do_sample", "dtype",
    "early_stopping", "embd_pdrop", "encoder_no_repeat_ngram_size", "exponential_decay_length_penalty",
    "finetuning_task", "forced_bos_token_id", "forced_eos_token_id", "gradient_checkpointing",
    "id2label", "initializer_range", "is_decoder", "label2id", "length_penalty", "max_length",
    "min_length", "no_repeat_ngram_size", "num_beam_groups", "num_beams", "num_labels",
    "num_return_sequences", "output_attentions", "output_hidden_states", "output_past", "output_scores",
    "prefix", "problem_type", "remove_invalid_values", "reorder_and_upcast_attn", "repetition_penalty",
    "resid_pdrop", "return_dict", "return_dict_in_generate", "sep_token_id", "summary_activation",
    "summary_first_dropout", "summary_proj_to_labels", "summary_type", "summary_use_proj",
    "suppress_tokens", "task_specific_params", "temperature", "tf_legacy_loss", "tokenizer_class",
    "top_k", "top_p", "torch_dtype", "torchscript", "transformers_version", "typical_p", "use_bfloat16",
    "use_cache",
}  # fmt: skip

_ARCHITECTURES = {"GPT2LMHeadModel", "GPT2Model", "GPT2DoubleHeadsModel"}
_LIMITS = {"vocab_size": 1 << 16, "n_positions": 1 << 16, "n_embd": 1 << 16, "n_layer": 1 << 10,
           "n_head": 1 << 10, "n_inner": 1 << 18}  # fmt: skip


@dataclass(frozen=True)
class Architecture:
    """What the checkpoint computes."""

    n_layer: int
    n_head: int
    head_dim: int
    d_inner: int
    vocab_size: int
    n_ctx: int
    layer_norm_epsilon: float
    scale_scores: bool  # by 1 / sqrt(head_dim)
    scale_by_layer: bool  # scores of layer l also by 1 / (l + 1)
    pad_id: int

    @property
    def width(self) -> int:
        return self.n_head * self.head_dim


def _integer(data: dict[str, Any], name: str, default: int | None = None) -> int:
    value = data.get(name)
    if value is None:
        value = default
    if type(value) is not int or not 1 <= value < _LIMITS[name]:
        raise CheckpointError(f"config.json: {name} = {value!r} is not an integer in [1, {_LIMITS[name]})")
    return value


def _refuse(data: dict[str, Any], name: str, allowed: tuple[Any, ...], why: str) -> None:
    if name in data and not any(type(data[name]) is type(a) and data[name] == a for a in allowed):
        raise CheckpointError(f"config.json: {name} = {str(data[name])[:60]!r} is not supported: {why}")


def _flag(data: dict[str, Any], name: str, default: bool) -> bool:
    value = data.get(name, default)
    if type(value) is not bool:
        raise CheckpointError(f"config.json: {name} = {value!r} is not true or false")
    return value


def parse_architecture(data: dict[str, Any]) -> Architecture:
    unknown = sorted(set(data) - _HONOURED - _INERT)
    if unknown:
        raise CheckpointError(
            f"config.json: unknown field {str(unknown[0])[:60]!r}; it might change what the model computes"
        )
    if data.get("model_type") != "gpt2":
        raise CheckpointError(f"config.json: model_type = {str(data.get('model_type'))[:60]!r} is not 'gpt2'")
    names = data.get("architectures") or ["GPT2LMHeadModel"]
    if not isinstance(names, list) or not all(isinstance(n, str) and n in _ARCHITECTURES for n in names):
        raise CheckpointError(f"config.json: architectures = {str(names)[:60]} is not a GPT-2 language model")
    _refuse(data, "activation_function", ("gelu_new",), "only gelu_new (the tanh form) is")
    _refuse(data, "tie_word_embeddings", (True,), "the head must be tied to the embedding")
    _refuse(data, "add_cross_attention", (False,), "there is no encoder to attend to")
    _refuse(data, "is_encoder_decoder", (False,), "only a decoder is")
    _refuse(data, "pruned_heads", ({}, None), "heads must be complete")
    _refuse(data, "quantization_config", (None,), "load the original weights instead")
    _refuse(data, "chunk_size_feed_forward", (0,), "chunked feed-forward is not part of GPT-2")
    width, heads = _integer(data, "n_embd"), _integer(data, "n_head")
    if width % heads:
        raise CheckpointError(f"config.json: n_embd = {width} is not a multiple of n_head = {heads}")
    n_ctx = _integer(data, "n_positions", data.get("n_ctx"))
    if data.get("n_ctx") not in (None, n_ctx):
        raise CheckpointError(f"config.json: n_ctx = {data['n_ctx']!r} differs from n_positions = {n_ctx}")
    epsilon = data.get("layer_norm_epsilon", 1e-5)
    if type(epsilon) not in (float, int) or not 0 <= epsilon <= 1:
        raise CheckpointError(f"config.json: layer_norm_epsilon = {str(epsilon)[:60]} is not in [0, 1]")
    vocab = _integer(data, "vocab_size")
    return Architecture(
        n_layer=_integer(data, "n_layer"), n_head=heads, head_dim=width // heads,
        d_inner=_integer(data, "n_inner", 4 * width), vocab_size=vocab, n_ctx=n_ctx,
        layer_norm_epsilon=float(epsilon), scale_scores=_flag(data, "scale_attn_weights", True),
        scale_by_layer=_flag(data, "scale_attn_by_inverse_layer_idx", False), pad_id=_pad_id(data, vocab),
    )  # fmt: skip


def _pad_id(data: dict[str, Any], vocab_size: int) -> int:
    """The id after the last certified token: the checkpoint's pad token, else its end of text, else 0."""
    for name in ("pad_token_id", "eos_token_id"):
        value = data.get(name)
        if type(value) is int and 0 <= value < vocab_size:
            return value
    return 0


def load_architecture(path: Path) -> Architecture:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(
            f"{path.parent}: no config.json; give a Hugging Face folder of a GPT-2"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: cannot be read as JSON ({str(error)[:80]})") from None
    if not isinstance(data, dict):
        raise CheckpointError(f"{path}: is not a JSON object")
    return parse_architecture(data)
