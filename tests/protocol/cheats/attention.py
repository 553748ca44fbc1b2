"""Scores, the attained maximum, exponentials, masks and the division."""

from __future__ import annotations

from zkllm.field import R

from ..bending import Bends, add, to
from ..scene import Scene
from .base import Cheat, claim, equation, lookup, products, weak


def _second_maximum(s: Scene) -> Bends:
    """A smaller score taken for the maximum; at the true one the remainder holds a negative distance."""

    def usable(l: int, t: int, h: int, u: int) -> bool:
        return t == u == 1 and s.value("Z", l, t, h, 0) != s.value("Z", l, t, h, 1)

    l, t, h, _ = s.find(usable)
    z = [s.value("Z", l, t, h, u) for u in range(2)]
    first, second = (0, 1) if z[0] > z[1] else (1, 0)
    return {
        ("score_max", l, t, h): to(z[second]),
        ("sel", l, t, h, first): to(0),
        ("sel", l, t, h, second): to(1),
        ("idx", l, t, h, first): to(0),
        ("over", l, t, h, first): to(0),
        ("rem", l, t, h, first): to(z[second] - z[first]),
    }


def _row(s: Scene) -> tuple[int, int, int]:
    return (1, 1, 0) if s.case.model.config.n_layer > 1 else (0, 1, 0)


def _sel_of(s: Scene, row: tuple[int, int, int]) -> int:
    return next(u for u in range(s.case.rows) if s.value("sel", *row, u))


def _attained_above(s: Scene) -> Bends:
    row = _row(s)
    return {("score_max", *row): add(7), ("sel", *row, _sel_of(s, row)): to(0), ("sel", *row, 2): to(1)}


def _weighted(s: Scene) -> Bends:
    """A weighted sum of values that is not theirs."""
    return {("n", *OUTPUT): add(9)}


OUTPUT = (0, 1, 0)
ATTENTION = [
    Cheat("a smaller score as the row maximum", (lookup("rem^"),), _second_maximum),
    Cheat(
        "row maximum + 1, not attained",
        (equation("attention: maximum"),),
        lambda s: {("score_max", *_row(s)): add(1)},
    ),
    Cheat(
        "row maximum - 1",
        (equation("attention: maximum"), equation("attention: saturation"), lookup("over^")),
        lambda s: {("score_max", 0, 0, 0): add(-1)},
    ),
    Cheat(
        "row maximum + 1, selector 0",
        (claim("attention: one maximum"),),
        lambda s: {("score_max", *_row(s)): add(1), ("sel", *_row(s), _sel_of(s, _row(s))): to(0)},
    ),
    Cheat(
        "row maximum + 7, attained above the diagonal",
        (equation("attention: mask of the selector"),),
        _attained_above,
    ),
    Cheat(
        "row maximum by rounding: the multiple of 2^s above it",
        (equation("attention: maximum"),),
        lambda s: {
            ("score_max", *_row(s)): lambda x: (
                (x // (1 << s.case.model.config.exp_shift) + 1) << s.case.model.config.exp_shift
            )
        },
    ),
    Cheat(
        "row maximum of another head",
        (equation("attention: scores"),),
        lambda s: {
            ("score_max", *_row(s)): add(1),
            **{
                (n, *_row(s), u): to(s.value(n, *_row(s), u))
                for n in ("idx", "over", "rem")
                for u in range(2)
            },
        },
    ),
    Cheat(
        "remainder out of range, smaller index",
        (lookup("rem^"),),
        lambda s: {
            ("idx", *weak(s)): add(-1),
            ("over", *weak(s)): to(0),
            ("rem", *weak(s)): add(1 << s.case.model.config.exp_shift),
        },
    ),
    Cheat(
        "index rounded up",
        (lookup("rem^"),),
        lambda s: {
            ("idx", *weak(s)): add(1),
            ("over", *weak(s)): to(0),
            ("rem", *weak(s)): add(-(1 << s.case.model.config.exp_shift)),
        },
    ),
    Cheat(
        "saturation where the table is not 0",
        (equation("attention: saturation"),),
        lambda s: {("idx", *weak(s)): add(-1)},
    ),
    Cheat(
        "two false equations whose errors cancel",
        (equation("attention: scores"), equation("attention: saturation")),
        lambda s: _cancelling(s),
    ),
    Cheat("overflow fraction undoes the remainder", (lookup("over^"),), lambda s: _fraction(s)),
    Cheat("exponential + 1, not in the table", (lookup("idx"),), lambda s: {("e", *weak(s)): add(1)}),
    Cheat(
        "exponential of another row of the table",
        (lookup("idx"),),
        lambda s: {("e", *weak(s)): to(int(s.array("exp")[s.value("idx", *weak(s)) - 2]))},
    ),
    Cheat("exponential 0 where the table is not", (lookup("idx"),), lambda s: {("e", *weak(s)): to(0)}),
    Cheat(
        "leaking mask: every row attends to all",
        (equation("attention: mask of the selector"), equation("attention: mask of the exponentials")),
        leak=True,
    ),
    Cheat(
        "leaking mask: one exponential above the diagonal",
        (equation("attention: mask of the exponentials"),),
        lambda s: {("e", *_row(s), 2): to(5)},
    ),
    Cheat("another score, not proved", (equation("attention: scores"),), lambda s: {("Z", *weak(s)): add(1)}),
    Cheat(
        "another score, proved as such",
        (products("attention: Q K"),),
        lambda s: {("Z", *weak(s)): add(1)},
        virtual=True,
    ),
    Cheat("division: o + 1, w compensates", (lookup("div^"),), lambda s: {("o", *OUTPUT): add(1)}),
    Cheat(
        "division: o beyond its range, w compensates",
        (lookup("o"), lookup("div^"), lookup("div_rest^")),
        lambda s: {("o", *OUTPUT): add(1 << s.case.model.config.act_bits)},
    ),
    Cheat("division: o - 1, w compensates", (lookup("div_rest^"),), lambda s: {("o", *OUTPUT): add(-1)}),
    Cheat(
        "division: o + 1, w kept",
        (equation("attention: division"),),
        lambda s: {("o", *OUTPUT): add(1), ("div", *OUTPUT): to(s.value("div", *OUTPUT))},
    ),
    Cheat(
        "division: o - 1, complement not taken",
        (claim("attention: complement"),),
        lambda s: {("o", *OUTPUT): add(-1), ("div_rest", *OUTPUT): to(0)},
    ),
    Cheat("another sum of values, not proved", (equation("attention: division"),), _weighted),
    Cheat("another sum of values, proved as such", (products("attention: E V"),), _weighted, virtual=True),
]


def _cancelling(s: Scene) -> Bends:
    """over E = v where the table is not 0, and a distance that is v too short there."""
    exp = s.array("exp")

    def usable(*at: int) -> bool:
        return s.is_weak(*at) and s.value("rem", *at) >= exp[s.value("idx", *at) - 1]

    at = s.find(usable)
    return {("idx", *at): add(-1), ("rem", *at): add(-int(exp[s.value("idx", *at) - 1]))}


def _fraction(s: Scene) -> Bends:
    """delta = 2^s (idx + over) + rem solved over the field: a fractional overflow, and E = 0."""
    at, c = weak(s), s.case.model.config
    idx = (1 << c.exp_bits) - 1  # the table's last entry, 0
    delta, rem = (s.value("idx", *at) << c.exp_shift) + s.value("rem", *at), s.value("rem", *at) ^ 1
    over = ((delta - rem) * pow(1 << c.exp_shift, -1, R) - idx) % R
    return {("idx", *at): to(idx), ("over", *at): to(over), ("rem", *at): to(rem)}
