"""Values of a polynomial on a subgroup, and back."""

from __future__ import annotations

from collections.abc import Sequence

from ..field import R


def powers(x: int, count: int) -> list[int]:
    """1, x, x^2, .."""
    values = [1] * count
    for i in range(1, count):
        values[i] = values[i - 1] * x % R
    return values


def transform(f: Sequence[int], root: int) -> list[int]:
    """f(root^i) for i < len(f), a power of two, of whose order `root` is a primitive root."""
    return [x % R for x in _halves(f, powers(root, len(f) // 2))]


def _halves(f: Sequence[int], roots: Sequence[int]) -> Sequence[int]:
    """The same by f = even(X^2) + X odd(X^2), not reduced."""
    if len(f) == 1:
        return f
    if len(f) == 2:  # half of all calls less
        return [f[0] + f[1], f[0] - f[1]]
    even, odd = _halves(f[::2], roots[::2]), _halves(f[1::2], roots[::2])
    odd = [x * b % R for x, b in zip(roots, odd, strict=True)]
    return [a + b for a, b in zip(even, odd, strict=True)] + [a - b for a, b in zip(even, odd, strict=True)]


def interpolate(values: Sequence[int], root: int) -> list[int]:
    """The coefficients of the polynomial with these values at root^i."""
    scale = pow(len(values), -1, R)
    return [c * scale % R for c in transform(values, pow(root, -1, R))]


def on_coset(f: Sequence[int], shift: int, root: int, n: int) -> list[int]:
    """f(shift root^i) for i < n."""
    scaled = [c * x % R for c, x in zip(f, powers(shift, len(f)), strict=True)]
    return transform(scaled + [0] * (n - len(f)), root)


def from_coset(values: Sequence[int], shift: int, root: int) -> list[int]:
    """The coefficients of the polynomial with these values at shift root^i."""
    scaled = interpolate(values, root)
    return [c * x % R for c, x in zip(scaled, powers(pow(shift, -1, R), len(scaled)), strict=True)]
