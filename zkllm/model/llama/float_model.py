"""The float model of a checkpoint of the family in numpy, a layer at a time.

rms(x; w) = x / sqrt(mean(x^2) + eps) * w. In each layer: y = rms(x), q, k, v = W y (+ b); q and k turned by
their positions; softmax(q k^T / sqrt(head_dim)) v of each head, whose keys and values its group shares; x +=
W_o of all heads. Then y = rms(x), x += W_down (act(W_gate y) * W_up y). Logits: head rms(x).

Where there is no gate: x += W_down act(W_gate y). LayerNorms take the mean off first, and have a bias.
Parallel layers add both to the x that both read.

Some classes have more: the embedding times a number; gains that are stored less one; rms of each head of q
and k before they are turned; rms of what is added to x; scores that another number's square root divides;
angles that depend on the layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import sqrt

import numpy as np

from zkllm.model.activations import GATES
from zkllm.model.checkpoint import Checkpoint
from zkllm.model.float_model import linear
from zkllm.model.llama.folding import gain_of
from zkllm.model.llama.rotary import frequencies
from zkllm.model.llama.tensors import (
    AFTER_ATTENTION,
    AFTER_MLP,
    BEFORE_ATTENTION,
    BEFORE_MLP,
    EMBEDDING,
    HEAD,
    HEAD_NORMS,
    LAST_BIAS,
    LAST_NORM,
    linears,
    norms,
)

Watch = Callable[[str, int, np.ndarray], None]
Layer = dict[str, np.ndarray]


def read_layer(checkpoint: Checkpoint, l: int, dtype: type) -> Layer:
    """By the names in a layer: matrices (out, in), biases under NAME.bias, gains of the RMSNorms."""
    layer: Layer = {}
    for norm in norms(checkpoint.llama):
        layer[norm] = gain_of(checkpoint, f"layers.{l}.{norm}.weight").astype(dtype)
        if checkpoint.llama.centred:
            layer[f"{norm}.bias"] = checkpoint.tensor(f"layers.{l}.{norm}.bias").astype(dtype)
    for name, (_, _, biased) in linears(checkpoint.llama).items():
        layer[name] = checkpoint.stored(f"layers.{l}.{name}.weight").astype(dtype, copy=False)
        if biased:
            layer[f"{name}.bias"] = checkpoint.tensor(f"layers.{l}.{name}.bias").astype(dtype)
    return layer


def read_layers(checkpoint: Checkpoint, dtype: type) -> Iterator[Layer]:
    for l in range(checkpoint.llama.n_layer):
        yield read_layer(checkpoint, l, dtype)


class LlamaFloat:
    """Runs a batch of equally long sequences. `watch(name, layer, array)` sees each tensor with a range, and
    may round it in place."""

    def __init__(self, checkpoint: Checkpoint, dtype: type = np.float64):
        self.checkpoint, self.dtype, self.a = checkpoint, dtype, checkpoint.llama

    def embed(self, ids: np.ndarray) -> np.ndarray:
        """ids int[S, t] -> residual stream [S, t, d]."""
        rows: np.ndarray = self.checkpoint.picked(EMBEDDING, ids).astype(self.dtype)
        scaled: np.ndarray = rows * self.dtype(self.a.embedding_scale)
        return scaled

    def deviation(self, x: np.ndarray) -> np.ndarray:
        """Rows of the stream as their norms square them."""
        centred: np.ndarray = x - x.mean(axis=-1, keepdims=True) if self.a.centred else x
        return centred

    def normalise(self, x: np.ndarray, name: str = "residual", at: int = 0) -> np.ndarray:
        """RMSNorm without its gain. `name`, `at`: of what is normed, as it is watched."""
        normal: np.ndarray = x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + self.a.norm_eps)
        return normal

    def read_stream(self, x: np.ndarray, n: int, watch: Watch) -> np.ndarray:
        """y: rows of the stream, normalised."""
        d = self.deviation(x)
        watch("residual", n, d)
        y = self.normalise(d)
        watch("y", n, y)
        return y

    def affine(self, layer: Layer, norm: str, y: np.ndarray) -> np.ndarray:
        """With the gain of a norm, and its bias where it has one."""
        out: np.ndarray = y * layer[norm]
        return out + layer[f"{norm}.bias"] if self.a.centred else out

    def apply(self, layer: Layer, name: str, x: np.ndarray) -> np.ndarray:
        out = linear(x, layer[name].T)
        bias = layer.get(f"{name}.bias")
        return out if bias is None else out + bias

    def angles(self, rows: int, l: int) -> tuple[np.ndarray, np.ndarray]:
        """Cosines and sines [t, pairs], times what the rotation has them times."""
        rotary = self.a.rotary_of(l)
        angles = np.arange(rows)[:, None] * frequencies(rotary, 2 * self.a.pairs)
        cos, sin = rotary.magnitude * np.cos(angles), rotary.magnitude * np.sin(angles)
        return cos.astype(self.dtype), sin.astype(self.dtype)

    def turn(self, x: np.ndarray, l: int) -> np.ndarray:
        """x [.., t, head_dim] by its positions: the first pairs of its halves."""
        half, pairs = self.a.head_dim // 2, self.a.pairs
        cos, sin = self.angles(x.shape[-2], l)
        first, second = x[..., :pairs], x[..., half : half + pairs]
        turned = np.array(x)
        turned[..., :pairs] = first * cos - second * sin
        turned[..., half : half + pairs] = second * cos + first * sin
        return turned

    def attend(self, layer: Layer, y: np.ndarray, watch: Watch, l: int) -> np.ndarray:
        """All heads' outputs [S, t, n_head head_dim]; q, k, v are seen as [S, head of k, .., t, features]."""
        a = self.a
        sequences, rows, _ = y.shape
        q, k, v = (
            self.apply(layer, f"self_attn.{name}_proj", y)
            .reshape(sequences, rows, a.n_kv_head, -1, a.head_dim)
            .transpose(0, 2, 3, 1, 4)
            for name in "qkv"
        )
        watch("v", l, v)
        if a.head_norm:
            watch("raw_q", l, q)
            watch("raw_k", l, k)
            norm, of_keys = (layer[name] for name in HEAD_NORMS)
            q, k = self.normalise(q, "raw_q", l) * norm, self.normalise(k, "raw_k", l) * of_keys
        for turned in (False, True):
            if turned:
                q, k = self.turn(q, l), self.turn(k, l)
            for name, x in (("q", q), ("k", k)):
                # heads that share a gain are seen as one
                watch(name, l, x.reshape(sequences, 1, -1, rows, a.head_dim) if a.head_norm else x)
        scores = q @ np.swapaxes(k, -1, -2) / self.dtype(sqrt(a.score_divisor))
        if a.cap:
            watch("scores", l, scores)
            scores = self.dtype(a.cap) * np.tanh(scores / self.dtype(a.cap))
            watch("capped", l, scores)
        visible = np.tril(np.ones((rows, rows), bool))
        if a.window and a.sliding[l]:
            visible = np.triu(visible, 1 - a.window)
        top = np.where(visible, scores, -np.inf).max(axis=-1, keepdims=True)
        delta = np.where(visible, top - scores, 0)
        watch("delta", l, delta)
        e = np.where(visible, np.exp(-delta), 0)
        o = (e / e.sum(axis=-1, keepdims=True)) @ v
        return o.transpose(0, 3, 1, 2, 4).reshape(sequences, rows, -1)

    def block(self, layer: Layer, x: np.ndarray, watch: Watch, l: int) -> np.ndarray:
        """One block on x [S, t, d]."""
        y = self.affine(layer, BEFORE_ATTENTION, self.read_stream(x, 2 * l, watch))
        o = self.attend(layer, y, watch, l)
        before = x
        x = x + self.write(layer, self.apply(layer, "self_attn.o_proj", o), AFTER_ATTENTION, watch, 2 * l)
        y = self.read_stream(before if self.a.parallel else x, 2 * l + 1, watch)
        y = self.affine(layer, BEFORE_MLP if self.a.post_norm else AFTER_ATTENTION, y)
        inner = self.inner(layer, y, watch, l)
        return x + self.write(layer, self.apply(layer, "mlp.down_proj", inner), AFTER_MLP, watch, 2 * l + 1)

    def inner(self, layer: Layer, y: np.ndarray, watch: Watch, l: int) -> np.ndarray:
        """What the last matrix of the MLP reads."""
        f = self.apply(layer, "mlp.gate_proj", y)
        watch("f", l, f)
        if self.a.gated:
            up = self.apply(layer, "mlp.up_proj", y)
            watch("up", l, up)
        a: np.ndarray = GATES[self.a.activation].values(f).astype(self.dtype)
        watch("a", l, a)
        if not self.a.gated:
            return a
        g = a * up
        watch("g", l, g)
        return g

    def write(self, layer: Layer, out: np.ndarray, norm: str, watch: Watch, m: int) -> np.ndarray:
        """What is added to the stream: `out`, or what its norm makes of it."""
        if self.a.post_norm:
            watch("out", m, out)
            out = self.normalise(out, "out", m) * layer[norm]
        watch("write", m, out)
        return out

    def last_gain(self) -> np.ndarray:
        return gain_of(self.checkpoint, LAST_NORM).astype(self.dtype)

    def last_bias(self) -> np.ndarray:
        return self.checkpoint.tensor(LAST_BIAS).astype(self.dtype)

    def head_blocks(self) -> Iterator[np.ndarray]:
        """The head's matrix (V, d), some rows at a time."""
        for block in self.checkpoint.blocks(EMBEDDING if self.a.tied_head else HEAD):
            yield block.astype(self.dtype, copy=False)

    def head(self, x: np.ndarray, watch: Watch) -> np.ndarray:
        """Logits [S, t, V] of the residual stream after the last block."""
        y = self.read_stream(x, 2 * self.a.n_layer, watch)
        yf = y * self.last_gain()
        if self.a.centred:
            yf = yf + self.last_bias()
        watch("yf", 0, yf)
        logits = np.concatenate([linear(yf, block.T) for block in self.head_blocks()], -1)
        watch("logits", 0, logits)
        return logits

    def logits(self, ids: np.ndarray) -> np.ndarray:
        """ids int[S, t] -> [S, t, V]."""
        quiet = lambda name, l, array: None
        x = self.embed(ids)
        for l, layer in enumerate(read_layers(self.checkpoint, self.dtype)):
            x = self.block(layer, x, quiet, l)
        return self.head(x, quiet)
