"""Mercury (Eagen, Gabizon 2025, eprint 2025/385), the verifier's formulas. docs/protocol.md, 6.

The evaluation table of f: {0,1}^mu -> F, most significant bit first, is the coefficient vector of f(X); it
has 2^mu = rows * b coefficients, f[row, col] = f[row b + col]. The point u is (u_row, u_col).
"""

from __future__ import annotations

from collections.abc import Sequence

from zkllm.field import R

HALF = (R + 1) // 2


MOST_ROWS_LOG2 = 8
"""More rows would make an opening table of a long column longer to compute than it is worth, fewer [g] and
[S, D] dearer in each proof."""


def column_bits(mu: int) -> int:
    """log2 of b, the length of the rows that 2^mu coefficients are seen as."""
    return max(mu // 2, mu - MOST_ROWS_LOG2)


def eq_polynomial_at(u: Sequence[int], x: int) -> int:
    """P_u(x), P_u with coefficients eq(., u): prod_i (u_(last-i) x^(2^i) + 1 - u_(last-i))."""
    result, power = 1, x
    for c in reversed(u):
        result = result * (c * power + 1 - c) % R
        power = power * power % R
    return result


def h_at_alpha(
    *,
    gamma: int,
    zeta: int,
    zeta_inv: int,
    v: int,
    pc: int,
    pci: int,
    pr: int,
    pri: int,
    evaluations: dict[str, int],
) -> int:
    """h(alpha) from the identity of step 3 at zeta (step 5).

    pc, pci = P_(u_col)(zeta), (1/zeta); pr, pri = P_(u_row)(zeta), (1/zeta).
    """
    e = evaluations
    total = e["g_zeta"] * pci + e["g_zeta_inv"] * pc
    total += gamma * (e["h_zeta"] * pri + e["h_zeta_inv"] * pr - 2 * v)
    total -= zeta * e["S_zeta"] + zeta_inv * e["S_zeta_inv"]
    return HALF * total % R


def reversed_at(b_log2: int, x: int, g_at_inverse: int) -> int:
    """D(x) = x^(b-1) g(1/x): D is a polynomial only if deg g < b."""
    return pow(x, (1 << b_log2) - 1, R) * g_at_inverse % R
