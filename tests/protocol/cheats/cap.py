"""The table of capped scores: what is looked up, and the distance that follows."""

from __future__ import annotations

from dataclasses import replace

from ..bending import Bends, add, to
from ..scene import Scene, capped
from .base import Cheat, equation, lookup, products, weak
from .llama import another, config

SCORES, DISTANCE, MAXIMUM = (equation(f"attention: {name}") for name in ("scores", "distance", "maximum"))


def _entry(s: Scene, z: int) -> int:
    cap = config(s).cap
    assert cap is not None
    return int(s.array("cap")[z + (1 << cap.bits - 1)])


def _kept(s: Scene, step: int) -> Bends:
    """Another word with the remainder of this one."""
    at = weak(s)
    return {("cap_z", *at): add(step), ("cap_rem", *at): to(s.value("cap_rem", *at))}


def _other_remainder(s: Scene) -> Bends:
    cap = config(s).cap
    assert cap is not None
    return {("cap_rem", *weak(s)): lambda x: x + 1 if x + 1 < 1 << cap.shift else x - 1}


def _not_capped(s: Scene) -> Bends:
    """c is z where the table has something else."""
    l, t, h, u = s.find(lambda l, t, h, u: s.is_weak(l, t, h, u)
                        and s.value("cap_z", l, t, h, u) != s.value("cap_c", l, t, h, u))  # fmt: skip
    return {("cap_c", l, t, h, u): to(s.value("cap_z", l, t, h, u))}


def _second(s: Scene) -> Bends:
    """A smaller score taken for the maximum; the true one lies at a negative distance."""
    l, t, h, u = weak(s)
    own = next(x for x in range(s.case.rows) if s.value("sel", l, t, h, x))
    less = s.value("cap_c", l, t, h, u)
    bends: Bends = {("score_max", l, t, h): to(less)}
    for x in range(t + 1):
        idx = less - s.value("cap_c", l, t, h, x)
        e = int(s.array("exp")[max(0, idx)])
        bends = {**bends, ("idx", l, t, h, x): to(idx), ("e", l, t, h, x): to(e)}
    return {**bends, ("sel", l, t, h, own): to(0), ("sel", l, t, h, u): to(1)}


def _above(s: Scene) -> Bends:
    """The maximum + 1, and all distances with it: none is zero."""
    l, t, h, _ = weak(s)
    return {("score_max", l, t, h): add(1)}


def _uncapped_distance(s: Scene) -> Bends:
    """The distance of the words that are looked up, in the units of c."""
    at = s.find(
        lambda l, t, h, u: s.is_weak(l, t, h, u) and _words(s, l, t, h, u) != s.value("idx", l, t, h, u)
    )
    return {("idx", *at): to(_words(s, *at))}


def _words(s: Scene, l: int, t: int, h: int, u: int) -> int:
    own = next(x for x in range(s.case.rows) if s.value("sel", l, t, h, x))
    return abs(s.value("cap_z", l, t, h, own) - s.value("cap_z", l, t, h, u))


def _far(s: Scene) -> Bends:
    """Beyond the table, remainder compensates."""
    cap = config(s).cap
    assert cap is not None
    at = weak(s)
    return {("cap_z", *at): add(1 << cap.bits), ("cap_c", *at): to(s.value("cap_c", *at))}


_CAP = [
    Cheat("word + 1, remainder compensates", (lookup("cap_rem^"),), lambda s: {("cap_z", *weak(s)): add(1)}),
    Cheat("word - 1, remainder compensates", (lookup("cap_rem^"),), lambda s: {("cap_z", *weak(s)): add(-1)}),
    Cheat("word + 1, remainder kept", (SCORES,), lambda s: _kept(s, 1)),
    Cheat("word - 1, remainder kept", (SCORES,), lambda s: _kept(s, -1)),
    Cheat("another remainder", (SCORES,), _other_remainder),
    Cheat("word beyond the table, remainder compensates", (lookup("cap_rem^"), lookup("cap_z")), _far),
    Cheat("capped score + 1", (lookup("cap_z"),), lambda s: {("cap_c", *weak(s)): add(1)}),
    Cheat("the score is not capped", (lookup("cap_z"),), _not_capped),
    Cheat("the distance is that of scores that are not capped", (DISTANCE,), _uncapped_distance),
    Cheat("distance + 1", (DISTANCE,), lambda s: {("idx", *weak(s)): add(1)}),
    Cheat("distance + 1 with the exponential of before", (DISTANCE, lookup("idx")),
          lambda s: {("idx", *weak(s)): add(1), ("e", *weak(s)): to(s.value("e", *weak(s)))}),
    Cheat("a smaller score as the row maximum", (lookup("idx"),), _second),
    Cheat("row maximum + 1, not attained", (MAXIMUM,), _above),
    Cheat("another score, not proved", (SCORES,), lambda s: {
        ("Z", *weak(s)): add(-1), ("cap_z", *weak(s)): to(s.value("cap_z", *weak(s))),
        ("cap_rem", *weak(s)): to(s.value("cap_rem", *weak(s)) - 1 if s.value("cap_rem", *weak(s)) else 0)}),
    Cheat("another score, proved as such", (products("attention: Q K"),),
          lambda s: {("Z", *weak(s)): add(-1)}, virtual=True),
    Cheat("another model: the cap's table", (lookup("cap_z"),),
          model=lambda s: another("cap", s.value("cap_z", *weak(s)) + len(s.array("cap")) // 2)(s)),
]  # fmt: skip

CAP_CHEATS = [replace(cheat, scene=capped) for cheat in _CAP]
