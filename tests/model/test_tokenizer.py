"""Byte-level tokenizers: agreement with Hugging Face, the bytes of every id, refusals, damage."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testkit.kernels import NAIVE, NATIVE
from zkllm.errors import TokenizerError, ZkllmError
from zkllm.hashing import keccak256
from zkllm.model.tokenizer import ByteLevelTokenizer, byte_alphabet
from zkllm.model.tokenizer_files import load_tokenizer
from zkllm.model.vocabulary import VocabularyTree, leaf, node, verify_path

from .conftest import DEMO

VOCAB = 478
TOKENIZER = load_tokenizer(DEMO, VOCAB)
PROMPT = "Any sufficiently advanced technology is indistinguishable from"


def definition(**changes: Any) -> str:
    return json.dumps({**json.loads(TOKENIZER.definition), **changes})


def test_the_prompt_and_its_answer() -> None:
    assert len(TOKENIZER.encode(PROMPT)) <= 16
    assert len(TOKENIZER.encode(" magic")) == 1
    assert TOKENIZER.decode(TOKENIZER.encode(PROMPT + " magic")) == PROMPT + " magic"


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_every_text_survives(text: str) -> None:
    assert TOKENIZER.decode_bytes(TOKENIZER.encode(text)) == text.encode("utf-8")


def test_special_tokens_stand_for_their_literal_bytes() -> None:
    assert TOKENIZER.encode("<|endoftext|>") == [0] and TOKENIZER.token_bytes[0] == b"<|endoftext|>"


def test_ids_without_a_token_stand_for_nothing() -> None:
    padded = ByteLevelTokenizer(TOKENIZER.definition, VOCAB + 5)
    assert padded.token_bytes[:VOCAB] == TOKENIZER.token_bytes and padded.token_bytes[VOCAB:] == [b""] * 5


def test_lone_surrogates_are_refused() -> None:
    with pytest.raises(TokenizerError, match="Unicode"):
        TOKENIZER.encode("\ud800")


def test_agreement_with_transformers() -> None:
    transformers = pytest.importorskip("transformers")
    other = transformers.AutoTokenizer.from_pretrained(DEMO)
    for text in (PROMPT, " magic", "Straße 東京 🙂\n\n  x", "<|endoftext|>a"):
        assert other(text).input_ids == TOKENIZER.encode(text)
    assert len(other) == VOCAB


def test_the_older_pair_of_files(tmp_path: Path) -> None:
    model = json.loads(TOKENIZER.definition)["model"]
    (tmp_path / "vocab.json").write_text(json.dumps(model["vocab"]))
    rules = ["#version: 0.2"] + [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
    (tmp_path / "merges.txt").write_text("\n".join(rules) + "\n")
    other = load_tokenizer(tmp_path, VOCAB)
    assert other.token_bytes == TOKENIZER.token_bytes
    for text in (PROMPT, "<|endoftext|> magic"):
        assert other.encode(text) == TOKENIZER.encode(text)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"normalizer": {"type": "Lowercase"}}, "normalizer"),
        ({"pre_tokenizer": {"type": "Whitespace"}}, "ByteLevel"),
        ({"decoder": {"type": "WordPiece"}}, "ByteLevel"),
        ({"post_processor": {"type": "TemplateProcessing"}}, "post-processor"),
        ({"post_processor": {"type": "Odd"}}, "post-processor 'Odd'"),
        ({"model": {"type": "Unigram", "vocab": []}}, "byte-level BPE"),
        ({"model": {"type": "BPE", "vocab": {"a": 0, "b": 0}, "merges": []}, "added_tokens": []}, "twice"),
        ({"model": {"type": "BPE", "vocab": {"a": VOCAB}, "merges": []}, "added_tokens": []}, "ids below"),
        ({"model": {"type": "BPE", "vocab": {"東": 3}, "merges": []}, "added_tokens": []}, "byte alphabet"),
        ({"model": {"type": "BPE", "vocab": {}, "merges": [], "dropout": 0.1}}, "dropout"),
        ({"added_tokens": [{"content": "x", "id": 1, "lstrip": True}]}, "has id 1, but is given"),
        ({"added_tokens": [{"content": "<x>", "id": 1}]}, "has id 1, but is given 478"),
        ({"added_tokens": [{"content": "<x>", "id": 478}, {"content": "<y>", "id": 478}]}, "is given 479"),
        (
            {
                "model": {"type": "BPE", "vocab": {"a": 1}, "merges": []},
                "added_tokens": [{"content": "<x>", "id": 1}],
            },
            "twice",
        ),
    ],
)
def test_tokenizers_that_change_the_text_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(TokenizerError, match=words):
        ByteLevelTokenizer(definition(**changes), VOCAB)


def test_the_byte_alphabet_is_a_bijection() -> None:
    assert sorted(byte_alphabet().values()) == list(range(256))


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match="no tokenizer.json"):
        load_tokenizer(tmp_path, VOCAB)


def test_random_damage_gives_a_clear_error(tmp_path: Path) -> None:
    intact, generator, refused = TOKENIZER.definition.encode(), random.Random(5), 0
    path = tmp_path / "tokenizer.json"
    for _ in range(300):
        data = bytearray(intact)
        at = generator.randrange(len(data))
        action = generator.randrange(3)
        if action == 0:
            data[at] ^= 1 << generator.randrange(8)
        elif action == 1:
            del data[at : at + generator.randrange(1, 200)]
        else:
            data[at : at + 3] = bytes(generator.randrange(256) for _ in range(3))
        path.write_bytes(data)
        try:
            load_tokenizer(tmp_path, VOCAB).encode(PROMPT)
        except ZkllmError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 150


def test_structural_damage_gives_a_clear_error() -> None:
    """Values of other types at any place of the JSON."""
    generator, intact = random.Random(7), json.loads(TOKENIZER.definition)
    for _ in range(300):
        data = json.loads(TOKENIZER.definition)
        place: Any = data
        while True:
            keys = list(place) if isinstance(place, dict) else range(len(place))
            key = generator.choice(list(keys))
            child = place[key]
            if isinstance(child, dict | list) and child and generator.random() < 0.7:
                place = child
                continue
            place[key] = generator.choice([None, -1, 10**30, 1.5, "x", [], {}, [None], {"type": 3}, True])
            break
        if data == intact:
            continue
        try:
            ByteLevelTokenizer(json.dumps(data), VOCAB).encode(PROMPT)
        except ZkllmError as error:
            assert "\n" not in str(error)


def test_a_vocabulary_that_lacks_bytes_says_what_it_cannot_write() -> None:
    model = {"type": "BPE", "vocab": {"A": 0, "C": 1, "G": 2}, "merges": []}
    protein = ByteLevelTokenizer(definition(model=model, added_tokens=[]), 3)
    assert protein.encode("GACA") == [2, 0, 1, 0]
    with pytest.raises(TokenizerError, match="cannot write the text: 'the' at byte 2"):
        protein.encode("ACthe")


@pytest.mark.parametrize("size", [1, 2, 3, 8, 11, 478])
def test_vocabulary_tree(size: int) -> None:
    tokens = TOKENIZER.token_bytes[:size]
    tree = VocabularyTree(tokens)
    for i in range(size):
        path = tree.path(i)
        assert verify_path(tree.root, size, i, tokens[i], path)
        assert not verify_path(tree.root, size, i, tokens[i] + b"x", path)
        assert not verify_path(tree.root, size, i, tokens[i], [*path, bytes(32)])
        assert size == 1 or not verify_path(tree.root, size, (i + 1) % size, tokens[i], path)
    with pytest.raises(IndexError):
        tree.path(size)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 700, 1024])
def test_native_trees_are_naive(size: int) -> None:
    """Leaves below, at and above the length of one block of the hash, with what pads it."""
    leaves = [bytes(i) for i in range(size)]
    assert NATIVE.hash_tree(leaves) == NAIVE.hash_tree(leaves)


def test_vocabulary_hashes() -> None:
    a, b, c = (keccak256(b"\x00" + bytes([0, 0, 0, i]) + t) for i, t in enumerate((b"x", b"yz", b"")))
    assert (leaf(0, b"x"), leaf(1, b"yz")) == (a, b)
    expected = keccak256(b"\x01" + keccak256(b"\x01" + a + b) + keccak256(b"\x01" + c + bytes(32)))
    assert VocabularyTree([b"x", b"yz", b""]).root == expected == node(node(a, b), node(c, bytes(32)))
