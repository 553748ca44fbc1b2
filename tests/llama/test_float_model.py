"""The float pass is transformers' function, for every supported model type, rotation and shape."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from testkit.llamas import MODELS
from zkllm.model.checkpoint import load_checkpoint
from zkllm.model.llama.float_model import LlamaFloat

pytest.importorskip("transformers")


@pytest.mark.parametrize("name", MODELS)
def test_logits_are_those_of_transformers(name: str, tmp_path: Path) -> None:
    import torch

    small = MODELS[name]
    model = small.model().double()
    small.write(tmp_path / "model")
    checkpoint = load_checkpoint(tmp_path / "model")
    a = checkpoint.llama
    ids = np.random.default_rng(1).integers(0, a.vocab_size, (2, a.n_ctx))
    with torch.no_grad():
        expected = model(torch.tensor(ids)).logits.numpy()
    found = LlamaFloat(checkpoint).logits(ids)
    # the library's angles are of float32
    assert np.abs(found - expected).max() < 3e-5 * np.abs(expected).max()
