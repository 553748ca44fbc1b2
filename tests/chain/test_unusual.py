"""The generated contract on proofs that are valid though no honest prover makes them, and on valid proofs in
another encoding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from testkit.damage import damaged_elements
from testkit.toy import Instance, Toy
from tests.chain.evm import Evm, running_anvil
from tests.chain.test_differential import ADDRESS, NAMES, compiled, encode_verify
from tests.outer.unusual import ByHand, Filled, of_zeros
from zkllm.outer.prover import OuterProver
from zkllm.outer.transcript import SCALAR_BYTES, body_bytes
from zkllm.outer.verifier import verify
from zkllm.settle.contracts import verifier_artifact

pytestmark = pytest.mark.slow

WORDS_OFFSET_AT, PROOF_OFFSET_AT = 36, 68


@pytest.fixture(scope="module")
def evm() -> Iterator[Evm]:
    with running_anvil() as running:
        yield running


@pytest.fixture(scope="module")
def instance() -> Instance:
    instance = Instance.make(Toy.random())
    assert instance.vk == compiled("square")[1]
    return instance


def errors(evm: Evm, code: bytes, calldata: list[bytes]) -> list[str | None]:
    """For each calldata: None if the contract accepts it, else the name of its error."""
    evm.place(ADDRESS, code)
    return [None if data is None else NAMES[data] for data in evm.calls(ADDRESS, calldata)]


@pytest.mark.parametrize("prover", [ByHand, Filled])
def test_only_the_wires_values_on_the_domain_matter(
    evm: Evm, instance: Instance, prover: type[OuterProver]
) -> None:
    honest = encode_verify(instance.context, instance.words, instance.prove(prover=prover))
    assert errors(evm, compiled("square")[2], [honest]) == [None]


def test_commitments_may_be_infinity(evm: Evm) -> None:
    """Witness, fixed columns, h, q, g and SD; any other value in any place is refused."""
    instance = of_zeros(Toy.random())
    body = instance.prove()
    bodies = [body, *(damaged for _, damaged in damaged_elements(instance.vk, body) if damaged != body)]
    calldata = [encode_verify(instance.context, instance.words, one) for one in bodies]
    accepted, *refused = errors(evm, verifier_artifact(instance.vk).deployed, calldata)
    assert accepted is None and len(refused) > 150 and None not in refused


@pytest.mark.parametrize(
    ("offset_at", "length"), [(WORDS_OFFSET_AT, 2), (PROOF_OFFSET_AT, body_bytes(2) // SCALAR_BYTES)]
)
def test_an_array_that_is_said_to_stand_elsewhere(
    evm: Evm, instance: Instance, offset_at: int, length: int
) -> None:
    """A valid proof in a context that is the array's length: with the offset 0 the decoder finds that length
    there, and nothing is wrong but the place. A second encoding of one proof."""
    bound = replace(instance, context=length.to_bytes(32, "big"))
    body = bound.prove()
    verify(bound.vk, bound.context, bound.words, body)
    honest = encode_verify(bound.context, bound.words, body)
    moved = honest[:offset_at] + bytes(32) + honest[offset_at + 32 :]
    assert errors(evm, compiled("square")[2], [honest, moved]) == [None, "InvalidCalldata"]
