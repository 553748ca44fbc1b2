"""Native kernels of the outer proof against their twins."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.outer.toy import Toy
from zkllm._native import (
    CircuitKernel,
    FrVec,
    mercury_fold,
    mercury_symmetric,
    poly_combine,
    poly_divide,
    poly_divide_in_place,
    poly_eq,
    poly_evaluate,
    poly_inner,
    poly_ntt,
    poly_pack,
    poly_reverse,
    poseidon2_permute,
)
from zkllm.field import R
from zkllm.outer import naive
from zkllm.outer.circuit import CircuitBuilder
from zkllm.outer.setup import circuit_kernel
from zkllm.pcs.mercury import eq_polynomial_at
from zkllm.poseidon2 import permute

SCALAR = st.one_of(st.integers(0, R - 1), st.sampled_from([0, 1, R - 1]))
POLY = st.lists(SCALAR, max_size=40)
NONZERO = st.integers(1, R - 1)
vec = FrVec.from_list


@settings(max_examples=50)
@given(st.lists(SCALAR, min_size=4, max_size=4))
def test_permutation(state):
    assert poseidon2_permute(state) == permute(state)


@settings(max_examples=50)
@given(POLY, st.integers(0, 6), SCALAR)
def test_transform_and_evaluation(p, log2, x):
    n = max(1 << log2, 1 << (max(len(p), 1) - 1).bit_length())
    values = poly_ntt(vec(p), n, False)
    assert values.to_list() == naive.transform(p, n)
    assert (
        poly_ntt(values, n, True).to_list() == p + [0] * (n - len(p)) == naive.interpolate(values.to_list())
    )
    assert poly_evaluate(vec(p), x) == naive.evaluate(p, x)


@given(st.lists(POLY, min_size=1, max_size=5), st.data())
def test_pack_combine_reverse(polys, data):
    k = data.draw(st.lists(SCALAR, min_size=len(polys), max_size=len(polys)))
    vectors = [vec(p) for p in polys]
    assert poly_pack(vectors).to_list() == naive.pack(polys)
    assert poly_combine(vectors, k).to_list() == naive.add(
        *(naive.scale(p, c) for p, c in zip(polys, k, strict=True))
    )
    assert poly_reverse(vectors[0]).to_list() == polys[0][::-1]


@given(st.lists(SCALAR, max_size=400), st.one_of(st.integers(1, 20), st.integers(60, 140)), NONZERO, SCALAR)
@settings(max_examples=60, deadline=None)
def test_division(p, degree, lead, constant):
    quotient, rest = poly_divide(vec(p), degree, lead, constant)
    assert (quotient.to_list(), rest.to_list()) == naive.divide(p, degree, lead, constant)
    f = vec(p)
    rest = poly_divide_in_place(f, degree, constant)
    assert (f.to_list(), rest.to_list()) == naive.divide(p, degree, 1, constant)


def test_packs_open_to_all_their_polynomials():
    """sum X^j p_j(X^t) = sum p_j(a) X^j modulo X^t - a, t-th root or not."""
    polys = [[3, 1, 4, 1], [5, 9], [2, 6, 5]]
    assert poly_divide(poly_pack([vec(p) for p in polys]), 3, 1, 7)[1].to_list() == [
        naive.evaluate(p, 7) for p in polys
    ]


@given(st.lists(SCALAR, max_size=6), SCALAR)
def test_eq_polynomial(u, x):
    table = poly_eq(u)
    assert table.to_list() == naive.eq(u)
    assert poly_evaluate(table, x) == eq_polynomial_at(u, x)
    assert poly_inner(table, table) == sum(c * c for c in naive.eq(u)) % R


@settings(deadline=None)
@given(st.integers(0, 4), st.integers(0, 4), st.data())
def test_mercury_folds(rows_log2, b_log2, data):
    size = lambda log2: st.lists(SCALAR, min_size=1 << log2, max_size=1 << log2)
    f, weights, g = data.draw(size(rows_log2 + b_log2)), data.draw(size(b_log2)), data.draw(size(b_log2))
    assert mercury_fold(vec(f), vec(weights)).to_list() == naive.fold(f, weights)
    constant, s = naive.symmetric(g, weights)
    assert mercury_symmetric(vec(g), vec(weights)).to_list() == s
    x = 987654321
    inv = pow(x, -1, R)
    left = naive.evaluate(g, x) * naive.evaluate(weights, inv) + naive.evaluate(g, inv) * naive.evaluate(
        weights, x
    )
    assert (left - constant - x * naive.evaluate(s, x) - inv * naive.evaluate(s, inv)) % R == 0


def test_misuse_is_refused():
    with pytest.raises(ValueError):
        poly_ntt(FrVec.zeros(3), 2, False)
    with pytest.raises(ValueError):
        poly_ntt(FrVec.zeros(3), 4, True)
    with pytest.raises(ValueError):
        poly_divide(FrVec.zeros(3), 0, 1, 1)
    with pytest.raises(ValueError):
        poly_divide(FrVec.zeros(3), 1, 0, 1)
    with pytest.raises(ValueError):
        poly_divide_in_place(FrVec.zeros(3), 0, 1)
    with pytest.raises(ValueError):
        mercury_fold(FrVec.zeros(3), FrVec.zeros(2))
    with pytest.raises(ValueError):
        mercury_symmetric(FrVec.zeros(3), FrVec.zeros(2))
    with pytest.raises(ValueError):
        poly_combine([FrVec.zeros(3)], [])
    with pytest.raises(ValueError):
        poly_inner(FrVec.zeros(3), FrVec.zeros(2))


def arithmetic_circuit():
    b = CircuitBuilder()
    p, x, y = b.public("p"), b.input(), b.input()
    b.assert_equal(x * y * 3 + x - p, y * y, "relation")
    b.assert_equal(x + y, 12, "sum")
    return b.compile()


def test_solver_agrees_with_its_twin():
    toy = Toy.random(mu=2, num_fixed=1, num_witness=1)
    circuit = toy.circuit()
    public, inputs = list(range(1, 12)), list(range(100, 100 + circuit.num_inputs))
    kernel = circuit_kernel(circuit)
    values = circuit.solve_naive(public, inputs)
    assert kernel.solve(public, inputs).to_list() == values
    columns = [c.to_list() for c in kernel.columns(vec(values))]
    assert columns == [[values[v] for v in column] for column in circuit.wires]
    with pytest.raises(ValueError):
        kernel.solve(public, inputs[1:])


def test_quotients_agree_with_their_twin():
    circuit = arithmetic_circuit()
    kernel: CircuitKernel = circuit_kernel(circuit)
    x, y = 5, 7
    public = [(3 * x * y + x - y * y) % R]
    values = kernel.solve(public, [x, y])
    assert circuit.unsatisfied(public, values.to_list()) == []
    n = circuit.size
    columns = kernel.columns(values)
    wires = [poly_ntt(c, n, True) for c in columns]
    beta, gamma, alpha = 1234567, 7654321, 1111111
    preprocessed = [p.to_list() for p in kernel.preprocessed()]
    sigma = [naive.transform(p, n) for p in preprocessed[9:]]
    z = kernel.grand_product(columns, beta, gamma)
    assert z.to_list() == naive.grand_product([c.to_list() for c in columns], sigma, beta, gamma)
    z = poly_ntt(z, n, True)
    tp, tg = kernel.quotients(wires, z, public, beta, gamma, alpha)
    expected = naive.quotients(
        preprocessed, [w.to_list() for w in wires], z.to_list(), public, (beta, gamma, alpha)
    )
    pad = lambda p, k: p + [0] * (k * n - len(p))
    assert (tp.to_list(), tg.to_list()) == (pad(expected[0], 4), pad(expected[1], 5))


def test_permutation_rows_satisfy_the_gates():
    """The quotients of a circuit with a permutation (128 rows) by polynomial arithmetic."""
    b = CircuitBuilder()
    p, x = b.public("p"), b.input()
    b.assert_equal(b.permute([p, x, x * p, b.constant(3)])[1], x * 5, "lane")
    circuit = b.compile()
    assert circuit.size == 128
    kernel = circuit_kernel(circuit)
    values = kernel.solve([2], [9])
    # the assertion "lane" is false; its row gives a remainder, the permutation's rows do not
    assert circuit.unsatisfied([2], values.to_list()) == ["lane"]
    columns = [c.to_list() for c in kernel.columns(values)]
    selectors = [naive.transform(q.to_list(), 128) for q in kernel.preprocessed()[:9]]
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
            circuit_kernel(damaged)
