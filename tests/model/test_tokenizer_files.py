"""Tokenizer folders: the ids are those of transformers' AutoTokenizer on the same folder, or it is refused.

Every layout of files, every flag that transformers reads of them, alone and mixed at random.
"""

from __future__ import annotations

import inspect
import json
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zkllm.errors import TokenizerError
from zkllm.model.tokenizer import ByteLevelTokenizer
from zkllm.model.tokenizer_files import load_tokenizer

from .conftest import DEMO

pytestmark = pytest.mark.filterwarnings("ignore:the model's tokenizer swallows")
DEFINITION = json.loads((DEMO / "tokenizer.json").read_text())
VOCAB, ROOM = 478, 486  # the model's embedding has rows for added tokens
TEXTS = [
    "Any sufficiently advanced technology", " magic", "  two spaces", "", " ", "\n\tx\r\n",
        "Straße 東京 🙂\u0301",
    "<|endoftext|>", "<|endoftext|>a <|endoftext|> b", "<|user|> hello<|bot|>", "a<|user|><|user|>b",
        "x<|bot|>",
    "[PAD]<mask> [PAD]", "the<|far|>end", "<|USER|>", "won't  stop", "\u00a0\u2028end",
]  # fmt: skip
END = "<|endoftext|>"


def added(content: str, index: int, **changes: Any) -> dict[str, Any]:
    options = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"id": index, "content": content, **options, **changes}


def special(content: str, **changes: Any) -> dict[str, Any]:
    """As tokenizer_config.json writes an added token."""
    token = added(content, 0, **changes)
    del token["id"]
    return {"__type": "AddedToken", **token}


def decoder(*tokens: dict[str, Any]) -> dict[str, Any]:
    return {str(t["id"]): {k: v for k, v in t.items() if k != "id"} for t in tokens}


def template(*single: Any) -> dict[str, Any]:
    """A post-processor that puts tokens around "A"; numbers are ids."""
    pieces = [
        {"Sequence": {"id": "A", "type_id": 0}}
        if p == "A"
        else {"SpecialToken": {"id": f"t{p}", "type_id": 0}}
        for p in single
    ]
    tokens = {f"t{p}": {"id": f"t{p}", "ids": [p], "tokens": [f"t{p}"]} for p in single if p != "A"}
    pair = [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}]
    return {"type": "TemplateProcessing", "single": pieces, "pair": pair, "special_tokens": tokens}


LEVEL = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True}
BERT = {"type": "BertProcessing", "sep": [END, 0], "cls": ["!", 1]}
USER, BOT = added("<|user|>", 478), added("<|bot|>", 479, special=False, normalized=True)

# what tokenizer.json may have, and its values
IN_DEFINITION: dict[str, list[Any]] = {
    "post_processor": [None, LEVEL, template("A"), template(0, "A"), template(0, "A", 5), template("A", 0),
                       template(), template("A", "A"), template(0, 3, "A"), BERT,
                       {**BERT, "type": "RobertaProcessing", "trim_offsets": True, "add_prefix_space": False},
                       {"type": "Sequence", "processors": [LEVEL, template(0, "A"), BERT]},
                       {"type": "Sequence", "processors": [LEVEL, template(0, "A", 7), LEVEL]},
                       {"type": "Sequence", "processors": []}, template(ROOM, "A"), {"type": "X"}],
    "truncation": [None, {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0}],
    "padding": [None, {"strategy": {"Fixed": 9}, "direction": "Right", "pad_to_multiple_of": None,
        "pad_id": 0,
                       "pad_type_id": 0, "pad_token": END}],
    "normalizer": [None, {"type": "Sequence", "normalizers": []}, {"type": "Lowercase"}, {"type": "NFC"}],
    "pre_tokenizer": [DEFINITION["pre_tokenizer"], LEVEL, {**LEVEL, "use_regex": False},
                      {**LEVEL, "use_regex": False, "add_prefix_space": False}],
    "added_tokens": [DEFINITION["added_tokens"], [], [USER], [*DEFINITION["added_tokens"], USER, BOT],
                     [BOT, USER], [{**BOT, "id": 478}, {**USER, "id": 479}], [{**USER, "id": 481}],
                     [{**USER, "lstrip": True}], [{**USER, "rstrip": True}], [{**USER, "single_word": True}],
                     [added("<|user|>", 0)], [{**USER, "content": "e"}, BOT], [added("the", 261,
                     special=False)],
                     [added("é", 478)], [added("\u0120t", 257)]],
    "model": [DEFINITION["model"], {**DEFINITION["model"], "ignore_merges": True},
              {**DEFINITION["model"], "unk_token": END}, {**DEFINITION["model"], "dropout": 0.5},
              {**DEFINITION["model"], "merges": [" ".join(m) for m in DEFINITION["model"]["merges"]]},
              {**DEFINITION["model"], "vocab": {**DEFINITION["model"]["vocab"], "<|user|>": 478}},
              {**DEFINITION["model"], "vocab": {k: v for k, v in DEFINITION["model"]["vocab"].items() if v}}],
}  # fmt: skip

TOKENS = ["<|user|>", END, "[PAD]", None, special("<|user|>"), special("<mask>", lstrip=True),
          special("<|bot|>", normalized=True, special=False), special("[PAD]", single_word=True)]  # fmt: skip
LISTS = [[], None, ["<|user|>"], ["<|bot|>", "<|user|>", "<|bot|>"], [special("<|far|>")], {"far": "<|far|>"},
         {"far_token": special("<|far|>")}]  # fmt: skip
# what tokenizer_config.json may have, and its values
FLAGS: dict[str, list[Any]] = {
    "add_prefix_space": [True, False], "add_bos_token": [True, False], "add_eos_token": [True, False],
    **dict.fromkeys(("bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token",
        "mask_token",
                     "user_token"), TOKENS),
    "additional_special_tokens": LISTS, "extra_special_tokens": LISTS,
    "model_specific_special_tokens": [{"far_token": "<|far|>"}, {}],
    "added_tokens_decoder": [{}, decoder(USER), decoder(BOT, {**USER, "id": 480}), decoder(added(END, 0),
        USER),
                             decoder(USER, BOT), decoder({**USER, "lstrip": True}), decoder(added("[PAD]",
                             900)),
                             decoder({**BOT, "id": 478}, {**USER, "id": 479})],
    "tokenizer_class": ["PreTrainedTokenizer", "GPT2Tokenizer", "GPT2TokenizerFast",
                        "PreTrainedTokenizerFast", "TokenizersBackend", "RobertaTokenizer",
                        "LlamaTokenizer", "BertTokenizer", None, ""],
    "split_special_tokens": [True, False], "errors": ["replace", "strict"],
    "model_max_length": [4, 1e30], "max_len": [4], "max_length": [4], "padding_side": ["left", "right"],
    "truncation_side": ["left"], "stride": [1], "truncation_strategy": ["longest_first"],
        "pad_token_type_id": [1],
    "clean_up_tokenization_spaces": [True, False], "use_fast": [False], "do_lower_case": [True],
    "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output": [True],
    "model_input_names": [["input_ids"]], "chat_template": ["{{ x }}"], "processor_class": ["X"],
    "response_template": ["x"], "response_schema": [{}], "chat_control_tokens": [["<|x|>"]],
        "verbose": [True],
    "name_or_path": ["elsewhere"], "special_tokens_map_file": ["/nowhere"], "tokenizer_file": ["/nowhere"],
    "vocab_file": ["/nowhere"], "merges_file": ["/nowhere"], "vocab": [{"a": 0}], "merges": [[]],
    "init_inputs": [[], [{"a": 0}]], "auto_map": [{"AutoTokenizer": ["a.B", None]}],
        "backend": ["tokenizers"],
    "fast_tokenizer_files": [["tokenizer.4.0.0.json", "tokenizer.json"]], "post_processor": [template(0,
        "A")],
    "tokenizer_object": ["x"], "gguf_file": ["x.gguf"], "is_local": [False], "files_loaded": [["x"]],
    "tokenizer_truncation": [{"max_length": 3, "direction": "right", "stride": 0,
        "strategy": "longest_first"}],
    "tokenizer_padding": [None], "_json_truncation": [None], "_json_padding": [None],
    "_spm_precompiled_charsmap": ["x"], "unk_id": [3], "fix_mistral_regex": [True], "trim_offsets": [True],
    "use_regex": [False], "_commit_hash": ["x"], "tokenizer": ["x"],
}  # fmt: skip
PLAIN = [t for t in TOKENS if t and "__type" not in t]
SPECIAL_MAP: dict[str, list[Any]] = {
    **dict.fromkeys(("bos_token", "pad_token", "mask_token", "user_token"),
                    [*PLAIN, {"content": "<|user|>", "normalized": True}, {"content": "<mask>",
                    "rstrip": True}]),
    "additional_special_tokens": [["<|bot|>", "<|user|>"]],
    "extra_special_tokens": [["<|far|>"], [{"content": "<|bot|>"}], {"far_token": "<|far|>"}],
}  # fmt: skip
ADDED = [
    {"<|user|>": 478, "<|bot|>": 479},
    {"<|bot|>": 479, "<|user|>": 478},
    {"<|user|>": 482},
    {"é": 478},
    {},
]
LAYOUTS = ("definition", "pair", "both")


def write_folder(folder: Path, layout: str, **parts: Any) -> Path:
    """`parts`: changes of the definition; config, special_map, added: files beside it."""
    folder.mkdir(parents=True)
    config = {"model_type": "gpt2", "vocab_size": ROOM, "architectures": ["GPT2LMHeadModel"]}
    files = {"config.json": config, "tokenizer_config.json": parts.get("config"),
             "special_tokens_map.json": parts.get("special_map"),
             "added_tokens.json": parts.get("added")}  # fmt: skip
    definition = {**DEFINITION, **parts.get("definition", {})}
    model = definition["model"]
    if layout != "pair":
        files["tokenizer.json"] = definition
    if layout != "definition":
        files["vocab.json"] = model["vocab"]
        rules = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
        (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *rules]) + "\n")
    for name, data in files.items():
        if data is not None:
            (folder / name).write_text(json.dumps(data))
    return folder


def agrees(folder: Path) -> bool:
    """Compares ids and bytes; False where the folder is refused."""
    transformers = pytest.importorskip("transformers")
    transformers.utils.logging.set_verbosity_error()
    try:
        ours = load_tokenizer(folder, ROOM)
    except TokenizerError as error:
        assert "\n" not in str(error)
        return False
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    for text in TEXTS:
        expected = theirs(text).input_ids
        if max(expected, default=0) >= ROOM:
            with pytest.raises(TokenizerError, match="does not have"):
                ours.encode(text)
            continue
        assert ours.encode(text) == expected, text
        shown = theirs.decode(expected, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        if not theirs.clean_up_tokenization_spaces:
            assert ours.decode(expected) == shown
        whole = lambda words: "".join(words.split()) if 'strip": true' in ours.definition else words
        assert whole(text) in whole(ours.decode(expected)) or ours.prefix_space
    for i in range(ROOM):
        assert ours.decode([i]) == theirs.decode([i], clean_up_tokenization_spaces=False)
    assert ByteLevelTokenizer(ours.definition, ROOM).encode(TEXTS[0]) == ours.encode(TEXTS[0])
    return True


def single_changes() -> Iterator[tuple[str, dict[str, Any]]]:
    for layout in LAYOUTS:
        few = slice(1) if layout == "both" else slice(None)  # as with the definition alone
        yield layout, {}
        for name, values in FLAGS.items():
            for value in values[few]:
                yield layout, {"config": {name: value}}
        for name, values in SPECIAL_MAP.items():
            for value in values[few]:
                yield layout, {"special_map": {name: value}}
        for value in ADDED:
            yield layout, {"added": value}
    for name, values in IN_DEFINITION.items():
        for value in values:
            for kind in ("GPT2Tokenizer", "PreTrainedTokenizerFast"):
                yield "definition", {"definition": {name: value}, "config": {"tokenizer_class": kind}}


def mixtures(count: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Folders with several of everything. Flags that are always refused would hide the rest."""
    generator = random.Random(17)
    tokens = ("é", "\u0120t", "the", "e")
    tame = lambda value: not any(json.dumps(token) in json.dumps(value) for token in tokens)

    def some(table: dict[str, list[Any]], chance: float) -> dict[str, Any]:
        chosen = {
            n: generator.choice([*filter(tame, v)]) for n, v in table.items() if generator.random() < chance
        }
        return chosen if chosen else {}

    flags = {name: values for name, values in FLAGS.items() if name not in REFUSED}
    flags["tokenizer_class"] = ["GPT2Tokenizer", "PreTrainedTokenizerFast", None]
    definition = {name: IN_DEFINITION[name][:4] for name in ("post_processor", "truncation", "padding")}
    definition["added_tokens"] = IN_DEFINITION["added_tokens"][:4]
    for _ in range(count):
        yield (
            generator.choice(LAYOUTS),
            {
                "config": generator.choice([None, some(flags, 0.15)]),
                "special_map": generator.choice([None, some(SPECIAL_MAP, 0.3)]),
                "added": generator.choice([None, *ADDED[:2]]),
                "definition": some(definition, 0.4),
            },
        )


REFUSED = {"auto_map", "split_special_tokens", "tokenizer_object", "gguf_file", "post_processor", "merges",
           "vocab", "fast_tokenizer_files"}  # fmt: skip


def compare(folder: Path, cases: Iterator[tuple[str, dict[str, Any]]]) -> list[bool]:
    accepted = []
    for i, (layout, parts) in enumerate(cases):
        try:
            accepted.append(agrees(write_folder(folder / str(i), layout, **parts)))
        except Exception as error:
            raise AssertionError(f"{layout} {json.dumps(parts)[:800]}") from error
    return accepted


@pytest.mark.slow
def test_each_flag_and_layout_alone(tmp_path: Path) -> None:
    accepted = compare(tmp_path, single_changes())
    assert sum(accepted) > 3 / 4 * len(accepted)


@pytest.mark.slow
def test_mixtures_of_flags_and_files(tmp_path: Path) -> None:
    accepted = compare(tmp_path, mixtures(150))
    assert sum(accepted) > len(accepted) / 3


def test_every_flag_that_transformers_reads_is_tried() -> None:
    """Names that its code takes from the arguments of a tokenizer."""
    pytest.importorskip("transformers")
    from transformers import GPT2Tokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

    methods = (GPT2Tokenizer.__init__, PreTrainedTokenizerFast.__init__, PreTrainedTokenizerBase.__init__,
               PreTrainedTokenizerBase._from_pretrained,
               PreTrainedTokenizerFast.convert_to_native_format)  # fmt: skip
    read = set(inspect.signature(GPT2Tokenizer.__init__).parameters) - {"self", "kwargs"}
    for method in methods:
        source = inspect.getsource(method)
        read.update(re.findall(r'kwargs(?:\.pop|\.get)\(\s*"(\w+)"', source))
        read.update(re.findall(r'"(\w+)" in (?:init_)?kwargs', source))
    assert {"add_bos_token", "split_special_tokens", "added_tokens_decoder", "padding_side"} <= read
    assert not read - set(FLAGS)


def ids(folder: Path, text: str) -> list[int]:
    assert agrees(folder)
    return load_tokenizer(folder, ROOM).encode(text)


def test_what_people_have_is_accepted(tmp_path: Path) -> None:
    hello = load_tokenizer(DEMO, VOCAB).encode("hello")
    spaced = load_tokenizer(DEMO, VOCAB).encode(" hello")
    user = {
        "pair": {"added": ADDED[0]},
        "definition": {"config": {"added_tokens_decoder": decoder(USER, BOT)}},
    }
    for layout, parts in user.items():
        folder = write_folder(tmp_path / layout, layout, **parts)
        assert ids(folder, "hello<|user|>") == [*hello, 478]
        assert load_tokenizer(folder, ROOM).token_bytes[478:] == [b"<|user|>", b"<|bot|>", *[b""] * 6]
    begun = write_folder(tmp_path / "bos", "pair", config={"add_bos_token": True})
    assert ids(begun, "hello") == [0, *hello]
    assert load_tokenizer(begun, ROOM).decode([0, *hello]) == END + "hello"
    for name, parts in {"config": {"config": {"add_prefix_space": True}},
                        "file": {"config": {"tokenizer_class": "PreTrainedTokenizerFast"},
                                 "definition": {"pre_tokenizer": LEVEL}}}.items():  # fmt: skip
        assert ids(write_folder(tmp_path / name, "definition", **parts), "hello") == spaced
    trained = {name: IN_DEFINITION[name][1] for name in ("truncation", "padding")}
    text = "hello " * 20
    assert ids(write_folder(tmp_path / "trained", "definition", definition=trained), text) == load_tokenizer(
        DEMO, VOCAB
    ).encode(text)
    around = write_folder(
        tmp_path / "around", "definition", definition={"post_processor": template(0, "A", 5)}
    )
    assert ids(around, "hello") == [0, *hello, 5]


def test_the_demo_saved_again_is_the_same_tokenizer(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    ours = load_tokenizer(DEMO, VOCAB)
    other = transformers.AutoTokenizer.from_pretrained(DEMO)
    for legacy in (False, True):
        other.save_pretrained(tmp_path, legacy_format=legacy)
        (tmp_path / "config.json").write_bytes((DEMO / "config.json").read_bytes())
        assert load_tokenizer(tmp_path, VOCAB).definition == ours.definition


@pytest.mark.parametrize(
    "layout, parts, words",
    [
        ("definition", {"config": {"tokenizer_class": "RobertaTokenizer"}},
        "tokenizer_class = 'RobertaTokenizer'"),
        ("pair", {"config": {"tokenizer_class": "PreTrainedTokenizerFast"}}, "no tokenizer.json"),
        ("pair", {"config": {"split_special_tokens": True}}, "split_special_tokens"),
        ("pair", {"config": {"add_prefix_space": "yes"}}, "add_prefix_space"),
        ("pair", {"config": {"add_bos_token": True, "bos_token": "a b"}}, "'a b' cannot be put"),
        ("pair", {"config": {"bos_token": 3}}, "bos_token = 3 is not a token"),
        ("pair", {"config": {"extra_special_tokens": 3}}, "extra_special_tokens"),
        ("pair", {"config": {"added_tokens_decoder": {"x": {}}}}, "'x' is not a token id"),
        ("pair", {"config": {"added_tokens_decoder": {"478": 3}}}, "damaged"),
        ("pair", {"config": [1]}, "not a JSON object"),
        ("pair", {"added": {"<x>": "478"}}, "'478' is not a token id"),
        ("pair", {"added": {"<x>": 480}}, "has id 480 in the files, but transformers gives it 478"),
        ("pair", {"added": [1]}, "added_tokens.json"),
        ("pair", {"special_map": {"pad_token": {"content": "<x>", "lstrip": 1}}}, "unknown options"),
        ("pair", {"special_map": {"pad_token": {"content": "<x>", "odd": 1}}}, "unknown options"),
        ("definition", {"definition": {"post_processor": {"type": "X"}}}, "post-processor 'X'"),
        ("definition", {"definition": {"post_processor": template("A", "A")}}, "damaged post-processor"),
        ("definition", {"definition": {"post_processor": template(ROOM, "A")}}, f"token id {ROOM}"),
        ("definition", {"definition": {"pre_tokenizer": {**LEVEL, "use_regex": False}}},
        "PreTrainedTokenizerFast"),
        ("definition", {"definition": {"added_tokens": [added("\u0120t", 257)]}}, "piece of other bytes"),
    ],
)  # fmt: skip
def test_refusals_name_the_cause(tmp_path: Path, layout: str, parts: dict[str, Any], words: str) -> None:
    with pytest.raises(TokenizerError, match=re.escape(words)):
        load_tokenizer(write_folder(tmp_path / "x", layout, **parts), ROOM)


def test_added_tokens_beyond_the_embedding_are_refused_where_they_are_used(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "x", "pair", added=ADDED[0])
    ours = load_tokenizer(folder, VOCAB)
    assert len(ours.token_bytes) == VOCAB and ours.encode("hello") == load_tokenizer(DEMO, VOCAB).encode(
        "hello"
    )
    with pytest.raises(TokenizerError, match="token id 478, which the model does not have"):
        ours.encode("hello<|user|>")


def test_another_vocabulary_beside_the_pair_is_refused(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "x", "pair")
    (folder / "tokenizer.model").write_bytes(b"x")
    with pytest.raises(TokenizerError, match="tokenizer.model is another tokenizer"):
        load_tokenizer(folder, ROOM)


def test_structural_damage_gives_a_clear_error(tmp_path: Path) -> None:
    """Values of other types at any place of the files beside the vocabulary."""
    generator = random.Random(11)
    parts = {
        "config": {"added_tokens_decoder": decoder(USER, BOT),
                   "extra_special_tokens": ["<x>", special("<y>")],
                   "bos_token": special(END), "add_bos_token": True, "tokenizer_class": "GPT2Tokenizer"},
        "special_map": {"pad_token": {"content": "<p>", "special": True}, "extra_special_tokens": ["<z>"]},
        "added": {"<a>": 478}, "definition": {"added_tokens": [USER], "post_processor": template(0, "A")},
    }  # fmt: skip
    refused = 0
    for i in range(300):
        data = json.loads(json.dumps(parts))
        if generator.random() < 0.6:
            del data["config"]["added_tokens_decoder"]  # or the older files are not looked at
        place: Any = data
        while True:
            key = generator.choice([*(place if isinstance(place, dict) else range(len(place)))])
            child = place[key]
            if isinstance(child, dict | list) and child and (place is data or generator.random() < 0.8):
                place = child
                continue
            place[key] = generator.choice([None, -1, 10**30, 1.5, "x", [], {}, [None], {"type": 3}, True])
            break
        folder = write_folder(tmp_path / str(i), generator.choice(LAYOUTS), **data)
        try:
            load_tokenizer(folder, ROOM).encode(TEXTS[0])
        except TokenizerError as error:
            refused += 1
            assert "\n" not in str(error)
    assert 100 < refused < 300


def test_neither_torch_nor_transformers_is_needed() -> None:
    code = (
        "import sys; sys.modules.update(torch=None, transformers=None)\n"
        "from zkllm.model.folder import load_folder\n"
        f"print(load_folder({str(DEMO)!r})[1].encode(' magic'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert len(json.loads(done.stdout)) == 1


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, Any]]:
    """Our tokenizer and transformers', of folders of different kinds."""
    transformers = pytest.importorskip("transformers")
    folders = [
        write_folder(tmp_path_factory.mktemp("pairs") / "x", layout, **parts)
        for layout, parts in (
            ("definition", {}), ("pair", {"added": ADDED[0], "config": {"add_bos_token": True}}),
            ("both", {"config": {"add_prefix_space": True, "added_tokens_decoder": decoder(USER, BOT)}}),
            ("definition", {"config": {"tokenizer_class": "PreTrainedTokenizerFast"}, "definition": {
                "pre_tokenizer": LEVEL, "post_processor": template(0, "A", 5), "added_tokens": [USER, BOT]}}),
        )
    ]  # fmt: skip
    return [(load_tokenizer(f, ROOM), transformers.AutoTokenizer.from_pretrained(f)) for f in folders]


pieces = st.sampled_from(["<|user|>", "<|bot|>", END, "<|", " ", "\n", "\u0120", "'s", "12", "é"])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(pieces, st.text(max_size=12)), max_size=6).map("".join))
def test_every_text_has_the_ids_of_transformers(pairs: list[tuple[Any, Any]], text: str) -> None:
    for ours, theirs in pairs:
        expected = theirs(text).input_ids
        assert ours.encode(text) == expected
        assert ours.decode(expected) == theirs.decode(expected)
