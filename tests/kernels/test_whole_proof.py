"""A proof of a tiny model by the naive kernels alone is the native ones' to the byte."""

from __future__ import annotations

import pytest

from testkit.blinding import seeded
from testkit.whole import Whole
from zkllm.kernels.native import NATIVE
from zkllm.naive import NAIVE

pytestmark = pytest.mark.long

LAYERS, MU = 2, 7  # weights in layered columns too, and a circuit of 2^14 rows


@pytest.fixture(autouse=True)
def backend() -> None:
    """Only the default one: replaces the fixture of conftest.py."""


def test_a_whole_proof_is_the_same_by_naive_kernels() -> None:
    native, naive = (Whole.make(kernels, MU, LAYERS) for kernels in (NATIVE, NAIVE))
    assert any(b.outer for blocks in native.protocol.fixed.blocks.values() for b in blocks)
    assert naive.vk == native.vk
    assert {name: array.tolist() for name, array in naive.trace.items()} == {
        name: array.tolist() for name, array in native.trace.items()
    }
    body, again = (whole.prove(seeded(whole.protocol.masks)) for whole in (native, naive))
    native.verify(body)
    assert again == body
