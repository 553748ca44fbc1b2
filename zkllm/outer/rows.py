"""A circuit in rows: which variable sits where, and the selectors.

A row holds four wires (a, b, c, d) and the selectors of docs/protocol.md, 5:
    (1 - qE - qI - qL)(q1 a + q2 b + q3 c + q4 d + qM a b + qC) + PI = 0,
and on rows with a Poseidon flag the next row's wires are one round of this row's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from zkllm.field import R
from zkllm.outer.gates import SELECTORS

DUMMY = 0
"""The variable of unused positions: zero, unconstrained."""


@dataclass
class Circuit:
    """Rows, wires and selectors.

    own_wires: uint32[4, n], the variable at each position; equal_to: uint32[variables], the variable that an
    assertion without a row identifies it with; defines: uint8[n], 1 where d is computed from a, b and c;
    selectors: the non-zero values by row; assertions: the row's name.
    """

    log2_size: int
    num_rows: int
    public_names: list[str]
    input_variables: np.ndarray
    own_wires: np.ndarray
    equal_to: np.ndarray
    defines: np.ndarray
    selectors: dict[str, dict[int, int]]
    assertions: dict[int, str] = field(default_factory=dict)
    copy_assertions: list[tuple[int, int, str]] = field(default_factory=list)
    rows_by_section: dict[str, int] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return 1 << self.log2_size

    @property
    def num_public(self) -> int:
        return len(self.public_names)

    @property
    def num_inputs(self) -> int:
        return len(self.input_variables)

    @property
    def num_variables(self) -> int:
        return len(self.equal_to)

    @cached_property
    def wires(self) -> np.ndarray:
        """uint32[4, n]: the class of equal variables at each position, on which the permutation is built."""
        return self.equal_to[self.own_wires]

    def permutation(self) -> np.ndarray:
        """uint32[4 n]: position j n + i goes to the next one of its variable, in a cycle."""
        flat = self.wires.reshape(-1)
        order = np.argsort(flat, kind="stable")
        starts = np.flatnonzero(np.r_[True, flat[order][1:] != flat[order][:-1]])
        following = np.roll(order, -1)
        following[np.r_[starts[1:], len(flat)] - 1] = order[starts]
        out = np.empty(len(flat), np.uint32)
        out[order] = following
        return out

    def selector_column(self, name: str) -> list[int]:
        column = [0] * self.size
        for row, value in self.selectors[name].items():
            column[row] = value
        return column

    def unsatisfied(self, public: Sequence[int], values: Sequence[int]) -> list[str]:
        """Names of the assertions that `values` (of the kernels' `solve`) violate."""
        bad = [name for u, v, name in self.copy_assertions if values[u] != values[v]]
        q = self.selectors
        for i, name in self.assertions.items():
            a, b, c, d = (values[int(v)] for v in self.own_wires[:, i])
            q1, q2, q3, q4, qM, qC = (q[s].get(i, 0) for s in SELECTORS[:6])
            if (q1 * a + q2 * b + q3 * c + q4 * d + qM * a * b + qC) % R:
                bad.append(name)
        return bad
