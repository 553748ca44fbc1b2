"""Blinding that repeats itself, for proofs that are compared. For tests and their files alone."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from zkllm.blinding import CIRCUIT_ROWS, FreshBlinding
from zkllm.field import R
from zkllm.protocol.masks import hidden_masks
from zkllm.protocol.setting import Setting

NO_WIRES = [0] * (4 * CIRCUIT_ROWS)
"""For the last of a circuit's inputs, which blind its wires."""


def seeded(addresses: Sequence[Sequence[int]] = (), seed: int = 0) -> FreshBlinding:
    """The same scalars each time, in the order in which they are asked for."""
    rng = random.Random(seed)
    return FreshBlinding(addresses, lambda: rng.randrange(R))


def weight_masks(setting: Setting, seed: int = 1) -> tuple[Mapping[int, int], ...]:
    """Of a hidden model's fixed columns, the same each time; none of another's."""
    rng = random.Random(seed)
    return hidden_masks(setting.fixed, lambda _: rng.randrange(R)) if setting.shape.config.hidden else ()


class Unblinded(FreshBlinding):
    """Zeros: what a prover that hides nothing would send."""

    def __init__(self, addresses: Sequence[Sequence[int]] = ()):
        super().__init__(addresses, lambda: 0)


class Masked(Unblinded):
    """Masks as they are given, by column and address."""

    def __init__(self, columns: Mapping[int, Mapping[int, int]] | None = None):
        super().__init__()
        self._given = columns or {}

    def column(self, column: int) -> Mapping[int, int]:
        return self._given.get(column, {})
