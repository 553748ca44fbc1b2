"""Every cheat on rotations of some of a head's features fires exactly its checks, and passes when these are
off; scores in either layout."""

from __future__ import annotations

from dataclasses import replace

import pytest

from .cheats import Cheat, resolve
from .cheats.partly import PARTLY_CHEATS
from .scene import partly, partly_triangle
from .test_tamper import checks_of, fires_its_check, passes_without_its_check

pytestmark = pytest.mark.slow
ON_SCORES = [cheat for cheat in PARTLY_CHEATS if "proved" in cheat.name]


@pytest.mark.parametrize("cheat", PARTLY_CHEATS, ids=lambda c: c.name)
def test_cheat_fires_its_check(cheat: Cheat) -> None:
    fires_its_check(cheat)


@pytest.mark.parametrize("cheat", PARTLY_CHEATS, ids=lambda c: c.name)
def test_cheat_passes_without_its_check(cheat: Cheat) -> None:
    """Nothing else masks the rule: a missing check would be noticed by the suite."""
    passes_without_its_check(cheat)


@pytest.mark.parametrize("cheat", ON_SCORES[:4], ids=lambda c: c.name)
def test_triangular_scores_are_made_of_the_same(cheat: Cheat) -> None:
    fires_its_check(replace(cheat, scene=partly_triangle))


def test_every_rule_has_its_cheat() -> None:
    """Each relation and lookup that what is turned is in."""
    fired = {name for cheat in PARTLY_CHEATS for name in resolve(cheat.scene(), cheat.fires)}
    for relation in ("rotary: turn", "attention: Q K", "attention: scores"):
        assert relation in partly().case.protocol.relations and checks_of(relation) & fired, relation
    for name in ("rot", "rot_rem"):
        assert f"logup: numerator = 0 <{name}>" in fired
    assert len({cheat.name for cheat in PARTLY_CHEATS}) == len(PARTLY_CHEATS)
