"""Every cheat on capped scores fires exactly its checks, and passes when these are off; scores in either
layout."""

from __future__ import annotations

from dataclasses import replace

import pytest

from .cheats import Cheat, resolve
from .cheats.cap import CAP_CHEATS
from .scene import capped, capped_triangle
from .test_tamper import checks_of, fires_its_check, passes_without_its_check

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("cheat", CAP_CHEATS, ids=lambda c: c.name)
def test_cheat_fires_its_check(cheat: Cheat) -> None:
    fires_its_check(cheat)


@pytest.mark.parametrize("cheat", CAP_CHEATS, ids=lambda c: c.name)
def test_cheat_passes_without_its_check(cheat: Cheat) -> None:
    """Nothing else masks the rule: a missing check would be noticed by the suite."""
    passes_without_its_check(cheat)


@pytest.mark.parametrize("cheat", CAP_CHEATS[2:9:3], ids=lambda c: c.name)
def test_triangular_scores_are_capped_alike(cheat: Cheat) -> None:
    fires_its_check(replace(cheat, scene=capped_triangle))


def test_every_rule_has_its_cheat() -> None:
    fired = {name for cheat in CAP_CHEATS for name in resolve(cheat.scene(), cheat.fires)}
    for name in ("scores", "distance", "maximum", "Q K"):
        assert (
            f"attention: {name}" in capped().case.protocol.relations
            and checks_of(f"attention: {name}") & fired
        )
    assert "attention: saturation" not in capped().case.protocol.relations
    for name in ("cap_z", "cap_rem", "idx"):
        assert f"logup: numerator = 0 <{capped().top(name)}>" in fired, name
    assert len({cheat.name for cheat in CAP_CHEATS}) == len(CAP_CHEATS)
