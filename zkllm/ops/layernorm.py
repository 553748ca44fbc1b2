"""LayerNorm: D = d X - S with S = sum_j X, in what `norm` proves."""

from __future__ import annotations

from dataclasses import dataclass

from ..protocol.forms import Form, ones
from ..protocol.operation import Run
from .norm import Normalisation
from .residual import stream


@dataclass(frozen=True)
class LayerNorm(Normalisation):
    low = "layernorm: rho low"
    high = "layernorm: rho high"
    features = "layernorm: features"
    squares = "layernorm: squares"

    def deviation(self, run: Run) -> Form:
        """D = d X - S."""
        sums = stream(run, [ones(run.axes[a]) for a in self.width_axes], self.parallel)
        return self.width * stream(run, self.width_axes, self.parallel) - sums

    def largest(self, x: int) -> int:
        return 2 * self.width * x
