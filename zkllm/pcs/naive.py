"""Slow twins of the curve kernels, over py_ecc."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zkllm.field import P, R
from zkllm.pcs.bn128 import bn
from zkllm.pcs.curve import decode_g1, decode_g2, encode_g1, encode_g2, linear_combination_g1


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


def transformed(
    points: Sequence[bytes], rows: int, block: int, root: int, first: int, count: int
) -> list[bytes]:
    """sum_m root^(k m) points[m block + first + i] for k < 2 rows, m < rows, i < count, k first."""
    return [
        msm([points[m * block + first + i] for m in range(rows)], [pow(root, k * m, R) for m in range(rows)])
        for k in range(2 * rows)
        for i in range(count)
    ]


def multiplied_g1(points: Sequence[bytes], ratio: int, scale: int) -> list[bytes]:
    """scale ratio^i points[i]."""
    return [encode_g1(bn.multiply(decode_g1(p), scale * pow(ratio, i, R) % R)) for i, p in enumerate(points)]


def multiplied_g2(points: Sequence[bytes], ratio: int, scale: int) -> list[bytes]:
    """scale ratio^i points[i]."""
    return [encode_g2(bn.multiply(decode_g2(p), scale * pow(ratio, i, R) % R)) for i, p in enumerate(points)]


def geometric_sum_g2(points: Sequence[bytes], ratio: int) -> bytes:
    """sum ratio^i points[i]."""
    total = bn.Z2
    for i, p in enumerate(points):
        total = bn.add(total, bn.multiply(decode_g2(p), pow(ratio, i, R)))
    return encode_g2(total)


def compressed(point: bytes) -> bytes:
    """Half of the wire encoding of G1 or G2, its highest bit saying that y (of G2 the imaginary part unless
    that is zero) is above (p - 1) / 2."""
    half = len(point) // 2
    parts = [int.from_bytes(point[i : i + 32], "big") for i in range(half, len(point), 32)]
    upper = next((y for y in parts if y), 0) > (P - 1) // 2
    return bytes([point[0] | (0x80 if upper else 0)]) + point[1:half]
