"""Tokenizers of published families: the ids of transformers, the bytes that its decoders make of each id."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from testkit.published_tokenizers import (
    AT_SPACES,
    FALLBACK,
    LEVEL,
    METASPACE,
    PREPEND,
    PUBLISHED,
    STRIP,
    TO_SPACE,
    definition,
    sequence,
    split,
    strings,
    write_folder,
)
from zkllm.errors import TokenizerError, ZkllmWarning
from zkllm.model.tokenizer import ByteLevelTokenizer
from zkllm.model.tokenizer_files import load_tokenizer, named_tokens

pytestmark = pytest.mark.filterwarnings("ignore:the model's tokenizer swallows")
TOLD = {"smollm-2", "llama-2"}
"""What tokenizer.json says is not what the class does that AutoTokenizer makes them with."""


def load(folder: Path, kind: str, size: int) -> ByteLevelTokenizer:
    if kind not in TOLD:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return load_tokenizer(folder, size)
    with pytest.warns(ZkllmWarning, match="split as tokenizer.json says"):
        return load_tokenizer(folder, size)


def load_theirs(folder: Path, told: bool) -> Any:
    """AutoTokenizer's; where that does something else than the file says, what the file alone makes."""
    transformers = pytest.importorskip("transformers")
    transformers.utils.logging.set_verbosity_error()
    kind = transformers.PreTrainedTokenizerFast if told else transformers.AutoTokenizer
    return kind.from_pretrained(folder)


@pytest.fixture(scope="module", params=PUBLISHED)
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The name, our tokenizer and transformers'."""
    folder = tmp_path_factory.mktemp("published") / "x"
    size = write_folder(folder, PUBLISHED[request.param])
    return request.param, load(folder, request.param, size), load_theirs(folder, request.param in TOLD)


def compare(both: Any, texts: list[str]) -> None:
    kind, ours, theirs = both
    for text, expected in zip(texts, theirs(texts).input_ids, strict=True):
        assert ours.encode(text) == expected, repr(text)
    for text, expected in zip(texts, theirs(texts, add_special_tokens=False).input_ids, strict=True):
        ids = ours.encode(text, bare=True)
        assert ids == expected, repr(text)
        data = ours.decode_bytes(ids)
        assert data == b"".join(ours.token_bytes[i] for i in ids)
        shown = theirs.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        assert shown == (data.decode().removeprefix(" ") if PUBLISHED[kind].strips else data.decode())


def texts(both: Any, count: int) -> list[str]:
    kind = PUBLISHED[both[0]]
    return ["", " ", "a", *strings(count, 5, [*kind.first, *kind.last, *kind.plain])]


def test_ids_and_bytes_are_those_of_transformers(both: Any) -> None:
    compare(both, texts(both, 400))


@pytest.mark.slow
def test_ten_thousand_strings(both: Any) -> None:
    compare(both, texts(both, 10_000))


def test_the_bytes_of_each_id_are_what_the_decoder_makes_of_it(both: Any) -> None:
    kind, ours, theirs = both
    backend, compared = theirs.backend_tokenizer, 0
    for i, data in enumerate(ours.token_bytes):
        token = backend.id_to_token(i)
        assert (token is None) == (data == b"")
        shown = backend.decoder.decode(["x", token])[1:]  # behind another: nothing is taken off
        if "\ufffd" not in shown:  # or it is a part of a character
            assert shown == data.decode(), (i, token)
            compared += 1
    assert compared > 300


def test_what_a_family_puts_before_a_text_is_part_of_the_prompt(both: Any) -> None:
    kind, ours, theirs = both
    begins = PUBLISHED[kind].begins
    expected = [] if begins is None else [theirs.convert_tokens_to_ids(begins)]
    assert ours.encode("x")[: len(expected)] == expected
    assert ours.encode("x", bare=True) == ours.encode("x")[len(expected) :]


def test_a_definition_of_our_own_is_the_same_tokenizer(both: Any) -> None:
    """What a package keeps."""
    _, ours, _ = both
    again = ByteLevelTokenizer(ours.definition, len(ours.token_bytes))
    assert again.token_bytes == ours.token_bytes
    assert all(again.encode(text) == ours.encode(text) for text in texts(both, 50))


def test_named_tokens_are_those_of_transformers(tmp_path: Path) -> None:
    for i, (kind, made) in enumerate(PUBLISHED.items()):
        write_folder(tmp_path / str(i), made)
        assert (
            named_tokens(tmp_path / str(i)) == load_theirs(tmp_path / str(i), kind in TOLD).special_tokens_map
        )


def test_what_ids_stand_for_is_compared_with_the_text() -> None:
    """A space may be more where one is put in front: by some at the beginning alone, by some always."""

    def lost(kind: str, text: str, *tokens: str) -> int | None:
        made = definition(PUBLISHED[kind], 300)
        tokenizer = ByteLevelTokenizer(json.dumps(made), 1000)
        ids = {**made["model"]["vocab"], **{t["content"]: t["id"] for t in made["added_tokens"]}}
        return tokenizer.aligned([ids[token] for token in tokens], text).lost

    first, always = "llama-2 with Metaspace", "llama-2"
    assert lost(first, "a", "\u2581a") is lost(first, " a", "\u2581a") is lost(always, "a", "\u2581a") is None
    assert lost(always, " a", "\u2581", "\u2581a") is lost(always, "</s>a", "</s>", "\u2581a") is None
    assert lost(always, " a", "\u2581a") == 0 and lost(first, "</s>a", "</s>", "\u2581a") == 4
    assert lost(first, "a", "a", "a") == 1 and lost(first, "aa", "a") == 1
    assert lost("gemma", "a", "\u2581a") == 0 and lost("gemma", " a", "\u2581a") is None
    assert lost("qwen-3", "\u00e9", "e") == 0
    composed, apart = ("\u00c3", "\u0127"), ("A", "\u00cc", "\u012c")  # of the same letter
    assert lost("qwen-3", "A\u030a", *composed) is lost("qwen-3", "\u00c5", *apart) is None
    assert lost("smollm-2", "\u00c5", *composed) is None and lost("smollm-2", "\u00c5", *apart) == 0


def test_a_vocabulary_without_bytes_says_what_it_cannot_write(tmp_path: Path) -> None:
    made = definition(PUBLISHED["gemma"])
    model = made["model"]
    model["vocab"] = {t: i for i, t in enumerate(t for t in model["vocab"] if not t.startswith("<0x"))}
    model["merges"], made["added_tokens"], made["post_processor"] = [], [], None
    tokenizer = ByteLevelTokenizer(json.dumps(made), 1000)
    assert tokenizer.decode(tokenizer.encode("a b")) == "a b"
    with pytest.raises(TokenizerError, match="cannot write the text: '\u9f98' at byte 2"):
        tokenizer.encode("a \u9f98")


BYTE_LEVEL, PIECES = definition(PUBLISHED["qwen-2"], 300), definition(PUBLISHED["gemma"], 300)
LOSING = {**split("x"), "behavior": "Removed"}
SPACED = {**LEVEL, "add_prefix_space": True}
ALWAYS = {**METASPACE, "prepend_scheme": "always"}


@pytest.mark.parametrize(
    "base, changes, words",
    [
        (BYTE_LEVEL, {"normalizer": {"type": "NFKC"}}, "normalizer 'NFKC' changes the text"),
        (BYTE_LEVEL, {"normalizer": sequence("normalizers", {"type": "NFC"}, {"type": "Lowercase"})},
        "Lowercase"),
        (BYTE_LEVEL, {"normalizer": TO_SPACE}, "normalizer 'Replace'"),
        (BYTE_LEVEL, {"pre_tokenizer": sequence("pretokenizers", LOSING, LEVEL)}, "behaviour 'Removed'"),
        (BYTE_LEVEL, {"pre_tokenizer": sequence("pretokenizers", {"type": "WhitespaceSplit"}, LEVEL)},
        "WhitespaceSplit, ByteLevel is refused"),
        (BYTE_LEVEL, {"pre_tokenizer": sequence("pretokenizers", LEVEL, LEVEL)}, "has ByteLevel once"),
        (BYTE_LEVEL, {"pre_tokenizer": split("x")}, "has ByteLevel once"),
        (BYTE_LEVEL, {"pre_tokenizer": sequence("pretokenizers", split("x"), SPACED)},
        "before every part"),
        (BYTE_LEVEL, {"pre_tokenizer": {"type": "Sequence"}}, "damaged"),
        (BYTE_LEVEL, {"decoder": None}, "decoder that is not there"),
        (BYTE_LEVEL, {"model": {**BYTE_LEVEL["model"], "byte_fallback": True}}, "byte_fallback is refused"),
        (PIECES, {"model": {**PIECES["model"], "dropout": 0.1}}, "dropout is refused"),
        (PIECES, {"model": {"type": "Unigram", "vocab": []}}, "'Unigram' is neither"),
        (PIECES, {"normalizer": sequence("normalizers", PREPEND, PREPEND)}, "prepends more than one"),
        (PIECES, {"normalizer": {**PREPEND, "prepend": "x"}}, "prepends more than one"),
        (PIECES, {"normalizer": {**TO_SPACE, "pattern": {"String": "a"}}}, "replaces more than spaces"),
        (PIECES, {"normalizer": {**TO_SPACE, "pattern": {"Regex": " "}}}, "replaces more than spaces"),
        (PIECES, {"normalizer": {"type": "Strip", "strip_left": True, "strip_right": False}}, "'Strip'"),
        (PIECES, {"normalizer": {"type": "Precompiled", "precompiled_charsmap": ""}}, "'Precompiled'"),
        (PIECES, {"pre_tokenizer": {**METASPACE, "replacement": "_"}}, "another sign"),
        (PIECES, {"pre_tokenizer": {**METASPACE, "prepend_scheme": "odd"}}, "damaged Metaspace"),
        (PIECES, {"pre_tokenizer": sequence("pretokenizers", AT_SPACES, ALWAYS)},
        "before every part"),
        (PIECES, {"pre_tokenizer": {"type": "Whitespace"}}, "Whitespace is refused"),
        (PIECES, {"pre_tokenizer": {**AT_SPACES, "behavior": "Removed"}}, "behaviour 'Removed'"),
        (PIECES, {"decoder": sequence("decoders", *FALLBACK, {**STRIP, "start": 2})}, "decoder Replace"),
        (PIECES, {"decoder": sequence("decoders", FALLBACK[0], FALLBACK[2])}, "decoder Replace, Fuse"),
        (PIECES, {"decoder": {"type": "Metaspace", "replacement": "\u2581"}}, "decoder Metaspace"),
    ],
)  # fmt: skip
def test_what_would_lose_text_is_refused_by_name(base: Any, changes: dict[str, Any], words: str) -> None:
    assert ByteLevelTokenizer(json.dumps(base), 2000).encode("a")
    with pytest.raises(TokenizerError, match=words):
        ByteLevelTokenizer(json.dumps({**base, **changes}), 2000)


@pytest.mark.parametrize(
    "kind, config, words",
    [("qwen-3", {"tokenizer_class": "CohereTokenizer"}, "tokenizer_class = 'CohereTokenizer' is none of"),
     ("llama-2", {"tokenizer_class": 3}, "tokenizer_class = '3' is none of")],
)  # fmt: skip
def test_classes_that_are_not_known_are_refused(tmp_path: Path, kind: str, config: Any, words: str) -> None:
    write_folder(tmp_path / "x", PUBLISHED[kind], **config)
    with pytest.raises(TokenizerError, match=words):
        load_tokenizer(tmp_path / "x", 2000)


def test_vocabularies_of_other_files_alone_are_refused(tmp_path: Path) -> None:
    write_folder(tmp_path / "x", PUBLISHED["llama-2"])
    (tmp_path / "x" / "tokenizer.json").rename(tmp_path / "x" / "tokenizer.model")
    with pytest.raises(TokenizerError, match="no tokenizer.json, which a LlamaTokenizer is made from"):
        load_tokenizer(tmp_path / "x", 2000)


VARIANTS: list[dict[str, Any]] = [
    {"add_prefix_space": True}, {"add_prefix_space": False}, {"add_prefix_space": None},
    {"legacy": True}, {"legacy": None}, {"add_bos_token": True}, {"add_bos_token": False},
    {"add_eos_token": True}, {"tokenizer_class": None}, {"tokenizer_class": "PreTrainedTokenizerFast"},
    {"tokenizer_class": "TokenizersBackend"}, {"tokenizer_class": "LlamaTokenizer"},
    {"tokenizer_class": "Qwen2TokenizerFast"}, {"tokenizer_class": "GemmaTokenizerFast"},
    {"pad_token": "<new>"}, {"extra_special_tokens": ["<one>", "<two>"]}, {"eos_token": None},
    {"eos_token": ..., "pad_token": ..., "bos_token": ..., "unk_token": ...}, {"unk_token": "<other>"},
    {"image_token": "<image>"}, {"split_special_tokens": False},
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", PUBLISHED)
@pytest.mark.parametrize("decoder", [True, False])
def test_settings_do_what_they_do_in_transformers(tmp_path: Path, kind: str, decoder: bool) -> None:
    """Ids alone and with what is put around; where another split is told of, those of the file alone."""
    agreed = 0
    for i, config in enumerate(VARIANTS):
        if kind == "gpt-neox" and config.get("add_prefix_space", True) is None:
            continue  # its class in transformers takes no None
        folder = tmp_path / str(i)
        size = write_folder(folder, PUBLISHED[kind], 300, **config) + 8
        if not decoder:
            settings = json.loads((folder / "tokenizer_config.json").read_text())
            del settings["added_tokens_decoder"]
            (folder / "tokenizer_config.json").write_text(json.dumps(settings))
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            ours = load_tokenizer(folder, size)
        theirs = load_theirs(folder, bool(told))
        given = [*PUBLISHED[kind].first, *PUBLISHED[kind].last, "<one>", "<new>", "<image>", "<other>"]
        for text in strings(60, i, given):
            assert ours.encode(text) == theirs(text).input_ids, (config, text)
        assert named_tokens(folder) == theirs.special_tokens_map, config
        agreed += not told
    assert agreed >= (0 if kind == "smollm-2" else 3)


@pytest.mark.filterwarnings("ignore:.*split as tokenizer.json says")
@pytest.mark.parametrize("kind", ["llama-2", "mistral 3", "qwen-2", "smollm-2", "gemma"])
def test_structural_damage_gives_a_clear_error(tmp_path: Path, kind: str) -> None:
    """Values of other types at any place of the files, but for the vocabulary's own."""
    import random

    generator = random.Random(kind)
    write_folder(tmp_path, PUBLISHED[kind], 280)
    names = ("tokenizer.json", "tokenizer_config.json", "config.json")
    intact = {name: (tmp_path / name).read_text() for name in names}
    odd = [None, -1, 10**30, 1.5, "x", [], {}, [None], {"type": 3}, {"type": "Sequence"}, True, "\ud800"]
    refused = 0
    for _ in range(250):
        name = generator.choice((*names[:1] * 4, *names[1:]))
        data = place = json.loads(intact[name])
        while True:
            keys = [k for k in (place if isinstance(place, dict) else range(len(place))) if k != "merges"]
            key = generator.choice(keys)
            child = place[key]
            if isinstance(child, dict | list) and child and generator.random() < 0.8:
                place = child
                continue
            place[key] = generator.choice(odd)
            break
        (tmp_path / name).write_text(json.dumps(data))
        try:
            load_tokenizer(tmp_path, 2000).encode("A text, \u00e9 12")
        except TokenizerError as error:
            refused += 1
            assert "\n" not in str(error)
        (tmp_path / name).write_text(intact[name])
    assert refused > 60
