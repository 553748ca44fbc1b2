"""Checkpoint folders: every field and tensor is honoured or refused by name, damage gives one clear line."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from zkllm.errors import CheckpointError, ZkllmError
from zkllm.model.architecture import parse_architecture
from zkllm.model.checkpoint import load_checkpoint, tensor_shapes
from zkllm.model.float_model import FloatModel
from zkllm.model.safetensors_file import SafetensorsFile

from .conftest import DEMO

BASE = {"model_type": "gpt2", "vocab_size": 50, "n_positions": 16, "n_embd": 12, "n_layer": 2, "n_head": 3}


def test_the_demo_checkpoint_has_awkward_shapes() -> None:
    a = load_checkpoint(DEMO).architecture
    for size in (a.n_layer, a.n_head, a.width, a.d_inner, a.vocab_size):
        assert size & (size - 1), "a power of two"
    assert a.n_layer >= 3 and a.n_head % 2 == 1
    assert sum(f.stat().st_size for f in DEMO.iterdir()) < 2 << 20


def test_defaults_are_those_of_hugging_face() -> None:
    a = parse_architecture(BASE)
    assert (a.d_inner, a.head_dim, a.layer_norm_epsilon, a.scale_scores, a.pad_id) == (48, 4, 1e-5, True, 0)
    assert parse_architecture({**BASE, "n_inner": 20}).d_inner == 20
    assert parse_architecture({**BASE, "eos_token_id": 7}).pad_id == 7
    assert parse_architecture({**BASE, "eos_token_id": 7, "pad_token_id": 3}).pad_id == 3
    old = {k: v for k, v in BASE.items() if k != "n_positions"} | {"n_ctx": 9}
    assert parse_architecture(old).n_ctx == 9


@pytest.mark.slow
@pytest.mark.parametrize(
    "field", ["scale_attn_weights", "scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn"]
)
def test_attention_scaling_variants_agree_with_hugging_face(demo_copy: Path, edit_json, field: str) -> None:
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    edit_json(demo_copy / "config.json", {field: field != "scale_attn_weights", "layer_norm_epsilon": 1e-3})
    model = transformers.GPT2LMHeadModel.from_pretrained(demo_copy, attn_implementation="eager").eval()
    if field != "reorder_and_upcast_attn":  # that one is written for float32
        model = model.double()
    ids = np.arange(24).reshape(2, 12) * 7
    with torch.no_grad():
        expected = model(torch.tensor(ids)).logits.numpy()
    tolerance = 1e-4 if field == "reorder_and_upcast_attn" else 1e-9
    assert np.abs(FloatModel(load_checkpoint(demo_copy)).logits(ids) - expected).max() < tolerance


def test_shards_prefixes_and_dtypes_are_read(demo_copy: Path) -> None:
    whole = load_checkpoint(DEMO)
    tensors = load_file(demo_copy / "model.safetensors")
    (demo_copy / "model.safetensors").unlink()
    half = len(tensors) // 2
    shards = {
        "a.safetensors": dict(list(tensors.items())[:half]),
        "b.safetensors": dict(list(tensors.items())[half:]),
    }
    for name, part in shards.items():
        bare = {k.removeprefix("transformer."): v.astype(np.float16) for k, v in part.items()}
        save_file(bare, demo_copy / name)
    weight_map = {k: name for name, part in shards.items() for k in part}
    (demo_copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    sharded = load_checkpoint(demo_copy)
    for name in tensor_shapes(whole.architecture):
        assert (sharded.tensor(name) == whole.tensor(name).astype(np.float16)).all()


def test_bfloat16_is_read(tmp_path: Path) -> None:
    values = np.array([1.0, -2.5, 0.15625, 3.0e20], dtype=np.float32)
    raw = (values.view(np.uint32) >> 16).astype(np.uint16)
    header = json.dumps({"x": {"dtype": "BF16", "shape": [4], "data_offsets": [0, 8]}}).encode()
    path = tmp_path / "m.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + raw.tobytes())
    expected = (raw.astype(np.uint32) << 16).view(np.float32)
    assert (SafetensorsFile(path).tensor("x") == expected).all()


def rewritten(folder: Path, change) -> Path:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")
    return folder


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda t: t.pop("transformer.h.1.ln_2.bias"), "h.1.ln_2.bias is missing"),
        (lambda t: t.update({"transformer.ln_f.bias": np.zeros(47, np.float32)}), "ln_f.bias"),
        (lambda t: t.update({"lm_head.weight": t["transformer.wte.weight"] + 1}), "untied head"),
        (lambda t: t.update({"wte.weight": t["transformer.wte.weight"] + 1}), "stored twice, with different"),
    ],
)
def test_tensors_that_do_not_fit_are_refused_by_name(demo_copy: Path, change, words: str) -> None:
    with pytest.raises(CheckpointError, match=words):
        load_checkpoint(rewritten(demo_copy, change))


def test_values_that_are_not_finite_are_refused(demo_copy: Path) -> None:
    def change(tensors: dict[str, np.ndarray]) -> None:
        tensors["transformer.wpe.weight"][3, 5] = np.nan

    with pytest.raises(CheckpointError, match="wpe.weight has values that are not finite"):
        load_checkpoint(rewritten(demo_copy, change)).tensor("wpe.weight")


def test_pickled_weights_are_refused(demo_copy: Path) -> None:
    (demo_copy / "model.safetensors").rename(demo_copy / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="safetensors"):
        load_checkpoint(demo_copy)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_random_damage_gives_a_clear_error(demo_copy: Path, name: str) -> None:
    path = demo_copy / name
    intact, generator = path.read_bytes(), random.Random(3)
    refused = 0
    for _ in range(300):
        data = bytearray(intact)
        region = min(len(data), 6000)  # the header of the weights, all of the configuration
        action = generator.randrange(4)
        at = generator.randrange(region)
        if action == 0:
            data[at] ^= 1 << generator.randrange(8)
        elif action == 1:
            del data[at : at + generator.randrange(1, 40)]
        elif action == 2:
            data[at:at] = bytes(generator.randrange(256) for _ in range(generator.randrange(1, 20)))
        else:
            del data[at:]
        path.write_bytes(data)
        try:
            checkpoint = load_checkpoint(demo_copy)
            for tensor in ("wte.weight", "ln_f.bias"):
                checkpoint.tensor(tensor)
        except ZkllmError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 200
