"""The checkpoint's float model in numpy.

Layers are read one at a time, so that memory stays at one layer whatever the depth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import sqrt

import numpy as np

from zkllm.model.activations import ACTIVATIONS
from zkllm.model.checkpoint import Checkpoint
from zkllm.model.folding import LINEARS, FoldedLinear

Watch = Callable[[str, int, np.ndarray], None]

Layer = dict[str, FoldedLinear]


def read_layers(checkpoint: Checkpoint) -> Iterator[Layer]:
    for l in range(checkpoint.gpt2.n_layer):
        yield {kind: FoldedLinear.read(checkpoint, l, kind) for kind in LINEARS}


def normalise(x: np.ndarray, epsilon: float) -> np.ndarray:
    """LayerNorm without gain and bias over the last axis."""
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + epsilon)


def linear(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """x [S, t, in] times weight (in, out): one product for all sequences, numpy would make one for each."""
    rows = x.reshape(-1, x.shape[-1]) @ weight
    return rows.reshape(*x.shape[:-1], -1)


class FloatModel:
    """Runs a batch of equally long sequences. `watch(name, layer, array)` sees each tensor with a range."""

    def __init__(self, checkpoint: Checkpoint, dtype: type = np.float64):
        self.checkpoint, self.dtype = checkpoint, dtype
        self.architecture = checkpoint.gpt2

    def embed(self, ids: np.ndarray) -> np.ndarray:
        """ids int[S, t] -> residual stream [S, t, d]."""
        wte, wpe = self.checkpoint.stored("wte.weight"), self.checkpoint.tensor("wpe.weight")
        return (wte[ids] + wpe[: ids.shape[1]]).astype(self.dtype)  # Python scalars keep this type below

    def apply(self, linear_map: FoldedLinear, x: np.ndarray) -> np.ndarray:
        """LayerNorm's gain and bias, where the map has one before it, and the map; x [S, t, in]."""
        m = linear_map
        if m.gain is not None:
            x = (x * m.gain + m.norm_bias).astype(self.dtype, copy=False)
        return linear(x, m.weight.astype(self.dtype, copy=False)) + m.bias.astype(self.dtype)

    def block(self, layer: Layer, x: np.ndarray, watch: Watch, l: int) -> np.ndarray:
        """One block on x [S, t, d]."""
        a = self.architecture
        sequences, rows, d = x.shape
        watch("residual", 2 * l, x)
        y = normalise(x, a.layer_norm_epsilon)
        watch("y", 2 * l, y)
        qkv = self.apply(layer["qkv"], y).reshape(sequences, rows, 3, d)
        qkv /= np.array(layer["qkv"].divisors, self.dtype)[:, None]
        heads = qkv.reshape(sequences, rows, 3, a.n_head, a.head_dim).transpose(2, 0, 3, 1, 4)
        q, k, v = heads  # each (S, heads, t, head_dim)
        for name, part in (("q", q), ("k", k), ("v", v)):
            watch(name, l, part)
        scores = q @ k.transpose(0, 1, 3, 2)
        scores = scores / sqrt(a.head_dim) if a.scale_scores else scores
        scores = np.where(np.tril(np.ones((rows, rows), bool)), scores, -np.inf)
        delta = scores.max(axis=-1, keepdims=True) - scores
        watch("delta", l, np.where(np.isfinite(delta), delta, 0))
        e = np.exp(-delta)
        o = (e / e.sum(axis=-1, keepdims=True)) @ v
        o = o.transpose(0, 2, 1, 3).reshape(sequences, rows, d)
        watch("o", l, o)
        write = self.apply(layer["o"], o)
        watch("write", 2 * l, write)
        x = x + write
        watch("residual", 2 * l + 1, x)
        y = normalise(x, a.layer_norm_epsilon)
        watch("y", 2 * l + 1, y)
        f = self.apply(layer["fc1"], y)
        watch("f", l, f)
        write = self.apply(layer["fc2"], ACTIVATIONS[a.activation].values(f))
        watch("write", 2 * l + 1, write)
        return x + write

    def head(self, x: np.ndarray, watch: Watch) -> np.ndarray:
        """Logits [S, t, V] of the residual stream after the last block."""
        a = self.architecture

        def get(name: str) -> np.ndarray:
            return self.checkpoint.stored(name).astype(self.dtype, copy=False)

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
        for l, layer in enumerate(read_layers(self.checkpoint)):
            x = self.block(layer, x, quiet, l)
        return self.head(x, quiet)
