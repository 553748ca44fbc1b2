"""Polynomials as lists of coefficients, lowest first."""

from __future__ import annotations

from collections.abc import Sequence

from ..field import R, root_of_unity
from ..kernels.interface import CircuitColumns, PolynomialKernels
from .circuit import NaiveCircuit
from .transform import interpolate, transform
from .vectors import Values


def evaluate(f: Sequence[int], x: int) -> int:
    total = 0
    for c in reversed(f):
        total = (total * x + c) % R
    return total


def divide(f: Sequence[int], degree: int, lead: int, constant: int) -> tuple[Values, Values]:
    inverse = pow(lead, -1, R)
    rest, quotient = list(f), [0] * max(len(f) - degree, 0)
    for i in reversed(range(len(quotient))):
        quotient[i] = rest[i + degree] * inverse % R
        rest[i] = (rest[i] + quotient[i] * constant) % R
    rest = rest[:degree]
    return quotient, rest + [0] * (degree - len(rest))


class NaivePolynomials(PolynomialKernels[Values]):
    def ntt(self, values: Values, n: int, inverse: bool) -> Values:
        root = root_of_unity(n.bit_length() - 1)
        return interpolate(values, root) if inverse else transform(values + [0] * (n - len(values)), root)

    def pack(self, polys: Sequence[Values]) -> Values:
        n = max(map(len, polys), default=0)
        return [p[i] if i < len(p) else 0 for i in range(n) for p in polys]

    def evaluate(self, f: Values, x: int) -> int:
        return evaluate(f, x)

    def combine(self, polys: Sequence[Values], coefficients: Sequence[int]) -> Values:
        out = [0] * max(map(len, polys), default=0)
        for f, k in zip(polys, coefficients, strict=True):
            for i, c in enumerate(f):
                out[i] = (out[i] + k * c) % R
        return out

    def divide(self, f: Values, degree: int, lead: int, constant: int) -> tuple[Values, Values]:
        return divide(f, degree, lead, constant)

    def divide_in_place(self, f: Values, degree: int, constant: int) -> Values:
        f[:], rest = divide(f, degree, 1, constant)
        return rest

    def reverse(self, f: Values) -> Values:
        return f[::-1]

    def fold(self, f: Values, weights: Values) -> Values:
        b = len(weights)
        return [sum(w * f[row + col] for col, w in enumerate(weights)) % R for row in range(0, len(f), b)]

    def symmetric(self, g: Values, p: Values) -> Values:
        m = len(g)
        coefficient = lambda k: sum(g[i + k] * p[i] for i in range(max(0, -k), m - max(0, k)))
        return [(coefficient(k) + coefficient(-k)) % R for k in range(1, m)]

    def circuit(self, columns: CircuitColumns[Values]) -> NaiveCircuit:
        return NaiveCircuit(columns)
