"""What the Gemmas have of their own: gains that are stored less one, and an embedding that is scaled."""

from __future__ import annotations

from math import frexp, sqrt

import numpy as np

SIGNIFICANT_BITS = {"bfloat16": 8, "float16": 11, "float32": 24, "float64": 24}
"""By the type that weights are loaded to: of the number that the embedding is scaled by, itself a float32."""


def embedding_scale(width: int, dtype: str) -> float:
    """sqrt(width) as float32, rounded to the type of the weights, to nearest and even: what transformers
    multiplies the embedding by."""
    scale = float(np.float32(sqrt(width)))
    mantissa, exponent = frexp(scale)
    bits = SIGNIFICANT_BITS[dtype]
    return float(np.ldexp(np.rint(np.ldexp(mantissa, bits)), exponent - bits))


def odd_part(scale: float) -> tuple[int, int]:
    """(c, k) with scale = c 2^-k, c odd."""
    c, denominator = scale.as_integer_ratio()
    k = denominator.bit_length() - 1
    while c % 2 == 0:
        c, k = c // 2, k - 1
    return c, k
