"""Where witness columns are masked: random coefficients above the tensors, at addresses that none owns.

A proof reveals, of masked polynomials, the commitments to the NW witness columns and ten values that are
linear in f = sum theta^g C_g: v; h and g at zeta, 1/zeta and tau; S at zeta and 1/zeta; and S + X D at tau.
(Commitments are values at tau; whatever else of f is in a proof, docs/security.md, follows from these.) They
are uniform, whatever the tensors hold, if as linear functions of the masks they have rank NW + 10. One mask
in each column serves its commitment; the others are in the last column, along diagonals of f's rows of b
coefficients: in one row h would see a single number, in one column of the grid g would.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..errors import PackageError
from ..field import R, random_scalar
from ..kernels.interface import Kernels, Vector
from ..pcs.mercury import column_bits
from . import functionals as F
from .layout import Layout

DIAGONAL = 24
"""Masks of the last column."""
DIAGONAL_ROWS = 16
"""Rows that they spread over, where there are as many above the tensors; no fewer than 8 otherwise."""
REVEALED = 10
"""Values linear in f that a proof reveals."""


def mask_addresses(columns: int, witness_mu: int, mu: int) -> tuple[tuple[int, ...], ...]:
    """Of each witness column, the addresses of its masks: all in 2^witness_mu .. 2^mu - 1."""
    b = 1 << column_bits(mu)
    first = -(-(1 << witness_mu) // b)  # row
    spare = (1 << mu) // b - first
    rows = next((m for m in (DIAGONAL_ROWS, DIAGONAL_ROWS // 2) if m <= spare), 0)
    if not rows:
        raise ValueError(
            f"columns of 2^{witness_mu} coefficients leave {spare} rows of {b} in 2^{mu} for masks, "
            f"{DIAGONAL_ROWS // 2} are needed: a larger mu"
        )
    wide = max(rows, b)
    diagonal = tuple((first + i % rows) * b + (i + i // wide) % b for i in range(DIAGONAL))
    return ((first * b,),) * (columns - 1) + (diagonal,)


def hidden_masks(fixed: Layout, mask: Callable[[int], int]) -> tuple[Mapping[int, int], ...]:
    """What hides a hidden model's fixed columns: `mask(g)` at the address above the tensors of column g, but
    in columns of what is apart. One in each is enough for its commitment; whatever a proof reveals, a
    witness' masks hide too."""
    public: list[Mapping[int, int]] = [{}] * (fixed.num_columns - fixed.shared_columns)
    return (*({1 << fixed.mu: mask(g)} for g in range(fixed.shared_columns)), *public)


@dataclass(frozen=True)
class OpeningChallenges:
    """Of one proof, as far as masks meet them, and tau."""

    point: list[int]  # r
    theta: int
    alpha: int
    gamma: int
    zeta: int
    tau: int

    @classmethod
    def random(cls, mu: int, draw: Callable[[], int] = random_scalar) -> OpeningChallenges:
        return cls([draw() for _ in range(mu)], *(draw() for _ in range(5)))


def revealed(
    kernels: Kernels, addresses: Sequence[Sequence[int]], mu: int, challenges: OpeningChallenges
) -> list[list[int]]:
    """Of each mask, what a unit of it adds to what is revealed: NW commitments' exponents and ten values."""
    c, b = challenges, 1 << column_bits(mu)
    split = mu - column_bits(mu)

    def symmetric(at: int, scale: int, eq: Vector) -> Vector:
        """Mercury's S of scale X^at."""
        monomial = kernels.zeros(len(eq))
        kernels.write(monomial, at, kernels.from_list([scale]))
        return kernels.symmetric(monomial, eq)

    eq_row, eq_col = F.eq_vector(c.point[:split]), F.eq_vector(c.point[split:])
    rows_of, cols_of = kernels.from_list(eq_row), kernels.from_list(eq_col)
    inverse = pow(c.zeta, -1, R)
    rows = []
    for column, own in enumerate(addresses):
        theta = pow(c.theta, column, R)
        for address in own:
            row, col = divmod(address, b)
            g_scale, h_scale = theta * pow(c.alpha, row, R) % R, theta * eq_col[col] % R
            s = kernels.combine(
                [symmetric(col, g_scale, cols_of), symmetric(row, h_scale, rows_of)], [1, c.gamma]
            )
            g = lambda x, k=g_scale, n=col: k * pow(x, n, R) % R
            h = lambda x, k=h_scale, n=row: k * pow(x, n, R) % R
            d_at_tau = g_scale * pow(c.tau, 2 * (b - 1 - col), R)  # D is g reversed
            at_tau = kernels.evaluate(s, c.tau * c.tau % R) + c.tau * d_at_tau
            rows.append(
                [pow(c.tau, address, R) if other == column else 0 for other in range(len(addresses))]
                + [theta * eq_row[row] * eq_col[col] % R]
                + [f(x) for f in (g, h) for x in (c.zeta, inverse, c.tau)]
                + [kernels.evaluate(s, c.zeta), kernels.evaluate(s, inverse), at_tau % R]
            )
    return rows


def rank(matrix: Sequence[Sequence[int]]) -> int:
    """Over the scalar field."""
    rows, found = [list(row) for row in matrix], 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((i for i in range(found, len(rows)) if rows[i][column] % R), None)
        if pivot is None:
            continue
        rows[found], rows[pivot] = rows[pivot], rows[found]
        inverse = pow(rows[found][column], -1, R)
        for i in range(found + 1, len(rows)):
            if factor := rows[i][column] * inverse % R:
                rows[i] = [(x - factor * y) % R for x, y in zip(rows[i], rows[found], strict=True)]
        found += 1
    return found


def hides(kernels: Kernels, addresses: Sequence[Sequence[int]], mu: int) -> bool:
    """Whether masks there hide all that is revealed: their rank at random challenges."""
    matrix = revealed(kernels, addresses, mu, OpeningChallenges.random(mu))
    return rank(matrix) == len(addresses) + REVEALED


def require_hiding(kernels: Kernels, addresses: Sequence[Sequence[int]], mu: int) -> None:
    """PackageError unless masks there hide what a proof reveals."""
    if not hides(kernels, addresses, mu):
        raise PackageError(
            f"columns of 2^{mu} coefficients leave masks too little room to hide a proof's witness; choose "
            "another --mu or --witness-mu"
        )
