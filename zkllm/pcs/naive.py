"""Slow twins of the curve kernels, over py_ecc."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from py_ecc import optimized_bn128 as bn

from zkllm.field import R
from zkllm.pcs.curve import decode_g1, encode_g1, encode_g2, linear_combination_g1


def powers(tau: int, count: int, scale: int = 1) -> list[bytes]:
    """scale tau^i times the generator of G1."""
    return [encode_g1(bn.multiply(bn.G1, scale * pow(tau, i, R) % R)) for i in range(count)]


def g2_squarings(tau: int, count: int) -> list[bytes]:
    """[tau^(2^i)]_2."""
    return [encode_g2(bn.multiply(bn.G2, pow(tau, 1 << i, R))) for i in range(count)]


def msm(points: Sequence[bytes], scalars: Sequence[int]) -> bytes:
    """sum scalars[i] points[i]."""
    return encode_g1(
        linear_combination_g1([(s % R, decode_g1(p)) for s, p in zip(scalars, points, strict=False)])
    )


def geometric_sum(points: Sequence[bytes], ratio: int, start: int, count: int) -> bytes:
    """sum_i ratio^i points[start + i]."""
    return msm(points[start : start + count], [pow(ratio, i, R) for i in range(count)])


def msm_ints(points: Sequence[bytes], segments: Sequence[tuple[int, np.ndarray]]) -> bytes:
    """sum over segments (offset, integers) of values[i] points[offset + i]."""
    terms = []
    for offset, array in segments:
        terms += [(int(v) % R, decode_g1(points[offset + i])) for i, v in enumerate(array.reshape(-1))]
    return encode_g1(linear_combination_g1(terms))
