"""Native kernels of the outer proof against their twins."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testkit.blinding import NO_WIRES
from testkit.kernels import NAIVE, NATIVE
from testkit.toy import Toy
from zkllm._native import poseidon2_permute
from zkllm.field import R
from zkllm.outer.builder import CircuitBuilder
from zkllm.outer.compile import compile_circuit
from zkllm.outer.setup import circuit_kernel
from zkllm.pcs.mercury import eq_polynomial_at
from zkllm.poseidon2 import permute

SCALAR = st.one_of(st.integers(0, R - 1), st.sampled_from([0, 1, R - 1]))
POLY = st.lists(SCALAR, max_size=40)
NONZERO = st.integers(1, R - 1)
vec = NATIVE.from_list


@settings(max_examples=50)
@given(st.lists(SCALAR, min_size=4, max_size=4))
def test_permutation(state):
    assert poseidon2_permute(state) == permute(state)


@settings(max_examples=50)
@given(POLY, st.integers(0, 6), SCALAR)
def test_transform_and_evaluation(p, log2, x):
    n = max(1 << log2, 1 << (max(len(p), 1) - 1).bit_length())
    values = NATIVE.ntt(vec(p), n, False)
    assert values.to_list() == NAIVE.ntt(p, n, False)
    assert (
        NATIVE.ntt(values, n, True).to_list()
        == p + [0] * (n - len(p))
        == NAIVE.ntt(values.to_list(), n, True)
    )
    assert NATIVE.evaluate(vec(p), x) == NAIVE.evaluate(p, x)


@given(st.lists(POLY, min_size=1, max_size=5), st.data())
def test_pack_combine_reverse(polys, data):
    k = data.draw(st.lists(SCALAR, min_size=len(polys), max_size=len(polys)))
    vectors = [vec(p) for p in polys]
    assert NATIVE.pack(vectors).to_list() == NAIVE.pack(polys)
    assert NATIVE.combine(vectors, k).to_list() == NAIVE.combine(polys, k)
    assert NATIVE.reverse(vectors[0]).to_list() == polys[0][::-1]


@given(st.lists(SCALAR, max_size=400), st.one_of(st.integers(1, 20), st.integers(60, 140)), NONZERO, SCALAR)
@settings(max_examples=60, deadline=None)
def test_division(p, degree, lead, constant):
    quotient, rest = NATIVE.divide(vec(p), degree, lead, constant)
    assert (quotient.to_list(), rest.to_list()) == NAIVE.divide(p, degree, lead, constant)
    f = vec(p)
    rest = NATIVE.divide_in_place(f, degree, constant)
    assert (f.to_list(), rest.to_list()) == NAIVE.divide(p, degree, 1, constant)


@pytest.mark.parametrize("degree", [1, 3, 63])
@pytest.mark.parametrize("beyond", [-1, 0, 1, 64])
def test_division_by_blocks_of_rows(degree, beyond):
    """Blocks have 1024 rows; what one carries into the next is found before the rows are divided."""
    c, n = R - 12345, 3 * 1024 * degree + beyond
    p = [pow(7, i, R) for i in range(n)]
    f = vec(p)
    rest = NATIVE.divide_in_place(f, degree, c)
    assert (f.to_list(), rest.to_list()) == NAIVE.divide(p, degree, 1, c)


def test_packs_open_to_all_their_polynomials():
    """sum X^j p_j(X^t) = sum p_j(a) X^j modulo X^t - a, t-th root or not."""
    polys = [[3, 1, 4, 1], [5, 9], [2, 6, 5]]
    assert NATIVE.divide(NATIVE.pack([vec(p) for p in polys]), 3, 1, 7)[1].to_list() == [
        NAIVE.evaluate(p, 7) for p in polys
    ]


@given(st.lists(SCALAR, max_size=6), SCALAR)
def test_eq_polynomial(u, x):
    table = NATIVE.eq_table(u)
    assert table.to_list() == NAIVE.eq_table(u)
    assert NATIVE.evaluate(table, x) == eq_polynomial_at(u, x)


@settings(deadline=None)
@given(st.integers(0, 4), st.integers(0, 4), st.data())
def test_mercury_folds(rows_log2, b_log2, data):
    size = lambda log2: st.lists(SCALAR, min_size=1 << log2, max_size=1 << log2)
    f, weights, g = data.draw(size(rows_log2 + b_log2)), data.draw(size(b_log2)), data.draw(size(b_log2))
    assert NATIVE.fold(vec(f), vec(weights)).to_list() == NAIVE.fold(f, weights)
    s = NAIVE.symmetric(g, weights)
    assert NATIVE.symmetric(vec(g), vec(weights)).to_list() == s
    x, at = 987654321, NAIVE.evaluate
    inv = pow(x, -1, R)
    left = at(g, x) * at(weights, inv) + at(g, inv) * at(weights, x)
    constant = 2 * NAIVE.inner(g, weights)
    assert (left - constant - x * at(s, x) - inv * at(s, inv)) % R == 0


def test_misuse_is_refused():
    with pytest.raises(ValueError):
        NATIVE.ntt(NATIVE.zeros(3), 2, False)
    with pytest.raises(ValueError):
        NATIVE.ntt(NATIVE.zeros(3), 4, True)
    with pytest.raises(ValueError):
        NATIVE.divide(NATIVE.zeros(3), 0, 1, 1)
    with pytest.raises(ValueError):
        NATIVE.divide(NATIVE.zeros(3), 1, 0, 1)
    with pytest.raises(ValueError):
        NATIVE.divide_in_place(NATIVE.zeros(3), 0, 1)
    with pytest.raises(ValueError):
        NATIVE.fold(NATIVE.zeros(3), NATIVE.zeros(2))
    with pytest.raises(ValueError):
        NATIVE.symmetric(NATIVE.zeros(3), NATIVE.zeros(2))
    with pytest.raises(ValueError):
        NATIVE.combine([NATIVE.zeros(3)], [])


def arithmetic_circuit():
    b = CircuitBuilder()
    p, x, y = b.public("p"), b.input(), b.input()
    b.assert_equal(x * y * 3 + x - p, y * y, "relation")
    b.assert_equal(x + y, 12, "sum")
    return compile_circuit(b)


def test_solver_agrees_with_its_twin():
    toy = Toy.random(mu=2, num_fixed=1, num_witness=1)
    circuit = toy.circuit()
    public, inputs = list(range(1, 12)), list(range(100, 100 + circuit.num_inputs))
    kernel = circuit_kernel(circuit, NATIVE)
    values = circuit_kernel(circuit, NAIVE).solve(public, inputs)
    assert kernel.solve(public, inputs).to_list() == values
    columns = [c.to_list() for c in kernel.columns(vec(values))]
    assert columns == [[values[v] for v in column] for column in circuit.wires]
    with pytest.raises(ValueError):
        kernel.solve(public, inputs[1:])


def test_quotients_agree_with_their_twin():
    circuit = arithmetic_circuit()
    kernel = circuit_kernel(circuit, NATIVE)
    x, y = 5, 7
    public = [(3 * x * y + x - y * y) % R]
    values = kernel.solve(public, [x, y, *NO_WIRES])
    assert circuit.unsatisfied(public, values.to_list()) == []
    n = circuit.size
    columns = kernel.columns(values)
    wires = [NATIVE.ntt(c, n, True) for c in columns]
    beta, gamma, alpha = 1234567, 7654321, 1111111
    z = kernel.grand_product(columns, beta, gamma)
    twin = circuit_kernel(circuit, NAIVE)
    assert [p.to_list() for p in kernel.preprocessed()] == twin.preprocessed()
    assert z.to_list() == twin.grand_product([c.to_list() for c in columns], beta, gamma)
    z = NATIVE.ntt(z, n, True)
    quotients = kernel.quotients(wires, z, public, beta, gamma, alpha)
    expected = twin.quotients([w.to_list() for w in wires], z.to_list(), public, beta, gamma, alpha)
    assert [q.to_list() for q in quotients] == list(expected)
    assert [len(q) for q in expected] == [5 * n, 5 * n]
    public[0] += 1
    with pytest.raises(ValueError, match="not a multiple"):
        twin.quotients([w.to_list() for w in wires], z.to_list(), public, beta, gamma, alpha)


def test_permutation_rows_satisfy_the_gates():
    """The quotients of a circuit with a permutation (128 rows) by polynomial arithmetic."""
    b = CircuitBuilder()
    p, x = b.public("p"), b.input()
    b.assert_equal(b.permute([p, x, x * p, b.constant(3)])[1], x * 5, "lane")
    circuit = compile_circuit(b)
    assert circuit.size == 128
    kernel = circuit_kernel(circuit, NATIVE)
    values = kernel.solve([2], [9, *NO_WIRES])
    # the assertion "lane" is false; its row gives a remainder, the permutation's rows do not
    assert circuit.unsatisfied([2], values.to_list()) == ["lane"]
    columns = [c.to_list() for c in kernel.columns(values)]
    selectors = [NAIVE.ntt(q.to_list(), 128, False) for q in kernel.preprocessed()[:9]]
    from zkllm.outer.gates import gate_terms

    bad = [
        i
        for i in range(128)
        if any(
            gate_terms(
                [s[i] for s in selectors],
                [c[i] for c in columns],
                [c[(i + 1) % 128] for c in columns],
                -2 if i == 0 else 0,
            )
        )
    ]
    assert bad == [row for row, name in circuit.assertions.items()]


@pytest.mark.parametrize("row", [0, -1])
def test_poseidon_flags_stay_off_public_rows_and_the_last(row):
    circuit = arithmetic_circuit()
    for name in ("qE", "qI", "qL"):
        damaged = arithmetic_circuit()
        damaged.selectors[name][row % circuit.size] = 1
        with pytest.raises(ValueError, match="public or the last"):
            circuit_kernel(damaged, NATIVE)
