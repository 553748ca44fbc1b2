"""Attention in which several queries' heads share a head of keys and values, on what `Rotary` has turned.

The argument is `Attention`'s. Of the factors of Q K and E V only Q and E have the axis g of the heads that
share: it is bound at the point, so the sums have nothing of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..protocol.forms import Along, First, Form, index
from ..protocol.operation import Run
from .attention import Attention
from .axes import HEAD, OWN, SHARED


@dataclass(frozen=True)
class GroupedAttention(Attention):
    """`rot` over (l, t, x, b, features) has the G queries and the key, `qkv` over (l, t, p, b, features) the
    values as its last part."""

    shared: tuple[str, ...] = SHARED
    own: tuple[str, ...] = OWN
    head: tuple[str, ...] = HEAD

    def queries(self, run: Run) -> Form:
        return run.tensor("rot", "l", "t", First("g"), *self.shared, *self.head)

    def keys(self, run: Run, token: str) -> Form:
        members = run.axes["g"]
        return run.tensor("rot", "l", Along(token), index(members, members + 1), *self.shared, *self.head)

    def values(self, run: Run, token: str) -> Form:
        parts = run.axes["p"]
        return run.tensor("qkv", "l", Along(token), index(parts - 1, parts), *self.shared, *self.head)
