"""The residual stream is never requantised: X_n = X_0 + sum of the writes before n, an exact prefix sum.

Layer l's output *is* layer l + 1's input, so nothing about the stream is committed or checked beside the
writes. Where attention and the MLP of a layer are parallel, both read the stream before the layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..protocol.forms import AxisMap, Before, BeforePair, Form
from ..protocol.manifest import Manifest
from ..protocol.operation import Operation, Run
from ..protocol.sources import Traced, largest
from .axes import WIDTH


@dataclass(frozen=True)
class Residual(Operation):
    """The writes Y_o (m = 2 l) and Y_p (m = 2 l + 1), which the linear layers fix."""

    bits: int
    width_axes: tuple[str, ...] = WIDTH

    def declare(self, m: Manifest) -> None:
        own = self.width_axes
        m.value("write", "m", "t", own, bits=self.bits, signed=True, made=Traced("int32"), watch=largest)


def stream(run: Run, width: Sequence[AxisMap | str], parallel: bool = False) -> Form:
    """The residual stream before normalisation n, over (n, t, width): X_n = X_0 + the writes m < n, or where
    a layer's two are `parallel` those m < 2 (n div 2).

    `width`: the axes of the width, or other maps of them.
    """
    start = run.tensor("x0", "t", *width)
    if run.axes["n"] == 1:  # no write comes before the first
        return start.over("n")
    before: AxisMap = BeforePair("n") if parallel else Before("n")
    return run.tensor("write", before, "t", *width) + start
