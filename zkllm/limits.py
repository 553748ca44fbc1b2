"""Bounds that several rooms keep, each said once. Pure Python."""

from __future__ import annotations

MAX_CIRCUIT_LOG2 = 25
"""Rows of the outer circuit: 15 times as many powers stay within the largest public SRS (2^29 - 1)."""
MIN_MU, MAX_MU = 10, 26
"""Columns have 2^mu coefficients: what may be asked for, and what a verifying key may have."""
LEAST_WITNESS_MU = 6
"""The same of a witness column."""
MAX_CHOSEN_MU = 24
"""What a set-up that is asked for no mu chooses at most, unless proofs would have many columns of their own:
longer columns want a larger SRS."""
MAX_POSITIONS = (1 << 16) - 1
"""N and n_ctx."""
MAX_VOCABULARY = 1 << 24
"""Of the model: ids are limbs of 24 bits in the statement."""
