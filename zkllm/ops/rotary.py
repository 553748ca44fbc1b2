"""Rotary positions: queries and keys turned by angles that grow with the position, v left as it is.

With j' an index of half a head's features, z = 0, 1 the half, and fixed tables cos, sin over (position, j'),

    2^s rot(z, j') + rot_rem - 2^(s-1) = cos(t, j') q(z, j') + (2 z - 1) sin(t, j') q(1 - z, j'),

0 <= rot_rem < 2^s, for every query's head and the key's. The tables have s fractional bits; they are made
from the configuration's numbers (`model_id` commits to them): a scaling of frequencies is another table.
Where layers differ in them, there are several tables, and each layer's is public.

Where only some of a head's features are turned, the first of each half are, and rot has no others: attention
reads the rest where they are (`grouped_attention`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..protocol.algebra import Point, Scalar
from ..protocol.data import ProverData
from ..protocol.forms import Chosen, First, Form, Swap
from ..protocol.manifest import Held, Manifest
from ..protocol.operation import Operation, Run, Work
from ..protocol.relations import Equation, PublicFactor
from ..protocol.sources import Array, Traced, largest
from .axes import HEAD, PART, SHARED


def _sign_table(data: ProverData) -> np.ndarray:
    return np.array([-1, 1], np.int64)


def _sign_at(env: Mapping[str, Point]) -> Scalar:
    (z,) = env["z"]
    return 2 * z - 1


@dataclass(frozen=True)
class Rotary(Operation):
    shift: int  # s
    bits: int  # of rot
    normed: bool = False  # whether a norm of each head comes before
    tables: tuple[int, ...] = ()  # of each layer, where there are several
    partial: bool = False  # whether some of a head's features are left as they are

    turn = "rotary: turn"
    relations = (turn,)

    @property
    def features(self) -> tuple[str, ...]:
        """Axes of those that are turned: half, and the pair's index."""
        return PART if self.partial else HEAD

    @property
    def turned(self) -> tuple[str, ...]:
        """x: the queries' heads of a shared head in their order, then its key."""
        return ("l", "t", "x", *SHARED, *self.features)

    def declare(self, m: Manifest) -> None:
        which, pairs = ("angle",) if self.tables else (), self.features[1:]
        for name in ("cos", "sin"):
            m.fixed(name, held=Held(Array(name, "int32", (*which, "pos", pairs))), public=True)
        dims = ("l", "t", "x", (*SHARED, *self.features))
        m.value("rot", *dims, bits=self.bits, signed=True, made=Traced.signed(self.bits), watch=largest)
        m.value("rot_rem", *dims, bits=self.shift, made=Traced("int32"))

    def work(self, m: Manifest) -> Work:
        return Work(checked=m.count_over(self.turned))

    def _plain(self, run: Run, half: Swap | str) -> Form:
        """Queries and keys before they are turned; parts of q k v, whose last one is v, or what is normed."""
        pairs = (First("y"), "c") if self.partial else HEAD[1:]
        if self.normed:
            return run.tensor("normed", "l", "t", "x", *SHARED, half, *pairs)
        return run.tensor("qkv", "l", "t", First("x"), *SHARED, half, *pairs)

    def equations(self, run: Run) -> list[Equation]:
        s, turned, pairs = self.shift, self.turned, self.features[1:]
        which = (Chosen("l", self.tables),) if self.tables else ()
        axes = ("l", "t", *pairs) if self.tables else ("t", *pairs)
        cos, sin = (
            run.factor(name, run.tensor(name, *which, First("t"), *pairs), axes) for name in ("cos", "sin")
        )
        plain = run.factor("plain", self._plain(run, "z"), turned)
        other = run.factor("other half", self._plain(run, Swap("z")), turned)
        sign = PublicFactor(("z",), _sign_table, _sign_at)
        linear = (1 << s) * run.tensor("rot") + run.tensor("rot_rem") - (1 << s - 1)
        return [Equation(self.turn, turned, [(-1, [cos, plain]), (-1, [sign, sin, other])], linear)]
