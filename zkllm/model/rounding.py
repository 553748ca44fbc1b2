"""Real functions as tables of integers, correctly rounded.

libm and SIMD levels differ in the last bit; these tables are part of what `model_id` commits to, so they must
come out the same everywhere. Floats decide where they are far from a tie, mpmath where they are not.
"""

from __future__ import annotations

from collections.abc import Callable

import mpmath
import numpy as np

_DIGITS = 60
_NEAR = 1e-4  # distance from a tie below which floats do not decide: 10^4 times their error


def rounded(approximate: np.ndarray, exact: Callable[[int], mpmath.mpf]) -> np.ndarray:
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
