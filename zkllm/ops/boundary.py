"""Inputs and outputs of a part of the model that is proved alone: committed tensors.

In the model a previous operation ranges what an operation reads; here the input is ranged where it is given,
to the same width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..protocol.forms import index
from ..protocol.manifest import Manifest
from ..protocol.operation import Operation, Run
from ..protocol.sources import Derived, Material, Traced
from ..protocol.sumcheck import SumcheckPoint
from .axes import INNER, WIDTH


@dataclass(frozen=True)
class GivenStream(Operation):
    """The residual stream X_0 over (t, width), signed."""

    bits: int

    def declare(self, m: Manifest) -> None:
        m.value("x0", "t", WIDTH, bits=self.bits, signed=True, made=Traced("int64"))


@dataclass(frozen=True)
class GivenFeatures(Operation):
    """A LayerNorm's output y over (n, t, width)."""

    bits: int

    def declare(self, m: Manifest) -> None:
        m.value("y", "n", "t", WIDTH, bits=self.bits, signed=True, made=Traced("int16"))


@dataclass(frozen=True)
class GivenInner(Operation):
    """The GELU's output g over (l, t, inner width)."""

    bits: int

    def declare(self, m: Manifest) -> None:
        m.value("g", "l", "t", INNER, bits=self.bits, signed=True, made=Traced("int16"))


def _sum(of: Material) -> np.ndarray:
    total: np.ndarray = of.trace["x0"] + of.trace["write"][0]
    return total


class StreamAfter(Operation):
    """The residual stream after the one write: X_1 = X_0 + Y."""

    after = "residual: X1"
    relations = (after,)

    def declare(self, m: Manifest) -> None:
        m.free("x1", "t", WIDTH, note=self.after, made=Derived(_sum))

    def claims(self, run: Run, point: SumcheckPoint) -> list[str]:
        write = run.tensor("write", index(0, run.axes["m"]), "t", *WIDTH)
        after = run.tensor("x0") + write - run.tensor("x1")
        run.party.claim(self.after, [(1, after, point.of(run.manifest, ("t", *WIDTH)))], 0)
        return [self.after]
