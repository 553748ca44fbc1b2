"""config.json of a GPT-2 family checkpoint: what transformers' GPT2LMHeadModel reads is honoured or refused.

A field that it does not read cannot change its function, whatever its name: such fields are not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zkllm.errors import CheckpointError
from zkllm.files import JsonObject, read_json, reading
from zkllm.limits import MAX_POSITIONS, MAX_VOCABULARY
from zkllm.model.activations import ACTIVATIONS, GELU
from zkllm.model.quantised_weights import CURE, why_refused

# GPT2Config reads and writes the field on the right under the name on the left.
ALIASES = {"hidden_size": "n_embd", "max_position_embeddings": "n_positions",
           "num_attention_heads": "n_head", "num_hidden_layers": "n_layer"}  # fmt: skip

_NONE: tuple[object, ...] = (None,)
# Fields that would make another function of it: the values that do not, and what the others mean.
REFUSED: dict[str, tuple[tuple[object, ...], str]] = {
    "tie_word_embeddings": ((True, False), "it is not true or false"),
    "add_cross_attention": ((False,), "there is no encoder to attend to"),
    "is_encoder_decoder": ((False,), "only a decoder is"),
    "is_causal": ((True,), "every token must see those before it alone"),
    "sliding_window": (_NONE, "every token must see all before it"),
    "attention_chunk_size": (_NONE, "every token must see all before it"),
    "layer_types": ((None, []), "every layer must have full attention"),
    "kv_sharing_modes": (_NONE, "every layer must have keys and values of its own"),
    "per_layer_config": ((None, {}), "all layers must be alike"),
    "quantization_config": (_NONE, CURE),
    "fusion_config": (_NONE, "fused layers are another model"),
    "transformers_weights": (_NONE, "the weights must be in model.safetensors or its shards"),
    "configuration_files": ((None, []), "the configuration must be in config.json"),
    "text_config": (_NONE, "the model must be a language model alone"),
    "decoder": (_NONE, "the model must be a language model alone"),
    "generator": (_NONE, "the model must be a language model alone"),
}

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

    @property
    def width(self) -> int:
        return self.n_head * self.head_dim


class _Fields:
    """Reads fields; what is wrong with them is collected, so that a folder's faults are all named at once."""

    def __init__(self, data: JsonObject):
        self.data, self.problems = dict(data), list[str]()
        for alias, name in ALIASES.items():
            if alias in data and name in data and data[alias] != data[name]:
                self.problem(alias, f"it differs from {name} = {_shown(data[name])}")
            elif alias in data:
                self.data[name] = data[alias]

    def problem(self, name: str, why: str) -> None:
        self.problems.append(f"{name} = {_shown(self.data.get(name))} is not supported: {why}")

    def integer(self, name: str, default: int) -> int:
        value = self.data.get(name, default)
        value = default if value is None and name == "n_inner" else value
        if type(value) is int and 1 <= value < _LIMITS[name]:
            return value
        self.problem(name, f"it is not an integer in [1, {_LIMITS[name]})")
        return 1

    def flag(self, name: str, default: bool) -> bool:
        value = self.data.get(name, default)
        if type(value) is not bool:
            self.problem(name, "it is not true or false")
        return bool(value)

    def epsilon(self) -> float:
        value = self.data.get("layer_norm_epsilon", 1e-5)
        if type(value) in (float, int) and 0 <= value <= 1:
            return float(value)
        self.problem("layer_norm_epsilon", "it is not in [0, 1]")
        return 0.0

    def activation(self) -> str:
        value = self.data.get("activation_function", GELU.name)
        for known in ACTIVATIONS.values():
            if value in known.names:
                return known.name
        texts = " or ".join(known.text for known in ACTIVATIONS.values())
        self.problem("activation_function", f"only {texts} is")
        return GELU.name

    def refuse(self, name: str, allowed: tuple[object, ...], why: str) -> None:
        if name in self.data and not any(
            type(self.data[name]) is type(a) and self.data[name] == a for a in allowed
        ):
            self.problem(name, why)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:60] + "..."


def _judge_kind(fields: _Fields) -> None:
    """What model it is. The model type comes first: the rest may follow from it."""
    data = fields.data
    if data.get("model_type") != "gpt2":
        fields.problems.insert(0, f"model_type = {_shown(data.get('model_type'))} is not 'gpt2'")
    names = data.get("architectures") or []
    if not isinstance(names, list) or any(isinstance(n, str) and n in _CLASSIFIERS for n in names):
        fields.problem("architectures", "it is not a language model")
    own_code = data.get("auto_map")
    if isinstance(own_code, dict) and any(name.startswith("AutoModel") for name in own_code):
        fields.problem("auto_map", "the model has code of its own, which is not GPT-2's")


def parse_architecture(data: JsonObject) -> Architecture:
    fields = _Fields(data)
    _judge_kind(fields)
    for name, (allowed, why) in REFUSED.items():
        if name == "layer_types" and isinstance(data.get(name), list):
            allowed = (["full_attention"] * len(data[name]),)
        if name == "quantization_config":
            why = why_refused(data.get(name))
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
        n_ctx=fields.integer("n_positions", context), layer_norm_epsilon=fields.epsilon(),
        scale_scores=fields.flag("scale_attn_weights", True),
        scale_by_layer=fields.flag("scale_attn_by_inverse_layer_idx", False), pad_id=_pad_id(data, vocab),
        activation=fields.activation(),
        tied_head=data.get("tie_word_embeddings", True) is not False,
    )  # fmt: skip
    if fields.problems:
        raise CheckpointError("config.json: " + "; ".join(fields.problems))
    return architecture


def _pad_id(data: JsonObject, vocab_size: int) -> int:
    """The id after the last certified token: the checkpoint's pad token, else its end of text, else 0."""
    for name in ("pad_token_id", "eos_token_id"):
        value = data.get(name)
        if type(value) is int and 0 <= value < vocab_size:
            return value
    return 0


def load_architecture(path: Path) -> Architecture:
    if not path.exists():
        raise CheckpointError(f"{path.parent}: no config.json; give a Hugging Face folder of a GPT-2")
    with reading(path, "configuration", CheckpointError):
        data = read_json(path)
    return parse_architecture(data)
