"""config.json of the Llama family: what transformers' classes read is honoured or refused.

A field that they do not read cannot change their function, whatever its name: such fields are not looked at.
What is absent has the class's default, which is not the same in each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zkllm.errors import CheckpointError
from zkllm.files import JsonObject
from zkllm.limits import MAX_POSITIONS
from zkllm.model.activations import GATES, GELU, GELU_ERF, SILU
from zkllm.model.config_fields import LIMITS, REFUSED, pad_id
from zkllm.model.llama.gemma import SIGNIFICANT_BITS, embedding_scale
from zkllm.model.llama.rope_fields import RopeFields, RopeNames
from zkllm.model.llama.rotary import Rotary

LLAMAS = ("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "phi3", "gpt_neox")
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
    "qwen3": {"vocab_size": 151936, "hidden_size": 4096, "intermediate_size": 22016, "num_hidden_layers": 32,
              "num_attention_heads": 32, "num_key_value_heads": 32, "head_dim": 128,
              "max_position_embeddings": 32768},
    "gemma": {"vocab_size": 256000, "hidden_size": 3072, "intermediate_size": 24576, "num_hidden_layers": 28,
              "num_attention_heads": 16, "num_key_value_heads": 16, "head_dim": 256,
              "max_position_embeddings": 8192},
    "gemma2": {"vocab_size": 256000, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26,
               "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256,
               "max_position_embeddings": 8192},
    "gemma3_text": {"vocab_size": 262208, "hidden_size": 2304, "intermediate_size": 9216,
                    "num_hidden_layers": 26, "num_attention_heads": 8, "num_key_value_heads": 4,
                    "head_dim": 256, "max_position_embeddings": 131072},
    "phi3": {"vocab_size": 32064, "hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 32,
             "num_attention_heads": 32, "max_position_embeddings": 4096},
    "gpt_neox": {"vocab_size": 50432, "hidden_size": 6144, "intermediate_size": 24576,
                 "num_hidden_layers": 44, "num_attention_heads": 64, "max_position_embeddings": 2048},
}  # fmt: skip
_EPS = {"phi3": ("rms_norm_eps", 1e-5), "gpt_neox": ("layer_norm_eps", 1e-5)}
"""The field and its default, where that is another one."""
_ROPES = {
    "phi3": RopeNames(partial="partial_rotary_factor", kinds=("default", "longrope")),
    "gpt_neox": RopeNames("rotary_emb_base", "rotary_pct", 0.25,
                          others=("rope_theta", "partial_rotary_factor")),
}  # fmt: skip
_WINDOW = 4096  # of those that have one
_NO_WINDOW = ("llama", "gemma", "gpt_neox")
_GEMMAS = ("gemma", "gemma2", "gemma3_text")
_LATER = ("gemma2", "gemma3_text")
_NEVER_NULL = {"gemma": ("num_key_value_heads", "head_dim"), "qwen3": ("head_dim",),
               **dict.fromkeys(_LATER, ("num_key_value_heads", "head_dim"))}  # fmt: skip
_BIASED = {"llama": False, "qwen3": False, **dict.fromkeys(_GEMMAS, False), "gpt_neox": True}
"""Those that read attention_bias, with what it is where it is absent."""
_ACTIVATIONS = {"gemma": ("hidden_act", GELU.name),
                **dict.fromkeys(_LATER, ("hidden_activation", GELU.name)),
                "gpt_neox": ("hidden_act", GELU_ERF.name)}  # fmt: skip
"""The field and its default, where it is not the SiLU's."""
HONOURED = {
    "model_type", "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
    "num_attention_heads", "num_key_value_heads", "head_dim", "hidden_act", "rms_norm_eps",
    "tie_word_embeddings", "max_position_embeddings", "attention_bias", "mlp_bias", "sliding_window",
    "use_sliding_window", "max_window_layers", "layer_types", "rope_theta", "rope_scaling", "rope_parameters",
    "original_max_position_embeddings", "partial_rotary_factor", "pad_token_id", "eos_token_id",
    "hidden_activation", "query_pre_attn_scalar", "sliding_window_pattern", "rope_local_base_freq", "dtype",
    "torch_dtype", "use_bidirectional_attention", "layer_norm_eps", "use_parallel_residual", "rotary_pct",
    "rotary_emb_base", "attn_logit_softcapping",
}  # fmt: skip
"""Fields that `parse_llama` makes the architecture of, in one class or another."""
_ALL_WINDOWED = {"mistral": _WINDOW, "phi3": None}
"""Those whose layers all have the window, where it is not null, with the class's own."""
_OTHERS = ("ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering")
_CLASSES = {"llama": "Llama", "mistral": "Mistral", "qwen2": "Qwen2", "qwen3": "Qwen3", "gemma": "Gemma",
            "gemma2": "Gemma2", "gemma3_text": "Gemma3Text", "phi3": "Phi3",
            "gpt_neox": "GPTNeoX"}  # fmt: skip


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
    n_ctx: int  # of the program: not beyond what was trained, or `CONTEXT`
    norm_eps: float
    pad_id: int
    activation: str  # of `GATES`
    rotary: Rotary
    qkv_bias: bool
    o_bias: bool
    mlp_bias: bool
    tied_head: bool
    head_norm: bool = False  # of queries and keys, before they are turned
    post_norm: bool = False  # of what attention and the MLP put out
    gain_offset: float = 0.0  # gains are what is stored and this
    embedding_scale: float = 1.0
    scores: int | None = None  # whose square root they are divided by, where it is not head_dim
    angles: tuple[int, ...] = ()  # of each layer: which of the rotations, where there are several
    more_rotaries: tuple[Rotary, ...] = ()  # after `rotary`
    turned: int = 0  # of a head's features, those that are turned; 0: all
    cap: float = 0.0  # what scores are held below; 0: nothing
    window: int = 0  # positions that some layers see at most, below n_ctx; 0: all see all
    sliding: tuple[int, ...] = ()  # 1 for each layer that has it, else 0
    gated: bool = True  # the MLP
    centred: bool = False  # LayerNorms with biases, not RMSNorms
    parallel: bool = False  # attention and MLP of a layer read the same stream
    least_calibration: ClassVar = 2048  # tokens
    massive_firsts: ClassVar = True  # rows whose size hangs on the first token

    @property
    def score_divisor(self) -> int:
        return self.head_dim if self.scores is None else self.scores

    @property
    def rotaries(self) -> tuple[Rotary, ...]:
        return (self.rotary, *self.more_rotaries)

    def rotary_of(self, l: int) -> Rotary:
        return self.rotaries[self.angles[l]] if self.angles else self.rotary

    @property
    def pairs(self) -> int:
        """Features of half a head that are turned."""
        return (self.turned or self.head_dim) // 2

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
        mlp = (3 if self.gated else 2) * self.d_model * self.d_inner
        return self.n_layer * (attention + mlp) + self.d_model * self.vocab_size


class _Fields(RopeFields):
    def __init__(self, data: JsonObject):
        super().__init__(data)
        self.model_type = str(data["model_type"])
        self.defaults = _DEFAULTS[self.model_type]
        self._layer_types: list[str] | None = None

    def integer(self, name: str, limit: int, default: int | None = None) -> int:
        """A class's default where the field is absent; `default`: where that is none, and for null."""
        known = self.defaults.get(name, default)
        assert known is not None
        if self.data.get(name, 0) is None and default is not None:
            return default
        return self.whole(name, known, limit)

    def activation(self) -> str:
        name, usual = _ACTIVATIONS.get(self.model_type, ("hidden_act", SILU.name))
        value = self.data.get(name, usual)
        if self.model_type == "gemma":
            value = GELU.name if value == "gelu" else value  # as its class reads the oldest files
            self.refuse("hidden_activation", (None, "gelu", *GELU.names), "hidden_act is what counts")
        for known in GATES.values():
            if value in known.names:
                return known.name
        texts = " or ".join(known.text for known in GATES.values())
        self.problem(name, f"only {texts} is")
        return usual

    def windowed(self, layers: int) -> tuple[int | None, tuple[int, ...]]:
        """Positions that some layers see at most, and 1 for each of these layers, else 0; None: all see
        all."""
        if self.model_type in _NO_WINDOW:
            for name in ("sliding_window", "layer_types"):
                self._refuse(name, layers)
            return None, ()
        if self.model_type in _ALL_WINDOWED:
            self._refuse("layer_types", layers)
            sliding, usual = (1,) * layers, _ALL_WINDOWED[self.model_type]
        else:
            sliding, usual = self._sliding(layers), _WINDOW
        return (self._window(usual), sliding) if any(sliding) else (None, ())

    def _sliding(self, layers: int) -> tuple[int, ...]:
        """1 for each layer that has a window, where not all are alike."""
        slides = lambda types: tuple(int(t == "sliding_attention") for t in types)
        if self.model_type in _LATER:
            return slides(self.layer_types(layers))
        used = self.flag("use_sliding_window", False)
        if self.data.get("layer_types") is not None:
            sliding = slides(self._types(layers))
            if any(sliding) and not used:
                self.problem("layer_types", "a layer has a window, and use_sliding_window is not true")
            return sliding
        first = self.data.get("max_window_layers", 28)
        if used and type(first) is not int:
            self.problem("max_window_layers", "it is not an integer")
            return (0,) * layers
        return tuple(int(used and l >= first) for l in range(layers))

    def _types(self, layers: int) -> list[str]:
        """layer_types, where it is given."""
        types, known = self.data["layer_types"], ("full_attention", "sliding_attention")
        if not isinstance(types, list) or len(types) != layers or any(t not in known for t in types):
            self.problem("layer_types", f"it is not one of {' or '.join(known)} for each layer")
            return ["full_attention"] * layers
        return types

    def layer_types(self, layers: int) -> list[str]:
        """Of a Gemma 2 or 3."""
        if self._layer_types is None:
            if self.data.get("layer_types") is not None:
                self._layer_types = self._types(layers)
            else:
                pattern = (
                    2 if self.model_type == "gemma2" else self.whole("sliding_window_pattern", 6, 1 << 10)
                )
                types = ("full_attention", "sliding_attention")
                self._layer_types = [types[(l + 1) % pattern != 0] for l in range(layers)]
        return self._layer_types

    def _refuse(self, name: str, layers: int) -> None:
        allowed, why = REFUSED[name]
        self.refuse(name, (*allowed, ["full_attention"] * layers) if name == "layer_types" else allowed, why)

    def _window(self, usual: int | None) -> int | None:
        value = self.data.get("sliding_window", usual)
        if value is None and self.model_type in _LATER:
            self.problem("sliding_window", "a layer has a window")
        return None if value is None else self.whole("sliding_window", _WINDOW, 1 << 31)

    def embedding_scale(self, width: int) -> float:
        """Of a Gemma."""
        name = "dtype" if self.data.get("dtype") is not None else "torch_dtype"
        dtype = self.data.get(name)
        if isinstance(dtype, str) and dtype in SIGNIFICANT_BITS:
            return embedding_scale(width, dtype)
        texts = ", ".join(SIGNIFICANT_BITS)
        self.problem(
            name if dtype is not None else "dtype", f"the embedding is scaled by a number of one of {texts}"
        )
        return 1.0

    def cap(self) -> float:
        """Of a Gemma 2: what scores are held below; 0: nothing."""
        value = self.data.get("attn_logit_softcapping", 50.0)
        if value is None:
            return 0.0
        if type(value) in (int, float) and 2.0**-10 <= value <= 2.0**20:
            return float(value)
        self.problem("attn_logit_softcapping", "it is not a number in [2^-10, 2^20]")
        return 0.0

    def score_divisor(self) -> int | None:
        """Of a Gemma 2 or 3."""
        value = self.data.get("query_pre_attn_scalar", 256)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if type(value) is int and 0 < value < 1 << 30:
            return value
        self.problem("query_pre_attn_scalar", "it is not an integer in [1, 2^30)")
        return None


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
    nullable = lambda name, default: None if name in _NEVER_NULL.get(kind, ()) else default
    neox = kind == "gpt_neox"
    shared = heads
    if not neox:
        shared = fields.integer(
            "num_key_value_heads", LIMITS["heads"], nullable("num_key_value_heads", heads)
        )
    if heads % shared:
        fields.problem("num_key_value_heads", f"it does not divide num_attention_heads = {heads}")
        shared = 1
    head_dim = fields.integer("head_dim", MAX_HEAD, nullable("head_dim", max(1, width // heads)))
    if neox and head_dim != width // heads:
        fields.problem("head_dim", f"it is not hidden_size over num_attention_heads = {heads}")
    derived = "head_dim" not in fields.defaults and data.get("head_dim") is None
    if (derived or kind in _LATER) and width % heads:
        fields.problem("hidden_size", f"it is not a multiple of num_attention_heads = {heads}")
    elif head_dim % 2:
        fields.problem("head_dim" if "head_dim" in data else "hidden_size",
                       f"heads of {head_dim} features have no halves to turn")  # fmt: skip
    vocab = fields.integer("vocab_size", LIMITS["vocab_size"])
    trained = fields.integer("max_position_embeddings", 1 << 31)
    window, sliding = fields.windowed(layers)
    attention_bias = kind in _BIASED and fields.flag("attention_bias", _BIASED[kind])
    gemma, later, third = kind in _GEMMAS, kind in _LATER, kind == "gemma3_text"
    if gemma:
        fields.refuse(
            "use_bidirectional_attention", (None, False), "every token must see those before it alone"
        )
    turned, angles = head_dim, tuple[int, ...]()
    if third:
        rotaries, angles = fields.rotations(trained, fields.layer_types(layers), head_dim)
    else:
        rotary, turned = fields.rotary(trained, head_dim, _ROPES.get(kind, RopeNames()))
        rotaries = (rotary,)
    longest = fields.original() if rotaries[0].kind == "longrope" else trained
    context = min(trained, longest, CONTEXT, MAX_POSITIONS)
    if window is None or window >= context:
        window, sliding = 0, ()
    architecture = LlamaArchitecture(
        model_type=kind, n_layer=layers, n_head=heads, n_kv_head=shared, head_dim=head_dim, d_model=width,
        d_inner=fields.integer("intermediate_size", MAX_INNER), vocab_size=vocab,
        n_ctx=context, window=window, sliding=sliding,
        norm_eps=fields.fraction(*_EPS.get(kind, ("rms_norm_eps", 1e-6))), pad_id=pad_id(data, vocab),
        activation=fields.activation(), rotary=rotaries[0],
        qkv_bias=attention_bias or kind == "qwen2", o_bias=attention_bias,
        mlp_bias=neox or kind == "llama" and fields.flag("mlp_bias", False),
        tied_head=data.get("tie_word_embeddings", gemma) is True,
        head_norm=third or kind == "qwen3", post_norm=later, gain_offset=float(gemma),
        embedding_scale=fields.embedding_scale(width) if gemma else 1.0,
        scores=fields.score_divisor() if later else None,
        cap=fields.cap() if kind == "gemma2" else 0.0, angles=angles, more_rotaries=rotaries[1:],
        turned=0 if turned == head_dim else turned, gated=not neox, centred=neox,
        parallel=neox and fields.flag("use_parallel_residual", True),
    )  # fmt: skip
    if fields.problems:
        raise CheckpointError("config.json: " + "; ".join(fields.problems))
    return architecture
