"""Reading a config.json field by field: what is wrong is collected, so that all faults are named at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from zkllm.files import JsonObject
from zkllm.limits import MAX_VOCABULARY
from zkllm.model.quantised_weights import CURE, why_refused

NONE: tuple[object, ...] = (None,)
# Fields that would make another function of a decoder of any family: the values that do not, and what the
# others mean.
REFUSED: dict[str, tuple[tuple[object, ...], str]] = {
    "tie_word_embeddings": ((True, False), "it is not true or false"),
    "add_cross_attention": ((False,), "there is no encoder to attend to"),
    "is_encoder_decoder": ((False,), "only a decoder is"),
    "is_causal": ((True,), "every token must see those before it alone"),
    "sliding_window": (NONE, "every token must see all before it"),
    "attention_chunk_size": (NONE, "every token must see all before it"),
    "layer_types": ((None, []), "every layer must have full attention"),
    "kv_sharing_modes": (NONE, "every layer must have keys and values of its own"),
    "per_layer_config": ((None, {}), "all layers must be alike"),
    "default_rope_type": (("default",), "a rotation must be named where its numbers are"),
    "_rope_type_labels": (NONE, "rotations by layer must be named by the layers' types"),
    "nested_rope_parameter_keys": (NONE, "it would stand in the place of a method of the class"),
    "quantization_config": (NONE, CURE),
    "fusion_config": (NONE, "fused layers are another model"),
    "transformers_weights": (NONE, "the weights must be in model.safetensors or its shards"),
    "configuration_files": ((None, []), "the configuration must be in config.json"),
    "text_config": (NONE, "the model must be a language model alone"),
    "decoder": (NONE, "the model must be a language model alone"),
    "generator": (NONE, "the model must be a language model alone"),
}
LIMITS = {"vocab_size": MAX_VOCABULARY + 1, "width": 1 << 16, "layers": 1 << 10, "heads": 1 << 10}


def shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:60] + "..."


class Fields:
    def __init__(self, data: JsonObject, aliases: Mapping[str, str] | None = None):
        """`aliases`: names that the library reads and writes a field under, with the field's own."""
        self.data, self.problems = dict(data), list[str]()
        for alias, name in (aliases or {}).items():
            if alias in data and name in data and data[alias] != data[name]:
                self.problem(alias, f"it differs from {name} = {shown(data[name])}")
            elif alias in data:
                self.data[name] = data[alias]

    def problem(self, name: str, why: str) -> None:
        self.problems.append(f"{name} = {shown(self.data.get(name))} is not supported: {why}")

    def whole(self, name: str, default: int, limit: int, null: bool = False) -> int:
        """An integer in [1, limit); `null`: None stands for the default."""
        value = self.data.get(name, default)
        value = default if value is None and null else value
        if type(value) is int and 1 <= value < limit:
            return value
        self.problem(name, f"it is not an integer in [1, {limit})")
        return 1

    def flag(self, name: str, default: bool) -> bool:
        value = self.data.get(name, default)
        if type(value) is not bool:
            self.problem(name, "it is not true or false")
        return bool(value)

    def fraction(self, name: str, default: float) -> float:
        """A number in [0, 1]."""
        value = self.data.get(name, default)
        if type(value) in (float, int) and 0 <= value <= 1:
            return float(value)
        self.problem(name, "it is not in [0, 1]")
        return 0.0

    def refuse(self, name: str, allowed: tuple[object, ...], why: str) -> None:
        if name in self.data and not any(
            type(self.data[name]) is type(a) and self.data[name] == a for a in allowed
        ):
            self.problem(name, why_refused(self.data[name]) if name == "quantization_config" else why)

    def judge_kind(self, others: Collection[str], family: str) -> None:
        """`architectures` and code of its own; `others`: classes that are no language models."""
        names = self.data.get("architectures") or []
        if not isinstance(names, list) or any(isinstance(n, str) and n in others for n in names):
            self.problem("architectures", "it is not a language model")
        own_code = self.data.get("auto_map")
        if isinstance(own_code, dict) and any(name.startswith("AutoModel") for name in own_code):
            self.problem("auto_map", f"the model has code of its own, which is not {family}")


def pad_id(data: JsonObject, vocab_size: int) -> int:
    """The id after the last certified token: the checkpoint's pad token, else its end of text (the first, of
    several), else 0."""
    for name in ("pad_token_id", "eos_token_id"):
        value = data.get(name)
        if isinstance(value, list):
            value = value[0] if value else None
        if type(value) is int and 0 <= value < vocab_size:
            return value
    return 0
