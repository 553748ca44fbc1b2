"""Every cheat of the table of what only some of the Llama family have fires exactly its checks, and passes
when these are off."""

from __future__ import annotations

import pytest

from .cheats import Cheat, resolve
from .cheats.gemma import GEMMA_CHEATS, OWN
from .scene import gemma, llama
from .test_tamper import checks_of, fires_its_check, passes_without_its_check

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("cheat", GEMMA_CHEATS, ids=lambda c: c.name)
def test_cheat_fires_its_check(cheat: Cheat) -> None:
    fires_its_check(cheat)


@pytest.mark.parametrize("cheat", GEMMA_CHEATS, ids=lambda c: c.name)
def test_cheat_passes_without_its_check(cheat: Cheat) -> None:
    """Nothing else masks the rule: a missing check would be noticed by the suite."""
    passes_without_its_check(cheat)


def test_every_rule_has_its_cheat() -> None:
    """Each relation and each lookup that a Llama of the other table has not is what stops some cheat."""
    fired = {name for cheat in GEMMA_CHEATS for name in resolve(cheat.scene(), cheat.fires)}
    changed = {"embedding: X0", "rotary: turn", "linear o", "linear down"}
    relations = set(gemma().case.protocol.relations) - set(llama().case.protocol.relations) | changed
    for relation in relations:
        assert checks_of(relation) & fired, relation
    for tensor, _ in gemma().case.manifest.lookups():
        if tensor.name.partition(".")[0] in OWN:
            assert f"logup: numerator = 0 <{tensor.name}>" in fired, tensor.name
    assert len({cheat.name for cheat in GEMMA_CHEATS}) == len(GEMMA_CHEATS)
