"""The duplex sponge of the inner protocol: Poseidon2 over F, width 4, rate 3.

State (seed, 0, 0, IV). Absorb adds into lanes 0-2 and permutes when they are full; squeeze permutes after an
absorb, reads lanes 0-2 only, and permutes again for a fourth element; absorbing after a squeeze restarts at
lane 0. The schedule is constant for a shape, so there is no padding. The first operation must be a squeeze:
an absorb would add to the lane that holds the seed, and could cancel it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .algebra import Scalar

RATE = 3
Permutation = Callable[[Sequence[Scalar]], Sequence[Scalar]]


class Sponge:
    def __init__(self, permute: Permutation, seed: Scalar, iv: Scalar, zero: Scalar):
        self.permute, self.state = permute, [seed, zero, zero, iv]
        self.started, self.squeezing, self.lane = False, False, 0
        self.permutations = 0

    def _permute(self) -> None:
        self.state = list(self.permute(self.state))
        self.permutations += 1
        self.lane = 0

    def absorb(self, x: Scalar) -> None:
        if not self.started:
            raise RuntimeError("transcript: the first operation must be a squeeze")
        if self.squeezing:
            self.squeezing, self.lane = False, 0
        elif self.lane == RATE:
            self._permute()
        self.state[self.lane] = self.state[self.lane] + x
        self.lane += 1

    def squeeze(self) -> Scalar:
        if not self.squeezing or self.lane == RATE:
            self._permute()
        self.started = self.squeezing = True
        self.lane += 1
        return self.state[self.lane - 1]
