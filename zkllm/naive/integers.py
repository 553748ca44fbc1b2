"""The integer program by `model.reference`, and what set-up does to weights in numpy."""

from __future__ import annotations

import numpy as np

from ..gpt2.description import declared
from ..kernels.interface import Arrays, IntegerKernels, Progress
from ..model.folding import folded_parts
from ..model.reference import Tracing
from ..model.trace import RangeGuard, Trace
from ..model.weights import QuantizedModel


class NaiveIntegers(IntegerKernels):
    def trace_rows(
        self,
        model: object,
        trace: Arrays,
        ids: list[int],
        start: int,
        stop: int,
        check: bool,
        progress: Progress | None = None,
    ) -> None:
        """The program is causal: the rows before `start` are computed again, to the same values."""
        assert isinstance(model, QuantizedModel) and isinstance(trace, Trace)
        if stop <= start:
            return
        part = Trace(trace.config, [*ids[:stop], trace.config.pad_id], 1, stop)
        Tracing(model, part, RangeGuard(check)).layers()
        for name, array in declared(trace.config, stop, 1).traced().items():
            if "t" in array.dims:
                trace[name][tuple(map(slice, part[name].shape))] = part[name]

    def trace_head(self, model: object, trace: Arrays, i: int, t: int, count: int, check: bool) -> None:
        assert isinstance(model, QuantizedModel) and isinstance(trace, Trace)
        part = Trace(trace.config, trace.ids, count, t + count)
        Tracing(model, part, RangeGuard(check)).head(trace["y"][-1].tolist())
        for name in ("yf", "yf_rem", "logits"):
            trace[name][i : i + count] = part[name]

    def folded_maxima(
        self, weights: np.ndarray, gain: np.ndarray | None, divisors: list[float]
    ) -> list[float]:
        maxima: list[float] = np.abs(folded_parts(weights, gain, divisors)).max(axis=(0, 2)).tolist()
        return maxima

    def quantize_folded(
        self,
        weights: np.ndarray,
        gain: np.ndarray | None,
        divisors: list[float],
        scales: list[int],
        out: np.ndarray,
    ) -> bool:
        units = np.rint(np.ldexp(folded_parts(weights, gain, divisors), np.array(scales)[:, None]))
        if not (np.abs(units) < 1 << 15).all():
            return False
        out[...] = units.reshape(out.shape)
        return True

    def weighted_row_sum(self, weights: np.ndarray, factors: np.ndarray) -> np.ndarray:
        total = np.zeros(weights.shape[1])
        for row, factor in zip(weights.astype(np.float64), factors, strict=True):
            total = total + factor * row
        return total

    def largest_l1(self, weights: np.ndarray, axis: int) -> int:
        return int(np.abs(weights.astype(np.int64)).sum(axis=axis).max())
