"""Weights as they are published: ties as transformers ties, formats of others by their names."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from zkllm.errors import CheckpointError
from zkllm.model.architecture import parse_architecture
from zkllm.model.checkpoint import load_checkpoint
from zkllm.model.safetensors_file import SafetensorsFile
from zkllm.model.ties import Head, head_of

from .conftest import DEMO

EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"
STORED: dict[str, Callable[[dict[str, np.ndarray]], object]] = {
    "both, equal": lambda t: t.update({HEAD: t[EMBEDDING].copy()}),
    "both, different": lambda t: t.update({HEAD: t[EMBEDDING] + np.float32(1)}),
    "the embedding": lambda t: t.pop(HEAD),
    "the head": lambda t: t.update({HEAD: t.pop(EMBEDDING)}),
    "neither": lambda t: (t.pop(HEAD), t.pop(EMBEDDING)),
}
LOADED = {
    ("both, equal", True): Head.TIED, ("both, different", True): Head.OWN,
    ("the embedding", True): Head.TIED, ("the head", True): Head.TIED_BY_HEAD,
    ("neither", True): Head.NO_EMBEDDING,
    ("both, equal", False): Head.OWN, ("both, different", False): Head.OWN,
    ("the embedding", False): Head.NO_HEAD, ("the head", False): Head.NO_EMBEDDING,
    ("neither", False): Head.NO_EMBEDDING,
}  # fmt: skip


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("stored", STORED)
def test_ties_are_those_of_transformers(tmp_path: Path, stored: str, tied: bool) -> None:
    transformers = pytest.importorskip("transformers")
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    config = transformers.LlamaConfig(
        vocab_size=40, hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2
    )
    model = transformers.LlamaForCausalLM(config)
    model.save_pretrained(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    STORED[stored](tensors)
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    settings = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**settings, "tie_word_embeddings": tied}))

    equal = lambda: np.array_equal(tensors[EMBEDDING], tensors[HEAD])
    head = head_of(EMBEDDING in tensors, HEAD in tensors, tied, equal)
    assert head is LOADED[stored, tied]
    theirs, info = transformers.LlamaForCausalLM.from_pretrained(tmp_path, output_loading_info=True)
    if head in (Head.NO_HEAD, Head.NO_EMBEDDING):
        assert info["missing_keys"]
        return
    assert not info["missing_keys"]
    embedding, output = theirs.get_input_embeddings().weight, theirs.get_output_embeddings().weight
    shared = embedding.data_ptr() == output.data_ptr()
    assert shared == (head is not Head.OWN)
    source = {Head.TIED: (EMBEDDING, EMBEDDING), Head.TIED_BY_HEAD: (HEAD, HEAD), Head.OWN: (EMBEDDING, HEAD)}
    for name, loaded in zip(source[head], (embedding, output), strict=True):
        assert (loaded.detach().numpy() == tensors[name]).all()


@pytest.mark.parametrize(
    "config, words",
    [
        ({"quant_method": "awq", "bits": 4}, "quantised by AWQ; load the original weights"),
        ({"quant_method": "gptq", "bits": 4, "group_size": 128}, "quantised by GPTQ;"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "quantised by bitsandbytes;"),
        ({"load_in_8bit": True}, "quantised by bitsandbytes;"),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "quantised by FP8;"),
        ({"quant_method": "compressed-tensors"}, "quantised by compressed-tensors;"),
        ({"quant_method": "odd"}, "'quant_method': 'odd'.* is not supported: load the original weights"),
        ("x", "quantization_config = 'x' is not supported: load the original weights"),
    ],
)
def test_formats_of_others_are_refused_by_name(config: Any, words: str) -> None:
    data = json.loads((DEMO / "config.json").read_text())
    assert parse_architecture({**data, "quantization_config": None})
    with pytest.raises(CheckpointError, match=words):
        parse_architecture({**data, "quantization_config": config})


@pytest.mark.parametrize(
    "suffix, method",
    [("qweight", "GPTQ or AWQ"), ("weight.absmax", "bitsandbytes"), ("weight_scale_inv", "FP8")],
)
def test_their_tensors_are_told_where_no_config_names_them(demo_copy: Path, suffix: str, method: str) -> None:
    tensors = load_file(demo_copy / "model.safetensors")
    values = tensors.pop("transformer.h.0.attn.c_attn.weight")
    tensors[f"transformer.h.0.attn.c_attn.{suffix}"] = values.astype(np.int32)
    save_file(tensors, demo_copy / "model.safetensors")
    words = (
        f"tensor h.0.attn.c_attn.weight is missing; the weights are quantised by {method}: load the original"
    )
    with pytest.raises(CheckpointError, match=words):
        load_checkpoint(demo_copy)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32", "float64"])
def test_floats_are_read_exactly(tmp_path: Path, dtype: str) -> None:
    """Every one of 16 bits, and random ones of more, subnormal numbers too."""
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file as save_torch

    if dtype in ("bfloat16", "float16"):
        values = torch.arange(1 << 16, dtype=torch.int32).to(torch.uint16).view(getattr(torch, dtype))
    else:
        kind = np.dtype(dtype)
        bits = np.random.default_rng(3).integers(0, 256, (1 << 14, kind.itemsize), np.uint8)
        values = torch.from_numpy(bits.view(kind)[:, 0].copy())
    values = values[torch.isfinite(values.double())]
    save_torch({"x": values}, tmp_path / "x.safetensors")
    read = SafetensorsFile(tmp_path / "x.safetensors").tensor("x")
    assert read.dtype == np.float64 and len(read) > 10_000
    assert (read.view(np.int64) == values.double().numpy().view(np.int64)).all()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32", "float64"])
def test_some_rows_are_those_of_the_whole(tmp_path: Path, dtype: str) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file as save_torch

    values = torch.randn(7, 5).to(getattr(torch, dtype))
    save_torch({"odd": torch.zeros(1, dtype=torch.uint8), "x": values}, tmp_path / "x.safetensors")
    file = SafetensorsFile(tmp_path / "x.safetensors")
    whole = file.stored("x")
    for rows in (slice(0, 7), slice(2, 5), slice(6, 9), slice(7, 9)):
        assert np.array_equal(file.stored("x", rows), whole[rows])
    picked = np.array([[6, 0, 0], [3, 1, 6]])
    found = file.picked("x", picked)
    assert np.array_equal(found, whole[picked]) and found.dtype == whole.dtype
