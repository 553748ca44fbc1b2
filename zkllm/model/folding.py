"""The linear maps of a block as the checkpoint stores them, and what folding the LayerNorm before them gives.

Folding, in float64: LayerNorm(x) W + b = n(x) (diag(gain) W) + (b + bias W), n(x) the normalised row. The
folded matrices are never held: their maxima and their quantised values come from one native pass each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zkllm.errors import CheckpointError
from zkllm.kernels.native import NATIVE
from zkllm.model.checkpoint import Checkpoint

LINEARS = {
    "qkv": ("attn.c_attn", "ln_1"),
    "o": ("attn.c_proj", None),
    "fc1": ("mlp.c_fc", "ln_2"),
    "fc2": ("mlp.c_proj", None),
}
"""kind -> name in the checkpoint, LayerNorm before it."""


LARGEST = 1 << 15
"""Units of the largest weight."""


@dataclass(frozen=True)
class FoldedLinear:
    """weight (in, out) as stored, float32 or float64; the rest float64."""

    name: str
    weight: np.ndarray
    bias: np.ndarray
    gain: np.ndarray | None
    norm_bias: np.ndarray | None
    divisors: list[float]  # of the equal parts of the columns

    @classmethod
    def read(cls, checkpoint: Checkpoint, l: int, kind: str) -> FoldedLinear:
        (linear, norm), get = LINEARS[kind], lambda name: checkpoint.tensor(f"h.{l}.{name}")
        # scores of layer l are divided by l + 1 in some checkpoints: into the queries
        queries = l + 1.0 if checkpoint.gpt2.scale_by_layer else 1.0
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
        return folded_parts(self.weight, self.gain, self.divisors).reshape(self.weight.shape)

    def maxima(self) -> list[float]:
        """Largest magnitude of the folded matrix, of each part."""
        return finite_maxima(self.name, self.weight, self.gain, self.divisors)

    def quantized(self, scales: list[int]) -> np.ndarray:
        """int16 (in, out): the folded matrix at a scale for each part."""
        return quantized(self.name, self.weight, self.gain, self.divisors, scales)

    def folded_bias(self) -> np.ndarray:
        """float64 (parts, out / parts)."""
        total = (
            self.bias
            if self.norm_bias is None
            else self.bias + NATIVE.weighted_row_sum(self.weight, self.norm_bias)
        )
        return total.reshape(len(self.divisors), -1) / np.array(self.divisors)[:, None]


def folded_parts(weight: np.ndarray, gain: np.ndarray | None, divisors: list[float]) -> np.ndarray:
    """float64 (in, parts, out / parts)."""
    rows = weight.astype(np.float64) * (1.0 if gain is None else gain[:, None])
    return rows.reshape(len(rows), len(divisors), -1) / np.array(divisors)[:, None]


def finite_maxima(
    name: str, weight: np.ndarray, gain: np.ndarray | None = None, divisors: list[float] | None = None
) -> list[float]:
    out = NATIVE.folded_maxima(weight, gain, divisors or [1.0])
    if not np.isfinite(out).all():
        raise CheckpointError(f"tensor {name} has values that are not finite")
    return out


def quantized(
    name: str, weight: np.ndarray, gain: np.ndarray | None, divisors: list[float], scales: list[int]
) -> np.ndarray:
    """int16 of the weight's shape, to nearest; a weight of 2^15 units (a power of two) becomes 2^15 - 1."""
    out = np.empty(weight.shape, np.int16)
    if NATIVE.quantize_folded(weight, gain, divisors, scales, out):
        return out
    units = np.rint(np.ldexp(folded_parts(weight, gain, divisors), np.array(scales)[:, None]))
    if not (np.abs(units) <= LARGEST).all():
        raise CheckpointError(f"{name} does not fit int16 at scale 2^{scales}: the weights are too extreme")
    return np.clip(units, 1 - LARGEST, LARGEST - 1).astype(np.int16).reshape(weight.shape)
