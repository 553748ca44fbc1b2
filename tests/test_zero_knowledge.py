"""A proof says nothing but its statement: docs/security.md, "Zero-knowledge", item by item.

The development SRS has a known tau, which a simulator may have and a prover must not.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

import zkllm
from testkit.blinding import Masked, Unblinded, seeded
from testkit.toy import Instance, Toy
from testkit.whole import CONTEXT, ROWS, Whole
from zkllm.blinding import CIRCUIT_ROWS, MULTIPLE, FreshBlinding
from zkllm.commitments import commit_columns
from zkllm.errors import ProofError
from zkllm.field import R
from zkllm.kernels.native import NATIVE
from zkllm.outer.opening import denominators, derive, opening_entries, product
from zkllm.outer.prover import Coefficients, OuterProver
from zkllm.outer.transcript import (
    EVALUATIONS,
    INVERSE,
    PREPROCESSED,
    SCHEDULE,
    decode_body,
    seed_of,
    statement_digest,
)
from zkllm.outer.verifier import opening_pairs, require_pairing
from zkllm.pcs.curve import G1_GENERATOR, decode_g1, encode_g1, linear_combination_g1
from zkllm.pcs.development import DEVELOPMENT_TAU as TAU
from zkllm.pcs.mercury import eq_polynomial_at
from zkllm.protocol.columns import combine_columns
from zkllm.protocol.data import ProverData, Tensors, integers
from zkllm.protocol.masks import OpeningChallenges, rank, revealed
from zkllm.protocol.witness import prover_data
from zkllm.statement import pack_words


@pytest.fixture(scope="module")
def whole() -> Whole:
    return Whole.make(NATIVE, 10)


def inverse(x: int) -> int:
    return pow(x, -1, R)


def point(scalar: int) -> bytes:
    return combination([(scalar, G1_GENERATOR)])


def combination(terms: Sequence[tuple[int, bytes]]) -> bytes:
    return encode_g1(linear_combination_g1([(c % R, decode_g1(p)) for c, p in terms]))


# ---- the simulator


def simulated(whole: Whole, draw: Callable[[], int]) -> tuple[list[bytes], dict, dict, dict, int]:
    """What a proof consists of, made without a witness: (witness commitments, scalars, points, challenges,
    seed). The challenges are chosen first, as a programmed random oracle allows."""
    vk, domain = whole.vk, whole.vk.domain
    witness = [point(draw()) for _ in range(vk.num_witness_columns)]
    words = pack_words(whole.trace.T, whole.trace.ids, ROWS)
    seed = seed_of(statement_digest(vk.verifier_id, CONTEXT, words, witness))
    c = {r.challenge: draw() for r in SCHEDULE}
    r = [draw() for _ in range(vk.mu)]  # Poseidon2's outputs, behind the salt
    m: dict[str, int] = {"delta": draw(), "v": draw()}
    for name, u in (("pc", r[vk.mu - vk.b_log2 :]), ("pr", r[: vk.mu - vk.b_log2])):
        m |= {name: eq_polynomial_at(u, c["zeta"]), f"{name}i": eq_polynomial_at(u, inverse(c["zeta"]))}
    m |= {name: draw() for name in EVALUATIONS}
    prepared = whole.pk.prepared(NATIVE)
    known = zip(PREPROCESSED, prepared.circuit.preprocessed(), strict=True)
    m |= {name: NATIVE.evaluate(p, c["y"]) for name, p in known}

    p = {name: point(draw()) for name in ("C1", "C2", "g", "h", "SD")}
    columns = [(pow(c["theta"], i, R), g) for i, g in enumerate((*vk.fixed_commitments, *witness))]
    divisor = inverse(pow(TAU, 1 << vk.b_log2, R) - c["alpha"])
    p["q"] = combination([*((k * divisor, g) for k, g in columns), (-divisor, p["g"])])
    entries = opening_entries(domain, vk.b_log2, m, derive(domain, words, seed, m, c), c)
    committed, beta = p | {"C0": vk.c0}, [pow(c["beta"], i, R) for i in range(len(entries))]
    w: list[tuple[int, bytes]] = []
    w_prime: list[tuple[int, bytes]] = []
    for entry, k in zip(entries, beta, strict=True):
        at_tau, at_z = k * inverse(entry.modulus_at(TAU)), k * inverse(entry.modulus_at(c["z"]))
        here = committed[entry.commitment]
        w += [(at_tau, here), (-at_tau * entry.remainder_at(TAU), G1_GENERATOR)]
        w_prime += [(at_z, here), (-at_z * entry.remainder_at(c["z"]), G1_GENERATOR)]
    p["W"] = combination(w)
    last = inverse(TAU - c["z"])
    p["W_prime"] = combination([*((k * last, g) for k, g in w_prime), (-last, p["W"])])
    m[INVERSE] = inverse(product(denominators(domain, vk.num_public, c)))
    return witness, m, p, c, seed


def test_the_simulator_needs_no_witness(whole: Whole) -> None:
    rng = random.Random(11)
    witness, m, p, c, seed = simulated(whole, lambda: rng.randrange(R))
    words = pack_words(whole.trace.T, whole.trace.ids, ROWS)
    require_pairing(opening_pairs(whole.vk, words, seed, witness, m, p, c))
    for name in ("v", "a", "S_zeta", "z_next"):
        with pytest.raises(ProofError, match="pairing"):
            require_pairing(
                opening_pairs(whole.vk, words, seed, witness, m | {name: (m[name] + 1) % R}, p, c)
            )


# ---- masks


class Programmed(OuterProver):
    """Its challenges are given."""

    given: dict[str, int]

    def challenge(self, name: str, **messages: bytes | int) -> int:
        self.messages |= messages
        self.challenges[name] = self.given[name]
        return self.given[name]


def solved(matrix: Sequence[Sequence[int]], target: Sequence[int]) -> list[int]:
    """x with x matrix = target; the matrix has full column rank."""
    n = len(target)
    rows = [[row[j] % R for row in matrix] + [target[j] % R] for j in range(n)]
    pivots: list[int] = []
    for i in range(n):
        at = next(j for j in range(len(matrix)) if rows[i][j] and j not in pivots)
        k = inverse(rows[i][at])
        rows[i] = [x * k % R for x in rows[i]]
        for other in range(n):
            if other != i and (f := rows[other][at]):
                rows[other] = [(x - f * y) % R for x, y in zip(rows[other], rows[i], strict=True)]
        pivots.append(at)
    found = [0] * len(matrix)
    for row, at in zip(rows, pivots, strict=True):
        found[at] = row[-1]
    return found


class Opened:
    """The columns of a witness and their opening at given challenges, up to the outer circuit."""

    def __init__(self, whole: Whole, opening: OpeningChallenges, tensors: Tensors, masks: Sequence[int]):
        protocol = whole.protocol
        values = iter(masks)
        blinding = Masked(
            {g: {address: next(values) for address in own} for g, own in enumerate(protocol.masks)}
        )
        data = ProverData(protocol.manifest, NATIVE, dict(tensors), blinding)
        layouts, size = (protocol.fixed, protocol.witness), 1 << protocol.mu
        self.commitments = commit_columns(
            whole.srs, protocol.witness, data.tensors, masks=data.all_masks(protocol.witness)
        )
        words = [0] * whole.vk.num_words
        prover = Programmed(whole.pk, whole.srs, NATIVE, blinding, bytes(32), words, SCHEDULE, None, None)
        prover.given = {"alpha": opening.alpha, "gamma": opening.gamma, "zeta": opening.zeta}
        powers = [pow(opening.theta, g, R) for g in range(protocol.num_columns)]
        f = combine_columns(data, layouts, powers, size)
        s = prover.mercury(
            Coefficients(NATIVE, whole.srs, f, 1 << whole.vk.b_log2, 1 << whole.vk.mu - whole.vk.b_log2),
            opening.point,
        )
        g, h, sd = (prover.polynomials[name] for name in ("g", "h", "SD"))
        zeta = (opening.zeta, inverse(opening.zeta))
        v = prover.messages["v"]
        assert isinstance(v, int)
        self.messages = prover.messages
        self.values = [v, *(NATIVE.evaluate(f, x) for f in (g, h) for x in (*zeta, TAU))]
        self.values += [*(NATIVE.evaluate(s, x) for x in zeta), NATIVE.evaluate(sd, TAU)]
        alone = [[int(i == g) for i in range(protocol.num_columns)] for g in range(protocol.num_columns)]
        self.exponents = [
            NATIVE.evaluate(combine_columns(data, layouts, one, size), TAU)
            for one in alone[protocol.fixed.num_columns :]
        ]


def test_any_witness_opens_to_the_same_bytes(whole: Whole) -> None:
    """Two witnesses, one point r: there are masks with which commitments and every message of the opening of
    the columns are equal, byte for byte."""
    protocol, rng = whole.protocol, random.Random(7)
    draw = lambda: rng.randrange(R)
    opening = OpeningChallenges([draw() for _ in range(protocol.mu)], draw(), draw(), draw(), draw(), TAU)
    tensors = prover_data(protocol, whole.model, whole.trace, NATIVE).tensors
    another = {
        name: t if protocol.manifest.tensors[name].fixed else integers(tensors, name).astype("int64") + 1
        for name, t in tensors.items()
    }
    first = [draw() for _ in range(sum(map(len, protocol.masks)))]
    one, unlike = (Opened(whole, opening, t, first) for t in (tensors, another))
    assert not set(one.commitments) & set(unlike.commitments)
    assert all(one.messages[m] != unlike.messages[m] for m in ("v", "h", "q", "g", "SD"))

    columns = ((),) * protocol.fixed.num_columns + protocol.masks  # theta counts the fixed ones too
    matrix = [row[protocol.fixed.num_columns :] for row in revealed(NATIVE, columns, protocol.mu, opening)]
    wanted = [*one.exponents, *one.values]
    missing = [(a - b) % R for a, b in zip(wanted, [*unlike.exponents, *unlike.values], strict=True)]
    second = [(x + y) % R for x, y in zip(first, solved(matrix, missing), strict=True)]
    alike = Opened(whole, opening, another, second)
    assert alike.commitments == one.commitments and alike.values == one.values
    assert alike.messages == one.messages and set(one.messages) == {"v", "h", "q", "g", "SD"}


# ---- the outer circuit


def test_what_the_outer_proof_shows_of_wires_and_z_is_uniform() -> None:
    """Its 14 values have rank 14 in the blinders: derivatives, of polynomials of degree at most 6."""
    instance = Instance.make(Toy.random(mu=2, num_fixed=1, num_witness=1, seed=3))
    circuit = instance.pk.prepared(NATIVE).circuit
    n, rng = instance.pk.circuit.size, random.Random(2)
    public = [rng.randrange(R) for _ in range(instance.vk.num_public)]
    inputs = [rng.randrange(R) for _ in range(instance.pk.circuit.num_inputs - 4 * CIRCUIT_ROWS)]
    beta, gamma, alpha, y = (rng.randrange(R) for _ in range(4))
    next_y = y * instance.vk.domain.root % R

    def shown(blinders: Sequence[int]) -> list[int]:
        wires_of, rho = blinders[: 4 * CIRCUIT_ROWS], blinders[4 * CIRCUIT_ROWS :]
        columns = circuit.columns(circuit.solve(public, [*inputs, *wires_of]))
        wires = [NATIVE.ntt(column, n, True) for column in columns]
        z = NATIVE.ntt(circuit.grand_product(columns, beta, gamma), n, True)
        multiple = NATIVE.from_list([*(-c % R for c in rho), *[0] * (n - len(rho)), *rho])
        z = NATIVE.combine([z, multiple], [1, 1])
        z_reduced, _ = NATIVE.divide(z, 1, 1, 1)
        tp, tg = circuit.quotients(wires, z, public, beta, gamma, alpha)
        at = [(w, x) for w in wires for x in (y, next_y)]
        at += [(NATIVE.pack(wires), TAU), (z_reduced, y), (z_reduced, next_y), (tp, next_y), (tg, next_y)]
        return [NATIVE.evaluate(p, x) for p, x in [*at, (NATIVE.pack([z_reduced, tp, tg]), TAU)]]

    base = [rng.randrange(R) for _ in range(4 * CIRCUIT_ROWS + MULTIPLE)]
    slopes = list(derivatives(shown, base, degree=6))
    assert rank(slopes) == len(slopes[0]) == 14
    assert rank(slopes[: 4 * CIRCUIT_ROWS]) < 14 and rank(slopes[4 * CIRCUIT_ROWS :]) < 14


def derivatives(f: Callable[[list[int]], list[int]], at: list[int], degree: int) -> Iterator[list[int]]:
    """By each coordinate: the linear coefficient of the polynomial through `degree` + 1 values."""
    nodes = range(degree + 1)
    weights = []  # of f(node) in the coefficient of X: Lagrange at nodes 0, 1, ..
    for i in nodes:
        poly, scale = [1], 1
        for j in nodes:
            if j != i:
                poly = [a - j * b for a, b in zip([0, *poly], [*poly, 0], strict=True)]
                scale = scale * (i - j) % R
        weights.append(poly[1] * inverse(scale) % R)
    for k in range(len(at)):
        values = [f([x + t if i == k else x for i, x in enumerate(at)]) for t in nodes]
        yield [sum(w * v for w, v in zip(weights, own, strict=True)) % R for own in zip(*values, strict=True)]


# ---- whole proofs


def test_two_proofs_of_one_statement_share_no_message(whole: Whole) -> None:
    """But the preprocessed polynomials' openings would be equal at one y, which is never drawn twice."""
    one, other = (decode_body(whole.prove(), whole.vk.num_witness_columns) for _ in range(2))
    assert not set(one[0]) & set(other[0])
    a, b = ({**scalars, **points} for _, scalars, points in (one, other))
    assert a.keys() == b.keys() and not [name for name in a if a[name] == b[name]]


def test_blinding_hides_from_one_who_knows_the_witness(whole: Whole) -> None:
    """Without masks the commitments are functions of the witness; without the salt, r is."""
    plain = whole.prove(Unblinded(whole.protocol.masks))
    whole.verify(plain)
    data = prover_data(whole.protocol, whole.model, whole.trace, NATIVE)
    guess = commit_columns(whole.srs, whole.protocol.witness, data.tensors)
    assert decode_body(plain, len(guess))[0] == guess
    body = whole.prove()
    whole.verify(body)
    assert not set(decode_body(body, len(guess))[0]) & set(guess)


def test_r_depends_on_the_salt(whole: Whole) -> None:
    class Salted(Unblinded):
        salt = 5

    plain, salted = (
        decode_body(whole.prove(b(whole.protocol.masks)), whole.vk.num_witness_columns)
        for b in (Unblinded, Salted)
    )
    assert plain[0] == salted[0]
    assert all(plain[1][name] != salted[1][name] for name in ("delta", "v", "pc", "pr"))


def test_one_blinding_serves_one_transcript(whole: Whole) -> None:
    blinding = seeded(whole.protocol.masks)
    body = whole.prove(blinding)
    assert whole.prove(blinding) == body  # the same transcript again
    with pytest.raises(RuntimeError, match="another transcript"):
        blinding.bind(bytes(32))


def test_a_forgotten_blinding_is_no_unblinded_proof(whole: Whole) -> None:
    data = ProverData(whole.protocol.manifest, NATIVE)
    with pytest.raises(IndexError):
        data.masks(whole.protocol.witness, 0)


def test_only_tests_choose_blinders() -> None:
    """No call in the package passes a source of scalars or a seed, and what is drawn is not shown."""
    folder = Path(zkllm.__file__).parent
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "FreshBlinding":
                assert len(node.args) == 1 and not node.keywords, f"{path}:{node.lineno}"
    blinding = FreshBlinding(((7,),))
    secrets = [blinding.salt, *blinding.wires, *blinding.multiple, *blinding.column(0).values()]
    assert len(set(secrets)) == len(secrets) == 2 + 4 * CIRCUIT_ROWS + MULTIPLE
    assert not any(str(x) in f"{blinding!r} {blinding}" for x in secrets)


# ---- what is drawn changes nothing that is proved


@pytest.mark.parametrize("place", ["a tensor's", "the last tensor's end"])
def test_a_mask_on_a_tensor_is_a_false_witness(whole: Whole, place: str) -> None:
    witness = whole.protocol.witness
    column, address = (0, 0) if place == "a tensor's" else divmod(witness.used - 1, 1 << witness.mu)
    with pytest.raises(ProofError):
        whole.verify(whole.prove(Masked({column: {address: 1}})))


def test_masks_that_change_after_the_commitment_are_refused(whole: Whole) -> None:
    class Shifting(FreshBlinding):
        asked = 0

        def column(self, column: int) -> dict[int, int]:
            self.asked += column == 0
            return {x: mask + (self.asked > 1) for x, mask in super().column(column).items()}

    with pytest.raises(ProofError):
        whole.verify(whole.prove(Shifting(whole.protocol.masks)))
