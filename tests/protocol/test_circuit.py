"""The outer proof's circuit: public inputs and advice are pinned down.

The cheats are in test_tamper.py, lies about the statement in test_statements.py.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from testkit.blinding import NO_WIRES
from testkit.kernels import NAIVE
from zkllm.field import R
from zkllm.outer.gates import FLAGS, SELECTORS
from zkllm.outer.rows import DUMMY
from zkllm.outer.setup import circuit_kernel
from zkllm.poseidon2 import apply_round, external_matrix
from zkllm.protocol.circuit import build_circuit
from zkllm.statement import pack_words

from .circuits import ZETA, outer_values, unsatisfied
from .harness import Case, Proof, prove
from .scene import packed, ragged, smallest
from .statements import Places


@pytest.fixture(scope="module")
def honest() -> tuple[Case, Proof]:
    scene = packed()
    return scene.case, prove(scene.case, scene.case.tensors(scene.values))


@pytest.mark.parametrize("scene", [packed, ragged], ids=["packed", "ragged"])
def test_honest_proofs_satisfy_the_circuit(scene) -> None:
    case = scene().case
    proof = prove(case, case.tensors(scene().values))
    assert unsatisfied(case, proof) == []


@pytest.mark.slow
def test_other_public_inputs(honest: tuple[Case, Proof]) -> None:
    case, proof = honest
    names = (
        "delta",
        None,
        None,
        "opening: v",
        "opening: P_col",
        "opening: P_col",
        "opening: P_row",
        "opening: P_row",
    )
    for i, name in enumerate(names):
        outer = outer_values(case, proof)
        outer[i] += 1
        failed = unsatisfied(case, proof, outer=outer)
        assert failed == [name] if name else failed, i
    assert "opening: 1/zeta" in unsatisfied(case, proof, inputs=[*proof.inputs, 5])
    words = pack_words(proof.T, proof.ids, case.rows)
    assert unsatisfied(case, proof, words=[words[0] + 1, *words[1:]]) == ["statement: words"]


def test_advice_cannot_lie(honest: tuple[Case, Proof]) -> None:
    """The circuit's prover supplies the decomposition of ids and T: each part of it is pinned down."""
    case, proof = honest
    c = case.model.config
    at = Places(c, case.rows, case.certified)
    slots, width = c.vocab_slots, at.size - c.vocab_slots
    inputs = [*proof.inputs, pow(ZETA, -1, R)]

    def lie(changes: dict[int, int]) -> list[str]:
        return unsatisfied(case, proof, inputs=[changes.get(i, x) for i, x in enumerate(inputs)])

    slot = case.ids[0] // c.vocab_block
    other = (slot + 1) % slots
    moved = lie({slot: 0, other: 1})
    assert "statement: words" in moved and "statement: id: one slot" not in moved
    assert "statement: id: one slot" in lie({other: 1})
    last = slots + width - 1
    assert "statement: id: bits" in lie({last: inputs[last] + 2})
    half = [inputs[slots + i] for i in range(width)]
    assert half and "statement: words" in lie({last: 1 - inputs[last]})
    # 2^j b_j + 2^(j-1) b_(j-1) with the same value, not bits
    same = lie({last - 1: inputs[last - 1] - 1, last: inputs[last] + 2})
    assert "statement: id: bits" in same and "statement: words" not in same
    T = at.length + case.T - case.certified
    assert "statement: T" in lie({T: 0})
    assert "statement: T" in lie({T: 0, T + 1: R - 1, T + 2: 2})
    assert "statement: words" in lie({T: 0, T + 1: 1})
    bit = at.certified_token(0) + slots
    assert "statement: certified id" in lie({bit: 1 - inputs[bit]})


def test_the_circuit_does_not_depend_on_weights() -> None:
    """Nor on the statement: only on shape and configuration."""
    scene = packed()
    model = scene.case.model
    other = Case(
        replace(model, w_o=model.w_o[::-1].copy()), scene.case.rows, scene.case.certified, scene.case.ids, 3
    )
    a, b = scene.case.circuit, build_circuit(other.protocol)
    assert (
        (a.own_wires == b.own_wires).all() and a.selectors == b.selectors and (a.equal_to == b.equal_to).all()
    )
    assert a.public_names == b.public_names and (a.input_variables == b.input_variables).all()


def test_every_variable_is_pinned() -> None:
    """A value changed alone breaks one of its rows: nothing in the circuit is free but the filler."""
    case = smallest()
    built = case.circuit
    proof = prove(case, case.tensors(case.trace().values))
    words = pack_words(proof.T, proof.ids, case.rows)
    public = [x % R for x in (proof.seed, *words, *outer_values(case, proof))]
    values = circuit_kernel(built, NAIVE).solve(public, [*proof.inputs, pow(ZETA, -1, R), *NO_WIRES])
    q, wires = built.selectors, built.wires
    flags = {row: name for name in FLAGS for row in q[name]}
    rounds: dict[int, int] = {}
    for i in sorted(flags):
        rounds[i + 1] = 0 if flags[i] == "qL" else rounds[i] + 1

    def holds(i: int) -> bool:
        a, b, c, d = (values[int(v)] for v in wires[:, i])
        if i in flags:
            state = [a, b, c, d]
            after = external_matrix(state) if flags[i] == "qL" else apply_round(state, rounds[i])
            return all(values[int(v)] == x % R for v, x in zip(wires[:, i + 1], after, strict=True))
        q1, q2, q3, q4, qM, qC = (q[s].get(i, 0) for s in SELECTORS[:6])
        own = public[i] if i < built.num_public else 0
        return (q1 * a + q2 * b + q3 * c + q4 * d + qM * a * b + qC - own) % R == 0

    at: dict[int, set[int]] = {}
    for i in range(built.num_rows):
        assert holds(i)
        for v in wires[:, i]:
            at.setdefault(int(v), set()).update({i, i - 1} if i - 1 in flags else {i})
    for v, rows in at.items():
        old, values[v] = values[v], (values[v] + 987654321) % R
        assert v == DUMMY or not all(map(holds, rows)), v
        values[v] = old
