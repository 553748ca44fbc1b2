"""Small tokenizers in the style of published ones, trained here, with the parts that their families' have."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

Json = dict[str, Any]

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
TEKKEN = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPACE = "\u2581"
UNMERGED = "Zqxj"
"""A word that no merges lead to."""
BYTES = [f"<0x{b:02X}>" for b in range(256)]

LEVEL: Json = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
WHOLE: Json = {**LEVEL, "use_regex": False}
DIGITS: Json = {"type": "Digits", "individual_digits": True}
PREPEND: Json = {"type": "Prepend", "prepend": SPACE}
TO_SPACE: Json = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
METASPACE: Json = {"type": "Metaspace", "replacement": SPACE, "prepend_scheme": "first", "split": False}
AT_SPACES: Json = {
    "type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False
}  # fmt: skip
STRIP: Json = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
FALLBACK: list[Json] = [
    {"type": "Replace", "pattern": {"String": SPACE}, "content": " "},
    {"type": "ByteFallback"}, {"type": "Fuse"},
]  # fmt: skip


def split(pattern: str) -> Json:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def sequence(inner: str, *members: Json) -> Json:
    return {"type": "Sequence", inner: list(members)}


def before_text(token: str, index: int) -> Json:
    """A post-processor that puts a token at the beginning."""
    text, other = {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}
    return {
        "type": "TemplateProcessing", "single": [{"SpecialToken": {"id": token, "type_id": 0}}, text],
        "pair": [text, other], "special_tokens": {token: {"id": token, "ids": [index], "tokens": [token]}},
    }  # fmt: skip


@dataclass(frozen=True)
class Published:
    """What the files of a family say. `first`: special tokens of the lowest ids; `last`: of the highest."""

    model_type: str
    kind: str | None  # the class that is declared
    pre_tokenizer: Json | None
    normalizer: Json | None = None
    first: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()  # added, and not special
    begins: str | None = None  # token that is put before every text
    strips: bool = False  # SentencePiece's decoder takes a space off
    model: Json = field(default_factory=dict)
    config: Json = field(default_factory=dict)
    options: dict[str, Json] = field(default_factory=dict)  # of added tokens by name, beside the usual ones

    @property
    def byte_level(self) -> bool:
        return "ByteLevel" in json.dumps(self.pre_tokenizer)


_CHATML = ("<|im_start|>", "<|im_end|>")
_LLAMA: dict[str, Any] = {
    "first": ("<unk>", "<s>", "</s>"), "begins": "<s>", "strips": True,
    "config": {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "legacy": False},
}  # fmt: skip
_LEGACY = sequence("normalizers", PREPEND, TO_SPACE)
_QWEN: dict[str, Any] = {
    "pre_tokenizer": sequence("pretokenizers", split(QWEN2), WHOLE), "normalizer": {"type": "NFC"},
    "last": ("<|endoftext|>", *_CHATML), "plain": ("<tool_call>", "</tool_call>"),
    "config": {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "add_prefix_space": False,
               "bos_token": None, "unk_token": None},
}  # fmt: skip

_PHI3_CHAT = ("<|assistant|>", "<|placeholder1|>", "<|end|>", "<|system|>", "<|user|>")
_PHI4_CHAT = ("<|im_start|>", "<|im_end|>", "<|im_sep|>")

PUBLISHED = {
    "llama-3": Published(
        "llama", "PreTrainedTokenizerFast", sequence("pretokenizers", split(LLAMA3), WHOLE),
        last=("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>",
              "<|eot_id|>"),
        begins="<|begin_of_text|>", model={"ignore_merges": True},
        config={"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"},
    ),
    "llama-3 by the old class": Published(
        "llama", "LlamaTokenizerFast", sequence("pretokenizers", split(LLAMA3), WHOLE),
        last=("<|begin_of_text|>", "<|eot_id|>"), begins="<|begin_of_text|>", model={"ignore_merges": True},
        config={"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"},
    ),
    "llama-2": Published("llama", "LlamaTokenizer", None, _LEGACY, **_LLAMA),
    "llama-2 with Metaspace": Published("llama", "LlamaTokenizer", METASPACE, **_LLAMA),
    "mistral": Published("mistral", "LlamaTokenizer", None, _LEGACY, **_LLAMA),
    "mistral 3": Published("mistral", "LlamaTokenizerFast", METASPACE, last=("[INST]", "[/INST]"), **_LLAMA),
    "tekken": Published(
        "mistral", "PreTrainedTokenizerFast", sequence("pretokenizers", split(TEKKEN), WHOLE),
        first=("<unk>", "<s>", "</s>", "[INST]", "[/INST]"), begins="<s>", model={"ignore_merges": True},
        config={"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"},
    ),
    "qwen-2": Published("qwen2", "Qwen2Tokenizer", **_QWEN),
    "qwen-2 by another class": Published("qwen2", "LlamaTokenizerFast", **_QWEN),
    "qwen-3": Published("qwen3", "Qwen2Tokenizer", **_QWEN),
    "phi-3": Published(
        "phi3", "LlamaTokenizer", None, _LEGACY, first=("<unk>", "<s>", "</s>"),
        last=("<|endoftext|>", *_PHI3_CHAT), strips=True,
        config={"bos_token": "<s>", "eos_token": "<|endoftext|>", "unk_token": "<unk>",
                "pad_token": "<|endoftext|>", "legacy": False, "add_bos_token": False},
        options={"</s>": {"rstrip": True, "special": False}, **dict.fromkeys(_PHI3_CHAT, {"rstrip": True})},
    ),
    "phi-4": Published(
        "phi3", "GPT2Tokenizer", sequence("pretokenizers", split(LLAMA3), WHOLE),
        last=("<|endoftext|>", "<|fim_prefix|>", *_PHI4_CHAT),
        config={"bos_token": "<|endoftext|>", "eos_token": "<|im_end|>", "unk_token": "<|endoftext|>",
                "pad_token": "<|endoftext|>", "add_prefix_space": False},
        options=dict.fromkeys(("<|endoftext|>", *_PHI4_CHAT), {"lstrip": True, "rstrip": True}),
    ),
    "gpt-neox": Published(
        "gpt_neox", "GPTNeoXTokenizer", LEVEL, {"type": "NFC"}, first=("<|endoftext|>", "<|padding|>"),
        plain=(" " * 24, " " * 2),
        config={"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>",
                "add_prefix_space": False},
    ),
    "smollm-2": Published(
        "llama", "GPT2Tokenizer", sequence("pretokenizers", DIGITS, LEVEL), first=("<|endoftext|>", *_CHATML),
        config={"bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "unk_token": "<|endoftext|>",
                "pad_token": "<|im_end|>", "add_prefix_space": False},
    ),
    "gemma": Published(
        "gemma3_text", "GemmaTokenizer", AT_SPACES, TO_SPACE, begins="<bos>",
        first=("<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<start_of_turn>", "<end_of_turn>"),
        plain=("\n\n", SPACE * 2, "<table>"),
        config={"bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>", "pad_token": "<pad>"},
    ),
}  # fmt: skip


def corpus() -> Iterator[str]:
    """Lines of the project's documents, and of other scripts."""
    for path in sorted((Path(__file__).parent.parent / "docs").glob("*.md"))[:6]:
        yield from path.read_text().splitlines()
    yield from [
        "Straße, déjà vu, Ελληνικά, Привет, мир",
        "東京の天気は晴れです。",
        "مرحبا بالعالم",
        "def f(x):  return x",
    ] * 20


def definition(kind: Published, size: int = 500) -> Json:
    """tokenizer.json, of a vocabulary trained on `corpus`."""
    first = [*kind.first, *(() if kind.byte_level else BYTES)]
    tokenizer = Tokenizer(models.BPE())
    if kind.byte_level:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(LLAMA3), "isolated"),
                pre_tokenizers.ByteLevel(False, use_regex=False),
            ]
        )
        alphabet = pre_tokenizers.ByteLevel.alphabet()
    else:
        tokenizer.normalizer = normalizers.Replace(" ", SPACE)
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
        alphabet = [SPACE, *"abcdefghijklmnopqrstuvwxyz\n"]
    trainer = trainers.BpeTrainer(
        vocab_size=size + len(first), special_tokens=first, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    made: Json = json.loads(tokenizer.to_str())
    vocabulary = made["model"]["vocab"]
    if not kind.byte_level:
        _add_spaces(made["model"])
    if kind.model.get("ignore_merges"):
        vocabulary[UNMERGED] = len(vocabulary)
    plain = [token for token in kind.plain if token not in vocabulary]
    ids = {**vocabulary, **{t: len(vocabulary) + i for i, t in enumerate([*kind.last, *plain])}}
    options = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    special = [*kind.first, *kind.last]
    fallback = not kind.byte_level
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [
            {"id": ids[t], "content": t, **options, "special": t in special, **kind.options.get(t, {})}
            for t in sorted([*special, *kind.plain], key=ids.__getitem__)
        ],
        "normalizer": kind.normalizer, "pre_tokenizer": kind.pre_tokenizer,
        "post_processor": before_text(kind.begins, ids[kind.begins]) if kind.begins else None,
        "decoder": sequence("decoders", *FALLBACK, *([STRIP] if kind.strips else [])) if fallback else LEVEL,
        "model": {
            **made["model"], "unk_token": "<unk>" if fallback else None, "fuse_unk": fallback,
            "byte_fallback": fallback, "ignore_merges": False, **kind.model,
        },
    }  # fmt: skip


def _add_spaces(model: Json) -> None:
    """Runs of spaces, which SentencePiece vocabularies have."""
    for n in (2, 4):
        model["vocab"].setdefault(SPACE * n, len(model["vocab"]))
        model["merges"].append([SPACE * (n // 2)] * 2)


def write_folder(folder: Path, kind: Published, size: int = 500, **config: object) -> int:
    """The files of a tokenizer, and a config.json; returns the number of ids. `config` is for
    tokenizer_config.json, the values `...` for what is not in it."""
    folder.mkdir(parents=True, exist_ok=True)
    made = definition(kind, size)
    ids = [*made["model"]["vocab"].values(), *(token["id"] for token in made["added_tokens"])]
    given = {**kind.config, "model_max_length": 1024, **config}
    settings: Json = {name: value for name, value in given.items() if value is not ...}
    settings["added_tokens_decoder"] = {
        str(token["id"]): {k: v for k, v in token.items() if k != "id"} for token in made["added_tokens"]
    }
    if kind.kind is not None:
        settings.setdefault("tokenizer_class", kind.kind)
    model = {"model_type": kind.model_type, "vocab_size": max(ids) + 1}
    for name, data in {
        "tokenizer.json": made,
        "tokenizer_config.json": settings,
        "config.json": model,
    }.items():
        (folder / name).write_text(json.dumps(data))
    return max(ids) + 1


def strings(count: int, seed: int, tokens: Iterable[str] = ()) -> Iterator[str]:
    """Random Unicode, code, emoji, Arabic, CJK, combining and control characters, digits, runs of spaces."""
    import random

    generator, known = random.Random(seed), list(tokens)
    pick, draw = generator.choice, generator.randrange
    pieces = [
        lambda: "".join(chr(draw(0x20, 0x7F)) for _ in range(draw(1, 12))),
        lambda: "".join(_character(draw) for _ in range(draw(1, 6))),
        lambda: "".join(chr(draw(0x600, 0x6FF)) for _ in range(draw(1, 8))),
        lambda: "".join(chr(draw(0x4E00, 0x9FFF)) for _ in range(draw(1, 6))),
        lambda: "".join(chr(draw(0x1F300, 0x1F6FF)) for _ in range(draw(1, 4))),
        lambda: pick("👩‍👩‍👧 🏳️‍🌈 🇨🇭 ☃️ ‍ ‏".split(" ")),
        lambda: "".join(chr(draw(0x00, 0x20)) for _ in range(draw(1, 4))),
        lambda: pick("eaoucnAEO") + chr(draw(0x300, 0x36F)),
        lambda: chr(draw(0x1100, 0x1200)) + chr(draw(0xAC00, 0xD7A3)),
        lambda: str(draw(10 ** draw(1, 12))),
        lambda: pick([" ", "  ", "    ", "\n", "\t", "\r\n", "\u00a0", "\u3000", "\u2028"]) * draw(1, 4),
        lambda: pick(["for i in range(10):\n    print(i)", "x = {'a': [1, 2]};", "it's we'LL don't", "<0x41>",
                      SPACE, "A\u030a", "\u212b", "\ufb01", "İi", "http://a.b/c?d=e&f", "'S"]),
        lambda: pick([" the", "Hello", UNMERGED, "world ", "token", " of", "proof"]),
        *([lambda: pick(known)] * 2 if known else []),
    ]  # fmt: skip
    for _ in range(count):
        yield "".join(pick(pieces)() for _ in range(draw(0, 7)))


def _character(draw: Any) -> str:
    """Any that UTF-8 can write."""
    value = draw(0, 0x10FFFF - 0x800)
    return chr(value if value < 0xD800 else value + 0x800)
