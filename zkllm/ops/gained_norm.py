"""RMSNorms whose gains cannot be folded: what follows them is no linear layer. Their gains are fixed tensors.

With rho of the row D (`norm`), and gain at its own scale,

    2^s out + rem - 2^(s-1) - gain D rho = 0,    0 <= rem < 2^s,

one rounding for both factors. eps_int is public, and differs where D's scale does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..protocol.forms import Form
from ..protocol.operation import Run
from ..protocol.relations import Equation
from .norm import RowNorm


@dataclass(frozen=True)
class GainedNorm(RowNorm):
    """D is a committed value as it is, so that no bound on it is derived: its range is declared."""

    shift: int  # s

    output: ClassVar[str]

    @property
    def remainder(self) -> str:
        return f"{self.output}_rem"

    @property
    def gain_axes(self) -> tuple[str, ...]:
        raise NotImplementedError

    def gain(self, run: Run) -> Form:
        """Over its axes, which are some of those of rows and features."""
        raise NotImplementedError

    def feature_equation(self, run: Run) -> Equation:
        s, axes = self.shift, self.feature_axes
        gain = run.factor(f"{self.tag}gain", self.gain(run), self.gain_axes)
        linear = (1 << s) * run.tensor(self.output) + run.tensor(self.remainder) - (1 << s - 1)
        return Equation(self.features, axes, [(-1, [gain, self.rows_of(run), self.rho(run)])], linear)
