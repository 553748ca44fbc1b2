"""The table of windows: what a row sees in a layer that has one, and in one that has none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..bending import Bends, to
from ..scene import Scene, capped_window, sliding, windowed
from .base import Cheat, equation, lookup
from .llama import config

SCORES, DISTANCE = (equation(f"attention: {name}") for name in ("scores", "distance"))
WEIGHTS, SELECTOR = (equation(f"attention: mask of the {name}") for name in ("exponentials", "selector"))
T = 4
"""A row that no answer depends on."""


def _entries(s: Scene, l: int, h: int, u: int, values: dict[str, int]) -> Bends:
    return {(name, l, T, h, u): to(value) for name, value in values.items()}


def _hidden(s: Scene) -> dict[str, int]:
    """As what is not seen is looked up."""
    return _at(s, (1 << config(s).exp_bits) - 1)


def _at(s: Scene, steps: int, rem: int = 0) -> dict[str, int]:
    """An entry at a distance, with its weight."""
    idx = min(steps, (1 << config(s).exp_bits) - 1)
    beyond = {} if config(s).cap else {"over": steps - idx, "rem": rem}
    return {"idx": idx, **beyond, "e": int(s.array("exp")[idx])}


def _weighted(s: Scene, l: int, h: int, u: int) -> dict[str, int] | None:
    """As what is seen: its distance from the row's maximum. None where it is above that."""
    c, most = config(s), s.value("score_max", l, T, h)
    if c.cap:
        distance = most - s.value("cap_c", l, T, h, u)
        return _at(s, distance) if distance >= 0 else None
    distance = most - s.value("Z", l, T, h, u)
    return _at(s, distance >> c.exp_shift, distance & (1 << c.exp_shift) - 1) if distance >= 0 else None


def _seen(l: int, u: int, name: str = "") -> Cheat:
    """A position behind the window of a layer that has one counts."""

    def bends(s: Scene) -> Bends:
        for h in range(config(s).n_head):
            own = _weighted(s, l, h, u)
            if own is not None and own["e"]:
                return _entries(s, l, h, u, own)
        raise AssertionError("no score behind the window is below the maximum")

    return Cheat(name or f"position {u} counts behind the window", (WEIGHTS,), bends)


def _unseen(l: int, u: int, name: str, fires: str = SCORES) -> Cheat:
    """A position that is seen does not count."""

    def bends(s: Scene) -> Bends:
        for h in range(config(s).n_head):
            if not s.value("sel", l, T, h, u) and s.value("e", l, T, h, u):
                return _entries(s, l, h, u, _hidden(s))
        raise AssertionError("no weight there")

    return Cheat(name, (fires,), bends)


def _attained(l: int, u: int, nothing: bool = False) -> Callable[[Scene], Bends]:
    """The maximum of a row is a position behind its window, at distance 0 or where nothing weighs."""

    def bends(s: Scene) -> Bends:
        h = 1
        own = next(x for x in range(s.case.rows) if s.value("sel", l, T, h, x))
        entries = _hidden(s) if nothing else _at(s, 0)
        return {**_entries(s, l, h, u, {**entries, "sel": 1}), ("sel", l, T, h, own): to(0)}

    return bends


def _behind(l: int, u: int) -> list[Cheat]:
    """What a position behind the window of a layer cannot be."""
    nothing = (equation("attention: maximum"), SELECTOR)
    return [
        Cheat("the maximum is behind the window", (WEIGHTS, SELECTOR), _attained(l, u)),
        Cheat("the maximum is behind the window, where nothing weighs", nothing, _attained(l, u, True)),
        Cheat("a weight behind the window that no table has", (WEIGHTS, lookup("idx")),
              lambda s: _entries(s, l, 0, 0, {"e": 1})),
    ]  # fmt: skip


_SECOND = [  # of row 4 positions 3 and 4 are seen
    _seen(1, 2, "a window of one position more"),
    _seen(1, 0),
    _unseen(1, 3, "a window of one position less"),
    _unseen(0, 1, "a window in a layer that has none"),
    *_behind(1, 1),
]
_EVERY = [  # positions 2, 3 and 4, in both layers
    _seen(0, 1, "a window of one position more, first layer"),
    _seen(1, 1, "a window of one position more, second layer"),
    _unseen(0, 2, "a window of one position less, first layer"),
    _unseen(1, 2, "a window of one position less, second layer"),
    *_behind(1, 1),
]
_CAPPED = [  # positions 3 and 4, in the first layer
    _seen(0, 2, "a window of one position more"),
    _seen(0, 0),
    _unseen(0, 3, "a window of one position less", DISTANCE),
    _unseen(1, 1, "a window in a layer that has none", DISTANCE),
    *_behind(0, 1),
]

WINDOW_CHEATS = [replace(cheat, scene=windowed) for cheat in _SECOND]
SLIDING_CHEATS = [replace(cheat, scene=sliding) for cheat in _EVERY]
CAPPED_WINDOW_CHEATS = [replace(cheat, scene=capped_window) for cheat in _CAPPED]
