"""Inputs and outputs of a part of the model that is proved alone: committed tensors.

In the model a previous operation ranges what an operation reads; here the input is ranged where it is given,
to the same width.
"""

from __future__ import annotations

from ..model.config import ProgramConfig
from ..protocol.forms import index
from ..protocol.manifest import WIDTH, Manifest
from ..protocol.sumcheck import SumcheckPoint
from .base import Part, Run
from .linear import INNER


class GivenStream(Part):
    """The residual stream X_0 over (t, width), signed."""

    def __init__(self, bits: int):
        self.bits = bits

    def declare(self, m: Manifest, c: ProgramConfig) -> None:
        m.value("x0", "t", *WIDTH, bits=self.bits, limb_bits=c.limb_bits, signed=True)


class GivenFeatures(Part):
    """A LayerNorm's output y over (n, t, width)."""

    def declare(self, m: Manifest, c: ProgramConfig) -> None:
        m.value("y", "n", "t", *WIDTH, bits=c.act_bits, limb_bits=c.limb_bits, signed=True)


class GivenInner(Part):
    """The GELU's output g over (l, t, inner width)."""

    def declare(self, m: Manifest, c: ProgramConfig) -> None:
        m.value("g", "l", "t", *INNER, bits=c.act_bits, limb_bits=c.limb_bits, signed=True)


class StreamAfter(Part):
    """The residual stream after the one write: X_1 = X_0 + Y."""

    relations = ("residual: X1",)

    def declare(self, m: Manifest, c: ProgramConfig) -> None:
        m.free("x1", "t", *WIDTH, note=self.relations[0])

    def claims(self, run: Run, point: SumcheckPoint) -> list[str]:
        write = run.tensor("write", index(0, run.axes["m"]), "t", *WIDTH)
        after = run.tensor("x0") + write - run.tensor("x1")
        run.party.claim(self.relations[0], [(1, after, point.of(run.axes, ("t", *WIDTH)))], 0)
        return list(self.relations)
