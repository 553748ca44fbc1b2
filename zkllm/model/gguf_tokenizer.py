"""The tokenizer that a GGUF file states, in the format of tokenizer.json.

The file has tokens, their kinds and merges or scores, and names the rest: llama.cpp knows a split by its
name. What is made of the name is what the published tokenizer of that name has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zkllm.errors import TokenizerError
from zkllm.files import JsonObject
from zkllm.model.pipeline import SPACE
from zkllm.model.tokenizer import BPE_DEFAULTS, template

_CONTROL, _USER, _UNUSED, _UNKNOWN = 3, 4, 5, 2  # kinds of tokens
_LETTERS = r"[^\r\n\p{L}\p{N}]?\p{L}+"
_REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_LLAMA3 = rf"{_CONTRACTIONS}|{_LETTERS}|\p{{N}}{{1,3}}|{_REST}"
_QWEN2 = rf"{_CONTRACTIONS}|{_LETTERS}|\p{{N}}|{_REST}"
_UPPER, _LOWER = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}", r"\p{Ll}\p{Lm}\p{Lo}\p{M}"
_TEKKEN = (
    rf"[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]*[{_LOWER}]+|[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]+[{_LOWER}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_LLAMA3_NAMES = ("llama-bpe", "llama3", "llama-v3")
_QWEN2_NAMES = ("qwen2", "deepseek-r1-qwen")
_NEOX = "olmo"  # GPT-NeoX's, Pythia's and OLMo's


def _level(regex: bool) -> JsonObject:
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": regex}


def _split(pattern: str) -> list[JsonObject]:
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    return [split, _level(False)]


_SPLITS = {
    "gpt-2": [_level(True)],
    _NEOX: [_level(True)],
    "smollm": [{"type": "Digits", "individual_digits": True}, _level(True)],
    **dict.fromkeys(_LLAMA3_NAMES, _split(_LLAMA3)),
    **dict.fromkeys(_QWEN2_NAMES, _split(_QWEN2)),
    "tekken": _split(_TEKKEN),
}
_DECODER = [
    {"type": "Replace", "pattern": {"String": SPACE}, "content": " "},
    {"type": "ByteFallback"}, {"type": "Fuse"},
]  # fmt: skip
_STRIP = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
_PREPENDING = {
    "type": "Sequence",
    "normalizers": [
        {"type": "Prepend", "prepend": SPACE},
        {"type": "Replace", "pattern": {"String": " "}, "content": SPACE},
    ],
}
"""Phi 3's: the space is put before each part between two added tokens."""
_PHI3_PLAIN = ("<unk>", "<s>", "<|endoftext|>")
"""Of its added tokens those that take no white space, by its published tokenizer and by llama.cpp."""
_ROLES = {"bos_token": "bos", "eos_token": "eos", "unk_token": "unknown", "pad_token": "padding"}


def tokenizer_of(metadata: JsonObject, source: str) -> tuple[JsonObject, JsonObject]:
    """tokenizer.json and tokenizer_config.json."""
    get = lambda name, default=None: metadata.get(f"tokenizer.ggml.{name}", default)
    kind, split, tokens = get("model"), get("pre", "default"), get("tokens")
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise TokenizerError(f"{source}: has no tokens")
    kinds = get("token_type") or [1] * len(tokens)
    if len(kinds) != len(tokens):
        raise TokenizerError(f"{source}: {len(tokens)} tokens, and the kinds of {len(kinds)}")
    swallowing = False  # whether special tokens take the white space behind them, which no file says
    if kind == "gpt2":
        if split not in _SPLITS:
            raise TokenizerError(
                f"{source}: the split {str(split)[:40]!r} (tokenizer.ggml.pre) is none of "
                f"{', '.join(_SPLITS)}"
            )
        parts = _byte_level(tokens, kinds, get("merges"), split, source)
    elif kind == "llama":
        architecture = str(metadata.get("general.architecture"))
        gemma, swallowing = architecture.startswith("gemma"), architecture == "phi3"
        spaced = bool(get("add_space_prefix", not gemma))
        parts = _sentence_piece(tokens, kinds, get, gemma, spaced, source)
        if swallowing and spaced:
            parts |= {"normalizer": _PREPENDING, "pre_tokenizer": None}
    else:
        raise TokenizerError(f"{source}: the tokenizer {str(kind)[:40]!r} is neither 'gpt2' nor 'llama'")
    vocabulary = parts["model"]["vocab"]
    roles: dict[str, Any] = {role: get(f"{name}_token_id") for role, name in _ROLES.items()}
    for role, i in roles.items():
        if i is not None and not (type(i) is int and 0 <= i < len(tokens)):
            raise TokenizerError(f"{source}: the {role} has id {str(i)[:20]}, of {len(tokens)} tokens")
    written = {i: token for token, i in vocabulary.items()}
    around = [
        [roles[role]] if get(f"add_{name}_token", default) and roles[role] is not None else []
        for role, name, default in (("bos_token", "bos", kind == "llama" or split in _LLAMA3_NAMES),
                                    ("eos_token", "eos", False))
    ]  # fmt: skip
    options = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    takes = lambda token: {"rstrip": swallowing and token not in _PHI3_PLAIN}
    added = [
        {"id": i, "content": written[i], **options, **takes(written[i]), "special": what != _USER}
        for i, what in enumerate(kinds)
        if what in (_CONTROL, _USER, _UNKNOWN) and set(written.get(i, SPACE)) != {SPACE}
    ]  # fmt: skip  (runs of spaces are made by merges)
    definition = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, **parts,
        "post_processor": template(*around),
    }  # fmt: skip
    named = {role: written[i] for role, i in roles.items() if i is not None and i in written}
    return definition, {"tokenizer_class": "PreTrainedTokenizerFast", "add_prefix_space": False, **named}


def _vocabulary(tokens: list[str], kinds: list[int], source: str) -> dict[str, int]:
    """Tokens that are there to fill a row of the embedding are none."""
    vocabulary: dict[str, int] = {}
    for i, (token, kind) in enumerate(zip(tokens, kinds, strict=True)):
        if kind == _UNUSED and token == f"[PAD{i}]":
            continue
        if token in vocabulary:
            raise TokenizerError(f"{source}: the token {token[:40]!r} is there twice")
        vocabulary[token] = i
    return vocabulary


def _byte_level(tokens: list[str], kinds: list[int], merges: object, split: str, source: str) -> JsonObject:
    if not isinstance(merges, list):
        raise TokenizerError(f"{source}: has no merges")
    members = _SPLITS[split]
    model = {
        **BPE_DEFAULTS, "ignore_merges": split in (*_LLAMA3_NAMES, "tekken"),
        "vocab": _vocabulary(tokens, kinds, source), "merges": [str(merge).split(" ") for merge in merges],
    }  # fmt: skip
    return {
        "normalizer": {"type": "NFC"} if split in (*_QWEN2_NAMES, _NEOX) else None,
        "pre_tokenizer": members[0] if len(members) == 1 else {"type": "Sequence", "pretokenizers": members},
        "decoder": _level(True), "model": model,
    }  # fmt: skip


def _sentence_piece(
    tokens: list[str], kinds: list[int], get: Callable[[str], object], gemma: bool, spaced: bool, source: str
) -> JsonObject:
    """`get`: a value of tokenizer.ggml."""
    scores, merges = get("scores"), get("merges")
    if gemma:  # runs of spaces are written as such
        tokens = [SPACE * len(token) if token and not token.strip(" ") else token for token in tokens]
    vocabulary = _vocabulary(tokens, kinds, source)
    if isinstance(merges, list):
        pairs = [str(merge).split(" ") for merge in merges]
    elif isinstance(scores, list) and len(scores) == len(tokens):
        # Gemma's scores are no order of its merges; its ids are
        ranks = [-float(i) for i in range(len(tokens))] if gemma else scores
        pairs = _merges(vocabulary, ranks)
    else:
        raise TokenizerError(f"{source}: has neither merges nor a score for each token")
    model = {
        **BPE_DEFAULTS, "unk_token": "<unk>" if "<unk>" in vocabulary else None, "fuse_unk": True,
        "byte_fallback": True, "vocab": vocabulary, "merges": pairs,
    }  # fmt: skip
    metaspace = {
        "type": "Metaspace", "replacement": SPACE, "prepend_scheme": "first" if spaced else "never",
        "split": False,
    }  # fmt: skip
    return {
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": SPACE} if gemma else None,
        "pre_tokenizer": None if gemma else metaspace,
        "decoder": {"type": "Sequence", "decoders": [*_DECODER, *([_STRIP] if spaced else [])]},
        "model": model,
    }  # fmt: skip


def _merges(vocabulary: dict[str, int], scores: list[float]) -> list[list[str]]:
    """What SentencePiece would merge: pairs of tokens that make a token, those of the best token first."""
    ranked: list[tuple[float, int, int, str, str]] = []
    for token, i in vocabulary.items():
        for cut in range(1, len(token)):
            left, right = token[:cut], token[cut:]
            if left in vocabulary and right in vocabulary:
                ranked.append((scores[i], cut, len(right), left, right))
    ranked.sort(key=lambda pair: pair[:3], reverse=True)
    return [[left, right] for *_, left, right in ranked]
