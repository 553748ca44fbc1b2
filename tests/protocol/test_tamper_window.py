"""Every cheat on windows fires exactly its checks, and passes when these are off; scores in either layout."""

from __future__ import annotations

from dataclasses import replace

import pytest

from .cheats import Cheat, resolve
from .cheats.window import WINDOW_CHEATS
from .scene import windowed, windowed_triangle
from .test_tamper import checks_of, fires_its_check, passes_without_its_check

pytestmark = pytest.mark.slow
BOTH = [*WINDOW_CHEATS, *(replace(cheat, scene=windowed_triangle) for cheat in WINDOW_CHEATS)]
NAMES = [f"{cheat.name}{layout}" for layout in ("", ", triangular") for cheat in WINDOW_CHEATS]


@pytest.mark.parametrize("cheat", BOTH, ids=NAMES)
def test_cheat_fires_its_check(cheat: Cheat) -> None:
    fires_its_check(cheat)


@pytest.mark.parametrize("cheat", BOTH, ids=NAMES)
def test_cheat_passes_without_its_check(cheat: Cheat) -> None:
    """Nothing else masks the rule: a missing check would be noticed by the suite."""
    passes_without_its_check(cheat)


def test_every_rule_has_its_cheat() -> None:
    fired = {name for cheat in WINDOW_CHEATS for name in resolve(cheat.scene(), cheat.fires)}
    for name in ("scores", "maximum", "mask of the selector", "mask of the exponentials"):
        relation = f"attention: {name}"
        for scene in (windowed(), windowed_triangle()):
            assert relation in scene.case.protocol.relations and checks_of(relation) & fired, relation
    assert len({cheat.name for cheat in WINDOW_CHEATS}) == len(WINDOW_CHEATS)
