"""The Poseidon2 permutation over F, t = 4, 8 + 56 rounds (eprint 2023/323), in plain Python.

It is the Fiat-Shamir hash of the inner protocol, so the outer circuit checks it: `round_values` gives the
state before every round, which is what the circuit's rows hold.
"""

from __future__ import annotations

from zkllm.field import R
from zkllm.poseidon2_constants import DIAGONAL, ROUND_CONSTANTS

WIDTH = 4
RATE = 3
ROUNDS = len(ROUND_CONSTANTS)
FULL_ROUNDS_HALF = 4


def is_full(round_index: int) -> bool:
    return not FULL_ROUNDS_HALF <= round_index < ROUNDS - FULL_ROUNDS_HALF


def external_matrix(s: list[int]) -> list[int]:
    """M4 = [[5,7,1,3],[4,6,1,1],[1,3,5,7],[1,1,4,6]] times the state."""
    a, b, c, d = s
    ab, cd = a + b, c + d
    t2 = 2 * b + cd
    t3 = 2 * d + ab
    t4 = 4 * cd + t3
    t5 = 4 * ab + t2
    return [(t3 + t5) % R, t5 % R, (t2 + t4) % R, t4 % R]


def internal_matrix(s: list[int]) -> list[int]:
    """(J + diag) times the state, J all ones."""
    total = sum(s)
    return [(total + k * x) % R for k, x in zip(DIAGONAL, s, strict=True)]


def apply_round(s: list[int], round_index: int) -> list[int]:
    constants = ROUND_CONSTANTS[round_index]
    if is_full(round_index):
        return external_matrix([pow(x + k, 5, R) for x, k in zip(s, constants, strict=True)])
    return internal_matrix([pow(s[0] + constants[0], 5, R), *s[1:]])


def round_values(state: list[int]) -> list[list[int]]:
    """The input, the state after the initial matrix, then the state after each of the 64 rounds."""
    rows = [list(state), external_matrix(list(state))]
    for i in range(ROUNDS):
        rows.append(apply_round(rows[-1], i))
    return rows


def permute(state: list[int]) -> list[int]:
    """The permutation of four elements of [0, r)."""
    s = external_matrix(list(state))
    for i in range(ROUNDS):
        s = apply_round(s, i)
    return s
