"""What hides a proof's polynomials: random field elements, drawn once for a proof, the same wherever a
polynomial is used, and never stored.

None changes what is proved: a mask sits at an address of a column that no tensor owns, the salt is a message
that nothing constrains, the last rows of the circuit have no gate, and a multiple of X^n - 1 vanishes on the
rows. docs/security.md says what they hide, and why these are enough.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Protocol

from .field import random_scalar

CIRCUIT_ROWS = 8
"""Rows of the outer circuit without a gate, four random wires each. 14 values of wires and z are seen."""
MULTIPLE = 8
"""Coefficients of rho: z gets rho(X) (X^n - 1)."""


class Blinding(Protocol):
    def bind(self, digest: bytes) -> None:
        """Says which transcript it serves, by the digest H; RuntimeError where it served another."""

    @property
    def salt(self) -> int:
        """A message of the inner protocol before the first that depends on the witness: without it, the
        reduction's point would be a function of the witness, and a guess could be tested against it."""

    def column(self, column: int) -> Mapping[int, int]:
        """Of a witness column: coefficients by their address, which no tensor owns."""

    @property
    def wires(self) -> Sequence[int]:
        """The wires of the circuit's last rows, 4 `CIRCUIT_ROWS` values."""

    @property
    def multiple(self) -> Sequence[int]:
        """rho, lowest coefficient first."""


class FreshBlinding:
    """Drawn when first asked for. Serves one transcript: the same masks in two proofs reveal the witness."""

    def __init__(self, addresses: Sequence[Sequence[int]], draw: Callable[[], int] = random_scalar):
        """`addresses`: of each witness column's masks; `draw`: another source of scalars, for tests."""
        self._draw = draw
        self._columns = [{address: draw() for address in own} for own in addresses]
        self._digest: bytes | None = None

    def bind(self, digest: bytes) -> None:
        if self._digest not in (None, digest):
            raise RuntimeError("this blinding has served another transcript")
        self._digest = digest

    def column(self, column: int) -> Mapping[int, int]:
        return self._columns[column]

    @cached_property
    def salt(self) -> int:
        return self._draw()

    @cached_property
    def wires(self) -> Sequence[int]:
        return [self._draw() for _ in range(4 * CIRCUIT_ROWS)]

    @cached_property
    def multiple(self) -> Sequence[int]:
        return [self._draw() for _ in range(MULTIPLE)]

    def __repr__(self) -> str:
        return "FreshBlinding(..)"  # a log or a traceback must not show it
