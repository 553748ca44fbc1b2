"""The circuit builder against plain evaluation in F, on random straight-line programs."""

import random
import signal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testkit.blinding import NO_WIRES
from testkit.kernels import NAIVE, NATIVE
from zkllm.field import Fr, R
from zkllm.outer.builder import CircuitBuilder
from zkllm.outer.compile import compile_circuit
from zkllm.outer.gates import FLAGS, SELECTORS, gate_terms
from zkllm.outer.setup import circuit_kernel
from zkllm.poseidon2 import permute

SMALL = st.integers(-3, 3)
OPERATIONS = st.lists(
    st.tuples(st.sampled_from("+-*nkcp="), st.integers(0, 10**6), st.integers(0, 10**6), SMALL), max_size=40
)
LONGEST = 120  # seconds, for what takes one at most


class StillRunning(BaseException):
    """Not an Exception: Hypothesis would try the example again."""


@pytest.fixture(autouse=True)
def no_test_runs_for_ever():
    """A compiler that never ends shall fail a test, not stop the suite."""

    def stop(*_):
        raise StillRunning(f"after {LONGEST} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LONGEST)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


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


def evaluate(program, data, zero):
    return run(program, [Fr(x) for x in data], lambda s: list(map(Fr, permute(list(map(int, s))))), zero)


@settings(max_examples=150, deadline=None)
@given(OPERATIONS, st.lists(st.integers(0, R - 1), min_size=4, max_size=4))
def test_solution_agrees_with_field_arithmetic(program, data):
    program = [op for op in program if op[0] != "="]
    b = CircuitBuilder()
    leaves = [b.public("s"), b.public("t"), b.input(), b.input()]
    wires = run(program, leaves, b.permute, b.assert_zero)
    expected = evaluate(program, data, None)
    for i, (wire, value) in enumerate(zip(wires, expected, strict=True)):
        if not wire.is_constant:
            b.assert_equal(wire, int(value), f"value {i}")
        else:
            assert wire.c == int(value)
    circuit = compile_circuit(b)
    values = circuit_kernel(circuit, NAIVE).solve(data[:2], [*data[2:], *NO_WIRES])
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
        return compile_circuit(b)

    first, second = build(), build()
    if first is None:
        return
    assert (first.own_wires == second.own_wires).all() and first.selectors == second.selectors
    assert first.size > first.num_rows == sum(first.rows_by_section.values())
    permutation = first.permutation()
    assert sorted(permutation) == list(range(4 * first.size))
    wires = first.wires.reshape(-1)
    assert (wires[permutation] == wires).all()
    assert {row for name in FLAGS for row in first.selectors[name]}.isdisjoint(
        [*range(first.num_public), first.size - 1]
    )
    assert set(first.selectors) == set(SELECTORS)


def holds(circuit, public, values):
    """Whether rows, flags and cycles, which are all that a key knows of a circuit, hold for the wires."""
    columns = [[values[int(v)] for v in column] for column in circuit.own_wires]
    flat = [x for column in columns for x in column]
    if any(x != flat[i] for x, i in zip(flat, circuit.permutation().tolist(), strict=True)):
        return False
    selectors = [circuit.selector_column(name) for name in SELECTORS]
    rows = list(zip(*columns, strict=True))
    following = [*rows[1:], rows[0]]
    inputs = [-x for x in public] + [0] * (circuit.size - len(public))
    return not any(
        any(gate_terms(q, w, after, x))
        for q, w, after, x in zip(zip(*selectors, strict=True), rows, following, inputs, strict=True)
    )


def shifted(zero, values):
    """Assertions of x - value in place of x, in order."""
    left = iter(values)
    return lambda x, name: zero(x - next(left), name)


def wrong_at(program, data, shifts):
    """Names of the shifted equalities that are false at these inputs."""
    failed = []
    evaluate(program, data, shifted(lambda x, name: failed.append(name) if int(x) % R else None, shifts))
    return failed


def random_program(rng):
    """Of a few permutations at most, which take 66 rows each; what comes late is often used early."""
    place = lambda: rng.randrange(12) if rng.random() < 0.5 else rng.randrange(10**6)
    program = [
        (rng.choice("+-**nkc===="), place(), place(), rng.randint(-3, 3)) for _ in range(rng.randint(4, 24))
    ]
    return [("p", *op[1:]) if rng.random() < 0.02 else op for op in program]


def random_leaves(rng):
    if rng.random() < 0.4:
        return [rng.choice([0, 1, 2, R - 1])] * 4
    return [rng.choice([0, 1, R - 1, rng.randrange(R)]) for _ in range(4)]


@pytest.mark.parametrize("seed", range(4))
def test_rows_and_cycles_hold_exactly_where_the_equalities_do(seed):
    """Of any program, at any inputs: what is compiled says neither more nor less than the equalities.
    Most are shifted to be true at the first of three assignments."""
    rng = random.Random(seed)
    outcomes = []
    while len(outcomes) < 150:
        program, assignments = random_program(rng), [random_leaves(rng) for _ in range(3)]
        values = []
        evaluate(program, assignments[0], lambda x, _, values=values: values.append(int(x)))
        shifts = [x * (rng.random() < 0.9) for x in values]
        b = CircuitBuilder()
        leaves = [b.public("s"), b.public("t"), b.input(), b.input()]
        # an input that is in no row may be anything, whatever it is equal to: these are in one
        b.assert_equal(leaves[2] * leaves[3] + 7 * leaves[2], b.input(), "in a row")
        try:
            run(program, leaves, b.permute, shifted(b.assert_zero, shifts))
        except ValueError:  # the program asserts that a constant other than 0 is 0
            continue
        circuit = compile_circuit(b)
        for data in assignments:
            failed = wrong_at(program, data, shifts)
            s, t, x, y = data
            values = circuit_kernel(circuit, NAIVE).solve([s, t], [x, y, (x * y + 7 * x) % R, *NO_WIRES])
            assert holds(circuit, [s, t], values) == (not failed), (program, shifts, data)
            assert bool(circuit.unsatisfied([s, t], values)) == bool(failed), (program, shifts, data)
            outcomes.append(bool(failed))
    assert min(outcomes.count(True), outcomes.count(False)) > 30


def test_a_shared_product_keeps_its_factor():
    """What is left of a sum is a product with a factor, which each consumer takes into its own row."""
    b = CircuitBuilder()
    s, t, x, y = b.public("s"), b.public("t"), b.input(), b.input()
    tripled = (3 * (x * y) + x) - x
    b.assert_equal(tripled + y, s, "once")
    b.assert_equal(2 * tripled - x, t, "twice")
    circuit = compile_circuit(b)
    for shift in (0, 1):
        public = [3 * 5 * 7 + 7 + shift, 2 * 3 * 5 * 7 - 5]
        values = circuit_kernel(circuit, NAIVE).solve(public, [5, 7, *NO_WIRES])
        assert holds(circuit, public, values) == (not shift)


@pytest.mark.parametrize(
    "pairs",
    [
        [(0, 1), (1, 2), (0, 2)],  # the third follows from the others
        [(2, 1), (1, 0), (2, 0)],
        [(0, 1), (2, 3), (1, 2), (3, 0), (0, 2)],
    ],
)
def test_equalities_may_follow_from_earlier_ones(pairs):
    equalities(4, pairs)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=40))
def test_any_equalities_make_the_classes_that_they_generate(pairs):
    equalities(12, pairs)


def equalities(count, pairs):
    """Compiles equalities of inputs; the cycles must be the classes that they generate. Each is said once:
    one that is said twice has a row."""
    pairs = list({frozenset(pair): pair for pair in pairs}.values())
    b = CircuitBuilder()
    b.public("p")
    inputs = [b.input() for _ in range(count)]
    for x in inputs:
        b.assert_zero(x * x - x, "in a row")
    for i, j in pairs:
        b.assert_equal(inputs[i], inputs[j], f"{i} = {j}")
    circuit = compile_circuit(b)
    classes = {i: {i} for i in range(count)}
    for i, j in pairs:
        if classes[i] is not classes[j]:
            small, large = sorted((classes[i], classes[j]), key=len)
            large |= small
            classes |= dict.fromkeys(small, large)
    roots = [int(circuit.equal_to[v]) for v in circuit.input_variables[: -len(NO_WIRES)]]
    assert [roots[min(classes[i])] for i in range(count)] == roots
    assert len(set(roots)) == len({id(c) for c in classes.values()})
    assert (circuit.equal_to[circuit.equal_to] == circuit.equal_to).all(), "each names its class at once"


def build(text):
    b = CircuitBuilder()
    p, x, y, z, w = b.public("p"), *(b.input() for _ in range(4))
    text(b, p, x, y, z, w)
    return compile_circuit(b)


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
    values = circuit_kernel(circuit, NAIVE).solve([5], [2, 3, 7, 5, *NO_WIRES])
    assert circuit.unsatisfied([5], values) == ["xy = z"]
    values = circuit_kernel(circuit, NAIVE).solve([5], [2, 3, 6, 4, *NO_WIRES])
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
    for kernels in (NAIVE, NATIVE):
        with pytest.raises(ValueError, match="a value for each public and each other input"):
            circuit_kernel(compile_circuit(b), kernels).solve([1, 2], [])


def test_parts_are_counted():
    b = CircuitBuilder()
    x, y = b.input(), b.input()
    with b.section("hash"):
        s = b.permute([x, y, b.constant(0), b.constant(1)])
        with b.section("sum"):
            t = s[0] * s[1] + s[2]
    with b.section("end"):
        b.assert_equal(t * t, x, "end")
    assert compile_circuit(b).rows_by_section == {"hash": 68, "hash/sum": 1, "end": 1}
