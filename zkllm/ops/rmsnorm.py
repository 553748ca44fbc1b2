"""RMSNorm: D = X, in what `norm` proves. With X at 2^f, eps_int = round(eps d 4^f)."""

from __future__ import annotations

from dataclasses import dataclass

from ..protocol.forms import Form
from ..protocol.operation import Run
from .norm import Normalisation
from .residual import stream


@dataclass(frozen=True)
class RmsNorm(Normalisation):
    low = "rmsnorm: rho low"
    high = "rmsnorm: rho high"
    features = "rmsnorm: features"
    squares = "rmsnorm: squares"

    def deviation(self, run: Run) -> Form:
        return stream(run, self.width_axes, self.parallel)

    def largest(self, x: int) -> int:
        return x
