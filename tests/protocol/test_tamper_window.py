"""Every cheat on windows fires exactly its checks, and passes when these are off; scores in either layout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from .cheats import Cheat, resolve
from .cheats.window import CAPPED_WINDOW_CHEATS, SLIDING_CHEATS, WINDOW_CHEATS
from .scene import (
    Scene,
    capped_window,
    capped_window_triangle,
    sliding,
    sliding_triangle,
    windowed,
    windowed_triangle,
)
from .test_tamper import checks_of, fires_its_check, passes_without_its_check

pytestmark = pytest.mark.slow
Scenes = tuple[Callable[[], Scene], Callable[[], Scene]]
TABLES: dict[str, tuple[Sequence[Cheat], Scenes]] = {
    "second layer": (WINDOW_CHEATS, (windowed, windowed_triangle)),
    "every layer": (SLIDING_CHEATS, (sliding, sliding_triangle)),
    "capped": (CAPPED_WINDOW_CHEATS, (capped_window, capped_window_triangle)),
}
ALL = [
    pytest.param(replace(cheat, scene=scene), id=f"{name}: {cheat.name}{layout}")
    for name, (cheats, scenes) in TABLES.items()
    for scene, layout in zip(scenes, ("", ", triangular"), strict=True)
    for cheat in cheats
]


@pytest.mark.parametrize("cheat", ALL)
def test_cheat_fires_its_check(cheat: Cheat) -> None:
    fires_its_check(cheat)


@pytest.mark.parametrize("cheat", ALL)
def test_cheat_passes_without_its_check(cheat: Cheat) -> None:
    """Nothing else masks the rule: a missing check would be noticed by the suite."""
    passes_without_its_check(cheat)


@pytest.mark.parametrize("name", TABLES)
def test_every_rule_has_its_cheat(name: str) -> None:
    cheats, scenes = TABLES[name]
    fired = {fires for cheat in cheats for fires in resolve(cheat.scene(), cheat.fires)}
    reads = "distance" if name == "capped" else "scores"
    for rule in (reads, "maximum", "mask of the selector", "mask of the exponentials"):
        relation = f"attention: {rule}"
        for scene in scenes:
            assert relation in scene().case.protocol.relations and checks_of(relation) & fired, relation
    assert len({cheat.name for cheat in cheats}) == len(cheats)
