"""How long columns are: 2^fixed_mu and 2^witness_mu coefficients of tensors, seen as 2^mu by the opening.

Above a witness column's tensors lie the masks that hide it (`masks.py`), and where the model is hidden so do
those of fixed ones; lookup tables are public, and have columns of their own then. Shorter witness columns
make shorter multi-scalar multiplications and more points in a proof; longer columns want a larger SRS.
"""

from __future__ import annotations

from typing import NamedTuple

from ..bits import ceil_log2
from ..limits import LEAST_WITNESS_MU, MAX_CHOSEN_MU, MAX_MU, MIN_MU
from .setting import Setting

WORTH = 1 << 20
"""Coefficients that the opening may have more for one witness column less: a quarter of a second on two cores
for 64 bytes and some 6,450 gas."""


class ColumnSizes(NamedTuple):
    """Fields of a configuration."""

    mu: int
    fixed_mu: int
    witness_mu: int
    hidden: bool = False  # the model's weights

    @classmethod
    def full(cls, mu: int, hidden: bool = False) -> ColumnSizes:
        """As long as they may be."""
        return cls(mu, mu - hidden, mu - 1, hidden)

    def conditions(self) -> dict[str, bool]:
        """What the protocol asks of them, by name."""
        return {
            f"1 <= mu <= {MAX_MU}": 1 <= self.mu <= MAX_MU,
            "1 <= fixed_mu <= mu": 1 <= self.fixed_mu <= self.mu,
            "1 <= witness_mu < mu": 1 <= self.witness_mu < self.mu,
            "hidden: fixed_mu < mu": not self.hidden or self.fixed_mu < self.mu,
        }


def chosen_sizes(setting: Setting, mu: int | None = None, witness_mu: int | None = None) -> ColumnSizes:
    """One column of each group where that stays within 2^24; `mu` and `witness_mu` as asked for, if they are.

    A witness of many columns (a long context) gets longer ones than 2^24, up to 2^`MAX_MU`, as far as the
    columns that this saves are worth what it lengthens the opening by.

    `setting`: of the same tensors, in columns of any size, hidden or not. Lookup tables are cut as their
    multiplicities are: where a witness column is shorter than one, fixed columns are as short. Raises
    ValueError where a witness column has more than half of a column's coefficients.
    """
    hidden = setting.shape.config.hidden
    least = max(LEAST_WITNESS_MU, setting.largest_table)
    fixed = max(least, ceil_log2(setting.fixed.longest))
    if mu is None and witness_mu is None:
        longest = range(MAX_CHOSEN_MU, MAX_MU + 1)
        most = min(longest, key=lambda bits: _opening(setting, fixed, bits)) - 1
    else:
        most = (mu if mu is not None else MAX_CHOSEN_MU) - 1
    witness = witness_mu
    if witness is None:
        witness = min(most, max(least, ceil_log2(setting.witness.used)))
    if witness > most:
        raise ValueError(f"witness columns of 2^{witness} coefficients are more than half of 2^{most + 1}")
    if mu is None:
        mu = max(MIN_MU, min(MAX_CHOSEN_MU, fixed + hidden), witness + 1)
    fixed = min(mu - hidden, fixed) if witness >= least else witness
    return ColumnSizes(mu, fixed, witness, hidden)


def _opening(setting: Setting, fixed_mu: int, mu: int) -> int:
    """Coefficients that are opened with columns of 2^mu, and what the witness columns are worth."""
    used, witness = setting.witness.used, 1 << mu - 1
    longest = max(min(setting.fixed.longest, 1 << min(mu, fixed_mu)), min(used, witness))
    return longest + WORTH * -(-used // witness)
