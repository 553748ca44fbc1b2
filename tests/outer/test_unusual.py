"""Proofs that are valid though no honest prover makes them."""

from __future__ import annotations

import pytest

from testkit.damage import damaged_elements
from testkit.toy import Instance, Toy
from tests.outer.unusual import ByHand, Filled, of_zeros
from zkllm.errors import ProofError
from zkllm.outer.prover import OuterProver
from zkllm.outer.transcript import decode_body
from zkllm.outer.verifier import verify

pytestmark = pytest.mark.slow


class Plain(ByHand):
    raised = False


def test_quotients_by_hand_are_the_kernel_s(instance: Instance, body: bytes) -> None:
    assert instance.prove(prover=Plain) == body


@pytest.mark.parametrize("prover", [ByHand, Filled])
def test_only_the_wires_values_on_the_domain_matter(
    instance: Instance, body: bytes, prover: type[OuterProver]
) -> None:
    """Degree n + 1, and any value of the filler: neither is bounded, and neither changes a row."""
    other = instance.prove(prover=prover)
    assert decode_body(other, 2)[2]["C1"] != decode_body(body, 2)[2]["C1"]
    verify(instance.vk, instance.context, instance.words, other)
    instance.words[0] ^= 1 << 192
    try:
        with pytest.raises(ProofError):
            verify(instance.vk, instance.context, instance.words, other)
    finally:
        instance.words[0] ^= 1 << 192


def test_commitments_may_be_infinity() -> None:
    instance = of_zeros(Toy.random())
    body = instance.prove()
    witness, _, points = decode_body(body, 2)
    infinite = {name for name, point in points.items() if not any(point)}
    assert not any(map(any, [*witness, *instance.vk.fixed_commitments]))
    assert infinite == {"h", "q", "g", "SD"}
    verify(instance.vk, instance.context, instance.words, body)
    for name, damaged in damaged_elements(instance.vk, body):
        if damaged != body and not name.startswith("W_prime"):  # which takes a pairing each
            with pytest.raises(ProofError):
                verify(instance.vk, instance.context, instance.words, damaged)
