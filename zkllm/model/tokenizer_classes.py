"""Which class of transformers AutoTokenizer makes a folder's tokenizer with, and what that class makes of it.

Some classes take tokenizer.json as it is. The others take its vocabulary, merges and post-processor and
surround them with normalizer and pre-tokenizer of their own, and with special tokens that they take for
granted. Mostly that is what the file says too; where it is not, what the file says is what the model was made
with.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from zkllm.errors import TokenizerError
from zkllm.files import JsonObject
from zkllm.model.pipeline import SPACE, parts

GPT2, NEOX = "GPT2Tokenizer", "GPTNeoXTokenizer"
VERBATIM = ("PreTrainedTokenizerFast", "PreTrainedTokenizer", "TokenizersBackend")
END_OF_TEXT = "<|endoftext|>"
_QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
    r"\s+(?!\S)|\s+"
)

# model type -> the class of its tokenizers, where one is known; of others tokenizer.json is taken as it is
_OF_MODEL = {"gpt2": GPT2, "gpt_neox": NEOX, "qwen2": "Qwen2Tokenizer", "qwen3": "Qwen2Tokenizer",
             **dict.fromkeys(("gemma", "gemma2", "gemma3", "gemma3_text"), "GemmaTokenizer"),
             **dict.fromkeys(("mistral", "phi3"), VERBATIM[0])}  # fmt: skip
# model types whose folders are known to name other classes than their own
_MISNAMED = ("qwen2", "phi3")


def _byte_level(spaced: bool, regex: bool = True) -> JsonObject:
    return {"type": "ByteLevel", "add_prefix_space": spaced, "use_regex": regex}


def _metaspace(config: JsonObject) -> JsonObject:
    scheme = "always" if config.get("legacy") else "first"
    spaced = config.get("add_prefix_space")
    scheme = scheme if spaced is None or spaced else "never"
    return {"type": "Metaspace", "replacement": SPACE, "prepend_scheme": scheme, "split": False}


@dataclass(frozen=True)
class Recipe:
    """What a class puts around a vocabulary and its merges."""

    normalizers: list[JsonObject]
    splits: list[JsonObject]
    named: dict[str, str] = field(default_factory=dict)  # its special tokens where no file has others
    fallback: bool = False

    def is_of(self, definition: JsonObject) -> bool:
        """Whether a definition says the same."""
        model = definition["model"]
        if bool(model.get("ignore_merges")) or bool(model.get("byte_fallback")) != self.fallback:
            return False
        normalizers = [_essence(n) for n in parts(definition.get("normalizer"), "normalizers")]
        splits = [_essence(s) for s in parts(definition.get("pre_tokenizer"), "pretokenizers")]
        if _REPLACED in normalizers:  # no space is left to split at
            splits = [s for s in splits if s.get("pattern") != {"String": " "}]
        return (normalizers, splits) == ([*map(_essence, self.normalizers)], [*map(_essence, self.splits)])


_REPLACED: JsonObject = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}


def _essence(part: JsonObject) -> JsonObject:
    """A part without what tokens do not depend on, and with what goes without saying."""
    if part["type"] == "ByteLevel":
        return {**_byte_level(True), **{k: v for k, v in part.items() if k != "trim_offsets"}}
    if part["type"] == "Split":
        return {"invert": False, **part}
    if part["type"] == "Metaspace":
        whole = {"prepend_scheme": "always", "split": True, **part}
        if whole.pop("add_prefix_space", True) is False:
            whole["prepend_scheme"] = "never"
        return whole
    return part


def recipe(kind: str, config: JsonObject) -> Recipe:
    """That of a class, by the settings of tokenizer_config.json."""
    if kind == GPT2:
        named = dict.fromkeys(("bos_token", "eos_token", "unk_token"), END_OF_TEXT)
        return Recipe([], [_byte_level(bool(config.get("add_prefix_space")))], named)
    if kind == NEOX:
        named = dict.fromkeys(("bos_token", "eos_token", "unk_token"), END_OF_TEXT)
        level = _byte_level(bool(config.get("add_prefix_space")))
        return Recipe([{"type": "NFC"}], [level], {**named, "pad_token": "<|padding|>"})
    if kind == "Qwen2Tokenizer":
        split = {"type": "Split", "pattern": {"Regex": _QWEN2}, "behavior": "Isolated", "invert": False}
        named = dict.fromkeys(("unk_token", "eos_token", "pad_token"), END_OF_TEXT)
        level = _byte_level(bool(config.get("add_prefix_space")), regex=False)
        return Recipe([{"type": "NFC"}], [split, level], named)
    if kind == "LlamaTokenizer":
        named = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
        return Recipe([], [_metaspace(config)], named, fallback=True)
    named = {f"{name}_token": f"<{name}>" for name in ("unk", "bos", "eos", "pad", "mask")}
    return Recipe([_REPLACED], [], named, fallback=True)


def class_of(model_type: str, declared: object, definition: JsonObject | None, source: str) -> str:
    """The class by its name; `VERBATIM[0]` for all that take tokenizer.json as it is."""
    known = (GPT2, NEOX, "Qwen2Tokenizer", "LlamaTokenizer", "GemmaTokenizer")
    own = _OF_MODEL.get(model_type)
    name = str(declared).removesuffix("Fast") if declared else own or VERBATIM[0]
    name = VERBATIM[0] if declared in VERBATIM or name in VERBATIM else name
    if own == VERBATIM[0]:
        return own
    if model_type in _MISNAMED and own is not None:
        return own
    if name == "LlamaTokenizer" and definition is not None and _mentions_byte_level(definition):
        return VERBATIM[0]
    if name == VERBATIM[0] or name in known:
        return name
    raise TokenizerError(
        f"{source}: tokenizer_class = {str(declared)[:60]!r} is none of {', '.join(known)}, {VERBATIM[0]}"
    )


def _mentions_byte_level(definition: JsonObject) -> bool:
    kinds = [
        part["type"]
        for name, inner in (("decoder", "decoders"), ("pre_tokenizer", "pretokenizers"))
        for part in parts(definition.get(name), inner)
    ]
    return "ByteLevel" in kinds
