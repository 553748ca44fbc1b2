"""The outer circuit's identities at a point, in plain integers; docs/protocol.md, 5."""

from __future__ import annotations

from collections.abc import Sequence

from zkllm.field import R
from zkllm.poseidon2 import external_matrix, internal_matrix

FLAGS = ("qE", "qI", "qL")
"""Selectors of the rows of the permutation: full rounds, partial rounds, the first linear layer."""
SELECTORS = ("q1", "q2", "q3", "q4", "qM", "qC", *FLAGS)
WIRES = ("a", "b", "c", "d")
COSET_SHIFTS = (1, 5, 7, 11)
"""k_j: the cosets k_j H are disjoint for every H of order up to 2^28."""


def gate_terms(q: Sequence[int], w: Sequence[int], w_next: Sequence[int], public: int) -> list[int]:
    """G_0..G_4. q: the nine selectors; w, w_next: the wires of this row and the next; public: PI."""
    q1, q2, q3, q4, qM, qC, qE, qI, qL = q
    a, b, c, d = w
    flags = qE + qI + qL
    arithmetic = (1 - flags) * (q1 * a + q2 * b + q3 * c + q4 * d + qM * a * b + qC) + public
    u = [pow(x + k, 5, R) for x, k in zip(w, (q1, q2, q3, q4), strict=True)]
    full, partial, first = external_matrix(u), internal_matrix([u[0], b, c, d]), external_matrix(list(w))
    rounds = [flags * w_next[i] - qE * full[i] - qI * partial[i] - qL * first[i] for i in range(4)]
    return [x % R for x in (arithmetic, *rounds)]


def combine(terms: Sequence[int], challenge: int) -> int:
    """sum challenge^i terms_i."""
    total = 0
    for t in reversed(terms):
        total = (total * challenge + t) % R
    return total


def permutation_numerator(
    w: Sequence[int], sigma: Sequence[int], x: int, grand: int, grand_next: int, beta: int, gamma: int
) -> int:
    """z prod(w_j + beta k_j x + gamma) - z(w x) prod(w_j + beta sigma_j + gamma)."""
    left, right = grand, grand_next
    for value, shift, s in zip(w, COSET_SHIFTS, sigma, strict=True):
        left = left * (value + beta * shift * x + gamma) % R
        right = right * (value + beta * s + gamma) % R
    return (left - right) % R


def grand_product(x: int, z_reduced: int) -> int:
    """z = 1 + (X - 1) z' at x: z(1) = 1 whatever z' is."""
    return (1 + (x - 1) * z_reduced) % R
