"""Slow twins of the outer proof's native kernels. Polynomials are lists of coefficients, lowest first."""

from __future__ import annotations

from collections.abc import Sequence

from zkllm.field import R, root_of_unity
from zkllm.outer.gates import COSET_SHIFTS
from zkllm.poseidon2 import DIAGONAL

Poly = list[int]

M4 = ((5, 7, 1, 3), (4, 6, 1, 1), (1, 3, 5, 7), (1, 1, 4, 6))
M_I = tuple(tuple(DIAGONAL[i] + 1 if i == j else 1 for j in range(4)) for i in range(4))


def add(*polys: Sequence[int]) -> Poly:
    out = [0] * max(map(len, polys), default=0)
    for p in polys:
        for i, c in enumerate(p):
            out[i] = (out[i] + c) % R
    return out


def scale(p: Sequence[int], k: int) -> Poly:
    return [c * k % R for c in p]


def multiply(*polys: Sequence[int]) -> Poly:
    out = [1]
    for p in polys:
        product = [0] * (len(out) + len(p) - 1) if p else []
        for i, x in enumerate(out):
            for j, y in enumerate(p):
                product[i + j] += x * y
        out = [c % R for c in product]
    return out


def evaluate(p: Sequence[int], x: int) -> int:
    return sum(c * pow(x, i, R) for i, c in enumerate(p)) % R


def transform(p: Sequence[int], n: int) -> list[int]:
    """Evaluations on the subgroup of order n."""
    w = root_of_unity(n.bit_length() - 1)
    return [evaluate(p, pow(w, i, R)) for i in range(n)]


def interpolate(values: Sequence[int]) -> Poly:
    """Coefficients of the polynomial with these values on the subgroup of order len(values)."""
    n = len(values)
    w = pow(root_of_unity(n.bit_length() - 1), -1, R)
    return [sum(v * pow(w, i * j, R) for j, v in enumerate(values)) * pow(n, -1, R) % R for i in range(n)]


def pack(polys: Sequence[Sequence[int]]) -> Poly:
    """sum X^j p_j(X^t)."""
    n = max(map(len, polys), default=0)
    return [p[i] if i < len(p) else 0 for i in range(n) for p in polys]


def divide(p: Sequence[int], degree: int, lead: int, constant: int) -> tuple[Poly, Poly]:
    """Quotient and remainder by lead X^degree - constant."""
    rest, quotient = list(p), [0] * max(len(p) - degree, 0)
    for i in reversed(range(len(quotient))):
        quotient[i] = rest[i + degree] * pow(lead, -1, R) % R
        rest[i] = (rest[i] + quotient[i] * constant) % R
    rest = rest[:degree]
    return quotient, rest + [0] * (degree - len(rest))


def eq(u: Sequence[int]) -> Poly:
    """eq(., u) for all Boolean points, most significant bit first."""
    out = []
    for i in range(1 << len(u)):
        value = 1
        for j, c in enumerate(u):
            bit = i >> (len(u) - 1 - j) & 1
            value = value * (c if bit else 1 - c) % R
        out.append(value)
    return out


def fold(f: Sequence[int], weights: Sequence[int]) -> Poly:
    """h[row] = sum_col weights[col] f[row b + col]."""
    b = len(weights)
    return [sum(w * f[row + col] for col, w in enumerate(weights)) % R for row in range(0, len(f), b)]


def symmetric(g: Sequence[int], p: Sequence[int]) -> tuple[int, Poly]:
    """(constant, S) with g(X) p(1/X) + g(1/X) p(X) = constant + X S(X) + S(1/X)/X."""
    m = len(g)
    coefficient = lambda k: sum(g[i + k] * p[i] for i in range(max(0, -k), m - max(0, k)))
    return 2 * coefficient(0) % R, [(coefficient(k) + coefficient(-k)) % R for k in range(1, m)]


def divide_by_vanishing(p: Sequence[int], n: int) -> Poly:
    """Exact quotient by X^n - 1; raises ValueError when a remainder is left."""
    quotient, rest = divide(p, n, 1, 1)
    if any(rest):
        raise ValueError("not a multiple of X^n - 1")
    return quotient


def rotate(p: Sequence[int], n: int) -> Poly:
    """p(w X): the value of the next row."""
    w = root_of_unity(n.bit_length() - 1)
    return [c * pow(w, i, R) % R for i, c in enumerate(p)]


def grand_product(
    columns: Sequence[Sequence[int]], sigma: Sequence[Sequence[int]], beta: int, gamma: int
) -> list[int]:
    """z on H."""
    n = len(columns[0])
    w, z = root_of_unity(n.bit_length() - 1), [1]
    for i in range(n - 1):
        value = z[-1]
        for j, shift in enumerate(COSET_SHIFTS):
            value *= columns[j][i] + beta * shift * pow(w, i, R) + gamma
            value = value * pow(columns[j][i] + beta * sigma[j][i] + gamma, -1, R) % R
        z.append(value)
    return z


def quotients(
    preprocessed: Sequence[Poly],
    wires: Sequence[Poly],
    z: Poly,
    public: Sequence[int],
    challenges: tuple[int, int, int],
) -> tuple[Poly, Poly]:
    """(Tp, Tg) by multiplying polynomials out. challenges: beta_p, gamma_p, alpha_p."""
    n = len(z)
    beta, gamma, alpha = challenges
    q, sigma = preprocessed[:9], preprocessed[9:]
    left, right = z, rotate(z, n)
    for w, shift, s in zip(wires, COSET_SHIFTS, sigma, strict=True):
        left = multiply(left, add(w, [gamma, beta * shift % R]))
        right = multiply(right, add(w, scale(s, beta), [gamma]))
    tp = divide_by_vanishing(add(left, scale(right, R - 1)), n)

    a, b = wires[0], wires[1]
    flags = add(*q[6:9])
    linear = [multiply(q[i], wires[i]) for i in range(4)]
    arithmetic = add(*linear, multiply(q[4], a, b), q[5])
    pi = interpolate([(-x) % R for x in public] + [0] * (n - len(public)))
    terms = [add(multiply(add([1], scale(flags, R - 1)), arithmetic), pi)]
    u = [multiply(*[add(wires[i], q[i])] * 5) for i in range(4)]
    rows = ((M4, u, q[6]), (M_I, [u[0], *wires[1:]], q[7]), (M4, list(wires), q[8]))
    for i in range(4):
        term = multiply(flags, rotate(wires[i], n))
        for matrix, state, flag in rows:
            image = add(*(scale(s, matrix[i][j]) for j, s in enumerate(state)))
            term = add(term, scale(multiply(flag, image), R - 1))
        terms.append(term)
    total = add(*(scale(t, pow(alpha, i, R)) for i, t in enumerate(terms)))
    return tp, divide_by_vanishing(total, n)
