"""Nothing in the circuit is the prover's to choose: once the statement and the messages are known, rows and
cycles leave one value for every wire, and no message can be changed alone."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from testkit.blinding import NO_WIRES
from testkit.kernels import NAIVE
from zkllm.blinding import CIRCUIT_ROWS
from zkllm.field import R
from zkllm.kernels.native import NATIVE
from zkllm.outer.gates import FLAGS, SELECTORS
from zkllm.outer.rows import DUMMY
from zkllm.outer.setup import circuit_kernel
from zkllm.statement import pack_words

from .circuits import ZETA, outer_values
from .harness import Case, Proof, prove
from .scene import packed, ragged, smallest

OF_PUBLIC_INPUTS = {"delta", "opening: v", "opening: P_col", "opening: P_row"}
"""Checks of what the prover sends as public inputs, computed from all messages: they may change with one."""


class Stage:
    """A circuit with an honest witness; which of its inputs are advice, not messages."""

    def __init__(self, case: Case, proof: Proof):
        self.circuit = case.circuit
        words = pack_words(proof.T, proof.ids, case.rows)
        self.public = [x % R for x in (proof.seed, *words, *outer_values(case, proof))]
        own = [*proof.inputs, pow(ZETA, -1, R)]
        before = len(proof.inputs) - len(proof.messages)
        assert proof.inputs[before:] == proof.messages, "the statement's advice comes first"
        self.advice = [*range(before), len(own) - 1]
        self.messages = list(range(before, len(own) - 1))
        self.inputs = [*own, *NO_WIRES]
        self.blinding = list(range(len(own), len(self.inputs)))
        self.kernel = circuit_kernel(self.circuit, NATIVE)
        self.rows: list[list[int]] = self.circuit.own_wires.T.tolist()
        self.flags = {row for name in FLAGS for row in self.circuit.selectors[name]}

    def operands(self, row: int) -> list[int]:
        """Variables of a row without a flag that a selector which is not zero looks at."""
        a, b, *_ = wires = self.rows[row]
        q = self.circuit.selectors
        seen = [v for v, name in zip(wires, SELECTORS[:4], strict=True) if row in q[name]]
        return [*seen, *((a, b) if row in q["qM"] else ())]

    def unsatisfied(self, changes: dict[int, int]) -> set[str]:
        """Names of what is violated with other inputs at some places; all else is computed from them."""
        inputs = [changes.get(i, x) for i, x in enumerate(self.inputs)]
        return set(self.circuit.unsatisfied(self.public, self.kernel.solve(self.public, inputs)))


def _stage(name: str) -> Stage:
    if name == "smallest":
        case = smallest()
        return Stage(case, prove(case, case.tensors(case.trace().values)))
    scene = {"packed": packed, "ragged": ragged}[name]()
    return Stage(scene.case, prove(scene.case, scene.case.tensors(scene.values)))


@pytest.fixture(scope="module", params=["smallest", "packed", "ragged"])
def stage(request: pytest.FixtureRequest) -> Stage:
    return _stage(request.param)


@pytest.mark.slow
def test_every_row_has_one_role(stage: Stage) -> None:
    """A public input, a definition, an assertion, a round or what a round leads to; the filler is in none."""
    circuit, flags = stage.circuit, stage.flags
    after = {row + 1 for row in flags}
    rounds = flags | after
    for row in range(circuit.size):
        roles = [
            row < circuit.num_public,
            bool(circuit.defines[row]),
            row in circuit.assertions,
            row in rounds,
            row >= circuit.num_rows,
        ]
        assert roles.count(True) == 1, (row, roles)
        if row in rounds:
            assert DUMMY not in stage.rows[row], row
        if row not in flags:
            assert DUMMY not in stage.operands(row), row
        if row in after - flags or row >= circuit.num_rows:
            assert not any(row in circuit.selectors[name] for name in SELECTORS), row


def test_what_blinds_the_wires_is_in_no_gate_and_no_copy(stage: Stage) -> None:
    """The last rows' cells are inputs of their own: sigma maps each to itself, and any values satisfy."""
    circuit, n = stage.circuit, stage.circuit.size
    rows = range(n - CIRCUIT_ROWS, n)
    cells = [j * n + row for j in range(4) for row in rows]
    permutation = circuit.permutation()
    assert all(permutation[cell] == cell for cell in cells)
    assert not any(row in circuit.selectors[name] for name in SELECTORS for row in (rows[0] - 1, *rows))
    own = circuit.wires.reshape(-1)[cells].tolist()
    assert own == circuit.input_variables[stage.blinding].tolist() and len(set(own)) == len(own)
    rng = random.Random(3)
    assert not stage.unsatisfied({i: rng.randrange(R) for i in stage.blinding})


def test_every_wire_follows_from_statement_messages_and_advice(stage: Stage) -> None:
    """Each variable is an input or is computed, once, from variables that were known before."""
    circuit, flags = stage.circuit, stage.flags
    known = {int(v) for v in circuit.input_variables}
    assert len(known) == circuit.num_inputs

    def compute(variables: Iterable[int]) -> None:
        for v in variables:
            assert v not in known and v != DUMMY, f"variable {v} is computed twice"
            known.add(v)

    for row in range(circuit.num_rows):
        *abc, d = stage.rows[row]
        if row < circuit.num_public:
            compute(abc[:1])
            assert stage.operands(row) == abc[:1]
        elif row in flags:
            assert known.issuperset([*abc, d]), row
            compute(stage.rows[row + 1])
        elif circuit.defines[row]:
            assert circuit.selectors["q4"][row] == R - 1 and d not in abc, row
            assert known.issuperset({v for v in abc if v != DUMMY}), row
            compute([d])
        else:
            assert known.issuperset(stage.operands(row)), row
    assert known == set(range(circuit.num_variables)) - {DUMMY}


def test_every_variable_is_in_a_constraint(stage: Stage) -> None:
    """Public inputs in one besides their own row; not what blinds the wires."""
    circuit, flags = stage.circuit, stage.flags
    used = {int(v) for row in flags for v in (*stage.rows[row], *stage.rows[row + 1])}
    for row in set(range(circuit.num_public, circuit.num_rows)) - flags:
        used.update(stage.operands(row))
    roots = {int(circuit.equal_to[v]) for v in used}
    free = {DUMMY, *circuit.input_variables[stage.blinding].tolist()}
    assert roots == set(map(int, circuit.equal_to)) - free


class Dual:
    """value + sum slopes[i] e_i, of which products vanish: derivatives in many directions at once."""

    def __init__(self, value: int, slopes: dict[int, int] | None = None):
        self.value, self.slopes = value, slopes or {}

    def __add__(self, other: Dual | int) -> Dual:
        if not isinstance(other, Dual):
            return Dual(self.value + other, self.slopes)
        slopes = dict(self.slopes)
        for i, x in other.slopes.items():
            slopes[i] = (slopes.get(i, 0) + x) % R
        return Dual(self.value + other.value, slopes)

    __radd__ = __add__

    def __mul__(self, other: Dual | int) -> Dual:
        if not isinstance(other, Dual):
            return Dual(self.value * other, {i: x * other % R for i, x in self.slopes.items()})
        left, right = Dual(self.value, self.slopes) * other.value, other.slopes
        return left + Dual(0, {i: x * self.value % R for i, x in right.items()})

    __rmul__ = __mul__

    def __mod__(self, modulus: int) -> Dual:
        return Dual(self.value % modulus, self.slopes)

    def __pow__(self, exponent: int, modulus: int) -> Dual:
        slope = exponent * pow(self.value, exponent - 1, modulus)
        return Dual(pow(self.value, exponent, modulus), {i: x * slope % R for i, x in self.slopes.items()})


def _residues(stage: Stage, values: list[Dual]) -> list[Dual]:
    """What the assertions say is zero."""
    circuit = stage.circuit
    out = [values[u] + values[v] * -1 for u, v, _ in circuit.copy_assertions]
    for row in circuit.assertions:
        a, b, c, d = (values[v] for v in stage.rows[row])
        q1, q2, q3, q4, qM, qC = (circuit.selectors[s].get(row, 0) for s in SELECTORS[:6])
        out.append(q1 * a + q2 * b + q3 * c + q4 * d + qM * (a * b) + qC)
    return out


def _rank(rows: list[dict[int, int]]) -> int:
    """Over F, of sparse rows."""
    pivots: dict[int, dict[int, int]] = {}
    for row in rows:
        row = {i: x for i, x in row.items() if x % R}
        while row:
            i = min(row)
            if i not in pivots:
                inverse = pow(row[i], -1, R)
                pivots[i] = {j: x * inverse % R for j, x in row.items()}
                break
            factor = row[i]
            for j, x in pivots[i].items():
                row[j] = (row.get(j, 0) - factor * x) % R
            row = {j: x for j, x in row.items() if x}
    return len(pivots)


def test_advice_has_no_direction_of_its_own(stage: Stage) -> None:
    """No infinitesimal change of the advice satisfies all assertions: their derivatives have full rank."""
    inputs = [Dual(x, {i: 1} if i in set(stage.advice) else {}) for i, x in enumerate(stage.inputs)]
    values = circuit_kernel(stage.circuit, NAIVE).solve([Dual(x) for x in stage.public], inputs)
    residues = _residues(stage, [v if isinstance(v, Dual) else Dual(v) for v in values])
    assert not any(r.value % R for r in residues)
    assert _rank([r.slopes for r in residues]) == len(stage.advice)


def test_no_input_can_be_changed_alone(stage: Stage) -> None:
    """Neither advice nor a message; of the larger circuits a sample of the messages."""
    assert stage.unsatisfied({}) == set()
    rng = random.Random(5)
    messages = stage.messages if len(stage.messages) < 220 else rng.sample(stage.messages, 60)
    for i in [*stage.advice, *messages]:
        for shift in (1, R - 1, rng.randrange(1, R)):
            broken = stage.unsatisfied({i: (stage.inputs[i] + shift) % R})
            assert broken - OF_PUBLIC_INPUTS, (i, shift, broken)
