"""Each part of a decoder block is provable alone, a false one is rejected, and none passes for a model."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from zkllm import families
from zkllm.errors import PackageError, ProofError
from zkllm.measure import sub_block
from zkllm.measure.benchmark import Source, float_tensors, largest_error, of_widths
from zkllm.measure.sub_block import CONTEXT, NAMES, SubBlock, SubBlockKey, SubBlockProof, empty_words
from zkllm.outer.contract import describe
from zkllm.outer.keys import VerifyingKey
from zkllm.outer.setup import ProvingKey
from zkllm.outer.verifier import verify
from zkllm.pcs.srs import Srs, development_srs
from zkllm.proof import Proof
from zkllm.prover import prove_data
from zkllm.statement import Context
from zkllm.timings import Timings

pytestmark = pytest.mark.slow

ROWS = 5


@cache
def source() -> Source:
    """Width 24 in 3 heads, inner width 40."""
    return of_widths(24, 3, 40, ROWS)


@cache
def keys(name: str) -> tuple[SubBlock, ProvingKey, SubBlockKey, Srs]:
    block = SubBlock(name, source().model, 0, ROWS)
    open_srs = lambda powers: development_srs(max(18, (powers - 1).bit_length()))
    return block, *sub_block.setup(block, open_srs, Timings())


@cache
def proof(name: str) -> SubBlockProof:
    block, pk, _, srs = keys(name)
    return sub_block.prove(block, source().trace, pk, srs, Timings())


@pytest.mark.parametrize("name", NAMES)
def test_an_honest_part_is_accepted(name: str) -> None:
    proof(name).verify()


@pytest.mark.parametrize(
    ("name", "tensor"),
    [("attention", "score_max"), ("fc1-gelu", "g"), ("fc1-gelu", "y"), ("fc2-residual", "x1")],
)
def test_a_false_part_is_rejected(name: str, tensor: str) -> None:
    block, pk, vk, srs = keys(name)
    data = block.data(source().trace)
    changed = np.array(data.tensors[tensor])
    changed.reshape(-1)[7] += 1
    data.tensors[tensor] = changed
    body = prove_data(block.protocol, data, [0] * (ROWS + 1), ROWS, pk, srs, CONTEXT, Timings())
    with pytest.raises(ProofError):
        SubBlockProof(vk, body).verify()


def test_the_parts_have_the_relations_of_the_whole() -> None:
    """All but the embedding, the head, and the residual addition, which is a linear form in the model."""
    of = {name: set(keys(name)[0].protocol.relations) for name in NAMES}
    together = set().union(*of.values())
    whole = families.describe(source().model.config, ROWS, 1).relations
    apart = ("embedding", "final norm", "head")
    assert together - {"residual: X1"} == {r for r in whole if not r.startswith(apart)}
    assert all("lookups" in names for names in of.values())


@pytest.mark.parametrize("name", NAMES)
def test_a_part_does_not_pass_for_a_model(name: str) -> None:
    block, _, vk, _ = keys(name)
    assert families.describe(block.config, ROWS, 1).iv != block.protocol.iv
    body = proof(name).body
    claimed = Proof(vk.verifier_id, True, Context(), ROWS, 1, False, tuple(empty_words(ROWS)), body)
    with pytest.raises(ProofError, match="not that of a model"):
        claimed.verify(vk)
    with pytest.raises(PackageError, match="version"):
        VerifyingKey.from_json(vk.to_json())
    with pytest.raises(PackageError, match="only a model's key"):
        describe(vk)


def test_only_the_version_stands_between_a_part_and_a_model() -> None:
    """Made for a model's context and words, a part's proof holds under its key: nothing else refuses it."""
    block, pk, vk, srs = keys("fc1-gelu")
    ids, context = [0] * (ROWS + 1), Context()
    data = block.data(source().trace)
    body = prove_data(block.protocol, data, ids, ROWS, pk, srs, context.digest(), Timings())
    words = empty_words(ROWS)
    verify(vk, context.digest(), words, body)
    claimed = Proof(vk.verifier_id, True, context, ROWS, 1, False, tuple(words), body)
    with pytest.raises(ProofError, match="not that of a model"):
        claimed.verify(vk)


def test_a_proof_of_one_part_is_not_one_of_another() -> None:
    with pytest.raises(ProofError):
        SubBlockProof(keys("attention")[2], proof("fc1-gelu").body).verify()


def test_the_error_against_float_arithmetic_is_small() -> None:
    assert largest_error(source()) < 2e-3
    assert np.abs(float_tensors(source())["g"]).max() > 0.5
