"""Attention in which several queries' heads share a head of keys and values, on what `Rotary` has turned.

The argument is `Attention`'s. Of the factors of Q K and E V only Q and E have the axis g of the heads that
share: it is bound at the point, so the sums have nothing of it.

Where `Rotary` turns only some of a head's features, a query and a key are what it made of these and, beside
them, the others as the linear layer made them: one form each, so that Q K is one sum with one value.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..protocol.forms import Along, At, AxisMap, First, Form, From, Padded, index
from ..protocol.operation import Run
from .attention import Attention
from .axes import HEAD, OWN, PARTLY, SHARED


@dataclass(frozen=True)
class GroupedAttention(Attention):
    """`rot` over (l, t, x, b, features) has the G queries and the key, `qkv` over (l, t, p, b, features) the
    values as its last part."""

    shared: tuple[str, ...] = SHARED
    own: tuple[str, ...] = OWN
    head: tuple[str, ...] = HEAD  # PARTLY: some features are not turned

    def queries(self, run: Run) -> Form:
        return self._turned(run, "t", First("g"), First("g"))

    def keys(self, run: Run, token: str) -> Form:
        members = run.axes["g"]
        return self._turned(run, token, index(members, members + 1), index(members, members + 2))

    def _turned(self, run: Run, token: str, x: First | At, p: First | At) -> Form:
        """`x`, `p`: which part of rot and of qkv."""
        if self.head != PARTLY:
            return run.tensor("rot", "l", Along(token), x, *self.shared, *self.head)
        put: AxisMap = Padded("j")
        turned = run.tensor("rot", "l", Along(token), x, *self.shared, "z", put, "c")
        left: AxisMap = From("j", run.axes["y"])
        return turned + run.tensor("qkv", "l", Along(token), p, *self.shared, "z", left, "c")

    def values(self, run: Run, token: str) -> Form:
        parts = run.axes["p"]
        return run.tensor("qkv", "l", Along(token), index(parts - 1, parts), *self.shared, *self.head)
