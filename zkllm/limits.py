"""Bounds that several rooms keep, each said once. Pure Python."""

from __future__ import annotations

MAX_SIZE_LOG2 = 25
"""Of a column and of the outer circuit: what a verifying key may have."""
MIN_MU, MAX_MU = 10, MAX_SIZE_LOG2
"""Columns have 2^mu coefficients: what may be asked for."""
LEAST_WITNESS_MU = 6
"""The same of a witness column."""
MAX_CHOSEN_MU = 24
"""What a set-up that is asked for no mu chooses at most: longer columns want a larger SRS."""
MAX_POSITIONS = (1 << 16) - 1
"""N and n_ctx."""
MAX_VOCABULARY = 1 << 24
"""Of the model: ids are limbs of 24 bits in the statement."""
