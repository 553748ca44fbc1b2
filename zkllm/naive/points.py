"""Powers of tau as points one by one over py_ecc, or, where tau is known, as multiples of the generator."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..field import P, R
from ..kernels.interface import CurveKernels, Progress
from ..pcs import naive
from ..pcs.bn128 import bn
from ..pcs.curve import G1_BYTES, decode_g1, encode_g1
from .vectors import Values

Segments = Sequence[tuple[int, np.ndarray]]
COORDINATE = 32  # bytes, in our file little-endian and in Montgomery form


def to_raw(wire: bytes) -> bytes:
    """A point of G1 or G2 in our file's form; EIP-197's has the imaginary parts first."""
    numbers = [int.from_bytes(wire[i : i + COORDINATE]) for i in range(0, len(wire), COORDINATE)]
    if len(wire) > G1_BYTES:
        numbers = [numbers[i] for i in (1, 0, 3, 2)]
    return b"".join(((x << 256) % P).to_bytes(COORDINATE, "little") for x in numbers)


def from_raw(raw: bytes) -> bytes:
    """A point of G1 in wire encoding."""
    numbers = [int.from_bytes(raw[i : i + COORDINATE], "little") for i in range(0, len(raw), COORDINATE)]
    return b"".join((x * pow(2, -256, P) % P).to_bytes(COORDINATE) for x in numbers)


class Encoded:
    """Points in wire encoding."""

    def __init__(self, points: Sequence[bytes]):
        self.points = points

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, i: int) -> bytes:
        return self.points[i]

    def raw(self, start: int, count: int) -> bytes:
        return b"".join(to_raw(self[i]) for i in range(start, start + count))

    def release(self) -> None:
        pass

    def first_invalid(self, progress: Progress | None = None) -> int | None:
        for i in range(len(self)):
            x, y = (int.from_bytes(self[i][k : k + COORDINATE]) for k in (0, COORDINATE))
            if not any(self[i]) or max(x, y) >= P or (y * y - x**3 - 3) % P:
                return i
        return None

    def geometric_sum(self, ratio: int, start: int, count: int, progress: Progress | None = None) -> bytes:
        return naive.geometric_sum(self.points, ratio, start, count)

    def msm(self, scalars: Values, offset: int = 0, progress: Progress | None = None) -> bytes:
        return naive.msm(self.points[offset:], scalars)

    def transform(self, rows: int, block: int, root: int, first: int, count: int) -> Encoded:
        return Encoded(naive.transformed(self.points, rows, block, root, first, count))

    def msm_ints(self, segments: Segments, progress: Progress | None = None) -> bytes:
        return naive.msm_ints(self.points, segments)


class Multiples(Encoded):
    """factors[i] times the generator: a sum of points is the sum of factors times the generator."""

    def __init__(self, factors: list[int]):
        self.factors = factors

    def __len__(self) -> int:
        return len(self.factors)

    def __getitem__(self, i: int) -> bytes:
        return encode_g1(bn.multiply(bn.G1, self.factors[i]))

    def geometric_sum(self, ratio: int, start: int, count: int, progress: Progress | None = None) -> bytes:
        return self.msm([pow(ratio, i, R) for i in range(count)], start)

    def msm(self, scalars: Values, offset: int = 0, progress: Progress | None = None) -> bytes:
        total = sum(x * f for x, f in zip(scalars, self.factors[offset:], strict=False))
        return encode_g1(bn.multiply(bn.G1, total % R))

    def transform(self, rows: int, block: int, root: int, first: int, count: int) -> Multiples:
        at = lambda k, i: sum(pow(root, k * m, R) * self.factors[m * block + first + i] for m in range(rows))
        return Multiples([at(k, i) % R for k in range(2 * rows) for i in range(count)])

    def msm_ints(self, segments: Segments, progress: Progress | None = None) -> bytes:
        total = 0
        for offset, array in segments:
            values = array.reshape(-1).tolist()
            total += sum(x * f for x, f in zip(values, self.factors[offset:], strict=False))
        return encode_g1(bn.multiply(bn.G1, total % R))


class NaiveCurve(CurveKernels[Values]):
    def open_points(self, path: str, offset: int, count: int) -> Encoded:
        return self.points(Path(path).read_bytes()[offset : offset + count * G1_BYTES])

    def points(self, raw: bytes) -> Encoded:
        return Encoded([from_raw(raw[i : i + G1_BYTES]) for i in range(0, len(raw), G1_BYTES)])

    def decode_points(self, encoded: bytes) -> Encoded:
        wires = [encoded[i : i + G1_BYTES] for i in range(0, len(encoded), G1_BYTES)]
        return Encoded([encode_g1(decode_g1(wire)) for wire in wires])

    def powers(self, tau: int, count: int, scale: int, progress: Progress | None = None) -> Multiples:
        factors = [scale % R]
        for _ in range(count - 1):
            factors.append(factors[-1] * tau % R)
        return Multiples(factors)

    def g2_squarings(self, tau: int, count: int) -> bytes:
        return b"".join(to_raw(point) for point in naive.g2_squarings(tau, count))
