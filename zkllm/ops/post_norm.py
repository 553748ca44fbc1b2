"""RMSNorm of what attention and the MLP put out, with a gain, before it is added to the residual stream.

`out` is the linear layer's output, rounded and ranged in a width of its own; the write is made of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..protocol.algebra import Point, Scalar, listed_at, ones_at
from ..protocol.forms import Form
from ..protocol.manifest import Held, Manifest
from ..protocol.operation import Run
from ..protocol.sources import Array, Traced, largest
from .axes import RESIDUAL
from .gained_norm import GainedNorm


@dataclass(frozen=True)
class PostNorm(GainedNorm):
    """Write m of the residual stream is that of norm m, whose linear layer's output is `out` at m."""

    bits: int  # of out
    eps: tuple[int, ...]  # eps_int of each write, whose scales of out differ

    low = "post-norm: rho low"
    high = "post-norm: rho high"
    features = "post-norm: features"
    squares = "post-norm: squares"
    tag = "post_"
    output = "write"
    row_axes = ("m", "t")
    feature_axes = ("m", "t", *RESIDUAL)
    gain_axes = ("m", *RESIDUAL)

    def declare(self, m: Manifest) -> None:
        m.fixed("post_gain", held=Held(Array("post_gain", "int32", ("m", RESIDUAL))))
        m.value("out", "m", "t", RESIDUAL, bits=self.bits, signed=True, made=Traced("int32"), watch=largest)
        super().declare(m)
        m.value("write_rem", "m", "t", RESIDUAL, bits=self.shift, made=Traced("int64"))

    def deviation(self, run: Run) -> Form:
        return run.tensor("out")

    def gain(self, run: Run) -> Form:
        return run.tensor("post_gain")

    def offsets(self, run: Run) -> np.ndarray:
        return np.broadcast_to(np.array(self.eps, object)[:, None], (len(self.eps), run.axes["t"]))

    def offset_at(self, run: Run, at: Mapping[str, Point]) -> Scalar:
        return listed_at(self.eps, at["m"]) * ones_at(run.axes["t"], at["t"])
