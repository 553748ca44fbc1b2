"""The reduction: random claims on random tensors become the columns' values at one point."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from zkllm.bits import ceil_log2
from zkllm.field import Fr, R
from zkllm.naive import NAIVE
from zkllm.protocol.diagnosis import claim_value, false_claims
from zkllm.protocol.forms import Alternate, At, Before, ones, slots, tensor
from zkllm.protocol.functionals import Cut, Listed
from zkllm.protocol.manifest import Manifest
from zkllm.protocol.party import Claim, Party
from zkllm.protocol.reduction import CHECK, _groups, evaluate_weights, reduce_claims

from .harness import column_table
from .toys import parties, random_data, toy_protocol


def manifest(rng: random.Random) -> Manifest:
    l, t = rng.randint(1, 3), rng.randint(1, 5)
    m = Manifest({"l": l, "m": 2 * l, "n": 2 * l + 1, "t": t, "c": rng.randint(1, 3), "e": rng.randint(1, 5)})
    m.fixed("w", "l", "c", "e")
    m.fixed("b", "e")
    m.free("x", "t", "e", note="test")
    m.free("y", "m", "t", "e", note="test")
    m.free("z", "l", "t", "c", "e", note="test")
    return m


def claims(m: Manifest, party: Party, rng: random.Random) -> list[Claim]:
    """Random functionals of every kind, some of them equal; values still 0."""
    point = lambda *axes: {a: tuple(Fr(rng.randrange(R)) for _ in range(ceil_log2(m.axes[a]))) for a in axes}
    at = point("n", "t", "e")
    half = At(Cut(at["t"], m.axes["t"] // 2, m.axes["t"]))
    made = [
        ([(3, tensor(m, "y", Before("n"), "t", "e") + tensor(m, "x"), at)]),
        ([(1, tensor(m, "y", Alternate("l", 1), "t", "e"), point("l", "t", "e"))]),
        ([(2, tensor(m, "z", "l", "t", slots(50, m.axes["c"]), ones(m.axes["e"])), point("l", "t"))]),
        ([(1, tensor(m, "w"), point("l", "c", "e")), (-1, tensor(m, "b"), {"e": at["e"]})]),
        ([(1, tensor(m, "x"), at), (5, tensor(m, "x"), at)]),
        ([(1, tensor(m, "x", half, At(Listed({0: Fr(9)}, m.axes["e"]))), {})]),
    ]  # fmt: skip
    for i, parts in enumerate(made):
        party.claim(f"c{i}", parts, Fr(0))
    return party.claims


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**9),
    st.integers(4, 6),
    st.tuples(st.integers(0, 2), st.integers(0, 2)),
    st.integers(-1, 5),
)
def test_random_claims(seed: int, mu: int, above: tuple[int, int], false: int) -> None:
    rng = random.Random(seed)
    m = manifest(rng)
    protocol = toy_protocol(m, mu, above)
    data = random_data(protocol, rng)
    prover, verifier = parties(protocol, data)
    prover.challenge()
    made = [
        replace(c, value=Fr(claim_value(prover, data, c) + (i == false)))
        for i, c in enumerate(claims(m, prover, random.Random(seed)))
    ]
    prover.claims[:] = made
    reduce_claims(prover)
    v = verifier()
    v.challenge()
    v.claims[:] = made
    result = reduce_claims(v)
    assert v.failed == ([CHECK] if false >= 0 else []) and v.position == len(prover.messages)
    assert list(false_claims(v, data)) == ([f"c{false}"] if false >= 0 else [])
    e = NAIVE.eq_table([int(x) for x in result.point])
    columns = [
        column_table(data, protocol.mu, layout, g)
        for layout in (protocol.fixed, protocol.witness)
        for g in range(layout.num_columns)
    ]
    assert [NAIVE.inner(c, e) for c in columns] == [int(x) % R for x in result.columns]
    assert len(result.point) == mu and len(columns) == protocol.num_columns


def test_false_claims_do_not_cancel() -> None:
    """beta is drawn after the claims: errors that add up to 0 are noticed."""
    rng = random.Random(4)
    m = manifest(rng)
    protocol = toy_protocol(m, 5)
    data = random_data(protocol, rng)
    prover, verifier = parties(protocol, data)
    prover.challenge()
    errors = [1, -1, 7, -7, 0, 0]
    made = [
        replace(c, value=Fr(claim_value(prover, data, c) + e))
        for c, e in zip(claims(m, prover, rng), errors, strict=True)
    ]
    prover.claims[:] = made
    reduce_claims(prover)
    v = verifier()
    v.challenge()
    v.claims[:] = made
    reduce_claims(v)
    assert v.failed == [CHECK] and len(list(false_claims(v, data))) == 4


def test_weights_are_dense_exactly_where_tensors_live() -> None:
    """E_g at every address is the claims' weight of the value there, and 0 beyond the last tensor."""
    rng = random.Random(3)
    m = manifest(rng)
    protocol = toy_protocol(m, 5)
    data = random_data(protocol, rng)
    party, _ = parties(protocol, data)
    beta = Fr(rng.randrange(R))
    claims(m, party, rng)
    groups, _ = _groups(party, beta)
    expected = [[0] * 32 for _ in range(protocol.num_columns)]
    power = 1
    for claim in party.claims:
        for term in claim.terms:
            dense = np.array(power * int(term.coefficient) % R, object)
            for weight in term.weights:
                dense = np.multiply.outer(dense, np.array(weight.dense(), object))
            fixed = m.tensors[term.tensor].fixed
            layout = protocol.fixed if fixed else protocol.witness
            for block in layout.blocks[term.tensor]:
                g = layout.column(block) + (0 if fixed else protocol.fixed.num_columns)
                for i, w in enumerate(dense[block.slices()].reshape(-1)):
                    expected[g][layout.offset(block) + i] += int(w)
        power = power * int(beta) % R
    for address in range(32):
        bits = [Fr(address >> 4 - i & 1) for i in range(5)]
        got = [int(x) % R for x in evaluate_weights(party, groups, bits)]
        assert got == [column[address] % R for column in expected], address
    for layout, first in ((protocol.fixed, 0), (protocol.witness, protocol.fixed.num_columns)):
        own = expected[first : first + layout.num_columns]
        assert not any(x for column in own for x in column[1 << layout.mu :])
        flat = [x for column in own for x in column[: 1 << layout.mu]]
        assert any(flat[: layout.used]) and not any(flat[layout.used :])
