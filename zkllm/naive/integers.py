"""The integer program's kernels and what set-up does to weights, in numpy and Python integers."""

from __future__ import annotations

from math import isqrt

import numpy as np

from ..errors import QuantizationRangeError
from ..kernels.interface import IntegerKernels
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
        *,
        gain: int,
        shift: int,
        bits: int,
        name: str,
    ) -> None:
        z = (a.astype(object) @ weights.astype(object)) * (1 << gain) + bias.astype(object)
        for at, value in np.ndenumerate(z):
            rounded, rem[at] = round_shift(value, shift)
            y[at] = signed(name, rounded, bits)

    def norm(
        self,
        x: np.ndarray,
        rho: np.ndarray,
        u: np.ndarray,
        v: np.ndarray,
        y: np.ndarray,
        rem: np.ndarray,
        *,
        kappa: int,
        shift: int,
        eps: int,
        rho_bits: int,
        norm_bits: int,
        y_bits: int,
        names: tuple[str, str, str, str],
    ) -> None:
        for t, row in enumerate(x.tolist()):
            centred = [len(row) * value - sum(row) for value in row]
            q, target = sum(d * d for d in centred) + eps, len(row) << 2 * kappa
            root = isqrt(target // q)
            low = target - root * root * q
            high = (2 * root + 1) * q - low - 1
            rho[t] = words(unsigned(names[0], root, rho_bits))
            u[t], v[t] = words(unsigned(names[1], low, norm_bits)), words(unsigned(names[2], high, norm_bits))
            for j, d in enumerate(centred):
                rounded, rem[t, j] = round_shift(d * root, shift)
                y[t, j] = signed(names[3], rounded, y_bits)

    def attention(
        self,
        qkv: np.ndarray,
        exp: np.ndarray,
        score_max: np.ndarray,
        sel: np.ndarray,
        idx: np.ndarray,
        over: np.ndarray,
        rem: np.ndarray,
        e: np.ndarray,
        o: np.ndarray,
        div: np.ndarray,
        *,
        first: int,
        exp_shift: int,
        over_bits: int,
        div_bits: int,
        o_bits: int,
        names: tuple[str, str, str],
    ) -> None:
        count, heads, rows = sel.shape
        parts = qkv.reshape(rows, 3, heads, -1).astype(object)
        dim = parts.shape[-1]
        for i, h in np.ndindex(count, heads):
            seen = parts[: first + i + 1, :, h]
            scores = (seen[:, 1] @ seen[-1, 0]).tolist()
            top = max(scores)
            score_max[i, h] = top
            for array in (sel, idx, over, rem, e):
                array[i, h] = 0
            sel[i, h, scores.index(top)] = 1
            for at, score in enumerate(scores):
                steps, rem[i, h, at] = divmod(top - score, 1 << exp_shift)
                idx[i, h, at] = min(steps, len(exp) - 1)
                over[i, h, at] = unsigned(names[0], steps - int(idx[i, h, at]), over_bits)
                e[i, h, at] = exp[idx[i, h, at]]
            weights = e[i, h, : len(scores)].astype(object)
            total = int(weights.sum())
            unsigned(names[1], 2 * total - 1, div_bits)
            for j, value in enumerate((weights @ seen[:, 2]).tolist(), h * dim):
                quotient, div[i, j] = divmod(2 * value + total, 2 * total)
                o[i, j] = signed(names[2], quotient, o_bits)

    def scores(self, a: np.ndarray, w: np.ndarray, out: np.ndarray) -> None:
        out[...] = a.astype(object) @ w.astype(object).T

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
