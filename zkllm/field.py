"""The scalar field F of BN254, for code that must be read rather than fast.

`Fr` is what the interpreted verifier computes with. The circuit builder's wires support the same
operators, so one text runs on both.
"""

from __future__ import annotations

import secrets

R = 21888242871839275222246405745257275088548364400416034343698204186575808495617
"""Order of G1 and G2: the modulus of F."""

P = 21888242871839275222246405745257275088696311157297823662689037894645226208583
"""The base field's modulus."""

GENERATOR = 5
TWO_ADICITY = 28


def random_scalar() -> int:
    """Uniform below r, from the operating system."""
    return secrets.randbelow(R)


def root_of_unity(log2_order: int) -> int:
    """The primitive 2^log2_order-th root of unity 5^((r-1)/2^log2_order)."""
    if not 0 <= log2_order <= TWO_ADICITY:
        raise ValueError(f"F has no root of unity of order 2^{log2_order}")
    return pow(GENERATOR, (R - 1) >> log2_order, R)


class Fr:
    """An element of F. Mixed arithmetic with `int` is allowed; the result is always reduced."""

    __slots__ = ("value",)

    def __init__(self, value: int):
        self.value = value % R

    def __add__(self, other: Fr | int) -> Fr:
        return Fr(self.value + int(other))

    __radd__ = __add__

    def __sub__(self, other: Fr | int) -> Fr:
        return Fr(self.value - int(other))

    def __rsub__(self, other: Fr | int) -> Fr:
        return Fr(int(other) - self.value)

    def __mul__(self, other: Fr | int) -> Fr:
        return Fr(self.value * int(other))

    __rmul__ = __mul__

    def __neg__(self) -> Fr:
        return Fr(-self.value)

    def inverse(self) -> Fr:
        return Fr(pow(self.value, -1, R))

    def __int__(self) -> int:
        return self.value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fr | int) and self.value == int(other) % R

    def __hash__(self) -> int:
        return hash(self.value)

    def __repr__(self) -> str:
        return f"Fr({self.value})"
