"""The GELU and exponential tables, correctly rounded with mpmath.

libm and SIMD levels differ in the last bit; these tables are part of what `model_id` commits to, so they
must come out the same everywhere.
"""

from __future__ import annotations

import mpmath
import numpy as np

from zkllm.model.weights import TableSpec

_DIGITS = 60  # a tie or a misrounding would need 30 equal digits after the point; checked below


def _round(x: mpmath.mpf) -> int:
    """Nearest integer; the value must be far from a tie at the working precision."""
    n = int(mpmath.floor(x + mpmath.mpf(0.5)))
    distance = abs(abs(x - n) - mpmath.mpf(0.5))
    if distance < mpmath.mpf(10) ** (-_DIGITS // 2):
        raise ArithmeticError(f"table entry {mpmath.nstr(x, 40)} is too near a tie to round")
    return n


def exp_table(spec: TableSpec, bits: int) -> np.ndarray:
    """int32[2^bits], non-increasing, last entry 0."""
    size = 1 << bits
    out = np.zeros(size, dtype=np.int32)
    with mpmath.workdps(_DIGITS):
        step = mpmath.ldexp(1, spec.exp_step_log2) / mpmath.sqrt(spec.score_divisor)
        for i in range(size - 1):
            value = spec.exp_top if i == 0 else _round(spec.exp_top * mpmath.exp(-i * step))
            if value == 0:
                break  # decreasing: all further entries are 0
            out[i] = value
    return out


def gelu_new(x: mpmath.mpf) -> mpmath.mpf:
    """Hugging Face's `gelu_new`: the tanh form, with its literal constant 0.044715."""
    inner = mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf("0.044715") * x**3)
    return x * (1 + mpmath.tanh(inner)) / 2


def gelu_table(spec: TableSpec, bits: int) -> np.ndarray:
    """int32[2^bits]: the value for signed input i at index i + 2^(bits - 1)."""
    half = 1 << (bits - 1)
    out = np.zeros(2 * half, dtype=np.int32)
    with mpmath.workdps(_DIGITS):
        for i in range(1, half + 1):
            x = mpmath.ldexp(i, -spec.gelu_in_log2)
            # gelu(x) - gelu(-x) = x: one tanh serves both signs, each side rounded on its own
            positive = mpmath.ldexp(gelu_new(x), spec.gelu_out_log2)
            negative = positive - mpmath.ldexp(x, spec.gelu_out_log2)
            if i < half:
                out[half + i] = _saturated(positive, negative, i, spec)
            out[half - i] = _round(negative) if negative < mpmath.mpf(-1e-9) else 0
    return out


def _saturated(positive: mpmath.mpf, negative: mpmath.mpf, i: int, spec: TableSpec) -> int:
    """gelu(x) for x > 0. Where gelu(-x) is below 1e-9 units, gelu(x) lies just below x * 2^gelu_out_log2."""
    if negative < mpmath.mpf(-1e-9):
        return _round(positive)
    shift = spec.gelu_out_log2 - spec.gelu_in_log2
    if shift >= 0:
        return i << shift
    # floor((2x - tiny + 1) / 2): a tie of x itself rounds down, since the value is below it
    return ((i << 1) + (1 << -shift) - 1) >> (1 - shift)
