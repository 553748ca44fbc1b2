"""config.json of a GPT-2 family checkpoint: what transformers' GPT2LMHeadModel reads is honoured or refused.

A field that it does not read cannot change its function, whatever its name: such fields are not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from zkllm.errors import CheckpointError
from zkllm.files import JsonObject, read_json, reading
from zkllm.limits import MAX_POSITIONS, MAX_VOCABULARY
from zkllm.model.activations import ACTIVATIONS, GELU
from zkllm.model.config_fields import REFUSED, Fields, pad_id, shown
from zkllm.model.llama.architecture import LLAMAS, LlamaArchitecture, parse_llama

# GPT2Config reads and writes the field on the right under the name on the left.
ALIASES = {"hidden_size": "n_embd", "max_position_embeddings": "n_positions",
           "num_attention_heads": "n_head", "num_hidden_layers": "n_layer"}  # fmt: skip

# Fields that `parse_architecture` makes the Architecture of.
HONOURED = {"model_type", "vocab_size", "n_positions", "n_embd", "n_layer", "n_head", "n_inner",
            "layer_norm_epsilon", "scale_attn_weights", "scale_attn_by_inverse_layer_idx",
            "tie_word_embeddings", "pad_token_id", "eos_token_id", "activation_function"}  # fmt: skip

_CLASSIFIERS = {"GPT2ForSequenceClassification", "GPT2ForTokenClassification", "GPT2ForQuestionAnswering"}
# GPT2Config's own values of fields that are left out
_DEFAULTS = {"vocab_size": 50257, "n_positions": 1024, "n_embd": 768, "n_layer": 12, "n_head": 12}
_LIMITS = {"vocab_size": MAX_VOCABULARY + 1, "n_positions": MAX_POSITIONS + 1, "n_embd": 1 << 16,
           "n_layer": 1 << 10, "n_head": 1 << 10, "n_inner": 1 << 18}  # fmt: skip


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
    activation: str = GELU.name  # of `ACTIVATIONS`
    tied_head: bool = True  # else the head must be stored, and equal the embedding
    least_calibration: ClassVar = 384  # tokens
    massive_firsts: ClassVar = False  # rows whose size hangs on the first token

    @property
    def width(self) -> int:
        return self.n_head * self.head_dim

    @property
    def weights_per_token(self) -> int:
        """Multiply-accumulates of one token."""
        return (
            self.n_layer * (4 * self.width**2 + 2 * self.width * self.d_inner) + self.width * self.vocab_size
        )


AnyArchitecture = Architecture | LlamaArchitecture


class _Fields(Fields):
    """A GPT-2's."""

    def integer(self, name: str, default: int) -> int:
        return self.whole(name, default, _LIMITS[name], null=name == "n_inner")

    def activation(self) -> str:
        value = self.data.get("activation_function", GELU.name)
        for known in ACTIVATIONS.values():
            if value in known.names:
                return known.name
        texts = " or ".join(known.text for known in ACTIVATIONS.values())
        self.problem("activation_function", f"only {texts} is")
        return GELU.name


def _judge_kind(fields: _Fields, known: Sequence[str]) -> None:
    """What model it is. The model type comes first: the rest may follow from it."""
    model_type = fields.data.get("model_type")
    if model_type != "gpt2":
        texts = " or ".join(filter(None, [", ".join(map(repr, known[:-1])), repr(known[-1])]))
        fields.problems.insert(0, f"model_type = {shown(model_type)} is not {texts}")
    fields.judge_kind(_CLASSIFIERS, "GPT-2's")


def parse_architecture(data: JsonObject, known: Sequence[str] = ("gpt2",)) -> Architecture:
    """Of a GPT-2. `known`: the model types that the caller knows what to do with."""
    fields = _Fields(data, ALIASES)
    _judge_kind(fields, known)
    for name, (allowed, why) in REFUSED.items():
        if name == "layer_types" and isinstance(data.get(name), list):
            allowed = (["full_attention"] * len(data[name]),)
        fields.refuse(name, allowed, why)
    width, heads = (
        fields.integer("n_embd", _DEFAULTS["n_embd"]),
        fields.integer("n_head", _DEFAULTS["n_head"]),
    )
    if width % heads:
        fields.problem("n_embd", f"it is not a multiple of n_head = {heads}")
    vocab = fields.integer("vocab_size", _DEFAULTS["vocab_size"])
    # the oldest files name the context n_ctx alone; transformers reads it no more
    context = data.get("n_ctx")
    context = context if type(context) is int else _DEFAULTS["n_positions"]
    architecture = Architecture(
        n_layer=fields.integer("n_layer", _DEFAULTS["n_layer"]), n_head=heads, head_dim=width // heads,
        d_inner=fields.integer("n_inner", 4 * width), vocab_size=vocab,
        n_ctx=fields.integer("n_positions", context),
        layer_norm_epsilon=fields.fraction("layer_norm_epsilon", 1e-5),
        scale_scores=fields.flag("scale_attn_weights", True),
        scale_by_layer=fields.flag("scale_attn_by_inverse_layer_idx", False), pad_id=pad_id(data, vocab),
        activation=fields.activation(),
        tied_head=data.get("tie_word_embeddings", True) is not False,
    )  # fmt: skip
    if fields.problems:
        raise CheckpointError("config.json: " + "; ".join(fields.problems))
    return architecture


def load_architecture(path: Path) -> AnyArchitecture:
    """Of whichever family the model type is."""
    if not path.exists():
        raise CheckpointError(
            f"{path.parent}: no config.json; give a Hugging Face folder of a GPT-2 or a Llama"
        )
    with reading(path, "configuration", CheckpointError):
        data = read_json(path)
    if data.get("model_type") in LLAMAS:
        return parse_llama(data)
    return parse_architecture(data, ("gpt2", *LLAMAS))
