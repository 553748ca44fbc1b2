"""LogUp-GKR with several tables at once: range, paired and causal lookups on random tensors."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zkllm.field import R
from zkllm.naive import NAIVE
from zkllm.protocol.data import ProverData
from zkllm.protocol.diagnosis import claim_value, false_claims, false_lookups
from zkllm.protocol.logup import DENOMINATOR, NUMERATOR, logup
from zkllm.protocol.manifest import Lookup, Manifest
from zkllm.protocol.party import Verifier
from zkllm.protocol.witness import count_multiplicities

from .toys import parties, toy_protocol


def tables_of(rows: int) -> tuple[str, ...]:
    """Of each row of the lookup whose first axis chooses the table."""
    return tuple("square" if t % 3 else "cube" for t in range(rows))


def manifest(rows: int, width: int) -> Manifest:
    m = Manifest({"t": rows, "u": rows, "j": width, "square": 8}, limb_bits=3)
    m.fixed("squares", "square")
    m.table("square", "square", -4, "squares")
    m.fixed("cubes", "square")
    m.table("cube", "square", -4, "cubes")
    m.ranged("small", "t", "j", bits=3)
    m.ranged("sign", "j", bits=4, signed=True)
    m.ranged("seen", "j", "t", "u", bits=2, causal=True)
    m.free("out", "t", "j", note="test")
    m.looked_up("in", "t", "j", lookup=Lookup(("square",), 0, "out"))
    m.free("late", "t", "u", note="test")
    m.looked_up("early", "t", "u", lookup=Lookup(("square",), 1, "late", causal=True))
    m.free("power", "t", "j", note="test")
    m.looked_up("base", "t", "j", lookup=Lookup(tables_of(rows), 0, "power"))
    m.value("wide", "t", bits=7, signed=True)
    return m


def honest(m: Manifest, rng: random.Random) -> dict[str, np.ndarray]:
    squares = np.array([x * x for x in range(-4, 4)], np.int64)

    def draw(name: str, low: int, high: int) -> np.ndarray:
        return np.array([rng.randrange(low, high) for _ in range(m.count(name))], np.int64).reshape(
            m.sizes(name)
        )

    tensors = {
        "squares": squares,
        "small": draw("small", 0, 8),
        "sign": draw("sign", -8, 8),
        "seen": draw("seen", 0, 4),
    }
    tensors |= {"in": (x := draw("in", -4, 4)), "out": x * x}
    exponents = np.array([3 if name == "cube" else 2 for name in tables_of(m.axes["t"])])[:, None]
    tensors |= {"cubes": np.array([x**3 for x in range(-4, 4)], np.int64)}
    tensors |= {"base": (b := draw("base", -4, 4)), "power": b**exponents}
    tensors |= {"early": (y := draw("early", -5, 3)), "late": (y + 1) ** 2}
    above = np.triu(np.ones((m.axes["t"],) * 2, bool), 1)
    tensors["seen"] = np.where(above, 99, tensors["seen"])  # not looked up there
    tensors["early"] = np.where(above, -77, tensors["early"])
    for limb, _ in m.wide["wide"].limbs:
        lookup = m.tensors[limb].lookup
        assert lookup is not None
        bits = int(lookup.main.removeprefix("range"))
        tensors[limb] = draw(limb, -lookup.offset, (1 << bits) - lookup.offset)
    return tensors


def check(m: Manifest, tensors: dict[str, np.ndarray], mu: int) -> tuple[Verifier, ProverData]:
    protocol, data = toy_protocol(m, mu, (0, 0)), ProverData(m, NAIVE, dict(tensors))
    prover, verifier = parties(protocol, data)
    logup(prover)
    v = verifier()
    logup(v)
    assert v.position == len(prover.messages)
    return v, data


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 6), st.integers(1, 3), st.integers(3, 7))
def test_honest_lookups(seed: int, rows: int, width: int, mu: int) -> None:
    """Whatever the sizes and however the columns cut the blocks."""
    rng = random.Random(seed)
    m = manifest(rows, width)
    tensors = honest(m, rng)
    assert count_multiplicities(m, tensors, NAIVE) == []
    v, data = check(m, tensors, mu)
    assert v.failed == [] and list(false_lookups(v, data)) == [] and list(false_claims(v, data)) == []
    assert [c.name for c in v.claims] == ["lookups: p", "lookups: q"]


BREAKS = {
    "base": [4, -5],
    "small": [8, -1, R - 1, pow(2, -1, R)],
    "sign": [8, -9],
    "seen": [4, -1],
    "in": [4, -5],
    "early": [3, -6],
    "wide.2": [-2, 1],
}


@pytest.mark.parametrize("name, value", [(n, v) for n, vs in BREAKS.items() for v in vs])
def test_a_value_outside_its_table(name: str, value: int) -> None:
    m = manifest(5, 2)
    tensors = honest(m, random.Random(1))
    tensors[name] = tensors[name].astype(object)
    tensors[name].reshape(-1)[0] = value  # (0, .., 0): below the diagonal
    assert count_multiplicities(m, tensors, NAIVE) == [name]
    v, data = check(m, tensors, 6)
    assert v.failed == [NUMERATOR] and list(false_lookups(v, data)) == [name]


@pytest.mark.parametrize("name, paired", [("out", "in"), ("late", "early"), ("power", "base")])
def test_a_pair_that_is_not_a_row(name: str, paired: str) -> None:
    m = manifest(5, 2)
    tensors = honest(m, random.Random(2))
    tensors[name] = tensors[name].copy()
    tensors[name].reshape(-1)[0] += 1
    count_multiplicities(m, tensors, NAIVE)
    v, data = check(m, tensors, 6)
    assert v.failed == [NUMERATOR] and list(false_lookups(v, data)) == [paired]


@pytest.mark.parametrize("row, other", [(0, "square"), (2, "cube"), (3, "square")])
def test_each_index_has_its_own_table(row: int, other: str) -> None:
    """The value of another row's table, its use counted there: the tag is that of the index."""
    m = manifest(5, 2)
    tensors = honest(m, random.Random(4))
    own = tables_of(5)[row]
    tensors["base"], tensors["power"] = tensors["base"].copy(), tensors["power"].copy()
    tensors["base"][row, 1], tensors["power"][row, 1] = 3, 27 if own == "cube" else 9
    assert count_multiplicities(m, tensors, NAIVE) == []
    tensors["power"][row, 1] = 9 if own == "cube" else 27
    tensors[f"mult.{own}"][7] -= 1
    tensors[f"mult.{other}"][7] += 1
    v, data = check(m, tensors, 6)
    assert v.failed == [NUMERATOR]
    assert list(false_lookups(v, data)) == ["base", f"multiplicity of {other}"]


def test_tables_cannot_be_confused() -> None:
    """A value of another table's range: the tag is part of the fingerprint."""
    m = manifest(4, 2)
    tensors = honest(m, random.Random(3))
    tensors["small"] = tensors["small"].copy()
    tensors["small"][0, 0] = 9  # in range4, not in range3
    count_multiplicities(m, tensors, NAIVE)
    tensors["mult.range4"][9] += 1
    v, _ = check(m, tensors, 6)
    assert v.failed == [NUMERATOR]


@pytest.mark.parametrize("table", ["square", "range3", "range4", "range2"])
def test_multiplicities_are_counts(table: str) -> None:
    m = manifest(4, 2)
    for change in (1, -1, R - 1, pow(3, -1, R)):
        tensors = honest(m, random.Random(4))
        count_multiplicities(m, tensors, NAIVE)
        counts = tensors[f"mult.{table}"].astype(object)
        counts[0] = (counts[0] + change) % R
        tensors[f"mult.{table}"] = counts
        v, data = check(m, tensors, 6)
        assert v.failed == [NUMERATOR] and list(false_lookups(v, data)) == [f"multiplicity of {table}"]


def test_each_message_matters() -> None:
    m = manifest(3, 2)
    tensors = honest(m, random.Random(5))
    count_multiplicities(m, tensors, NAIVE)
    protocol, data = toy_protocol(m), ProverData(m, NAIVE, tensors)
    prover, _ = parties(protocol, data)
    logup(prover)
    for i in range(len(prover.messages)):
        changed = list(prover.messages)
        changed[i] = (changed[i] + 1) % R
        v = Verifier(protocol, 5, changed)
        logup(v)
        assert v.failed or any(claim_value(v, data, c) != int(c.value) % R for c in v.claims), i


def test_a_zero_denominator_is_refused() -> None:
    """A prover that knew alpha could hide a leaf behind a zero: the inverse of the root is asked for."""
    m = manifest(3, 2)
    tensors = honest(m, random.Random(6))
    count_multiplicities(m, tensors, NAIVE)
    protocol, data = toy_protocol(m), ProverData(m, NAIVE, tensors)
    prover, _ = parties(protocol, data)
    logup(prover)
    v = Verifier(protocol, 5, [0, R - 1, 0, *prover.messages[3:]])
    logup(v)
    assert DENOMINATOR in v.failed
