"""Every cheat on triangular scores fires exactly its checks, and passes when these are off."""

from __future__ import annotations

import pytest

from .cheats import Cheat, resolve
from .cheats.triangle import TRIANGLE_CHEATS
from .harness import named, prove, verify
from .scene import llama_triangle, triangle
from .test_tamper import checks_of, fires_its_check, passes_without_its_check

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("scene", [triangle, llama_triangle])
def test_the_honest_proof_is_accepted(scene) -> None:
    case, values = scene().case, scene().values
    assert any(t.triangular for t in case.manifest.tensors.values())
    proof = prove(case, case.tensors(values))
    assert named(case, proof, verify(case, proof)) == []


@pytest.mark.parametrize("cheat", TRIANGLE_CHEATS, ids=lambda c: c.name)
def test_cheat_fires_its_check(cheat: Cheat) -> None:
    fires_its_check(cheat)


@pytest.mark.parametrize("cheat", TRIANGLE_CHEATS, ids=lambda c: c.name)
def test_cheat_passes_without_its_check(cheat: Cheat) -> None:
    """Nothing else masks the rule: a missing check would be noticed by the suite."""
    passes_without_its_check(cheat)


def test_every_rule_of_attention_has_its_cheat() -> None:
    fired = {name for cheat in TRIANGLE_CHEATS for name in resolve(cheat.scene(), cheat.fires)}
    case = triangle().case
    for relation in case.protocol.relations:
        if relation.startswith("attention: "):
            assert checks_of(relation) & fired, relation
    for tensor, _ in case.manifest.lookups():
        if tensor.triangular:
            assert f"logup: numerator = 0 <{tensor.name}>" in fired, tensor.name
