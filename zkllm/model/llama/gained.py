"""Scales and widths of RMSNorms with gains (`zkllm.ops.gained_norm`): nothing of them needs a calibration,
since what they read is ranged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, frexp, isqrt, log2, sqrt

from zkllm.llama.config import NormConfig
from zkllm.model.predicates import ACCUMULATOR_BITS
from zkllm.model.quantize import whole_limbs

LEAST_RHO_BITS = 10  # significant bits of rho on the widest row that the range admits
GAIN_BITS = 15  # of the largest gain, at least;
ENOUGH_GAIN_BITS = 24  # with which those a thousand times smaller, as there are, have 14
MOST_GAIN_BITS = 30


@dataclass(frozen=True)
class Made:
    """What is made by gains of at most this magnitude, at this scale."""

    gain: float
    scale: int


def eps_of(eps: float, width: int, scale: int) -> int:
    """eps_int of rows with this scale."""
    return max(1, round(eps * width * 4.0**scale))


def choose_norm(width: int, bits: int, made: Sequence[Made], eps: Sequence[int], limb: int) -> NormConfig:
    """Of rows that are ranged by `bits`. The remainder has whole limbs; what bits that leaves are the gains',
    and beyond enough of them rho's. A gain's scale is its output's, less kappa, with the shift."""
    kappa = LEAST_RHO_BITS + bits - 1
    own = [GAIN_BITS - frexp(m.gain)[1] + kappa - m.scale for m in made]
    shift = whole_limbs(max(1, *own), limb)
    kappa += max(0, shift - max(own) - (ENOUGH_GAIN_BITS - GAIN_BITS))
    # gain D rho is traced as a 64-bit integer
    widest = max(m.scale + shift - kappa + frexp(m.gain)[1] for m in made)
    most = min(MOST_GAIN_BITS, ACCUMULATOR_BITS - kappa - ceil(log2(width) / 2) - 1)
    shift -= max(0, widest - most)
    q = width * (1 << 2 * (bits - 1)) + max(eps)
    rho = isqrt((width << 2 * kappa) // min(eps)).bit_length()
    norm = ceil(log2(2 * sqrt(q * width) * 2.0**kappa + q))
    return NormConfig(kappa, shift, whole_limbs(rho, limb, 128), whole_limbs(norm, limb, 128))
