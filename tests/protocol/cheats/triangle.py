"""Scores that are laid out below the diagonal alone: every cheat of attention, and what has no column."""

from __future__ import annotations

from dataclasses import replace

from ..bending import Bends, to
from ..scene import Scene, triangle
from .attention import ATTENTION, _attained_above, _row
from .base import Cheat, claim, equation

MASKED = {f"zero-check <attention: mask of the {name}>" for name in ("selector", "exponentials")}


def _exchanged(s: Scene) -> Bends:
    """A tile's entry in the place of another's, with all that belongs to it."""

    def usable(l: int, t: int, h: int, u: int) -> bool:
        return s.is_weak(l, t, h, u) and u > 0 and s.value("Z", l, t, h, 0) != s.value("Z", l, t, h, u)

    l, t, h, u = s.find(usable)
    names = ("sel", "idx", "over", "rem", "e")
    return {(name, l, t, h, x): to(s.value(name, l, t, h, y)) for name in names for x, y in ((0, u), (u, 0))}


ABOVE_E = (
    *("zero-check: e", "zero-check: M", "zero-check: linear part"),
    *("product sums: E", "attention: complement"),
)
ABOVE = [
    Cheat(
        "an exponential above the diagonal, in no tile",
        tuple(map(claim, ABOVE_E)),
        lambda s: {("e", *_row(s), 2): to(5)},
    ),
    Cheat(
        "row maximum + 7, attained above the diagonal, in no tile",
        (claim("zero-check: sel"), claim("attention: one maximum")),
        _attained_above,
    ),
    Cheat(
        "a remainder above the diagonal, in no tile",
        (claim("zero-check: delta"),),
        lambda s: {("rem", *_row(s), 2): to(1)},
    ),
    Cheat(
        "an index above the diagonal that an overflow undoes, in no tile",
        (claim("zero-check: over"),),
        lambda s: {("idx", *_row(s), 2): to(1), ("over", *_row(s), 2): to(-1)},
    ),
    Cheat(
        "a tile's entries in another's place",
        (equation("attention: scores"),),
        _exchanged,
    ),
]
BELOW = [cheat for cheat in ATTENTION if not MASKED & set(cheat.fires)]
TRIANGLE_CHEATS = [replace(cheat, scene=triangle) for cheat in (*BELOW, *ABOVE)]
