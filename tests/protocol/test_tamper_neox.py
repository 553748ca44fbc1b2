"""Every cheat on LayerNorms, MLPs without a gate and parallel layers in the Llama family fires exactly its
checks, and passes when these are off."""

from __future__ import annotations

import pytest

from .cheats import Cheat, resolve
from .cheats.neox import NEOX_CHEATS
from .scene import llama, neox
from .test_tamper import checks_of, fires_its_check, passes_without_its_check

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("cheat", NEOX_CHEATS, ids=lambda c: c.name)
def test_cheat_fires_its_check(cheat: Cheat) -> None:
    fires_its_check(cheat)


@pytest.mark.parametrize("cheat", NEOX_CHEATS, ids=lambda c: c.name)
def test_cheat_passes_without_its_check(cheat: Cheat) -> None:
    """Nothing else masks the rule: a missing check would be noticed by the suite."""
    passes_without_its_check(cheat)


def test_every_rule_has_its_cheat() -> None:
    """Each relation that a Llama of the other table has not, or has of other tensors, stops some cheat."""
    fired = {name for cheat in NEOX_CHEATS for name in resolve(cheat.scene(), cheat.fires)}
    changed = {"final norm", *(f"linear {kind}" for kind in ("qkv", "o", "gate", "down"))}
    for relation in set(neox().case.protocol.relations) - set(llama().case.protocol.relations) | changed:
        assert checks_of(relation) & fired, relation
    for name in ("f", "rho", "u", "v", "y_rem"):
        assert f"logup: numerator = 0 <{neox().top(name)}>" in fired, name
    assert "logup: numerator = 0 <y_rem.0>" in fired
    assert len({cheat.name for cheat in NEOX_CHEATS}) == len(NEOX_CHEATS)
