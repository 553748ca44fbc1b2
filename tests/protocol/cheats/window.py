"""The table of windows: what a row sees in a layer that has one, and in one that has none."""

from __future__ import annotations

from dataclasses import replace

from ..bending import Bends, to
from ..scene import Scene, windowed
from .base import Cheat, equation, lookup
from .llama import config

SCORES = equation("attention: scores")
WEIGHTS, SELECTOR = (equation(f"attention: mask of the {name}") for name in ("exponentials", "selector"))
T = 4
"""A row that no answer depends on. Its window has positions 3 and 4."""


def _entries(s: Scene, l: int, h: int, u: int, values: dict[str, int]) -> Bends:
    return {(name, l, T, h, u): to(value) for name, value in values.items()}


def _hidden(s: Scene) -> dict[str, int]:
    """As what is not seen is looked up."""
    return {"idx": (1 << config(s).exp_bits) - 1, "over": 0, "rem": 0, "e": 0}


def _weighted(s: Scene, l: int, h: int, u: int) -> dict[str, int]:
    """As what is seen: its distance from the row's maximum."""
    c = config(s)
    steps, rem = divmod(s.value("score_max", l, T, h) - s.value("Z", l, T, h, u), 1 << c.exp_shift)
    idx = min(steps, (1 << c.exp_bits) - 1)
    return {"idx": idx, "over": steps - idx, "rem": rem, "e": int(s.array("exp")[idx])}


def _seen(u: int, name: str = "") -> Cheat:
    """A position behind the window of a layer that has one counts."""

    def bends(s: Scene) -> Bends:
        for h in range(config(s).n_head):
            if s.value("Z", 1, T, h, u) <= s.value("score_max", 1, T, h):
                own = _weighted(s, 1, h, u)
                if own["e"]:
                    return _entries(s, 1, h, u, own)
        raise AssertionError("no score behind the window is below the maximum")

    return Cheat(name or f"position {u} counts behind the window", (WEIGHTS,), bends)


def _unseen(l: int, u: int, name: str) -> Cheat:
    """A position that is seen does not count."""

    def bends(s: Scene) -> Bends:
        for h in range(config(s).n_head):
            if not s.value("sel", l, T, h, u) and s.value("e", l, T, h, u):
                return _entries(s, l, h, u, _hidden(s))
        raise AssertionError("no weight there")

    return Cheat(name, (SCORES,), bends)


def _attained(s: Scene, idx: int) -> Bends:
    """The maximum of a row is a position behind its window."""
    l, h, u = 1, 1, 1
    own = next(x for x in range(s.case.rows) if s.value("sel", l, T, h, x))
    entries = {"idx": idx, "over": 0, "rem": 0, "e": int(s.array("exp")[idx]), "sel": 1}
    return {**_entries(s, l, h, u, entries), ("sel", l, T, h, own): to(0)}


_WINDOW = [
    _seen(2, "a window of one position more"),
    _seen(0),
    _unseen(1, 3, "a window of one position less"),
    _unseen(0, 1, "a window in a layer that has none"),
    Cheat("the maximum is behind the window", (WEIGHTS, SELECTOR), lambda s: _attained(s, 0)),
    Cheat("the maximum is behind the window, where nothing weighs",
          (equation("attention: maximum"), SELECTOR), lambda s: _attained(s, (1 << config(s).exp_bits) - 1)),
    Cheat("a weight behind the window that no table has", (WEIGHTS, lookup("idx")),
          lambda s: _entries(s, 1, 0, 0, {"e": 1})),
]  # fmt: skip

WINDOW_CHEATS = [replace(cheat, scene=windowed) for cheat in _WINDOW]
