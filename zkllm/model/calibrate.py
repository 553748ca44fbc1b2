"""Calibration: the largest values that the float model takes on text and on random ids.

By default the text that ships with the project, and seeded random ids. Rows after the last token read the pad
id, so padded sequences belong to the set.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Self

import numpy as np

from zkllm.errors import TokenizerError, ZkllmError, ZkllmWarning
from zkllm.files import JsonObject
from zkllm.model.architecture import AnyArchitecture
from zkllm.model.checkpoint import Checkpoint
from zkllm.model.float_model import FloatModel, read_layers
from zkllm.model.folding import finite_maxima
from zkllm.model.tokenizer import ByteLevelTokenizer
from zkllm.records import from_data, to_data

Progress = Callable[[int, int], None]
_OPERATIONS = 3e11  # about as many multiply-accumulates as the float pass may take
_LARGE = 5e7  # weights beyond which it runs in float32
_MAX_TOKENS = 16384
_WINDOW, _LONG = 64, 1024
_FIRSTS = 512  # of the vocabulary's ids and of the added tokens, each, that are seen alone


MLP = ("f", "fc1", "fc2")


@dataclass
class FloatRanges:
    """Largest magnitudes by tensor, over all layers, and of the folded weights by matrix kind; `layers` has
    the MLP's layer by layer: its activations "f", and its weights "fc1" and "fc2"."""

    tensors: dict[str, float] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)
    layers: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in MLP})
    residual_rms: tuple[float, float] = (np.inf, 0.0)  # smallest and largest standard deviation of a row
    tokens: int = 0

    def watch(self, name: str, layer: int, array: np.ndarray) -> None:
        most = float(np.abs(array).max(initial=0.0))
        self.tensors[name] = max(self.tensors.get(name, 0.0), most)
        if name in MLP:
            self.watch_layer(name, layer, most)
        if name == "residual":
            spread = array.std(axis=-1)
            low, high = self.residual_rms
            self.residual_rms = (min(low, float(spread.min())), max(high, float(spread.max())))
        if name == "logits":
            width = (array.max(axis=-1) - array.min(axis=-1)).max()
            self.tensors["diff"] = max(self.tensors.get("diff", 0.0), float(width))

    def watch_weights(self, name: str, maximum: float, layer: int | None = None) -> None:
        self.weights[name] = max(self.weights.get(name, 0.0), maximum)
        if name in MLP and layer is not None:
            self.watch_layer(name, layer, maximum)

    def watch_layer(self, name: str, layer: int, maximum: float) -> None:
        known = self.layers[name]
        known += [0.0] * (layer + 1 - len(known))
        known[layer] = max(known[layer], maximum)

    def to_dict(self) -> JsonObject:
        return to_data(self)

    @classmethod
    def from_dict(cls, data: JsonObject) -> Self:
        return from_data(cls, data, "calibrated ranges")


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


def text_ids(tokenizer: ByteLevelTokenizer, text: str, what: str) -> list[int]:
    """The ids of a user's text, `what` by name."""
    if not text.strip():
        raise ZkllmError(f"the {what} is empty")
    try:
        return tokenizer.encode(text)
    except TokenizerError as error:
        raise TokenizerError(f"the {what} is none of this model: {error}") from None


def default_ids(tokenizer: ByteLevelTokenizer) -> list[int]:
    """The ids of `default_text`; none where the vocabulary cannot write English (proteins, chess, music)."""
    try:
        return tokenizer.encode(default_text())
    except TokenizerError:
        return []


def _calibration_ids(tokenizer: ByteLevelTokenizer, text: str | None, least: int) -> list[int]:
    if text is None:
        if not (ids := default_ids(tokenizer)):
            warnings.warn(
                "the vocabulary cannot write English: calibrating on random ids alone; give text of the "
                "model's kind (--calibration FILE) for closer ranges",
                ZkllmWarning,
                stacklevel=2,
            )
        return ids
    ids = text_ids(tokenizer, text, "calibration text")
    if len(ids) < least:
        raise ZkllmError(
            f"the calibration text has {len(ids)} tokens; give at least {least}, of text like the prompts "
            "to come"
        )
    return ids


def text_sequences(ids: list[int], length: int, count: int) -> list[list[int]]:
    """Windows of an encoded text, evenly spread; a shorter text is repeated."""
    if not ids:
        return []
    ids = ids if len(ids) >= length else (ids * (length // len(ids) + 1))[:length]
    starts = np.linspace(0, len(ids) - length, num=max(1, count)).astype(int)
    return [ids[s : s + length] for s in dict.fromkeys(starts.tolist())]


def token_budget(a: AnyArchitecture) -> int:
    """Tokens that the float pass can afford at this size, or that ranges want at any size."""
    return int(min(_MAX_TOKENS, max(a.least_calibration, _OPERATIONS / a.weights_per_token)))


def first_tokens(vocab_size: int, tokenizer: ByteLevelTokenizer) -> list[list[int]]:
    """Sequences of one token: the vocabulary's first, which are its characters, and those added to it.

    Where the first position is one that others attend to for want of anything better, its row is larger than
    all others by far, and how large its own token says (Sun et al. 2024, "Massive Activations in Large
    Language Models"): a few texts show too few of them.
    """
    added = sorted(i for i in tokenizer.added_ids if i < vocab_size)[:_FIRSTS]
    return [[i] for i in dict.fromkeys([*range(min(vocab_size, _FIRSTS)), *added])]


def calibration_set(
    checkpoint: Checkpoint, tokenizer: ByteLevelTokenizer, text: str | None = None, seed: int = 1
) -> list[np.ndarray]:
    """Groups of equally long sequences, each int64[S, length]: half random ids, half text (by default the one
    that ships with the project; random ids alone, with a warning, where the vocabulary cannot write that).

    Most are of 64 tokens; models with a longer context also see some that are as long as can be afforded, and
    families with massive first positions `first_tokens`.
    """
    a = checkpoint.architecture
    budget = token_budget(a)
    ids = _calibration_ids(tokenizer, text, min(a.n_ctx, _WINDOW))

    def group(length: int, tokens: int, seed: int) -> np.ndarray:
        count = max(2, tokens // length)
        windows = text_sequences(ids, length, count // 2)
        at_random = count - count // 2 if windows else count
        sequences = random_sequences(a.vocab_size, length, at_random, a.pad_id, seed) + windows
        return np.array(sequences, dtype=np.int64)

    short, long = min(a.n_ctx, _WINDOW), min(a.n_ctx, _LONG, max(_WINDOW, budget // 4))
    groups = [group(short, budget if long == short else budget - budget // 3, seed)]
    if long > short:
        groups.append(group(long, budget // 3, seed + 1))
    if a.massive_firsts:
        groups.append(np.array(first_tokens(a.vocab_size, tokenizer), dtype=np.int64))
    return groups


def float_type(checkpoint: Checkpoint) -> type:
    """Of the float pass."""
    return np.float32 if checkpoint.architecture.weights_per_token > _LARGE else np.float64


def in_parts(groups: Sequence[np.ndarray], tokens: int = 1024) -> list[np.ndarray]:
    """Sequences [S, t, ..] in parts of about so many tokens, which bound the memory of what follows."""
    return [ids[i : i + max(1, tokens // ids.shape[1])] for ids in groups
            for i in range(0, len(ids), max(1, tokens // ids.shape[1]))]  # fmt: skip


def measure(
    checkpoint: Checkpoint, groups: Sequence[np.ndarray], progress: Progress | None = None
) -> FloatRanges:
    """Runs the float model over groups of sequences int[S, t], one layer at a time for all of them."""
    dtype = float_type(checkpoint)
    model, ranges = FloatModel(checkpoint, dtype), FloatRanges(tokens=sum(int(ids.size) for ids in groups))
    layers = checkpoint.architecture.n_layer
    for name in ("wte", "wpe"):
        (most,) = finite_maxima(name, checkpoint.stored(f"{name}.weight"))
        ranges.watch_weights(name, most)
    streams = [model.embed(part) for part in in_parts(groups)]
    for l, layer in enumerate(read_layers(checkpoint)):
        for kind, linear in layer.items():
            names = ("q", "k", "v") if kind == "qkv" else (kind,)
            for name, most in zip(names, linear.maxima(), strict=True):
                ranges.watch_weights(name, most, l)
        streams = [model.block(layer, x, ranges.watch, l) for x in streams]
        if progress:
            progress(l + 1, layers + 1)
    for x in streams:
        model.head(x, ranges.watch)
    if progress:
        progress(layers + 1, layers + 1)
    return ranges
