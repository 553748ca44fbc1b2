"""The lock-step sumcheck on random instances: honest claims close, false ones do not, claims are true."""

from __future__ import annotations

import random
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zkllm.field import Fr, R
from zkllm.protocol.algebra import causal_at
from zkllm.protocol.diagnosis import claim_value
from zkllm.protocol.forms import tensor
from zkllm.protocol.logup import causal_mask
from zkllm.protocol.manifest import FEATURE, ROW, TOKEN, Axis, Manifest
from zkllm.protocol.party import Party
from zkllm.protocol.relations import FormFactor, Instance, PublicFactor, VirtualFactor
from zkllm.protocol.sumcheck import (
    SumcheckPoint,
    horner,
    interpolate,
    lockstep,
    placement,
    schedule,
)

from .toys import parties, random_data, toy_protocol

GROUPS = [("l", "t", "c"), ("n", "t"), ("l", "t", "c", "u"), ("c", "u"), ("l", "c"), ("n", "t", "c", "u")]


POOLS_OF = {"l": ROW, "n": ROW, "t": TOKEN, "i": TOKEN}


def over(sizes: dict[str, int]) -> Manifest:
    return Manifest.over(Axis(name, size, POOLS_OF.get(name, FEATURE)) for name, size in sizes.items())


def manifest(rng: random.Random) -> Manifest:
    m = over(
        {
            "l": rng.randint(1, 3),
            "n": rng.randint(1, 4),
            "t": (n := rng.randint(1, 5)),
            "u": n,
            "c": rng.randint(1, 3),
        }
    )
    for i, axes in enumerate(GROUPS):
        m.free(f"a{i}", *axes, note="test")
        m.free(f"b{i}", *axes[-1:], note="test")
    return m


def instances(m: Manifest, rng: random.Random) -> list[Instance]:
    """Random instances with products of up to three factors, some public, some virtual, some shared."""
    made = []
    for i in rng.sample(range(len(GROUPS)), rng.randint(1, 4)):
        axes = GROUPS[i]
        a = FormFactor(f"a{i}", tensor(m, f"a{i}"), axes)
        b = FormFactor(f"b{i}", tensor(m, f"b{i}"), axes[-1:])
        pool = [a, b]
        if {"t", "u"} <= set(axes):
            n = m.axes["t"]
            pool.append(
                PublicFactor(
                    ("t", "u"),
                    lambda data, n=n: causal_mask(n),
                    lambda env, n=n: causal_at(n, env["t"], env["u"]),
                )
            )
        values = [rng.randrange(R) for _ in range(int(np.prod([m.axes[x] for x in axes])))]
        pool.append(VirtualFactor(f"v{i}", axes, lambda data, v=values: list(v)))
        terms = [
            (rng.randrange(-5, 5), [a, *rng.choices(pool, k=rng.randint(0, 2))])
            for _ in range(rng.randint(1, 3))
        ]
        made.append(Instance(f"i{i}", axes, terms))
    return made


def value(party: Party, m: Manifest, instance: Instance, weight=None) -> int:
    """sum over the real region, by definition."""
    total = 0
    tables = {}
    for f in instance.factors():
        table = party.data.table(f.form, f.axes, {}) if isinstance(f, FormFactor) else f.table(party.data)
        tables[f] = np.array(table, object).reshape([m.axes[a] for a in f.axes])
    for x in product(*(range(m.axes[a]) for a in instance.axes)):
        at = dict(zip(instance.axes, x, strict=True))
        own = 0
        for coefficient, factors in instance.terms:
            term = int(coefficient)
            for f in factors:
                term = term * int(tables[f][tuple(at[a] for a in f.axes)]) % R
            own += term
        total += own * (weight(at) if weight else 1)
    return total % R


def run(
    party: Party, made: list[Instance], batching: list[int], claim: int, tau: bool, m: Manifest
) -> SumcheckPoint:
    party.challenge()
    point = None
    if tau:
        point = SumcheckPoint({"row": [], "token": [], "feature": []})
        for pool, _ in schedule(m, made):
            point.pools[pool].append(party.challenge())
    return lockstep(party, "sums", made, batching, Fr(claim), point)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**9), st.booleans())
def test_random_instances(seed: int, wrong: bool) -> None:
    rng = random.Random(seed)
    m = manifest(rng)
    data = random_data(toy_protocol(m), rng)
    protocol = toy_protocol(m)
    prover, verifier = parties(protocol, data)
    made = instances(m, rng)
    batching = [rng.randrange(R) for _ in made]
    claim = sum(b * value(prover, m, i) for b, i in zip(batching, made, strict=True))
    for i in made:
        i.claim = Fr(value(prover, m, i))
    point = run(prover, made, batching, claim + wrong, False, m)
    v = verifier()
    assert run(v, made, batching, claim + wrong, False, m).pools == point.pools
    assert v.failed == (["sums"] if wrong else [])
    assert v.position == len(prover.messages)
    for c in v.claims:  # the values sent are those of the committed tensors
        assert claim_value(v, data, c) == int(c.value) % R
    assert set(v.pending) == {f.label for i in made for f in i.factors() if isinstance(f, VirtualFactor)}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**9), st.booleans())
def test_zero_checks(seed: int, wrong: bool) -> None:
    """sum eq(tau, x) f(x) over real indices, an axis that an instance lacks counting once."""
    rng = random.Random(seed)
    m = manifest(rng)
    data = random_data(toy_protocol(m), rng)
    prover, verifier = parties(toy_protocol(m), data)
    made = instances(m, rng)

    probe, _ = parties(toy_protocol(m), data)  # draws the same tau
    probe.challenge()
    tau = SumcheckPoint({"row": [], "token": [], "feature": []})
    for pool, _ in schedule(m, made):
        tau.pools[pool].append(probe.challenge())

    def weighted(instance: Instance) -> int:
        z = tau.of(m, instance.axes)

        def weight(at: dict[str, int]) -> int:
            result = 1
            for a, x in at.items():
                for i, c in enumerate(z[a]):
                    bit = x >> len(z[a]) - 1 - i & 1
                    result = result * (int(c) if bit else 1 - int(c)) % R
            return result

        return value(prover, m, instance, weight)

    claim = sum(weighted(i) for i in made) + wrong
    run(prover, made, [1] * len(made), claim, True, m)
    v = verifier()
    run(v, made, [1] * len(made), claim, True, m)
    assert v.failed == (["sums"] if wrong else [])


def test_a_term_that_lacks_an_axis_is_refused() -> None:
    """It would not vanish off the real region."""
    rng = random.Random(0)
    m = manifest(rng)
    data = random_data(toy_protocol(m), rng)
    b = FormFactor("b3", tensor(m, "b3"), ("u",))
    prover, _ = parties(toy_protocol(m), data)
    with pytest.raises(ValueError, match="lacks an axis"):
        run(prover, [Instance("i", ("c", "u"), [(1, [b])])], [1], 0, False, m)


def test_axes_of_an_instance_never_share_coordinates() -> None:
    m = over({"l": 3, "n": 7, "t": 5, "i": 2, "c": 2, "u": 5})
    where = placement(m, Instance("x", ("l", "t", "c", "u"), []))
    assert [where[p] for p in sorted(where)] == ["c", "u", "u", "u", "l", "l", "t", "t", "t"]
    with pytest.raises(ValueError, match="pool order"):
        placement(m, Instance("x", ("c", "l"), []))
    with pytest.raises(ValueError, match="too few"):
        SumcheckPoint({"row": [Fr(1)], "token": [], "feature": []}).of(m, ("n",))


@given(st.lists(st.integers(0, R - 1), min_size=1, max_size=6), st.integers(0, R - 1))
def test_interpolation(values: list[int], x: int) -> None:
    coefficients = interpolate(values)
    assert [int(horner(coefficients, i)) % R for i in range(len(values))] == values
    basis = [
        int(horner(interpolate([int(i == j) for j in range(len(values))]), x)) for i in range(len(values))
    ]
    assert int(horner(coefficients, x)) % R == sum(b * v for b, v in zip(basis, values, strict=True)) % R
