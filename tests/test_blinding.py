"""Masks enter wherever their polynomial does, and change nothing that is proved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from testkit.toy import Instance, Toy
from testkit.whole import Whole
from zkllm.blinding import NoBlinding
from zkllm.errors import ProofError
from zkllm.field import R
from zkllm.kernels.native import NATIVE
from zkllm.naive import NAIVE
from zkllm.outer.prover import OuterProver
from zkllm.outer.transcript import WIRES, decode_body
from zkllm.outer.verifier import verify
from zkllm.pcs.srs import make_development_srs


@dataclass
class Masks(NoBlinding):
    columns: dict[int, dict[int, int]] = field(default_factory=dict)
    multiples: dict[str, list[int]] = field(default_factory=dict)

    def column(self, column: int) -> Mapping[int, int]:
        return self.columns.get(column, {})

    def multiple(self, polynomial: str) -> Sequence[int]:
        return self.multiples.get(polynomial, ())


@pytest.fixture(scope="module")
def whole() -> Whole:
    return Whole.make(NATIVE, 10)


def test_masked_columns_prove_the_same_statement(whole: Whole) -> None:
    """Commitments, reduction and opening take the same masks, behind the last tensor of the last column."""
    witness = whole.protocol.witness
    last, used = witness.num_columns - 1, witness.used % (1 << witness.mu)
    assert used, "there is room"
    free = [used, (1 << witness.mu) - 1]
    masked = whole.prove(Masks({last: dict(zip(free, (R - 5, 123456789), strict=True))}))
    whole.verify(masked)
    plain = whole.prove()
    (before, _, _), (after, _, _) = (decode_body(b, witness.num_columns) for b in (plain, masked))
    assert before[:last] == after[:last] and before[last] != after[last]


def test_a_mask_on_a_tensor_is_a_false_witness(whole: Whole) -> None:
    with pytest.raises(ProofError):
        whole.verify(whole.prove(Masks({0: {0: 1}})))


def test_multiples_of_what_vanishes_on_the_rows_prove_the_same() -> None:
    """By naive kernels, which take polynomials of any degree."""
    toy = Toy.random(mu=2, num_fixed=1, num_witness=1)
    open_srs = lambda powers: make_development_srs(powers.bit_length(), kernels=NAIVE)
    instance = Instance.make(toy, open_srs=open_srs, kernels=NAIVE)
    provers: list[OuterProver] = []

    class Kept(OuterProver):
        def plonk(self, inputs: list[int]) -> None:
            super().plonk(inputs)
            provers.append(self)

    multiples = {name: [3 + i, 0, R - 7] for i, name in enumerate((*WIRES, "z"))}
    instance.prove(prover=Kept)
    body = instance.prove(prover=Kept, blinding=Masks(multiples=multiples))
    verify(instance.vk, instance.context, instance.words, body)

    plain, masked = provers
    n = instance.pk.circuit.size
    for name, before, after in zip(WIRES, plain.wires, masked.wires, strict=True):
        rho = multiples[name]
        vanishing = [*(-c for c in rho), *[0] * (n - len(rho)), *rho]
        assert NAIVE.combine([before, vanishing], [1, 1]) == after, name
    a, b, c = multiples["z"]  # z = 1 + (X - 1) z': above X^n, sums from the highest coefficient down
    assert NAIVE.to_list(masked.quotients[0])[n - 1 :] == [(a + b + c) % R, (b + c) % R, c]
    assert len(plain.quotients[0]) == n - 1
