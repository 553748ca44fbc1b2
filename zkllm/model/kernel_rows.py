"""What executions by kernels share: rows of a trace, filled by the scales that operations declare."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from zkllm.kernels.interface import AttentionRows, AttentionScales, Kernels, LinearScales
from zkllm.model.trace import RangeGuard, Trace
from zkllm.ops.attention import Attention
from zkllm.ops.linear import Kind

Progress = Callable[[int, int], None]


class KernelRows:
    """Fills a trace, some rows at a time."""

    def __init__(self, trace: Trace, check: bool, kernels: Kernels):
        self.trace, self.kernels, self.guard = trace, kernels, RangeGuard(check)

    def rows(self, start: int, stop: int, progress: Progress | None = None) -> None:
        """Rows [start, stop) through all layers; the rows before are filled."""
        raise NotImplementedError

    def head(self, i: int, t: int, count: int) -> None:
        """Certified rows i, i + 1, .. from rows t, t + 1, .. of the last normalisation: y_f and every
        logit."""
        raise NotImplementedError

    def fill_linear(
        self,
        kind: Kind,
        l: int,
        at: slice,
        a: np.ndarray,
        weights: np.ndarray,
        bias: np.ndarray,
        index: int,
        bits: int,
    ) -> np.ndarray:
        """Fills rows of the kind's target, and returns them. `index`: of the layer on the target's axis."""
        count = len(a)
        out = self.trace[kind.target][index, at]
        gain = kind.gains[l] if kind.gains else 0
        self.kernels.linear(
            a,
            weights.reshape(a.shape[1], -1),
            bias.reshape(-1),
            out.reshape(count, -1),
            self.trace[kind.remainder][l, at].reshape(count, -1),
            LinearScales(gain, kind.shift, bits, f"{kind.target}[{index}]"),
        )
        return out

    def fill_attention(self, op: Attention, l: int, at: slice, qkv: np.ndarray, exp: np.ndarray) -> None:
        """`qkv` (rows, 3, width): queries, keys and values, filled up to the last of the rows."""
        rows = AttentionRows(*(self.trace[name][l, at] for name in AttentionRows._fields))
        self._attend(op, l, at.start, rows, qkv, exp)

    def fill_windowed(
        self, op: Attention, l: int, t: int, window: int, qkv: np.ndarray, exp: np.ndarray
    ) -> None:
        """One row that sees the last positions alone, itself among them: as the last row of so many."""
        seen, whole = slice(t + 1 - window, t + 1), slice(t, t + 1)
        arrays = {name: self.trace[name][l, whole] for name in AttentionRows._fields}
        along = {"sel", "idx", "over", "rem", "e"}
        own = {name: np.array(a[..., seen]) if name in along else a for name, a in arrays.items()}
        self._attend(op, l, window - 1, AttentionRows(**own), np.ascontiguousarray(qkv[seen]), exp)
        for name in along:
            arrays[name][...] = 0
            arrays[name][..., seen] = own[name]
        arrays["idx"][..., : seen.start] = len(exp) - 1  # looked up, with a weight of 0

    def _attend(
        self, op: Attention, l: int, start: int, rows: AttentionRows, qkv: np.ndarray, exp: np.ndarray
    ) -> None:
        """Rows from `start` on of queries, keys and values."""
        bits = self.guard.bits
        gain = op.gains[l] if op.gains else 0
        scales = AttentionScales(
            exp_shift=op.shift - gain,
            over_bits=bits(op.over_bits, 31),
            div_bits=bits(op.div_bits, 62),
            o_bits=bits(op.bits, 16),
            names=(f"over[{l}]", f"div[{l}]", f"o[{l}]"),
        )
        self.kernels.attention(qkv, exp, start, rows, scales)
        if gain:  # the kernel's scores are Q K without it
            rows.score_max[...] <<= gain
            rows.rem[...] <<= gain
