"""Several proofs with one pairing, in Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from testkit.toy import Instance, Toy
from zkllm.errors import ProofError
from zkllm.field import R
from zkllm.outer.batch import batch_weight, check_batch, encode_equation
from zkllm.outer.transcript import decode_body
from zkllm.outer.verifier import Equation, equation, require_pairing
from zkllm.pcs.bn128 import bn
from zkllm.pcs.curve import decode_g1, encode_g1, encode_g2


@pytest.fixture(scope="module")
def equations() -> list[Equation]:
    """Two of one key, and one of another b."""
    first, wide = Instance.make(Toy.random()), Instance.make(Toy.random(mu=8, num_fixed=1, num_witness=1))
    others = [(first, bytes(32)), (first, bytes([1] * 32)), (wide, bytes(32))]
    made = []
    for instance, context in others:
        one = replace(instance, context=context)
        made.append(equation(one.vk, context, one.words, one.prove()))
    return made


def shifted(e: Equation, by: int) -> Equation:
    """P is `by` instead of 0."""
    (a, one), *others = e.pairs
    return replace(e, pairs=[(bn.add(a, bn.multiply(bn.G1, by % R)), one), *others])


def refused(equations: Sequence[Equation]) -> None:
    with pytest.raises(ProofError, match="^pairing: the opening of at least one"):
        check_batch(equations)


def test_proofs_that_hold_hold_together(equations):
    check_batch(equations)
    check_batch(equations[::-1])
    check_batch(equations[:1])


def test_each_false_proof_is_noticed(equations):
    for i, e in enumerate(equations):
        changed = [*equations[:i], shifted(e, 1), *equations[i + 1 :]]
        refused(changed)
        with pytest.raises(ProofError, match="^pairing"):
            require_pairing(changed[i].pairs)


def test_false_proofs_do_not_cancel(equations):
    a, b, c = equations
    refused([shifted(a, 1), shifted(b, -1), c])
    refused([a, shifted(b, 1), shifted(c, -1)])
    # with a weight that is known before the second's points
    rho = batch_weight([shifted(a, 1)])
    refused([shifted(a, 1), shifted(b, -pow(rho, -1, R))])
    rho = batch_weight([shifted(a, 1), b])
    refused([shifted(a, 1), shifted(b, -pow(rho, -1, R))])


def test_the_weight_depends_on_every_word(equations):
    honest = batch_weight(equations)
    a, *others = equations
    changed = [
        replace(a, state=bytes(32)),
        replace(a, vk=replace(a.vk, srs_digest=bytes(32))),
        replace(a, vk=replace(a.vk, srs_kind="ceremony")),
        *(
            replace(a, pairs=[*a.pairs[:i], (bn.add(a.pairs[i][0], bn.G1), a.pairs[i][1]), *a.pairs[i + 1 :]])
            for i in range(3)
        ),
        *(replace(a, pairs=[*a.pairs[:i], (a.pairs[i][0], bn.G2), *a.pairs[i + 1 :]]) for i in (1, 2)),
    ]
    weights = {batch_weight([other, *others]) for other in changed} | {batch_weight(equations[::-1])}
    assert len(weights) == len(changed) + 1 and honest not in weights
    assert len(encode_equation(a)) == 21 * 32


def test_one_srs(equations):
    a, b, _ = equations
    for other in (
        replace(b.vk, srs_digest=bytes(32)),
        replace(b.vk, srs_kind="ceremony"),
        replace(b.vk, g2_tau=encode_g2(bn.G2)),
    ):
        with pytest.raises(ProofError, match="^SRS"):
            check_batch([a, replace(b, vk=other)])
    with pytest.raises(ValueError, match="at least one"):
        check_batch([])


def test_the_third_point_has_the_proof_s_own_omega():
    instance = Instance.make(Toy.random())
    body = instance.prove()
    found = equation(instance.vk, instance.context, instance.words, body)
    _, _, points = decode_body(body, instance.vk.num_witness_columns)
    omega = int.from_bytes(found.state, "big") % R
    minus = bn.neg(bn.multiply(decode_g1(points["q"]), omega))
    assert encode_g1(found.pairs[2][0]) == encode_g1(minus)
