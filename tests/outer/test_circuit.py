"""The circuit builder against plain evaluation in F, on random straight-line programs."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zkllm.field import Fr, R
from zkllm.outer.circuit import CircuitBuilder
from zkllm.outer.layout import FLAGS, SELECTORS
from zkllm.poseidon2 import permute

SMALL = st.integers(-3, 3)
OPERATIONS = st.lists(
    st.tuples(st.sampled_from("+-*nkcp="), st.integers(0, 10**6), st.integers(0, 10**6), SMALL), max_size=40
)


def run(program, leaves, permute4, zero):
    """One text for wires and for field elements; returns all values."""
    values = list(leaves)
    for op, i, j, k in program:
        x, y = values[i % len(values)], values[j % len(values)]
        if op == "+":
            values.append(x + y)
        elif op == "-":
            values.append(x - y * k)
        elif op == "*":
            values.append((x + k) * (y * 2 - x))
        elif op == "n":
            values.append(-x)
        elif op == "k":
            values.append(k * x)
        elif op == "c":
            values.append(k - x)
        elif op == "p":
            values += permute4([x, y, values[0], values[-1]])
        else:
            zero(x - y, f"{i} {j}")
    return values


@settings(max_examples=150, deadline=None)
@given(OPERATIONS, st.lists(st.integers(0, R - 1), min_size=4, max_size=4))
def test_solution_agrees_with_field_arithmetic(program, data):
    program = [op for op in program if op[0] != "="]
    b = CircuitBuilder()
    leaves = [b.public("s"), b.public("t"), b.input(), b.input()]
    wires = run(program, leaves, b.permute, b.assert_zero)
    expected = run(program, [Fr(x) for x in data], lambda s: list(map(Fr, permute(list(map(int, s))))), None)
    for i, (wire, value) in enumerate(zip(wires, expected, strict=True)):
        if not wire.is_constant:
            b.assert_equal(wire, int(value), f"value {i}")
        else:
            assert wire.c == int(value)
    circuit = b.compile()
    values = circuit.solve_naive(data[:2], data[2:])
    assert circuit.unsatisfied(data[:2], values) == []


@settings(max_examples=50, deadline=None)
@given(OPERATIONS)
def test_compilation_is_deterministic_and_well_formed(program):
    def build():
        b = CircuitBuilder()
        leaves = [b.public("s"), b.public("t"), b.input(), b.input()]
        try:
            run(program, leaves, b.permute, b.assert_zero)
        except ValueError:  # the program asserts that a constant other than 0 is 0
            return None
        return b.compile()

    first, second = build(), build()
    if first is None:
        return
    assert (first.own_wires == second.own_wires).all() and first.selectors == second.selectors
    assert first.size > first.num_rows == sum(first.rows_by_part.values())
    permutation = first.permutation()
    assert sorted(permutation) == list(range(4 * first.size))
    wires = first.wires.reshape(-1)
    assert (wires[permutation] == wires).all()
    assert {row for name in FLAGS for row in first.selectors[name]}.isdisjoint(
        [*range(first.num_public), first.size - 1]
    )
    assert set(first.selectors) == set(SELECTORS)


def build(text):
    b = CircuitBuilder()
    p, x, y, z, w = b.public("p"), *(b.input() for _ in range(4))
    text(b, p, x, y, z, w)
    return b.compile()


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (1, lambda b, p, x, y, z, w: b.assert_zero(x * y + z + w, "product and two more")),
        (1, lambda b, p, x, y, z, w: b.assert_equal(x * y * 3 + 2 * x - y + z, w + 5, "all four places")),
        (1, lambda b, p, x, y, z, w: b.assert_zero(x + y + z + w, "four variables")),
        (2, lambda b, p, x, y, z, w: b.assert_zero(p + x + y + z + w, "five variables")),
        (2, lambda b, p, x, y, z, w: b.assert_equal(x * y + z * w, p, "inner product")),
        (3, lambda b, p, x, y, z, w: b.assert_equal(((x * p + y) * p + z) * p + w, p, "Horner")),
        (2, lambda b, p, x, y, z, w: b.assert_equal(x * (1 - y - z + 2 * y * z), w, "eq of two wires")),
        (1, lambda b, p, x, y, z, w: b.assert_equal(x * (3 - 2 * y), w, "eq of a wire and a constant")),
        (0, lambda b, p, x, y, z, w: b.assert_equal(x, y, "a copy")),
        (
            2,
            lambda b, p, x, y, z, w: [
                b.assert_zero(x * y + z, "s"),
                b.assert_zero(x * y - w, "same product"),
            ],
        ),
    ],
)
def test_rows_are_fused(rows, text):
    assert build(text).num_rows == 1 + rows


def test_permutation_takes_66_rows():
    circuit = build(lambda b, p, x, y, z, w: b.assert_equal(b.permute([p, x, y, z])[0], w, "lane"))
    assert circuit.num_rows == 1 + 66


def test_unsatisfied_assertions_are_named():
    circuit = build(
        lambda b, p, x, y, z, w: [b.assert_zero(x * y - z, "xy = z"), b.assert_equal(w, p, "w = p")]
    )
    values = circuit.solve_naive([5], [2, 3, 7, 5])
    assert circuit.unsatisfied([5], values) == ["xy = z"]
    values = circuit.solve_naive([5], [2, 3, 6, 4])
    assert circuit.unsatisfied([5], values) == ["w = p"]


def test_dead_code_has_no_rows():
    def text(b, p, x, y, z, w):
        b.permute([x, y, z, w])
        _ = x * y
        b.assert_zero(z - 3, "z")

    assert build(text).num_rows == 2


def test_misuse_is_refused():
    b = CircuitBuilder()
    b.public("a")
    with pytest.raises(ValueError, match="twice"):
        b.public("a")
    b.input()
    with pytest.raises(ValueError, match="after other wires"):
        b.public("b")
    with pytest.raises(ValueError, match="cannot be satisfied"):
        b.assert_zero(3, "three")
    with pytest.raises(ValueError, match="takes 1 public and 1"):
        b.compile().solve_naive([1, 2], [])


def test_parts_are_counted():
    b = CircuitBuilder()
    x, y = b.input(), b.input()
    with b.part("hash"):
        s = b.permute([x, y, b.constant(0), b.constant(1)])
        with b.part("sum"):
            t = s[0] * s[1] + s[2]
    with b.part("end"):
        b.assert_equal(t * t, x, "end")
    assert b.compile().rows_by_part == {"hash": 68, "hash/sum": 1, "end": 1}
