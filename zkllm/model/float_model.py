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
    """Runs a batch of equally long sequences. `watch(name, layer, array)` sees each tensor with a range, and
    may round it in place."""

    def __init__(self, checkpoint: Checkpoint, dtype: type = np.float64):
        self.checkpoint, self.dtype = checkpoint, dtype
        self.architecture = checkpoint.gpt2

    def embed(self, ids: np.ndarray) -> np.ndarray:
        """ids int[S, t] -> residual stream [S, t, d]."""
        wte, wpe = self.checkpoint.stored("wte.weight"), self.checkpoint.tensor("wpe.weight")
        return (wte[ids] + wpe[: ids.shape[1]]).astype(self.dtype)  # Python scalars keep this type below

    def stored(self, name: str) -> np.ndarray:
        """A parameter outside of the blocks."""
        return self.checkpoint.stored(name).astype(self.dtype, copy=False)

    def apply(self, linear_map: FoldedLinear, x: np.ndarray) -> np.ndarray:
        """LayerNorm's gain and bias, where the map has one before it, and the map; x [S, t, in]."""
        m = linear_map
        if m.gain is not None:
            x = (x * m.gain + m.norm_bias).astype(self.dtype, copy=False)
        return linear(x, m.weight.astype(self.dtype, copy=False)) + m.bias.astype(self.dtype)

    def normalise(self, x: np.ndarray) -> np.ndarray:
        return normalise(x, self.architecture.layer_norm_epsilon)

    def activated(self, f: np.ndarray, l: int) -> np.ndarray:
        return ACTIVATIONS[self.architecture.activation].values(f)

    def block(self, layer: Layer, x: np.ndarray, watch: Watch, l: int) -> np.ndarray:
        """One block on x [S, t, d]."""
        a = self.architecture
        sequences, rows, d = x.shape
        watch("residual", 2 * l, x)
        y = self.normalise(x)
        watch("y", 2 * l, y)
        qkv = self.apply(layer["qkv"], y).reshape(sequences, rows, 3, d)
        qkv /= np.array(layer["qkv"].divisors, self.dtype)[:, None]
        heads = qkv.reshape(sequences, rows, 3, a.n_head, a.head_dim).transpose(2, 0, 3, 1, 4)
        q, k, v = heads  # each (S, heads, t, head_dim)
        for name, part in (("q", q), ("k", k), ("v", v)):
            watch(name, l, part)
        scores = q @ k.transpose(0, 1, 3, 2)
        scores = scores / sqrt(a.head_dim) if a.scale_scores else scores
        visible = np.tril(np.ones((rows, rows), bool))
        top = np.where(visible, scores, -np.inf).max(axis=-1, keepdims=True)
        delta = np.where(visible, top - scores, 0)
        watch("delta", l, delta)
        e = np.where(visible, np.exp(-delta), 0)
        o = (e / e.sum(axis=-1, keepdims=True)) @ v
        o = o.transpose(0, 2, 1, 3).reshape(sequences, rows, d)
        watch("o", l, o)
        write = self.apply(layer["o"], o)
        watch("write", 2 * l, write)
        x = x + write
        watch("residual", 2 * l + 1, x)
        y = self.normalise(x)
        watch("y", 2 * l + 1, y)
        f = self.apply(layer["fc1"], y)
        watch("f", l, f)
        write = self.apply(layer["fc2"], self.activated(f, l))
        watch("write", 2 * l + 1, write)
        return x + write

    def head(self, x: np.ndarray, watch: Watch) -> np.ndarray:
        """Logits [S, t, V] of the residual stream after the last block."""
        last = 2 * self.architecture.n_layer
        watch("residual", last, x)
        y = self.normalise(x)
        watch("y", last, y)
        yf = y * self.stored("ln_f.weight") + self.stored("ln_f.bias")
        watch("yf", 0, yf)
        logits = linear(yf, self.stored("wte.weight").T)
        watch("logits", 0, logits)
        return logits

    def logits(self, ids: np.ndarray) -> np.ndarray:
        """ids int[S, t] -> [S, t, V]."""
        quiet = lambda name, l, array: None
        x = self.embed(ids)
        for l, layer in enumerate(read_layers(self.checkpoint)):
            x = self.block(layer, x, quiet, l)
        return self.head(x, quiet)
