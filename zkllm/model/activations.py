"""The activations of the MLP: in floats, and as the tables that are proved.

To the protocol an activation is a table of one input and one output and nothing else, so that another one is
another entry of `ACTIVATIONS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import erf, erfc, pi, sqrt

import mpmath
import numpy as np

from zkllm.model.rounding import rounded


@dataclass(frozen=True)
class Activation:
    """`name` is that of table specifications; `names` are those under which transformers has it."""

    name: str
    names: tuple[str, ...]
    text: str  # what it is, for people
    values: Callable[[np.ndarray], np.ndarray]  # in floats
    exact: Callable[[mpmath.mpf], mpmath.mpf]  # of a real number
    output: Callable[[int, int, int], int]
    """(f, a, b) -> fractional bits of the output, for inputs of b bits with f fractional ones: the largest
    with which the table fits words of a bits."""
    table: Callable[[int, int, int], np.ndarray]
    """(f, g, b) -> int32[2^b]: for the signed input i, at index i + 2^(b-1), round(2^g values(i / 2^f))."""


def gelu_new(x: np.ndarray) -> np.ndarray:
    """Hugging Face's `gelu_new`: the tanh form, with its literal constant 0.044715."""
    return 0.5 * x * (1 + np.tanh(sqrt(2 / pi) * (x + 0.044715 * (x * x * x))))


def gelu_output(f: int, act_bits: int, bits: int) -> int:
    """gelu(x) <= max(x, 0), and so is silu(x), so the table fits the word."""
    return f + act_bits - bits - (bits > act_bits)


def exact_gelu(x: mpmath.mpf) -> mpmath.mpf:
    """`gelu_new` of a real number."""
    inner = mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf("0.044715") * x**3)
    return x * (1 + mpmath.tanh(inner)) / 2


_GRID, _FAR = 10, 9  # steps of 2^-10; beyond 9 the normal distribution is 0 or 1 to all digits of a float


@lru_cache(maxsize=1)
def _normal_grid() -> tuple[np.ndarray, np.ndarray]:
    """The normal distribution function and its derivative times a step, on [-9, 9]."""
    points = np.arange(-_FAR << _GRID, (_FAR << _GRID) + 2) / (1 << _GRID)
    values = np.array([(1 + erf(x / sqrt(2))) / 2 for x in points.tolist()])
    return values, np.exp(-(points**2) / 2) / sqrt(2 * pi) / (1 << _GRID)


def normal(x: np.ndarray) -> np.ndarray:
    """The normal distribution function in float64, by cubics that have its values and slopes on a grid: to
    1e-13."""
    values, slopes = _normal_grid()
    at = (np.clip(x.astype(np.float64), -_FAR, _FAR) + _FAR) * (1 << _GRID)
    i = at.astype(np.int64)
    s = at - i
    rest, step = 1 - s, s * s * (3 - 2 * s)
    found: np.ndarray = values[i] + step * (values[i + 1] - values[i])
    found += s * rest * (rest * slopes[i] - s * slopes[i + 1])
    return found


def gelu_erf(x: np.ndarray) -> np.ndarray:
    """x times the normal distribution function of x: the GELU itself."""
    product: np.ndarray = x * normal(x)
    return product


def exact_gelu_erf(x: mpmath.mpf) -> mpmath.mpf:
    """`gelu_erf` of a real number."""
    return x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2


def silu(x: np.ndarray) -> np.ndarray:
    """x / (1 + exp(-x)), also known as swish."""
    return x / (1 + np.exp(-np.maximum(x, -700)))


def exact_silu(x: mpmath.mpf) -> mpmath.mpf:
    """`silu` of a real number."""
    return x / (1 + mpmath.exp(-x))


@lru_cache(maxsize=8)
def _gelu_table(in_log2: int, out_log2: int, bits: int) -> np.ndarray:
    inner = lambda x: np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)
    return _gate_table(in_log2, out_log2, bits, lambda x: _logistic_tail(x, 2 * inner(x)), exact_gelu)


@lru_cache(maxsize=8)
def _silu_table(in_log2: int, out_log2: int, bits: int) -> np.ndarray:
    return _gate_table(in_log2, out_log2, bits, lambda x: _logistic_tail(x, x), exact_silu)


@lru_cache(maxsize=8)
def _gelu_erf_table(in_log2: int, out_log2: int, bits: int) -> np.ndarray:
    tail = lambda x: x * np.array([erfc(of) for of in (x / sqrt(2)).tolist()]) / 2
    return _gate_table(in_log2, out_log2, bits, tail, exact_gelu_erf)


def _logistic_tail(x: np.ndarray, exponent: np.ndarray) -> np.ndarray:
    """x - x / (1 + exp(-exponent))."""
    tail: np.ndarray = x / (1 + np.exp(np.minimum(exponent, 700.0)))
    return tail


def _gate_table(
    in_log2: int,
    out_log2: int,
    bits: int,
    tail_of: Callable[[np.ndarray], np.ndarray],
    function: Callable[[mpmath.mpf], mpmath.mpf],
) -> np.ndarray:
    """Of f(x) = x p(x) with p(-x) = 1 - p(x): for x > 0, f(-x) = -tail(x) and f(x) = x - tail(x), tail(x) = x
    (1 - p(x)) > 0."""
    half, shift = 1 << (bits - 1), out_log2 - in_log2
    i = np.arange(1, half + 1)
    x = np.ldexp(i.astype(np.float64), -in_log2)
    tail = np.ldexp(tail_of(x), out_log2)

    def exact(sign: int) -> Callable[[int], mpmath.mpf]:
        return lambda n: mpmath.ldexp(function(mpmath.ldexp(sign * (n + 1), -in_log2)), out_log2)

    out = np.zeros(2 * half, dtype=np.int32)
    out[:half] = rounded(-tail, exact(-1))[::-1]
    above = np.ldexp(i[:-1].astype(np.float64), shift) - tail[:-1]
    if shift < 0:
        # far out the tail vanishes and x itself may be a tie: the value is just below it, so it rounds down
        vanished = tail[:-1] < 1e-12
        above = np.where(vanished, np.ceil(np.ldexp(i[:-1].astype(np.float64), shift) - 0.5), above)
    out[half + 1 :] = rounded(above, exact(1))
    return out


GELU = Activation(
    name="gelu_new",
    names=("gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_accurate"),
    text="the tanh form of the GELU",
    values=gelu_new,
    exact=exact_gelu,
    output=gelu_output,
    table=_gelu_table,
)
SILU = Activation(
    name="silu",
    names=("silu", "swish"),
    text="the SiLU",
    values=silu,
    exact=exact_silu,
    output=gelu_output,
    table=_silu_table,
)
GELU_ERF = Activation(
    name="gelu",
    names=("gelu", "gelu_python"),
    text="the GELU",
    values=gelu_erf,
    exact=exact_gelu_erf,
    output=gelu_output,
    table=_gelu_erf_table,
)
ACTIVATIONS = {activation.name: activation for activation in (GELU,)}
"""GPT-2's."""
GATES = {activation.name: activation for activation in (SILU, GELU, GELU_ERF)}
"""The Llama family's."""
