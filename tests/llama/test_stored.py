"""Parameters that are rows of stored tensors: which ones, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from testkit.llamas import MODELS
from zkllm.errors import CheckpointError
from zkllm.model.checkpoint import load_checkpoint
from zkllm.model.llama.stored import head_order, stored
from zkllm.model.llama.tensors import tensor_shapes

pytest.importorskip("transformers")


def test_the_first_features_of_a_head_are_two_halves_that_are_turned() -> None:
    assert head_order(6, 6).tolist() == [0, 1, 2, 3, 4, 5]
    assert head_order(10, 4).tolist() == [0, 1, 4, 5, 6, 2, 3, 7, 8, 9]
    assert sorted(head_order(20, 12)) == list(range(20))


@pytest.mark.parametrize("name", ["phi3", "phi3, some features are turned, a window"])
def test_a_phi_3_stores_its_matrices_one_after_another(name: str, tmp_path: Path) -> None:
    checkpoint = load_checkpoint(MODELS[name].write(tmp_path / "model"))
    a = checkpoint.llama
    for l in range(a.n_layer):
        whole = checkpoint.stored(f"layers.{l}.self_attn.qkv_proj.weight")
        q, k, v = np.split(whole, np.cumsum([a.n_head * a.head_dim, a.n_kv_head * a.head_dim]))
        order = head_order(a.head_dim, 2 * a.pairs)
        for part, expected in (("q", q), ("k", k)):
            found = checkpoint.stored(f"layers.{l}.self_attn.{part}_proj.weight")
            heads = expected.reshape(-1, a.head_dim, a.d_model)[:, order]
            assert np.array_equal(found, heads.reshape(found.shape)), part
        assert np.array_equal(checkpoint.stored(f"layers.{l}.self_attn.v_proj.weight"), v)
        gate, up = np.split(checkpoint.stored(f"layers.{l}.mlp.gate_up_proj.weight"), 2)
        assert np.array_equal(checkpoint.tensor(f"layers.{l}.mlp.gate_proj.weight"), gate)
        assert np.array_equal(checkpoint.stored(f"layers.{l}.mlp.up_proj.weight"), up)


@pytest.mark.parametrize("name", ["gpt_neox", "gpt_neox, serial, no biases of attention, all turned, tied"])
def test_a_gpt_neox_stores_the_parts_of_a_head_together(name: str, tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    folder = MODELS[name].write(tmp_path / "model")
    checkpoint, tensors = load_checkpoint(folder), load_file(folder / "model.safetensors")
    a = checkpoint.llama
    own = lambda of: tensors[f"gpt_neox.{of}"]
    for l in range(a.n_layer):
        for kind in ("weight", "bias") if a.qkv_bias else ("weight",):
            fused = own(f"layers.{l}.attention.query_key_value.{kind}")
            heads = fused.reshape(a.n_head, 3, a.head_dim, -1)
            for i, (part, turned) in enumerate((("q", 2 * a.pairs), ("k", 2 * a.pairs), ("v", a.head_dim))):
                found = checkpoint.tensor(f"layers.{l}.self_attn.{part}_proj.{kind}")
                expected = heads[:, i, head_order(a.head_dim, turned)]
                assert np.array_equal(found, expected.reshape(found.shape)), part
        for ours, theirs in (("self_attn.o_proj", "attention.dense"), ("mlp.gate_proj", "mlp.dense_h_to_4h"),
                             ("mlp.down_proj", "mlp.dense_4h_to_h")):  # fmt: skip
            assert np.array_equal(
                checkpoint.stored(f"layers.{l}.{ours}.weight"), own(f"layers.{l}.{theirs}.weight")
            )
    assert np.array_equal(checkpoint.tensor("norm.bias"), own("final_layer_norm.bias"))
    assert np.array_equal(next(iter(checkpoint.blocks("embed_tokens.weight"))), own("embed_in.weight"))
    head = tensors.get("embed_out.weight")
    assert (head is None) == a.tied_head
    if head is not None:
        assert np.array_equal(next(iter(checkpoint.blocks("lm_head.weight"))), head)


@pytest.mark.parametrize("name", ["phi3", "llama", "gpt_neox"])
def test_every_row_of_what_is_stored_is_read_once(name: str, tmp_path: Path) -> None:
    a = load_checkpoint(MODELS[name].write(tmp_path / "model")).llama
    found, rows = stored(a), dict[str, list[int]]()
    for parameter, shape in tensor_shapes(a).items():
        part = found.parts.get(parameter)
        own = range(shape[0]) if part is None or part.rows is None else part.rows.tolist()
        rows.setdefault(part.stored if part else parameter, []).extend(own)
    assert set(rows) == set(found.shapes)
    assert all(sorted(rows[name]) == list(range(shape[0])) for name, shape in found.shapes.items())


def test_what_is_missing_is_named_as_it_is_stored(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = MODELS["phi3"].write(tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    name = "model.layers.1.mlp.gate_up_proj.weight"
    save_file({**tensors, name: tensors[name][:-2].copy()}, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"gate_up_proj\.weight is \(86, 180\), not \(88, 180\)"):
        load_checkpoint(folder)
    del tensors[name]
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"layers\.1\.mlp\.gate_up_proj\.weight is missing"):
        load_checkpoint(folder)
    neox = MODELS["gpt_neox"].write(tmp_path / "neox")
    tensors = load_file(neox / "model.safetensors")
    head = tensors.pop("embed_out.weight")
    save_file(tensors, neox / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"tensor embed_out\.weight is missing"):
        load_checkpoint(neox)
    masks = {f"gpt_neox.layers.0.attention.{name}": head[:1].copy() for name in ("bias", "masked_bias")}
    save_file({**tensors, "embed_out.weight": head, **masks}, neox / "model.safetensors")
    load_checkpoint(neox)
