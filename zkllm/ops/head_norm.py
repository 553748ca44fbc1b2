"""RMSNorm of each head of queries and keys over its own features, before they are turned.

All queries of a layer share a gain, and all its keys share another one. Values are left as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..protocol.algebra import Point, Scalar, listed_at, ones_at
from ..protocol.forms import Chosen, First, Form
from ..protocol.manifest import Held, Manifest
from ..protocol.operation import Run
from ..protocol.sources import Array, Traced, largest
from .axes import HEAD, SHARED
from .gained_norm import GainedNorm

NORMED = ("l", "t", "x", *SHARED, *HEAD)
"""x: the queries' heads of a shared head in their order, then its key."""


@dataclass(frozen=True)
class HeadNorm(GainedNorm):
    bits: int  # of what is normed
    query_eps: tuple[int, ...]  # eps_int of each layer, whose scales of queries and keys differ
    key_eps: tuple[int, ...]

    low = "head norm: rho low"
    high = "head norm: rho high"
    features = "head norm: features"
    squares = "head norm: squares"
    tag = "head_"
    output = "normed"
    row_axes = NORMED[: -len(HEAD)]
    feature_axes = NORMED
    gain_axes = ("l", "x", *HEAD)

    def declare(self, m: Manifest) -> None:
        m.fixed("head_gain", held=Held(Array("head_gain", "int32", ("l", "kind", HEAD))))
        super().declare(m)
        dims = ("l", "t", "x", (*SHARED, *HEAD))
        m.value("normed", *dims, bits=self.bits, signed=True, made=Traced.signed(self.bits), watch=largest)
        m.value("normed_rem", *dims, bits=self.shift, made=Traced("int64"))

    def deviation(self, run: Run) -> Form:
        """Parts of q k v, whose last one is v."""
        return run.tensor("qkv", "l", "t", First("x"), *SHARED, *HEAD)

    def gain(self, run: Run) -> Form:
        return run.tensor("head_gain", "l", Chosen("x", self._kinds(run)), *HEAD)

    def _kinds(self, run: Run) -> tuple[int, ...]:
        """0: a query, 1: the key."""
        return (0,) * (run.axes["x"] - 1) + (1,)

    def offsets(self, run: Run) -> np.ndarray:
        of_kind = np.array([self.query_eps, self.key_eps], object).T  # (l, kind)
        sizes = [run.axes[a] for a in self.row_axes]
        rows = of_kind[:, list(self._kinds(run))].reshape(sizes[0], 1, sizes[2], 1)
        return np.broadcast_to(rows, sizes)

    def offset_at(self, run: Run, at: Mapping[str, Point]) -> Scalar:
        kinds = self._kinds(run)
        total: Scalar = 0
        for kind, eps in enumerate((self.query_eps, self.key_eps)):
            of_kind = listed_at([int(k == kind) for k in kinds], at["x"])
            total = total + of_kind * listed_at(eps, at["l"])
        rest = [ones_at(run.axes[a], at[a]) for a in self.row_axes if a not in ("l", "x")]
        for ones in rest:
            total = total * ones
        return total
