"""Every cheat of the table fires exactly its checks, and passes when these are off on both sides."""

from __future__ import annotations

import pytest

from .cheats import CHEATS, Cheat, bent_ids, resolve, switches
from .circuits import unsatisfied
from .harness import Proof, named, prove, verify
from .scene import Scene, packed

pytestmark = pytest.mark.slow


def cheat_proof(scene: Scene, cheat: Cheat, off: list[str]) -> Proof:
    case = scene.case
    model = cheat.model(scene) if cheat.model else None
    traced = case.trace(
        cheat.bends(scene), ids=bent_ids(cheat, scene), model=model, leak=cheat.leak, shift=cheat.shift
    )
    if cheat.post:
        cheat.post(scene, traced.values)
    change = (lambda tensors: cheat.limbs(scene, tensors)) if cheat.limbs else None
    tensors = case.tensors(traced.values, off, change)
    if cheat.late:
        cheat.late(scene, tensors)
    return prove(
        case,
        tensors,
        ids=cheat.ids(scene) if cheat.ids else None,
        off=off,
        lies=cheat.lies,
        virtual=traced.values if cheat.virtual else None,
    )


def fires_its_check(cheat: Cheat) -> None:
    scene = cheat.scene()
    proof = cheat_proof(scene, cheat, [])
    verdict = verify(scene.case, proof)
    assert sorted(named(scene.case, proof, verdict)) == sorted(resolve(scene, cheat.fires))
    assert unsatisfied(scene.case, proof) == sorted(set(verdict.failed)), (
        "the circuit refuses for the same reason"
    )


def passes_without_its_check(cheat: Cheat) -> None:
    scene = cheat.scene()
    off = switches(resolve(scene, cheat.fires))
    verdict = verify(scene.case, cheat_proof(scene, cheat, off), off=off)
    assert verdict.failed == []


def checks_of(relation: str) -> set[str]:
    """Any of which may be what stops a cheat on it."""
    return {f"{where} <{relation}>" for where in ("zero-check", "product sums", "reduction")}


@pytest.mark.parametrize("cheat", CHEATS, ids=lambda c: c.name)
def test_cheat_fires_its_check(cheat: Cheat) -> None:
    fires_its_check(cheat)


@pytest.mark.parametrize("cheat", CHEATS, ids=lambda c: c.name)
def test_cheat_passes_without_its_check(cheat: Cheat) -> None:
    """Nothing else masks the rule: a missing check would be noticed by the suite."""
    passes_without_its_check(cheat)


def test_every_rule_has_its_cheat() -> None:
    """Each relation, each lookup and each check of LogUp is what stops some cheat of the table."""
    fired = {name for cheat in CHEATS for name in resolve(cheat.scene(), cheat.fires)}
    manifest = packed().case.manifest
    for relation in packed().case.protocol.relations[1:]:
        assert checks_of(relation) & fired, relation
    for tensor, _ in manifest.lookups():
        assert f"logup: numerator = 0 <{tensor.name}>" in fired, tensor.name
    assert {"logup: denominator != 0", "logup layer 0", "statement: padding"} <= fired
    assert len({cheat.name for cheat in CHEATS}) == len(CHEATS)
