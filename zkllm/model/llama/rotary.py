"""Rotary frequencies by `rope_type`, and their tables of cosines and sines.

With theta the base, r a head's features, e_j = theta^(-2 j / r) for j < r / 2, position t turns by t f_j:

    default   f_j = e_j
    linear    f_j = e_j / factor
    llama3    w = 2 pi / e_j:  e_j / factor where w > o / low,  e_j where w < o / high,  between them
              (1 - s) e_j / factor + s e_j, s = (o / w - low) / (high - low), o the original positions

The numbers are the configuration's, as doubles; the model is the formula, not a library's float32 of it.
`dynamic` is `default` up to the positions that the checkpoint was trained on, which no program goes beyond.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite, pi

import mpmath
import numpy as np

from zkllm.errors import Malformed
from zkllm.model.rounding import rounded

KINDS = ("default", "linear", "llama3")


@dataclass(frozen=True)
class Rotary:
    """What the frequencies are made from; numbers that a kind does not use are 0, or a factor 1."""

    kind: str = "default"
    theta: float = 10000.0
    factor: float = 1.0
    low: float = 0.0
    high: float = 0.0
    original: float = 0.0  # positions

    def check(self) -> None:
        """Malformed unless frequencies are defined, and written in the one way."""
        numbers = (self.theta, self.factor, self.low, self.high, self.original)
        if self.kind not in KINDS or not all(type(x) is float and isfinite(x) for x in numbers):
            raise Malformed("rotary positions: an unknown kind, or a number that is none")
        if not (1.0 < self.theta <= 2.0**60 and 2.0**-20 <= self.factor <= 2.0**20):
            raise Malformed("rotary positions: base or factor out of range")
        if self.kind == "default" and self.factor != 1.0:
            raise Malformed("rotary positions: a factor without a use")
        band = 0 < self.low < self.high <= 2.0**20 and 1 <= self.original <= 2.0**30
        unused = (self.low, self.high, self.original) == (0.0, 0.0, 0.0)
        if not (band if self.kind == "llama3" else unused):
            raise Malformed("rotary positions: low, high or original out of range")


def frequencies(rotary: Rotary, head_dim: int) -> np.ndarray:
    """float64[head_dim / 2]: f_j."""
    plain = rotary.theta ** (-2 * np.arange(head_dim // 2) / head_dim)
    if rotary.kind == "default":
        return plain
    slow = plain / rotary.factor
    if rotary.kind == "linear":
        return slow
    turns = rotary.original * plain / (2 * pi)  # o / w
    s = np.clip((turns - rotary.low) / (rotary.high - rotary.low), 0.0, 1.0)
    between: np.ndarray = (1 - s) * slow + s * plain
    return between


def exact_frequency(rotary: Rotary, head_dim: int, j: int) -> mpmath.mpf:
    """f_j of real numbers."""
    plain = mpmath.power(mpmath.mpf(rotary.theta), -mpmath.mpf(2 * j) / head_dim)
    if rotary.kind == "default":
        return plain
    slow = plain / mpmath.mpf(rotary.factor)
    if rotary.kind == "linear":
        return slow
    low, high = mpmath.mpf(rotary.low), mpmath.mpf(rotary.high)
    s = (mpmath.mpf(rotary.original) * plain / (2 * mpmath.pi) - low) / (high - low)
    s = min(max(s, mpmath.mpf(0)), mpmath.mpf(1))
    return (1 - s) * slow + s * plain


@lru_cache(maxsize=4)
def _tables(rotary: Rotary, head_dim: int, positions: int, shift: int) -> tuple[np.ndarray, np.ndarray]:
    angles = np.arange(positions)[:, None] * frequencies(rotary, head_dim)
    half = head_dim // 2

    def exact(function: Callable[[mpmath.mpf], mpmath.mpf]) -> Callable[[int], mpmath.mpf]:
        def entry(i: int) -> mpmath.mpf:
            t, j = divmod(i, half)
            return mpmath.ldexp(function(t * exact_frequency(rotary, head_dim, j)), shift)

        return entry

    cos, sin = (
        rounded(np.ldexp(of(angles).reshape(-1), shift), exact(real)).reshape(positions, half)
        for of, real in ((np.cos, mpmath.cos), (np.sin, mpmath.sin))
    )
    return cos, sin


def rotary_tables(rotary: Rotary, head_dim: int, positions: int, shift: int) -> tuple[np.ndarray, np.ndarray]:
    """int32[positions, head_dim / 2] each: round(2^shift cos(t f_j)), round(2^shift sin(t f_j))."""
    cos, sin = _tables(rotary, head_dim, positions, shift)
    return cos.copy(), sin.copy()
