"""G1 and G2 of BN254 in the encodings of proofs, keys and calldata, over py_ecc. Pure Python.

G1: 64 bytes, x then y, big-endian; infinity is 64 zero bytes. G2: 128 bytes in the order of EIP-197,
x_imaginary, x_real, y_imaginary, y_real; infinity does not occur.
"""

from __future__ import annotations

from functools import lru_cache

from zkllm.errors import Malformed
from zkllm.field import P
from zkllm.pcs.bn128 import bn

G1_BYTES = 64
G2_BYTES = 128
COORDINATE_BYTES = 32

Point = tuple[bn.FQ, bn.FQ, bn.FQ]
Point2 = tuple[bn.FQ2, bn.FQ2, bn.FQ2]

G1_GENERATOR = (1).to_bytes(COORDINATE_BYTES, "big") + (2).to_bytes(COORDINATE_BYTES, "big")


class OffCurve(Malformed):
    """Coordinates that are no point."""


def g1_coordinates(data: bytes) -> tuple[int, int]:
    """(x, y) of `data`, (0, 0) for infinity. Raises Malformed unless it is the one encoding of a point of the
    curve (G1 has cofactor 1), OffCurve where all but the curve's equation holds."""
    if len(data) != G1_BYTES:
        raise Malformed(f"a G1 point has {G1_BYTES} bytes, got {len(data)}")
    x, y = (int.from_bytes(data[i : i + COORDINATE_BYTES], "big") for i in (0, COORDINATE_BYTES))
    if x >= P or y >= P:
        raise Malformed("coordinate is not below p")
    if (x or y) and (y * y - x * x * x - 3) % P:  # infinity is (0, 0), which is not on the curve
        raise OffCurve("point is not on the curve")
    return x, y


def decode_g1(data: bytes) -> Point:
    """Raises ValueError unless `data` is the one encoding of a point."""
    x, y = g1_coordinates(data)
    return (bn.FQ(x), bn.FQ(y), bn.FQ(1)) if x or y else bn.Z1


def encode_g1(point: Point) -> bytes:
    if bn.is_inf(point):
        return bytes(G1_BYTES)
    x, y = bn.normalize(point)
    return int(x).to_bytes(COORDINATE_BYTES, "big") + int(y).to_bytes(COORDINATE_BYTES, "big")


@lru_cache(maxsize=64)  # every key that is read names the same few, and the order takes 0.1 s to check
def decode_g2(data: bytes) -> Point2:
    """Raises ValueError unless `data` encodes a point of order r other than infinity."""
    if len(data) != G2_BYTES:
        raise Malformed(f"a G2 point has {G2_BYTES} bytes, got {len(data)}")
    c = [int.from_bytes(data[i : i + COORDINATE_BYTES], "big") for i in range(0, G2_BYTES, COORDINATE_BYTES)]
    if any(v >= P for v in c):
        raise Malformed("coordinate is not below p")
    point = (bn.FQ2([c[1], c[0]]), bn.FQ2([c[3], c[2]]), bn.FQ2.one())
    if not bn.is_on_curve(point, bn.b2):
        raise Malformed("point is not on the twist")
    if not bn.is_inf(bn.multiply(point, bn.curve_order)):
        raise Malformed("point is not in the subgroup of order r")
    return point


def encode_g2(point: Point2) -> bytes:
    x, y = bn.normalize(point)
    coordinates = (x.coeffs[1], x.coeffs[0], y.coeffs[1], y.coeffs[0])
    return b"".join(int(v).to_bytes(COORDINATE_BYTES, "big") for v in coordinates)


def negate_g1(point: Point) -> Point:
    return bn.neg(point)


def negate_wire_g1(data: bytes) -> bytes:
    """The opposite point, encoding to encoding."""
    y = int.from_bytes(data[COORDINATE_BYTES:], "big")
    return data[:COORDINATE_BYTES] + (-y % P).to_bytes(COORDINATE_BYTES, "big")


def linear_combination_g1(terms: list[tuple[int, Point]]) -> Point:
    """sum scalar * point."""
    total = bn.Z1
    for scalar, point in terms:
        total = bn.add(total, bn.multiply(point, scalar))
    return total


def pairing_product_is_one(pairs: list[tuple[Point, Point2]]) -> bool:
    """prod e(P, Q) = 1, with one final exponentiation."""
    product = bn.FQ12.one()
    for p, q in pairs:
        product *= bn.pairing(q, p, final_exponentiate=False)
    return bn.final_exponentiate(product) == bn.FQ12.one()


G2_GENERATOR = encode_g2(bn.G2)
