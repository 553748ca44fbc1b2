"""Rotary frequencies by `rope_type`, and their tables of cosines and sines.

With theta the base, r the features of a head that are turned, e_j = theta^(-2 j / r) for j < r / 2, position
t turns by t f_j:

    default   f_j = e_j
    linear    f_j = e_j / factor
    llama3    w = 2 pi / e_j:  e_j / factor where w > o / low,  e_j where w < o / high,  between them
              (1 - s) e_j / factor + s e_j, s = (o / w - low) / (high - low), o the original positions
    longrope  e_j / factors_j; cosines and sines are times attention, or where that is 0 by
              sqrt(1 + ln factor / ln o), 1 for a factor of at most 1

The numbers are the configuration's, as doubles; the model is the formula, not a library's float32 of it.
`dynamic` is `default` up to the positions that the checkpoint was trained on, which no program goes beyond;
nor does one go beyond o in a longrope, whose factors are another list there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from math import isfinite, log, pi, sqrt

import mpmath
import numpy as np

from zkllm.errors import Malformed
from zkllm.model.rounding import rounded
from zkllm.records import ABSENT

KINDS = ("default", "linear", "llama3", "longrope")


@dataclass(frozen=True)
class Rotary:
    """What the frequencies are made from; numbers that a kind does not use are 0, or a factor 1."""

    kind: str = "default"
    theta: float = 10000.0
    factor: float = 1.0
    low: float = 0.0
    high: float = 0.0
    original: float = 0.0  # positions
    factors: tuple[float, ...] = field(default=(), metadata=ABSENT)  # of each pair
    attention: float = field(default=0.0, metadata=ABSENT)

    def check(self) -> None:
        """Malformed unless frequencies are defined, and written in the one way."""
        numbers = (self.theta, self.factor, self.low, self.high, self.original, *self.factors, self.attention)
        if self.kind not in KINDS or not all(type(x) is float and isfinite(x) for x in numbers):
            raise Malformed("rotary positions: an unknown kind, or a number that is none")
        if not (1.0 < self.theta <= 2.0**60 and 2.0**-20 <= self.factor <= 2.0**20):
            raise Malformed("rotary positions: base or factor out of range")
        if self.kind == "default" and self.factor != 1.0:
            raise Malformed("rotary positions: a factor without a use")
        band = 0 < self.low < self.high <= 2.0**20 and 1 <= self.original <= 2.0**30
        long, no_band = self.kind == "longrope", (self.low, self.high) == (0.0, 0.0)
        scaled = no_band and 2 <= self.original <= 2.0**30
        unused = no_band and self.original == 0.0
        if not (band if self.kind == "llama3" else scaled if long else unused):
            raise Malformed("rotary positions: low, high or original out of range")
        in_range = all(2.0**-20 <= f <= 2.0**20 for f in self.factors) and 0 <= self.attention <= 2.0
        if 2 < self.attention.as_integer_ratio()[1] <= 1 << 15:
            raise Malformed("rotary positions: attention lies between two entries of a table")
        if not (in_range and self.factors if long else (self.factors, self.attention) == ((), 0.0)):
            raise Malformed("rotary positions: factors or attention out of range, or without a use")

    @property
    def magnitude(self) -> float:
        """What cosines and sines are times."""
        if self.kind != "longrope" or self.attention:
            return self.attention or 1.0
        return sqrt(1 + log(self.factor) / log(self.original)) if self.factor > 1 else 1.0

    def exact_magnitude(self) -> mpmath.mpf:
        """The same of real numbers."""
        if self.kind != "longrope" or self.attention or self.factor <= 1:
            return mpmath.mpf(self.magnitude)
        return mpmath.sqrt(1 + mpmath.log(self.factor) / mpmath.log(self.original))


def frequencies(rotary: Rotary, features: int) -> np.ndarray:
    """float64[features / 2]: f_j."""
    plain = rotary.theta ** (-2 * np.arange(features // 2) / features)
    if rotary.kind == "default":
        return plain
    if rotary.kind == "longrope":
        own: np.ndarray = plain / np.array(rotary.factors)
        return own
    slow = plain / rotary.factor
    if rotary.kind == "linear":
        return slow
    turns = rotary.original * plain / (2 * pi)  # o / w
    s = np.clip((turns - rotary.low) / (rotary.high - rotary.low), 0.0, 1.0)
    between: np.ndarray = (1 - s) * slow + s * plain
    return between


def exact_frequency(rotary: Rotary, features: int, j: int) -> mpmath.mpf:
    """f_j of real numbers."""
    plain = mpmath.power(mpmath.mpf(rotary.theta), -mpmath.mpf(2 * j) / features)
    if rotary.kind == "default":
        return plain
    if rotary.kind == "longrope":
        return plain / mpmath.mpf(rotary.factors[j])
    slow = plain / mpmath.mpf(rotary.factor)
    if rotary.kind == "linear":
        return slow
    low, high = mpmath.mpf(rotary.low), mpmath.mpf(rotary.high)
    s = (mpmath.mpf(rotary.original) * plain / (2 * mpmath.pi) - low) / (high - low)
    s = min(max(s, mpmath.mpf(0)), mpmath.mpf(1))
    return (1 - s) * slow + s * plain


@lru_cache(maxsize=4)
def _tables(rotary: Rotary, features: int, positions: int, shift: int) -> tuple[np.ndarray, np.ndarray]:
    angles = np.arange(positions)[:, None] * frequencies(rotary, features)
    half = features // 2

    def exact(function: Callable[[mpmath.mpf], mpmath.mpf]) -> Callable[[int], mpmath.mpf]:
        def entry(i: int) -> mpmath.mpf:
            t, j = divmod(i, half)
            entry = function(t * exact_frequency(rotary, features, j))
            return mpmath.ldexp(rotary.exact_magnitude() * entry, shift)

        return entry

    cos, sin = (
        rounded(np.ldexp(rotary.magnitude * of(angles).reshape(-1), shift), exact(real)).reshape(
            positions, half
        )
        for of, real in ((np.cos, mpmath.cos), (np.sin, mpmath.sin))
    )
    return cos, sin


def rotary_tables(rotary: Rotary, features: int, positions: int, shift: int) -> tuple[np.ndarray, np.ndarray]:
    """int32[positions, features / 2] each: round(2^shift m cos(t f_j)), round(2^shift m sin(t f_j)), m the
    magnitude."""
    cos, sin = _tables(rotary, features, positions, shift)
    return cos.copy(), sin.copy()
