"""What the rounding of each tensor costs, one tensor at a time.

The float model runs once as it is, and once more for each tensor of the program, exact but for that tensor,
which is rounded to the program's scale in all layers (weights and tables: to the package's integers). The
cost is the Kullback-Leibler divergence of the next token's distribution from the exact one, the mean over
positions. Of the tensor that costs most the same is told for each layer alone. Roundings are nearly
independent, so that costs nearly add up; with all of them at once the model is the program.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from zkllm.files import JsonObject
from zkllm.records import to_data

Rounded = frozenset[str]
"""Names of the tensors that are rounded."""
NOTHING: Rounded = frozenset()
Block = Callable[[np.ndarray, Rounded], np.ndarray]
Progress = Callable[[int, int], None]
_Variant = tuple[Rounded, int | None]


class Roundable(Protocol):
    """A float model that rounds any of its program's tensors."""

    @property
    def tensors(self) -> tuple[str, ...]: ...

    @property
    def layers(self) -> int: ...

    def embedded(self, ids: np.ndarray, rounded: Rounded) -> np.ndarray:
        """ids int[S, t] -> residual stream [S, t, d]."""

    def read(self, l: int) -> Block:
        """A layer's block, its weights read."""

    def logits_of(self, x: np.ndarray, rounded: Rounded) -> np.ndarray:
        """Residual stream [S, t, d] -> [S, t, V]."""


@dataclass(frozen=True)
class Cost:
    """Of rounding one tensor in all layers, or in one."""

    tensor: str
    layer: int | None
    kl: float  # nats, mean over positions

    def to_dict(self) -> JsonObject:
        return to_data(self)


# ---- distributions


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """float64, over the last axis."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    normal: np.ndarray = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return normal


def divergence(exact: np.ndarray, other: np.ndarray) -> np.ndarray:
    """KL(exact || other) in nats, of log-probabilities over the last axis."""
    total: np.ndarray = (np.exp(exact) * (exact - other)).sum(axis=-1)
    return total


# ---- rounding, as the program does it


def real(integers: np.ndarray, scale: int | np.ndarray, dtype: type) -> np.ndarray:
    """What integers stand for at a scale."""
    return np.ldexp(integers.astype(np.float64), -np.asarray(scale)).astype(dtype)


def round_to(array: np.ndarray, scale: int) -> None:
    """In place, to multiples of 2^-scale, halves up."""
    unit = 2.0**scale
    array[...] = np.floor(array * unit + 0.5) / unit


_TIE = 1e-9  # steps: distances are whole numbers of small parts of a step, and floats a bit less


class Exponentials:
    """Distances of scores to the largest, as the table of their exponentials knows them."""

    def __init__(self, table: np.ndarray, top: int, step: float):
        self._step = step
        with np.errstate(divide="ignore"):
            self._known = -np.log(table / top)

    def round(self, delta: np.ndarray) -> None:
        """In place; infinite where the table is 0."""
        steps = np.minimum(delta / self._step + _TIE, len(self._known) - 1).astype(np.int64)
        delta[...] = self._known[steps]


# ---- costs


def costs(
    model: Roundable, sequences: Sequence[Sequence[int]], progress: Progress | None = None
) -> list[Cost]:
    """Of each tensor, the dearest first, then of the dearest by layer; of equally long sequences."""
    ids, done = np.array(sequences, np.int64), 0

    def layer_done() -> None:
        nonlocal done
        done += 1
        if progress:
            progress(done, 2 * model.layers)

    def run(variants: list[_Variant]) -> list[float]:
        return _divergences(model, ids, variants, layer_done)

    kls = run([(frozenset({name}), None) for name in model.tensors])
    by_name = [Cost(name, None, kl) for name, kl in zip(model.tensors, kls, strict=True)]
    by_name.sort(key=lambda cost: -cost.kl)
    dearest = by_name[0].tensor
    by_layer = run([(frozenset({dearest}), l) for l in range(model.layers)])
    return [*by_name, *(Cost(dearest, l, kl) for l, kl in enumerate(by_layer))]


def _divergences(
    model: Roundable, ids: np.ndarray, variants: list[_Variant], layer_done: Callable[[], None]
) -> list[float]:
    """KL of each variant: what is rounded, and in which layer alone (None: everywhere)."""
    exact = model.embedded(ids, NOTHING)
    streams = {of: model.embedded(ids, of[0]) for of in variants if of[1] is None}
    for l in range(model.layers):
        block = model.read(l)
        streams |= {of: exact for of in variants if of[1] == l}
        for of, x in streams.items():
            streams[of] = block(x, of[0] if of[1] in (None, l) else NOTHING)
        exact = block(exact, NOTHING)
        layer_done()
    found = dict.fromkeys(variants, 0.0)
    for i in range(len(ids)):
        expected = log_softmax(model.logits_of(exact[i : i + 1], NOTHING))
        for of, x in streams.items():
            logits = model.logits_of(x[i : i + 1], of[0] if of[1] is None else NOTHING)
            found[of] += float(divergence(expected, log_softmax(logits)).sum())
    return [total / ids.size for total in found.values()]
