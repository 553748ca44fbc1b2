"""The checkpoint's float model in numpy, with the LayerNorm gains and biases of the blocks folded.

Folding, in float64: LayerNorm(x) W + b = n(x) (diag(gain) W) + (b + bias W), n(x) the normalised row. The
quantiser takes these matrices and calibration runs this model; layers are read one at a time, so that memory
stays at one layer whatever the depth.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from zkllm.model.checkpoint import Checkpoint


@dataclass(frozen=True)
class FoldedLayer:
    """One block. Weights (in, out); w_qkv (d, 3, d), b_qkv (3, d)."""

    w_qkv: np.ndarray
    b_qkv: np.ndarray
    w_o: np.ndarray
    b_o: np.ndarray
    w_fc1: np.ndarray
    b_fc1: np.ndarray
    w_fc2: np.ndarray
    b_fc2: np.ndarray

    def astype(self, dtype: type) -> FoldedLayer:
        """The same arrays at another precision (themselves at this one)."""
        return FoldedLayer(*(getattr(self, f.name).astype(dtype, copy=False) for f in fields(self)))


def folded_layer(checkpoint: Checkpoint, l: int) -> FoldedLayer:
    a, get = checkpoint.architecture, lambda name: checkpoint.tensor(f"h.{l}.{name}")
    d = a.width

    def fold(norm: str, linear: str) -> tuple[np.ndarray, np.ndarray]:
        gain, bias, weight = get(f"{norm}.weight"), get(f"{norm}.bias"), get(f"{linear}.weight")
        # summed row by row: the order, and so the last bit, is the same on every machine
        folded = np.add.reduce(bias[:, None] * weight, axis=0)
        return gain[:, None] * weight, get(f"{linear}.bias") + folded

    w_qkv, b_qkv = fold("ln_1", "attn.c_attn")
    w_qkv, b_qkv = w_qkv.reshape(d, 3, d), b_qkv.reshape(3, d)
    if a.scale_by_layer:  # scores of layer l are divided by l + 1: into the queries
        w_qkv[:, 0] /= l + 1
        b_qkv[0] /= l + 1
    w_fc1, b_fc1 = fold("ln_2", "mlp.c_fc")
    return FoldedLayer(
        w_qkv, b_qkv, get("attn.c_proj.weight"), get("attn.c_proj.bias"),
        w_fc1, b_fc1, get("mlp.c_proj.weight"), get("mlp.c_proj.bias"),
    )  # fmt: skip


def folded_layers(checkpoint: Checkpoint) -> Iterator[FoldedLayer]:
    for l in range(checkpoint.architecture.n_layer):
        yield folded_layer(checkpoint, l)


def normalise(x: np.ndarray, epsilon: float) -> np.ndarray:
    """LayerNorm without gain and bias over the last axis."""
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + epsilon)


def gelu_new(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * (x * x * x))))


def linear(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """x [S, t, in] times weight (in, out): one product for all sequences, numpy would make one for each."""
    rows = x.reshape(-1, x.shape[-1]) @ weight
    return rows.reshape(*x.shape[:-1], -1)


class FloatModel:
    """Runs a batch of equally long sequences. `watch(name, layer, array)` sees each tensor with a range."""

    def __init__(self, checkpoint: Checkpoint, dtype: type = np.float64):
        self.checkpoint, self.dtype = checkpoint, dtype
        self.architecture = checkpoint.architecture

    def embed(self, ids: np.ndarray) -> np.ndarray:
        """ids int[S, t] -> residual stream [S, t, d]."""
        wte, wpe = self.checkpoint.tensor("wte.weight"), self.checkpoint.tensor("wpe.weight")
        return (wte[ids] + wpe[: ids.shape[1]]).astype(self.dtype)

    def block(self, layer: FoldedLayer, x: np.ndarray, watch: Any, l: int) -> np.ndarray:
        """One block on x [S, t, d]."""
        a, layer = self.architecture, layer.astype(self.dtype)
        sequences, rows, d = x.shape
        watch("residual", 2 * l, x)
        y = normalise(x, a.layer_norm_epsilon)
        watch("y", 2 * l, y)
        qkv = linear(y, layer.w_qkv.reshape(d, 3 * d)) + layer.b_qkv.reshape(3 * d)
        heads = qkv.reshape(sequences, rows, 3, a.n_head, a.head_dim).transpose(2, 0, 3, 1, 4)
        q, k, v = heads  # each (S, heads, t, head_dim)
        for name, part in (("q", q), ("k", k), ("v", v)):
            watch(name, l, part)
        scores = q @ k.transpose(0, 1, 3, 2)
        scores = scores / np.sqrt(a.head_dim) if a.scale_scores else scores
        scores = np.where(np.tril(np.ones((rows, rows), bool)), scores, -np.inf)
        delta = scores.max(axis=-1, keepdims=True) - scores
        watch("delta", l, np.where(np.isfinite(delta), delta, 0))
        e = np.exp(-delta)
        o = (e / e.sum(axis=-1, keepdims=True)) @ v
        o = o.transpose(0, 2, 1, 3).reshape(sequences, rows, d)
        watch("o", l, o)
        write = linear(o, layer.w_o) + layer.b_o
        watch("write", 2 * l, write)
        x = x + write
        watch("residual", 2 * l + 1, x)
        y = normalise(x, a.layer_norm_epsilon)
        watch("y", 2 * l + 1, y)
        f = linear(y, layer.w_fc1) + layer.b_fc1
        watch("f", l, f)
        write = linear(gelu_new(f), layer.w_fc2) + layer.b_fc2
        watch("write", 2 * l + 1, write)
        return x + write

    def head(self, x: np.ndarray, watch: Any) -> np.ndarray:
        """Logits [S, t, V] of the residual stream after the last block."""
        a = self.architecture

        def get(name: str) -> np.ndarray:
            return self.checkpoint.tensor(name).astype(self.dtype, copy=False)

        watch("residual", 2 * a.n_layer, x)
        y = normalise(x, a.layer_norm_epsilon)
        watch("y", 2 * a.n_layer, y)
        yf = y * get("ln_f.weight") + get("ln_f.bias")
        watch("yf", 0, yf)
        logits = linear(yf, get("wte.weight").T)
        watch("logits", 0, logits)
        return logits

    def logits(self, ids: np.ndarray) -> np.ndarray:
        """ids int[S, t] -> [S, t, V]."""
        quiet = lambda name, l, array: None
        x = self.embed(ids)
        for l, layer in enumerate(folded_layers(self.checkpoint)):
            x = self.block(layer, x, quiet, l)
        return self.head(x, quiet)
