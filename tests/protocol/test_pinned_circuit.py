"""The circuits are the reviewed ones."""

from __future__ import annotations

import importlib
import json
from types import ModuleType

import pytest

from tests.chain.evm import ROOT


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    return importlib.import_module("make_circuit_digests")


@pytest.mark.parametrize("name", ["smallest", "packed", "ragged", "two words"])
def test_the_circuit_is_the_pinned_one(script: ModuleType, name: str) -> None:
    pinned = json.loads(script.PATH.read_text())
    assert set(pinned) == set(script.CIRCUITS)
    found = script.describe(script.CIRCUITS[name]())
    changed = sorted(part for part in {*found, *pinned[name]} if found.get(part) != pinned[name].get(part))
    assert not changed, (
        f"{', '.join(changed)} of the circuit {name!r} changed, and with it what is proved and every key. If "
        "that is meant, run python scripts/make_circuit_digests.py and commit tests/vectors/circuits.json"
    )
