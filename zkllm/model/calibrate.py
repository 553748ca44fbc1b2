"""Calibration: the largest values that the float model takes on text and on random ids.

By default the text that ships with the project, and seeded random ids. Rows after the last token read the pad
id, so padded sequences belong to the set.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files

import numpy as np

from zkllm.model.checkpoint import Checkpoint
from zkllm.model.float_model import FloatModel, folded_layers
from zkllm.model.tokenizer import ByteLevelTokenizer

Progress = Callable[[int, int], None]
_OPERATIONS = 3e11  # about as many multiply-accumulates as the float pass may take
_LARGE = 5e7  # weights beyond which it runs in float32
_MAX_TOKENS, _MIN_TOKENS = 16384, 384


@dataclass
class FloatRanges:
    """Largest magnitudes by tensor, over all layers, and of the folded weights by matrix kind."""

    tensors: dict[str, float] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)
    residual_rms: tuple[float, float] = (np.inf, 0.0)  # smallest and largest standard deviation of a row
    tokens: int = 0

    def watch(self, name: str, layer: int, array: np.ndarray) -> None:
        self.tensors[name] = max(self.tensors.get(name, 0.0), float(np.abs(array).max(initial=0.0)))
        if name == "residual":
            spread = array.std(axis=-1)
            low, high = self.residual_rms
            self.residual_rms = (min(low, float(spread.min())), max(high, float(spread.max())))
        if name == "logits":
            width = (array.max(axis=-1) - array.min(axis=-1)).max()
            self.tensors["diff"] = max(self.tensors.get("diff", 0.0), float(width))

    def watch_weights(self, name: str, array: np.ndarray) -> None:
        self.weights[name] = max(self.weights.get(name, 0.0), float(np.abs(array).max()))


def default_text() -> str:
    return files("zkllm.model").joinpath("data/calibration.txt").read_text(encoding="utf-8")


def random_sequences(vocab_size: int, length: int, count: int, pad_id: int, seed: int) -> list[list[int]]:
    """Random ids, half of the sequences cut short and padded as a proof pads them."""
    generator = random.Random(seed)
    out = []
    for i in range(count):
        ids = [generator.randrange(vocab_size) for _ in range(length)]
        if i % 2:
            used = generator.randrange(1, length + 1)
            ids[used:] = [pad_id] * (length - used)
        out.append(ids)
    return out


def text_sequences(tokenizer: ByteLevelTokenizer, text: str, length: int, count: int) -> list[list[int]]:
    """Windows of the encoded text, evenly spread, from whole paragraphs where they are long enough."""
    ids = tokenizer.encode(text)
    if len(ids) < length:
        ids = (ids * (length // max(1, len(ids)) + 1))[:length] if ids else []
    starts = np.linspace(0, max(0, len(ids) - length), num=max(1, count)).astype(int)
    return [ids[s : s + length] for s in dict.fromkeys(starts.tolist()) if len(ids) >= length]


def num_weights(checkpoint: Checkpoint) -> int:
    """Multiply-accumulates of one token."""
    a = checkpoint.architecture
    return a.n_layer * (4 * a.width**2 + 2 * a.width * a.d_inner) + a.width * a.vocab_size


def token_budget(checkpoint: Checkpoint) -> int:
    """Tokens that the float pass can afford at this size."""
    return int(min(_MAX_TOKENS, max(_MIN_TOKENS, _OPERATIONS / num_weights(checkpoint))))


def calibration_set(
    checkpoint: Checkpoint, tokenizer: ByteLevelTokenizer, text: str | None = None, seed: int = 1
) -> np.ndarray:
    """ids int64[S, length]: half random, half text."""
    a = checkpoint.architecture
    length = min(a.n_ctx, 64)
    count = max(4, token_budget(checkpoint) // length)
    sequences = random_sequences(a.vocab_size, length, count // 2, a.pad_id, seed)
    sequences += text_sequences(
        tokenizer, default_text() if text is None else text, length, count - count // 2
    )
    return np.array(sequences, dtype=np.int64)


def measure(checkpoint: Checkpoint, ids: np.ndarray, progress: Progress | None = None) -> FloatRanges:
    """Runs the float model over ids int[S, t], one layer at a time for all sequences."""
    dtype = np.float32 if num_weights(checkpoint) > _LARGE else np.float64
    model, ranges = FloatModel(checkpoint, dtype), FloatRanges(tokens=int(ids.size))
    layers = checkpoint.architecture.n_layer
    ranges.watch_weights("wte", checkpoint.tensor("wte.weight"))
    ranges.watch_weights("wpe", checkpoint.tensor("wpe.weight"))
    x = model.embed(ids)
    for l, layer in enumerate(folded_layers(checkpoint)):
        for part, kind in enumerate(("q", "k", "v")):
            ranges.watch_weights(kind, layer.w_qkv[:, part])
        for kind in ("o", "fc1", "fc2"):
            ranges.watch_weights(kind, getattr(layer, f"w_{kind}"))
        layer = layer.astype(dtype)
        for part in range(0, len(x), 16):  # bounds the memory of scores and inner activations
            x[part : part + 16] = model.block(layer, x[part : part + 16], ranges.watch, l)
        if progress:
            progress(l + 1, layers + 1)
    for part in range(0, len(x), 4):
        model.head(x[part : part + 4], ranges.watch)
    if progress:
        progress(layers + 1, layers + 1)
    return ranges
