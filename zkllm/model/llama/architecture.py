"""config.json of the Llama family (llama, mistral, qwen2): what transformers' classes read is honoured or
refused.

A field that they do not read cannot change their function, whatever its name: such fields are not looked at.
What is absent has the class's default, which is not the same in each.
"""

from __future__ import annotations

from dataclasses import dataclass

from zkllm.errors import CheckpointError, Malformed
from zkllm.files import JsonObject
from zkllm.limits import MAX_POSITIONS
from zkllm.model.activations import GATES
from zkllm.model.config_fields import LIMITS, REFUSED, Fields, pad_id, shown
from zkllm.model.llama.rotary import Rotary

LLAMAS = ("llama", "mistral", "qwen2")
"""Model types, by the names of config.json."""
CONTEXT = 2048
"""Positions that a program has at most: cosines and sines of all of them are committed to."""
MAX_INNER, MAX_HEAD = 1 << 17, 1 << 12

_DEFAULTS: dict[str, dict[str, int]] = {
    "llama": {"vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
              "num_attention_heads": 32, "max_position_embeddings": 2048},
    "mistral": {"vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 14336,
                "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
                "max_position_embeddings": 131072},
    "qwen2": {"vocab_size": 151936, "hidden_size": 4096, "intermediate_size": 22016, "num_hidden_layers": 32,
              "num_attention_heads": 32, "num_key_value_heads": 32, "max_position_embeddings": 32768},
}  # fmt: skip
_WINDOW = 4096  # of mistral and qwen2
HONOURED = {
    "model_type", "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
    "num_attention_heads", "num_key_value_heads", "head_dim", "hidden_act", "rms_norm_eps",
    "tie_word_embeddings", "max_position_embeddings", "attention_bias", "mlp_bias", "sliding_window",
    "use_sliding_window", "max_window_layers", "layer_types", "rope_theta", "rope_scaling", "rope_parameters",
    "original_max_position_embeddings", "partial_rotary_factor", "pad_token_id", "eos_token_id",
}  # fmt: skip
"""Fields that `parse_llama` makes the architecture of, in one class or another."""
_OTHERS = ("ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering")
_CLASSES = {"llama": "Llama", "mistral": "Mistral", "qwen2": "Qwen2"}


@dataclass(frozen=True)
class LlamaArchitecture:
    """What the checkpoint computes."""

    model_type: str
    n_layer: int
    n_head: int
    n_kv_head: int
    head_dim: int
    d_model: int
    d_inner: int
    vocab_size: int
    n_ctx: int  # of the program: not beyond what was trained, a window, or `CONTEXT`
    rms_norm_eps: float
    pad_id: int
    activation: str  # of `GATES`
    rotary: Rotary
    qkv_bias: bool
    o_bias: bool
    mlp_bias: bool
    tied_head: bool

    @property
    def width(self) -> int:
        return self.d_model

    @property
    def group(self) -> int:
        return self.n_head // self.n_kv_head

    @property
    def weights_per_token(self) -> int:
        """Multiply-accumulates of one token."""
        attention = 2 * self.d_model * (self.n_head + self.n_kv_head) * self.head_dim
        mlp = 3 * self.d_model * self.d_inner
        return self.n_layer * (attention + mlp) + self.d_model * self.vocab_size


class _Fields(Fields):
    def __init__(self, data: JsonObject):
        super().__init__(data)
        self.model_type = str(data["model_type"])
        self.defaults = _DEFAULTS[self.model_type]

    def integer(self, name: str, limit: int, default: int | None = None) -> int:
        """A class's default where the field is absent; `default`: where that is none, and for null."""
        known = self.defaults.get(name, default)
        assert known is not None
        if self.data.get(name, 0) is None and default is not None:
            return default
        return self.whole(name, known, limit)

    def activation(self) -> str:
        value = self.data.get("hidden_act", "silu")
        for known in GATES.values():
            if value in known.names:
                return known.name
        texts = " or ".join(known.text for known in GATES.values())
        self.problem("hidden_act", f"only {texts} is")
        return "silu"

    def window(self, layers: int) -> int | None:
        """Positions that some layer sees at most; None: all."""
        if self.model_type == "llama":
            for name in ("sliding_window", "layer_types"):
                self._refuse(name, layers)
            return None
        if self.model_type == "mistral":
            self._refuse("layer_types", layers)
            return self._window()
        used = self.flag("use_sliding_window", False)
        first = self.data.get("max_window_layers", 28)
        types = self.data.get("layer_types")
        if types is None:
            sliding = used and type(first) is int and first < layers
            if used and type(first) is not int:
                self.problem("max_window_layers", "it is not an integer")
        else:
            known = ("full_attention", "sliding_attention")
            if not isinstance(types, list) or len(types) != layers or any(t not in known for t in types):
                self.problem("layer_types", f"it is not one of {' or '.join(known)} for each layer")
                return None
            sliding = "sliding_attention" in types
            if sliding and not used:
                self.problem("layer_types", "a layer has a window, and use_sliding_window is not true")
        return self._window() if sliding else None

    def _refuse(self, name: str, layers: int) -> None:
        allowed, why = REFUSED[name]
        self.refuse(name, (*allowed, ["full_attention"] * layers) if name == "layer_types" else allowed, why)

    def _window(self) -> int | None:
        value = self.data.get("sliding_window", _WINDOW)
        return None if value is None else self.whole("sliding_window", _WINDOW, 1 << 31)

    def rotary(self, positions: int) -> Rotary:
        """By the library's rules: a rope_scaling that is not empty stands for all of rope_parameters."""
        scaling, parameters = (self.data.get(name) for name in ("rope_scaling", "rope_parameters"))
        for name, value in (("rope_scaling", scaling), ("rope_parameters", parameters)):
            if value is not None and not isinstance(value, dict):
                self.problem(name, "it is not an object")
                return Rotary()
        if scaling and parameters and scaling != parameters:
            self.problem("rope_scaling", "rope_parameters says something else")
        rope: JsonObject = scaling or parameters or {}
        where = "rope_scaling" if scaling else "rope_parameters"
        partial = rope.get("partial_rotary_factor", self.data.get("partial_rotary_factor"))
        if partial is not None and partial != 1:
            self.problem("partial_rotary_factor" if "partial_rotary_factor" in self.data else where,
                         "all of a head's features must be turned")  # fmt: skip
        if "mrope_section" in rope:
            self.problem(where, "positions of images are another model's")
        theta = rope.get("rope_theta", self.data.get("rope_theta", 10000.0))
        kind = rope.get("rope_type", rope.get("type", "default"))

        def number(name: str) -> float:
            value = rope.get(name)
            if isinstance(value, int | float) and type(value) is not bool:
                return float(value)
            self.problem(where, f"{kind} needs {name}, a number")
            return 1.0

        if type(theta) not in (int, float):
            self.problem("rope_theta", "it is not a number")
            return Rotary()
        if kind in ("default", "dynamic"):  # the same up to the positions that were trained
            rotary = Rotary("default", float(theta))
        elif kind == "linear":
            rotary = Rotary("linear", float(theta), number("factor"))
        elif kind == "llama3":
            own = self.data.get("original_max_position_embeddings")
            original = own if own is not None else rope.get("original_max_position_embeddings", positions)
            factor, low, high = (number(f"{name}factor") for name in ("", "low_freq_", "high_freq_"))
            if type(original) not in (int, float):
                self.problem("original_max_position_embeddings", "it is not a number")
                return Rotary()
            rotary = Rotary("llama3", float(theta), factor, low, high, float(original))
        else:
            self.problem(where, f"rope_type {shown(kind)} is not default, linear, dynamic or llama3")
            return Rotary()
        try:
            rotary.check()
        except Malformed as error:
            self.problem(where, str(error))
            return Rotary()
        return rotary


def parse_llama(data: JsonObject) -> LlamaArchitecture:
    """Of a model type that is one of `LLAMAS`."""
    fields = _Fields(data)
    kind = fields.model_type
    fields.judge_kind([_CLASSES[kind] + other for other in _OTHERS], f"{_CLASSES[kind]}'s")
    for name, (allowed, why) in REFUSED.items():
        if name not in HONOURED or name == "tie_word_embeddings":
            fields.refuse(name, allowed, why)
    layers = fields.integer("num_hidden_layers", LIMITS["layers"])
    width = fields.integer("hidden_size", LIMITS["width"])
    heads = fields.integer("num_attention_heads", LIMITS["heads"])
    shared = fields.integer("num_key_value_heads", LIMITS["heads"], heads)
    if heads % shared:
        fields.problem("num_key_value_heads", f"it does not divide num_attention_heads = {heads}")
        shared = 1
    head_dim = fields.integer("head_dim", MAX_HEAD, max(1, width // heads))
    if data.get("head_dim") is None and width % heads:
        fields.problem("hidden_size", f"it is not a multiple of num_attention_heads = {heads}")
    elif head_dim % 2:
        fields.problem("head_dim" if "head_dim" in data else "hidden_size",
                       f"heads of {head_dim} features have no halves to turn")  # fmt: skip
    vocab = fields.integer("vocab_size", LIMITS["vocab_size"])
    trained = fields.integer("max_position_embeddings", 1 << 31)
    window = fields.window(layers)
    attention_bias = kind == "llama" and fields.flag("attention_bias", False)
    architecture = LlamaArchitecture(
        model_type=kind, n_layer=layers, n_head=heads, n_kv_head=shared, head_dim=head_dim, d_model=width,
        d_inner=fields.integer("intermediate_size", MAX_INNER), vocab_size=vocab,
        n_ctx=min(trained, CONTEXT, MAX_POSITIONS, window or CONTEXT),
        rms_norm_eps=fields.fraction("rms_norm_eps", 1e-6), pad_id=pad_id(data, vocab),
        activation=fields.activation(), rotary=fields.rotary(trained),
        qkv_bias=attention_bias or kind == "qwen2", o_bias=attention_bias,
        mlp_bias=kind == "llama" and fields.flag("mlp_bias", False),
        tied_head=data.get("tie_word_embeddings", False) is True,
    )  # fmt: skip
    if fields.problems:
        raise CheckpointError("config.json: " + "; ".join(fields.problems))
    return architecture
