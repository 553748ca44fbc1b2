"""The GELU and exponential tables, correctly rounded.

libm and SIMD levels differ in the last bit; these tables are part of what `model_id` commits to, so they must
come out the same everywhere. Floats decide where they are far from a tie, mpmath where they are not.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import mpmath
import numpy as np

from zkllm.model.weights import TableSpec

_DIGITS = 60
_NEAR = 1e-4  # distance from a tie below which floats do not decide: 10^4 times their error


def _rounded(approximate: np.ndarray, exact: Callable[[int], mpmath.mpf]) -> np.ndarray:
    """Nearest integers of real numbers that are no ties; `approximate` is their float value.

    Values are below 2^20 and a few float operations deep, so the float error is below 1e-8.
    """
    out = np.floor(approximate + 0.5)
    for i in np.flatnonzero(np.abs(np.abs(approximate - out) - 0.5) < _NEAR):
        with mpmath.workdps(_DIGITS):
            value = exact(int(i))
            nearest = mpmath.floor(value + mpmath.mpf(0.5))
            if abs(abs(value - nearest) - mpmath.mpf(0.5)) < mpmath.mpf(10) ** (-_DIGITS // 2):
                raise ArithmeticError(f"table entry {mpmath.nstr(value, 40)} is too near a tie to round")
            out[i] = int(nearest)
    return out.astype(np.int32)


@lru_cache(maxsize=8)
def _exp_table(spec: TableSpec, bits: int) -> np.ndarray:
    step = np.ldexp(1.0, spec.exp_step_log2) / np.sqrt(spec.score_divisor)
    values = spec.exp_top * np.exp(-np.arange(1 << bits) * step)

    def exact(i: int) -> mpmath.mpf:
        scaled = i * mpmath.ldexp(1, spec.exp_step_log2) / mpmath.sqrt(spec.score_divisor)
        return spec.exp_top * mpmath.exp(-scaled)

    out = _rounded(values, exact)
    out[-1] = 0
    return out


def exp_table(spec: TableSpec, bits: int) -> np.ndarray:
    """int32[2^bits], non-increasing, last entry 0."""
    return _exp_table(spec, bits).copy()


def gelu_new(x: mpmath.mpf) -> mpmath.mpf:
    """Hugging Face's `gelu_new`: the tanh form, with its literal constant 0.044715."""
    inner = mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf("0.044715") * x**3)
    return x * (1 + mpmath.tanh(inner)) / 2


@lru_cache(maxsize=8)
def _gelu_table(in_log2: int, out_log2: int, bits: int) -> np.ndarray:
    """For x > 0, gelu(-x) = -tail(x) and gelu(x) = x - tail(x), tail(x) = x / (1 + exp(2 inner(x))) > 0."""
    half, shift = 1 << (bits - 1), out_log2 - in_log2
    i = np.arange(1, half + 1)
    x = np.ldexp(i.astype(np.float64), -in_log2)
    inner = np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)
    tail = np.ldexp(x / (1 + np.exp(np.minimum(2 * inner, 700.0))), out_log2)

    def exact(sign: int) -> Callable[[int], mpmath.mpf]:
        return lambda n: mpmath.ldexp(gelu_new(mpmath.ldexp(sign * (n + 1), -in_log2)), out_log2)

    out = np.zeros(2 * half, dtype=np.int32)
    out[:half] = _rounded(-tail, exact(-1))[::-1]
    above = np.ldexp(i[:-1].astype(np.float64), shift) - tail[:-1]
    if shift < 0:
        # far out the tail vanishes and x itself may be a tie: the value is just below it, so it rounds down
        vanished = tail[:-1] < 1e-12
        above = np.where(vanished, np.ceil(np.ldexp(i[:-1].astype(np.float64), shift) - 0.5), above)
    out[half + 1 :] = _rounded(above, exact(1))
    return out


def gelu_table(spec: TableSpec, bits: int) -> np.ndarray:
    """int32[classes, 2^bits]: the value for signed input i at index i + 2^(bits - 1)."""
    scales = zip(spec.gelu_in_log2, spec.gelu_out_log2, strict=True)
    return np.stack([_gelu_table(f, g, bits) for f, g in scales])
