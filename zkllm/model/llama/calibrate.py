"""Calibration of a Llama: the largest values that its float model takes, of some tensors channel by channel.

Channels are what powers of two move between (`equalise`): the inner width's of up and g, a head's features
of v, and pairs of features that are turned together of q and k, all queries of a group together, or where
each head has an RMSNorm, whose gain its layer's heads share, all heads together. What such norms read (raw_q,
raw_k, out) has a scale of each layer, and one channel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from zkllm.model.calibrate import FloatRanges, float_type, in_parts
from zkllm.model.checkpoint import Checkpoint
from zkllm.model.llama.float_model import LlamaFloat, read_layers

_DIGITS = 4  # of what is kept of a channel: more would say nothing, and there are many
_LEAST = 2.0**-60  # mean square of a row
_HEAD_TOKENS = 256  # whose logits are in memory at once: a vocabulary of 150,000 takes 600 kB for each


@dataclass
class LlamaRanges(FloatRanges):
    """`layers` has "f" alone. `channels`: by name and layer, largest magnitudes. `residual_rms`: root mean
    squares of rows, as their norms square them. `squares`: of a and g, by layer and channel, the mean over
    rows of the square in units of the mean square of the row of the stream that the MLP leaves, and as one
    channel of "one" that of 1; none without a gate. Single tokens (`calibrate.first_tokens`) are no part of
    them: they say how large values get, not how large they are."""

    channels: dict[str, list[list[float]]] = field(default_factory=dict)
    squares: dict[str, list[list[float]]] = field(default_factory=dict)

    def watch(self, name: str, layer: int, array: np.ndarray) -> None:
        if name == "a":
            return
        most = float(np.abs(array).max(initial=0.0))
        self.tensors[name] = max(self.tensors.get(name, 0.0), most)
        if name == "f":
            self.watch_layer(name, layer, most)
        if name in CHANNELS:
            self._watch_channels(name, layer, CHANNELS[name](array))
        if name == "residual":
            spread = np.sqrt((array.astype(np.float64) ** 2).mean(axis=-1))
            low, high = self.residual_rms
            self.residual_rms = (min(low, float(spread.min())), max(high, float(spread.max())))
        if name == "logits":
            width = (array.max(axis=-1) - array.min(axis=-1)).max()
            self.tensors["diff"] = max(self.tensors.get("diff", 0.0), float(width))

    def _watch_channels(self, name: str, layer: int, most: np.ndarray) -> None:
        known, found = self.channels.setdefault(name, []), _shortened(most)
        if layer < len(known):
            known[layer] = [max(pair) for pair in zip(known[layer], found, strict=True)]
        else:
            known.append(found)

    def mean_squares(self, name: str) -> np.ndarray:
        """float64[layers, channels]: `squares`."""
        return np.array(self.squares[name], np.float64)

    def largest(self, name: str) -> np.ndarray:
        """float64[layers, channels]."""
        return np.array(self.channels[name], np.float64)


class _Squares:
    """Mean squares of what the MLP multiplies, of sequences of at least `least` tokens, summed once the row
    of the stream is known that they end in."""

    def __init__(self, layers: int, least: int):
        self._least = least
        self._sums: dict[str, list[np.ndarray | float]] = {name: [0.0] * layers for name in ("a", "g", "one")}
        self._rows = [0] * layers
        self._seen: dict[str, np.ndarray] = {}

    def watch(self, name: str, layer: int, array: np.ndarray) -> None:
        if name in ("a", "g", "residual"):
            self._seen[name] = array
        elif name == "write" and layer % 2 and array.shape[1] >= self._least:
            stream = (self._seen["residual"] + array).astype(np.float64)
            weights = 1 / np.maximum((stream**2).mean(axis=-1), _LEAST)
            self._rows[layer // 2] += weights.size
            self._seen["one"] = np.ones((*weights.shape, 1))
            for of, sums in self._sums.items():
                sums[layer // 2] += np.einsum("stf,stf,st->f", self._seen[of], self._seen[of], weights)

    def means(self) -> dict[str, list[list[float]]]:
        return {
            name: [_shortened(np.asarray(of) / rows) for of, rows in zip(sums, self._rows, strict=True)]
            for name, sums in self._sums.items()
        }


def _shortened(values: np.ndarray) -> list[float]:
    return [float(f"{x:.{_DIGITS}g}") for x in values.tolist()]


def _last(array: np.ndarray) -> np.ndarray:
    """Of (.., features), feature by feature."""
    channels: np.ndarray = np.abs(array).max(axis=tuple(range(array.ndim - 1)))
    return channels


def _by_head(array: np.ndarray) -> np.ndarray:
    """Of (S, head of keys, member, t, features), by head of keys and feature."""
    heads: np.ndarray = np.abs(array).max(axis=(0, 2, 3))
    return heads.reshape(-1)


def _by_pair(array: np.ndarray) -> np.ndarray:
    """The same by head and pair of features that are turned together."""
    heads: np.ndarray = np.abs(array).max(axis=(0, 2, 3))
    return heads.reshape(len(heads), 2, -1).max(axis=1).reshape(-1)


def _whole(array: np.ndarray) -> np.ndarray:
    return np.abs(array).max(keepdims=True).reshape(1)


CHANNELS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "up": _last, "g": _last, "v": _by_head, "q": _by_pair, "k": _by_pair,
    "raw_q": _whole, "raw_k": _whole, "out": _whole,
}  # fmt: skip
"""Largest magnitudes by channel."""


def measure(
    checkpoint: Checkpoint, groups: Sequence[np.ndarray], progress: Callable[[int, int], None] | None = None
) -> LlamaRanges:
    """Runs the float model over groups of sequences int[S, t], one layer at a time for all of them."""
    dtype, layers = float_type(checkpoint), checkpoint.llama.n_layer
    model, ranges = LlamaFloat(checkpoint, dtype), LlamaRanges(tokens=sum(int(ids.size) for ids in groups))
    least = min(2, max(ids.shape[1] for ids in groups))
    squares = _Squares(layers, least) if checkpoint.llama.gated else None

    def watch(name: str, layer: int, array: np.ndarray) -> None:
        ranges.watch(name, layer, array)
        if squares:
            squares.watch(name, layer, array)

    streams = [model.embed(part) for part in in_parts(groups)]
    for l, layer in enumerate(read_layers(checkpoint, dtype)):
        streams = [model.block(layer, x, watch, l) for x in streams]
        if progress:
            progress(l + 1, layers + 1)
    if squares:
        ranges.squares = squares.means()
    for x in streams:
        for some in in_parts([x], _HEAD_TOKENS):
            model.head(some, ranges.watch)
    if progress:
        progress(layers + 1, layers + 1)
    return ranges
