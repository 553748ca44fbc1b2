"""The linear maps of a block as the checkpoint stores them, and what folding the LayerNorm before them gives.

Folding, in float64: LayerNorm(x) W + b = n(x) (diag(gain) W) + (b + bias W), n(x) the normalised row. The
folded matrices are never held: their maxima and their quantised values come from one native pass each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zkllm._native import folded_maxima, quantize_folded, weighted_row_sum
from zkllm.errors import CheckpointError
from zkllm.model.checkpoint import Checkpoint

LINEARS = {
    "qkv": ("attn.c_attn", "ln_1"),
    "o": ("attn.c_proj", None),
    "fc1": ("mlp.c_fc", "ln_2"),
    "fc2": ("mlp.c_proj", None),
}
"""kind -> name in the checkpoint, LayerNorm before it."""


@dataclass(frozen=True)
class Linear:
    """weight (in, out) as stored, float32 or float64; the rest float64."""

    name: str
    weight: np.ndarray
    bias: np.ndarray
    gain: np.ndarray | None
    norm_bias: np.ndarray | None
    divisors: list[float]  # of the equal parts of the columns

    @classmethod
    def read(cls, checkpoint: Checkpoint, l: int, kind: str) -> Linear:
        (linear, norm), get = LINEARS[kind], lambda name: checkpoint.tensor(f"h.{l}.{name}")
        # scores of layer l are divided by l + 1 in some checkpoints: into the queries
        queries = l + 1.0 if checkpoint.architecture.scale_by_layer else 1.0
        return cls(
            f"h.{l}.{linear}",
            checkpoint.stored(f"h.{l}.{linear}.weight"),
            get(f"{linear}.bias"),
            get(f"{norm}.weight") if norm else None,
            get(f"{norm}.bias") if norm else None,
            [queries, 1.0, 1.0] if kind == "qkv" else [1.0],
        )

    def folded(self) -> np.ndarray:
        """float64 (in, out): the folded matrix itself, which large models never form."""
        rows = self.weight.astype(np.float64) * (1.0 if self.gain is None else self.gain[:, None])
        return (rows.reshape(len(rows), len(self.divisors), -1) / np.array(self.divisors)[:, None]).reshape(
            self.weight.shape
        )

    def maxima(self) -> list[float]:
        """Largest magnitude of the folded matrix, of each part."""
        return finite_maxima(self.name, self.weight, self.gain, self.divisors)

    def quantized(self, scales: list[int]) -> np.ndarray:
        """int16 (in, out): the folded matrix at a scale for each part."""
        return quantized(self.name, self.weight, self.gain, self.divisors, scales)

    def folded_bias(self) -> np.ndarray:
        """float64 (parts, out / parts)."""
        total = (
            self.bias if self.norm_bias is None else self.bias + weighted_row_sum(self.weight, self.norm_bias)
        )
        return total.reshape(len(self.divisors), -1) / np.array(self.divisors)[:, None]


def finite_maxima(
    name: str, weight: np.ndarray, gain: np.ndarray | None = None, divisors: list[float] | None = None
) -> list[float]:
    out = folded_maxima(weight, gain, divisors or [1.0])
    if not np.isfinite(out).all():
        raise CheckpointError(f"tensor {name} has values that are not finite")
    return out


def quantized(
    name: str, weight: np.ndarray, gain: np.ndarray | None, divisors: list[float], scales: list[int]
) -> np.ndarray:
    out = np.empty(weight.shape, np.int16)
    if not quantize_folded(weight, gain, divisors, scales, out):
        raise CheckpointError(f"{name} does not fit int16 at scale 2^{scales}: the weights are too extreme")
    return out
