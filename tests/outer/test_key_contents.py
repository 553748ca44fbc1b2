"""What a key commits to, read back from its polynomials alone: selectors, flags and the cycles of sigma."""

from __future__ import annotations

from collections import defaultdict

import pytest

from testkit.toy import Instance
from tests.protocol.scene import smallest
from zkllm.field import R, root_of_unity
from zkllm.kernels.native import NATIVE
from zkllm.outer.gates import COSET_SHIFTS, FLAGS, SELECTORS
from zkllm.outer.rows import Circuit
from zkllm.outer.setup import Prepared

POLYNOMIALS = len(SELECTORS) + len(COSET_SHIFTS)


@pytest.fixture(params=["toy", "model"])
def committed(request: pytest.FixtureRequest, instance: Instance) -> tuple[Circuit, list[int]]:
    """(a circuit, the coefficients that its key commits to)."""
    if request.param == "model":
        circuit = smallest().circuit
        return circuit, NATIVE.to_list(Prepared.of(circuit, NATIVE).c0)
    c0 = instance.pk.prepared(NATIVE).c0
    assert instance.srs.commit(c0) == instance.vk.c0
    return instance.pk.circuit, NATIVE.to_list(c0)


def test_the_key_says_what_the_circuit_does(committed: tuple[Circuit, list[int]]) -> None:
    circuit, coefficients = committed
    n = circuit.size
    assert len(coefficients) == POLYNOMIALS * n
    columns = [
        NATIVE.to_list(NATIVE.ntt(NATIVE.from_list(coefficients[j::POLYNOMIALS]), n, False))
        for j in range(POLYNOMIALS)
    ]
    selectors = dict(zip(SELECTORS, columns, strict=False))
    for name, column in selectors.items():
        assert {i: x for i, x in enumerate(column) if x} == circuit.selectors[name], name
    flags = [[selectors[name][i] for name in FLAGS] for i in range(n)]
    assert all(sorted(row) in ([0, 0, 0], [0, 0, 1]) for row in flags), "a round of one kind, or none"
    assert not any(map(sum, [*flags[: circuit.num_public], flags[-1]])), "free for a next row"

    assert cycles(columns[len(SELECTORS) :], circuit.log2_size) == classes(circuit)


def cycles(sigma: list[list[int]], log2_size: int) -> set[frozenset[int]]:
    """Sets of positions j n + i that sigma's values on the cosets lead through."""
    n, root, x = 1 << log2_size, root_of_unity(log2_size), 1
    place = {}
    for i in range(n):
        place |= {shift * x % R: j * n + i for j, shift in enumerate(COSET_SHIFTS)}
        x = x * root % R
    following = [place[value] for column in sigma for value in column]
    assert sorted(following) == list(range(4 * n)), "a permutation"
    found, seen = set(), set()
    for start in range(4 * n):
        cycle = []
        while start not in seen:
            seen.add(start)
            cycle.append(start)
            start = following[start]
        if cycle:
            found.add(frozenset(cycle))
    return found


def classes(circuit: Circuit) -> set[frozenset[int]]:
    """Sets of positions whose variables are one, or equal by an assertion without a row."""
    same = {int(v): {int(v)} for v in circuit.own_wires.flat}
    for u, v, _ in circuit.copy_assertions:
        if u in same and v in same and same[u] is not same[v]:
            same[u] |= same[v]
            for w in same[v]:
                same[w] = same[u]
    positions = defaultdict(set)
    for position, v in enumerate(circuit.own_wires.flat):
        positions[id(same[int(v)])].add(position)
    return {frozenset(p) for p in positions.values()}
