"""The integer program's kernels and what set-up does to weights, in numpy and Python integers."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

import numpy as np

from ..errors import QuantizationRangeError
from ..kernels.interface import (
    AttentionRows,
    AttentionScales,
    IntegerKernels,
    LinearScales,
    NormRows,
    NormScales,
)
from ..model.folding import folded_parts
from ..model.reference import words


def round_shift(z: int, shift: int) -> tuple[int, int]:
    """(y, remainder): 2^s y + remainder - 2^(s-1) = z, 0 <= remainder < 2^s."""
    quotient, rem = divmod(z + (1 << shift - 1), 1 << shift)
    return quotient, rem


def within(name: str, value: int, low: int, stop: int) -> int:
    if not low <= value < stop:
        raise QuantizationRangeError(name, stop, value)
    return value


def signed(name: str, value: int, bits: int) -> int:
    return within(name, value, -1 << bits - 1, 1 << bits - 1)


def unsigned(name: str, value: int, bits: int) -> int:
    return within(name, value, 0, 1 << bits)


class NaiveIntegers(IntegerKernels):
    def linear(
        self,
        a: np.ndarray,
        weights: np.ndarray,
        bias: np.ndarray,
        y: np.ndarray,
        rem: np.ndarray,
        scales: LinearScales,
    ) -> None:
        z = (a.astype(object) @ weights.astype(object)) * (1 << scales.gain) + bias.astype(object)
        for at, value in np.ndenumerate(z):
            rounded, rem[at] = round_shift(value, scales.shift)
            y[at] = signed(scales.name, rounded, scales.bits)

    def norm(self, x: np.ndarray, out: NormRows, scales: NormScales) -> None:
        of_rho, of_u, of_v, of_y = scales.names
        for t, row in enumerate(x.tolist()):
            centred = [len(row) * value - sum(row) for value in row]
            q, target = sum(d * d for d in centred) + scales.eps, len(row) << 2 * scales.kappa
            rho = isqrt(target // q)
            u = target - rho * rho * q
            v = (2 * rho + 1) * q - u - 1
            out.rho[t] = words(unsigned(of_rho, rho, scales.rho_bits))
            out.u[t] = words(unsigned(of_u, u, scales.norm_bits))
            out.v[t] = words(unsigned(of_v, v, scales.norm_bits))
            for j, d in enumerate(centred):
                rounded, out.rem[t, j] = round_shift(d * rho, scales.shift)
                out.y[t, j] = signed(of_y, rounded, scales.y_bits)

    def attention(
        self, qkv: np.ndarray, exp: np.ndarray, first: int, out: AttentionRows, scales: AttentionScales
    ) -> None:
        of_over, of_div, of_o = scales.names
        count, heads, rows = out.sel.shape
        parts = qkv.reshape(rows, 3, heads, -1).astype(object)
        dim = parts.shape[-1]
        for i, h in np.ndindex(count, heads):
            seen = parts[: first + i + 1, :, h]
            scores = (seen[:, 1] @ seen[-1, 0]).tolist()
            top = max(scores)
            out.score_max[i, h] = top
            for array in (out.sel, out.idx, out.over, out.rem, out.e):
                array[i, h] = 0
            out.sel[i, h, scores.index(top)] = 1
            for at, score in enumerate(scores):
                steps, out.rem[i, h, at] = divmod(top - score, 1 << scales.exp_shift)
                idx = min(steps, len(exp) - 1)
                out.over[i, h, at] = unsigned(of_over, steps - idx, scales.over_bits)
                out.idx[i, h, at], out.e[i, h, at] = idx, exp[idx]
            weights = out.e[i, h, : len(scores)].astype(object)
            total = int(weights.sum())
            unsigned(of_div, 2 * total - 1, scales.div_bits)
            for j, value in enumerate((weights @ seen[:, 2]).tolist(), h * dim):
                quotient, out.div[i, j] = divmod(2 * value + total, 2 * total)
                out.o[i, j] = signed(of_o, quotient, scales.o_bits)

    def scores(self, a: np.ndarray, w: np.ndarray, out: np.ndarray) -> None:
        out[...] = a.astype(object) @ w.astype(object).T

    def split_limb(self, values: np.ndarray, shift: int, width: int | None, out: np.ndarray) -> bool:
        limbs, info = out.reshape(-1), np.iinfo(out.dtype)
        for i, value in enumerate(values.reshape(-1).tolist()):
            limb = value >> shift if width is None else (value >> shift) % (1 << width)
            if not info.min <= limb <= info.max:
                return False
            limbs[i] = limb
        return True

    def sum_integers(self, terms: Sequence[tuple[int, np.ndarray]], out: np.ndarray) -> bool:
        largest = [abs(c) * max(map(abs, table.reshape(-1).tolist()), default=0) for c, table in terms]
        if sum(largest) >= 1 << (31 if out.dtype == np.int32 else 62):
            return False
        out[...] = sum((c * table.astype(object) for c, table in terms), np.zeros(out.shape, object))
        return True

    def square_sums(self, table: np.ndarray) -> list[int]:
        return [sum(x * x for x in row) for row in table.tolist()]

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

    def stored_maxima(self, weights: np.ndarray, factors: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        sizes = np.abs(weights.astype(np.float64) * (1.0 if factors is None else factors))
        return sizes.max(axis=1), sizes.max(axis=0)

    def quantize_stored(
        self,
        weights: np.ndarray,
        factors: np.ndarray | None,
        units: np.ndarray,
        out: np.ndarray,
        first: int,
    ) -> bool:
        scaled = weights.astype(np.float64) * (1.0 if factors is None else factors) * units[:, None]
        rounded = np.rint(scaled).T
        if not (np.abs(rounded) <= 1 << 15).all():
            return False
        out[:, first : first + len(units)] = np.clip(rounded, 1 - (1 << 15), (1 << 15) - 1)
        return True

    def weighted_row_sum(self, weights: np.ndarray, factors: np.ndarray) -> np.ndarray:
        total = np.zeros(weights.shape[1])
        for row, factor in zip(weights.astype(np.float64), factors, strict=True):
            total = total + factor * row
        return total

    def largest_l1(self, weights: np.ndarray, axis: int) -> int:
        return int(np.abs(weights.astype(np.int64)).sum(axis=axis).max())
