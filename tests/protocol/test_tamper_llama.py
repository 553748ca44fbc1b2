"""Every cheat of the Llama family's table fires exactly its checks, and passes when these are off."""

from __future__ import annotations

import pytest

from .cheats import Cheat, resolve
from .cheats.llama import LLAMA_CHEATS
from .scene import llama
from .test_tamper import checks_of, fires_its_check, passes_without_its_check

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("cheat", LLAMA_CHEATS, ids=lambda c: c.name)
def test_cheat_fires_its_check(cheat: Cheat) -> None:
    fires_its_check(cheat)


@pytest.mark.parametrize("cheat", LLAMA_CHEATS, ids=lambda c: c.name)
def test_cheat_passes_without_its_check(cheat: Cheat) -> None:
    """Nothing else masks the rule: a missing check would be noticed by the suite."""
    passes_without_its_check(cheat)


def test_every_rule_has_its_cheat() -> None:
    """Each relation and each lookup is what stops some cheat of the table."""
    fired = {name for cheat in LLAMA_CHEATS for name in resolve(cheat.scene(), cheat.fires)}
    for relation in llama().case.protocol.relations[1:]:
        assert checks_of(relation) & fired, relation
    for tensor, _ in llama().case.manifest.lookups():
        assert f"logup: numerator = 0 <{tensor.name}>" in fired, tensor.name
    assert len({cheat.name for cheat in LLAMA_CHEATS}) == len(LLAMA_CHEATS)
