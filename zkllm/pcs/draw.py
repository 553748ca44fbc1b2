"""Points and field elements drawn from a seed, as powers-of-tau ceremonies do it: ChaCha20 with a
counter of four words, candidates until one fits, and the cofactor of G2."""

from __future__ import annotations

import struct

from Crypto.Cipher import ChaCha20

from zkllm.field import P, R
from zkllm.pcs.bn128 import bn
from zkllm.pcs.curve import decode_g1, decode_g2, encode_g1, encode_g2

_BITS = 254
_MONTGOMERY = 1 << 256
G2_COFACTOR = 2 * P - R


class ChaCha:
    """A stream of 32-bit words."""

    def __init__(self, seed: tuple[int, ...]):
        """seed: eight words."""
        # a nonce of 8 bytes, all zero: the upper half of a counter of 128 bits, which nothing gets to
        self._cipher = ChaCha20.new(key=struct.pack("<8I", *seed), nonce=bytes(8))

    @classmethod
    def from_digest(cls, digest: bytes) -> ChaCha:
        """Seeded by the first 32 bytes of a hash."""
        return cls(struct.unpack(">8I", digest[:32]))

    def u32(self) -> int:
        return int.from_bytes(self._cipher.encrypt(bytes(4)), "little")

    def below(self, modulus: int) -> int:
        """Four words of 64 bits, the lowest first, each with its upper half first; cut to 254 bits."""
        while True:
            value = 0
            for i in range(4):
                upper = self.u32()
                value |= (upper << 32 | self.u32()) << (64 * i)
            value &= (1 << _BITS) - 1
            if value < modulus:
                return value


def _montgomery(rng: ChaCha, modulus: int) -> int:
    """The drawn number is an element's Montgomery form."""
    return rng.below(modulus) * pow(_MONTGOMERY, -1, modulus) % modulus


def draw_fr(rng: ChaCha) -> int:
    return _montgomery(rng, R)


def _root(a: int) -> int | None:
    """A square root in the prime field."""
    root = pow(a, (P + 1) // 4, P)
    return root if root * root % P == a % P else None


def _root2(a: tuple[int, int]) -> tuple[int, int] | None:
    """A square root of a[0] + a[1] u, u^2 = -1."""
    norm = _root(a[0] * a[0] + a[1] * a[1])
    if norm is None:
        return None
    for sign in (norm, -norm):
        real = _root((a[0] + sign) * pow(2, -1, P))
        if real:
            return real, a[1] * pow(2 * real, -1, P) % P
    imaginary = _root(-a[0])  # a real number that is no square, or zero
    return None if imaginary is None or a[1] else (0, imaginary)


def _is_upper(value: int) -> bool:
    return value > P // 2


def draw_g1(rng: ChaCha) -> bytes:
    """Wire encoding."""
    while True:
        x = _montgomery(rng, P)
        upper = bool(rng.u32() & 1)
        y = _root(x * x * x + 3)
        if y is not None:
            y = y if _is_upper(y) == upper else -y % P
            return encode_g1((bn.FQ(x), bn.FQ(y), bn.FQ(1)))


def draw_g2(rng: ChaCha) -> bytes:
    """Wire encoding."""
    while True:
        x = bn.FQ2([_montgomery(rng, P), _montgomery(rng, P)])
        upper = bool(rng.u32() & 1)
        square = x * x * x + bn.b2
        y = _root2((int(square.coeffs[0]), int(square.coeffs[1])))
        if y is not None:
            if _is_upper(y[1] or y[0]) != upper:
                y = -y[0] % P, -y[1] % P
            return encode_g2(bn.multiply((x, bn.FQ2(y), bn.FQ2.one()), G2_COFACTOR))


def multiply_g1(point: bytes, scalar: int) -> bytes:
    return encode_g1(bn.multiply(decode_g1(point), scalar % R))


def multiply_g2(point: bytes, scalar: int) -> bytes:
    return encode_g2(bn.multiply(decode_g2(point), scalar % R))
