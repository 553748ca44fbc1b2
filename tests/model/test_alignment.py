"""Added tokens that take white space: what is missing of a text is what the tokenizers library took."""

from __future__ import annotations

import json
import random
import sys
import unicodedata
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from testkit.published_tokenizers import (
    AT_SPACES,
    LEVEL,
    METASPACE,
    PREPEND,
    PUBLISHED,
    TO_SPACE,
    definition,
    sequence,
    strings,
    write_folder,
)
from zkllm.errors import TokenizerError, ZkllmWarning
from zkllm.model.alignment import WHITE
from zkllm.model.chat import Messages
from zkllm.model.conversation import load_conversation
from zkllm.model.tokenizer import ByteLevelTokenizer
from zkllm.model.tokenizer_files import load_tokenizer
from zkllm.preflight import prompt_ids

CONTENTS = ("<a>", "<b>", "<c>", "word", "the", "\n\n", " x", "Ab", "<\u00e9>")
SURROUNDINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "Llama 2": ("llama-2", {"normalizer": sequence("normalizers", PREPEND, TO_SPACE)}),
    "Metaspace, first": ("llama-2", {"normalizer": None, "pre_tokenizer": METASPACE}),
    "Metaspace, always": (
        "llama-2", {"normalizer": None, "pre_tokenizer": {**METASPACE, "prepend_scheme": "always"}}),
    "Gemma": ("gemma", {"normalizer": TO_SPACE, "pre_tokenizer": AT_SPACES}),
    "byte-level": ("qwen-2", {"normalizer": None}),
    "byte-level with a space": (
        "qwen-2", {"normalizer": None, "pre_tokenizer": {**LEVEL, "add_prefix_space": True}}),
    "byte-level, composed": ("qwen-2", {}),
}  # fmt: skip


def tokenizer_of(name: str, seed: int) -> ByteLevelTokenizer:
    """With added tokens of random options."""
    generator, (kind, changes) = random.Random(seed), SURROUNDINGS[name]
    made = {**definition(PUBLISHED[kind], 300), **changes, "post_processor": None}
    made["added_tokens"] = [t for t in made["added_tokens"] if t["content"] in made["model"]["vocab"]]
    contents = [c for c in CONTENTS if c not in made["model"]["vocab"]]
    for content in generator.sample(contents, 4):
        flags = {
            flag: generator.random() < 0.5
            for flag in ("lstrip", "rstrip", "single_word", "normalized", "special")
        }
        made["added_tokens"].append({"id": len(made["model"]["vocab"]), "content": content, **flags})
        made["model"]["vocab"][content] = len(made["model"]["vocab"])
    if LEVEL["type"] in json.dumps(made["decoder"]):  # no names of a byte-level vocabulary
        last = {t["content"] for t in made["added_tokens"]} & set(CONTENTS)
        made["model"]["vocab"] = {t: i for t, i in made["model"]["vocab"].items() if t not in last}
    return ByteLevelTokenizer(json.dumps(made), 2000)


def texts(seed: int, count: int) -> Iterator[str]:
    """Added tokens beside every kind of white space, and beside what only looks like it."""
    generator = random.Random(seed)
    odd = ["\u2581", "\x1c", "\x1f", "\u200b", "\u180e", "\ufeff", "\u0301", "_", "7", "\u200d"]
    white = [chr(c) for c in WHITE] + [" "] * 20 + ["\n"] * 10
    for text in strings(count, seed, CONTENTS):
        pieces = [text]
        for _ in range(generator.randrange(5)):
            run = "".join(generator.choice([*white, *odd]) for _ in range(generator.randrange(4)))
            pieces += [run, generator.choice([*CONTENTS, "a", "\u00e9"])]
        generator.shuffle(pieces)
        yield "".join(pieces)


def taken(tokenizer: ByteLevelTokenizer, text: str) -> int:
    """How much of `text` is in the spans of the library's added tokens, beside what they stand for."""
    backend = tokenizer._tokenizer
    assert backend is not None
    found = backend.encode(text, add_special_tokens=False)
    spans, count = found.offsets, 0
    for k, i in enumerate(found.ids):
        if i not in tokenizer.added_ids:
            continue
        start, end = spans[k]
        if k + 1 < len(spans):
            end = min(end, spans[k + 1][0])  # one that is white space itself may lie in what another took
        content = tokenizer.token_bytes[i].decode()
        count += end - start - len(content)  # below 0: it begins with what another took
    return count


def compare(name: str, seeds: range, count: int) -> int:
    swallowing = 0
    for seed in seeds:
        tokenizer = tokenizer_of(name, seed)
        for text in texts(seed, count):
            composed = unicodedata.normalize("NFC", text) != text and name.endswith("composed")
            if composed:
                continue  # spans are those of another text
            try:
                ids, swallowed = tokenizer.counted(text)
            except TokenizerError as error:  # the library fails where one takes what another begins with
                assert "bad split" in str(error) and any(c in text for c in ("\n\n", " x")), (seed, text)
                continue
            assert swallowed == taken(tokenizer, text), (seed, text)
            told = tokenizer.decode_bytes(ids).decode()
            spaces = text.replace("\u2581", " ") if tokenizer._pipeline.byte_level is False else text
            if not tokenizer.prefix_space:
                assert len(told) + swallowed == len(spaces)
            visible = lambda s: "".join(c for c in s if ord(c) not in WHITE)
            assert visible(told) == visible(spaces), (seed, text)
            swallowing += swallowed > 0
    return swallowing


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_what_is_swallowed_is_what_the_library_took(name: str) -> None:
    assert compare(name, range(6), 60) > 40


@pytest.mark.slow
@pytest.mark.parametrize("name", SURROUNDINGS)
def test_thousands_of_strings(name: str) -> None:
    assert compare(name, range(100, 140), 150) > 600


def test_white_space_is_rust_s() -> None:
    """Every character that one of the library's tokens takes, of all that there are."""
    tokenizer = tokenizer_of("byte-level", 0)
    made = json.loads(tokenizer.definition)
    made["added_tokens"] = [{"id": 1500, "content": "<r>", "rstrip": True, "lstrip": False, "special": True,
                             "single_word": False, "normalized": False}]  # fmt: skip
    made["model"]["vocab"] |= {f"{'a' * 50}{i}": i for i in range(len(made["model"]["vocab"]), 1500)}
    tokenizer = ByteLevelTokenizer(json.dumps(made), 2000)
    tokenizer.encode("")
    assert tokenizer._tokenizer is not None
    points = [c for c in range(sys.maxunicode + 1) if not 0xD800 <= c < 0xE000]
    found = tokenizer._tokenizer.encode("".join(f"<r>{chr(c)}" for c in points), add_special_tokens=False)
    ends = [end - start for i, (start, end) in zip(found.ids, found.offsets, strict=True) if i == 1500]
    assert [c for c, size in zip(points, ends, strict=True) if size == 4] == list(WHITE)


# ---- what is told


@pytest.fixture
def phi3(tmp_path: Path) -> tuple[Path, int]:
    folder = tmp_path / "phi-3"
    return folder, write_folder(folder, PUBLISHED["phi-3"], 300)


def test_the_words_of_a_prompt_that_are_swallowed_are_told(phi3: tuple[Path, int]) -> None:
    tokenizer = load_tokenizer(*phi3)
    with pytest.warns(ZkllmWarning, match="swallows 3 characters of white space beside special tokens"):
        ids = tokenizer.encode("<|user|>\n  Hi<|end|>")
    assert tokenizer.decode(ids) == "<|user|> Hi<|end|>"  # the space is the tokenizer's own
    with pytest.warns(ZkllmWarning, match="swallows a character of"):
        tokenizer.encode("<|user|>\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tokenizer.encode(" Hi\n <|end|>")


def test_of_a_chat_only_the_user_s_own_is_told(phi3: tuple[Path, int]) -> None:
    from tests.model.test_chat import PHI3

    folder, size = phi3
    (folder / "chat_template.jinja").write_text(PHI3)
    tokenizer, conversation = load_tokenizer(folder, size), load_conversation(folder, size)
    model = SimpleNamespace(
        tokenizer=tokenizer, conversation=conversation, config=SimpleNamespace(vocab_size=size)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for words in ("Hi", "Hi\n", ""):
            ids = prompt_ids(model, Messages.of_user(words), None)
            assert tokenizer.decode(ids).startswith(
                "<|user|>"
            ) and "<|end|><|assistant|>" in tokenizer.decode(ids)
    with pytest.warns(ZkllmWarning, match="swallows 2 characters"):
        prompt_ids(model, Messages.of_user("  Hi"), None)
    with pytest.warns(ZkllmWarning, match="swallows a character"):
        prompt_ids(model, Messages.of_user("Say <|end|> now"), None)


def test_what_was_not_swallowed_is_no_white_space_to_pass_over() -> None:
    """A text that ids do not stand for is found, beside such tokens too."""
    made = definition(PUBLISHED["phi-3"], 300)
    tokenizer = ByteLevelTokenizer(json.dumps(made), 2000)
    ids = {**made["model"]["vocab"], **{t["content"]: t["id"] for t in made["added_tokens"]}}
    lost = lambda text, *tokens: tokenizer.aligned([ids[token] for token in tokens], text).lost
    end, plain = "<|end|>", "<|endoftext|>"
    assert lost(f"{end} a", end, "\u2581a") is None and lost(f"{end}\n", end) is None
    assert lost(f"{end} a", end, "\u2581", "\u2581a") == 8  # it was swallowed, and is there again
    assert lost(f"{plain} a", plain, "\u2581a") == 13 and lost(f"a {end}", "\u2581a", end) == 1
    assert lost(f"{end}\x1ca", end, "\u2581a") == 7 and lost(f"{end}\u2581a", end, "\u2581a") == 7
    assert lost(f"{end}b a", end, "\u2581a") == 7 and lost(f"{plain}\n", plain) == 13
    assert lost(f"{end}\u2581a", end, "\u2581", "\u2581a") is None
