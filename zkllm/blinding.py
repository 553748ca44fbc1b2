"""What hides a proof's polynomials: masks, drawn once for a proof, the same wherever a polynomial is used.

A mask changes nothing that is proved: it sits at addresses of a column that no tensor owns, or is a multiple
of X^n - 1, which vanishes on the circuit's rows. Proofs are not blinded today.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class Blinding(Protocol):
    def column(self, column: int) -> Mapping[int, int]:
        """Of a witness column: coefficients by their address, which no tensor owns."""

    def multiple(self, polynomial: str) -> Sequence[int]:
        """Of a wire or of z (`a`, `b`, `c`, `d`, `z`): rho; it gets rho(X) (X^n - 1)."""


class NoBlinding:
    def column(self, column: int) -> Mapping[int, int]:
        return {}

    def multiple(self, polynomial: str) -> Sequence[int]:
        return ()


NO_BLINDING = NoBlinding()
