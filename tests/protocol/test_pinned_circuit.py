"""The circuits are the reviewed ones."""

from __future__ import annotations

import json

import pytest

from scripts.generate.circuit_digests import CIRCUITS, PATH, describe


@pytest.mark.parametrize("name", ["smallest", "packed", "ragged", "two words"])
def test_the_circuit_is_the_pinned_one(name: str) -> None:
    pinned = json.loads(PATH.read_text())
    assert set(pinned) == set(CIRCUITS)
    found = describe(CIRCUITS[name]())
    changed = sorted(part for part in {*found, *pinned[name]} if found.get(part) != pinned[name].get(part))
    assert not changed, (
        f"{', '.join(changed)} of the circuit {name!r} changed, and with it what is proved and every key. If "
        "that is meant, run python -m scripts.generate.circuit_digests and commit tests/vectors/circuits.json"
    )
