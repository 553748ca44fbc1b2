"""Cheating provers, one for each rule of the outer protocol.

A cheat makes the inner verifier accept false values of the columns (`false_values` satisfies the reduction),
so the value v that the circuit returns is not that of sum theta^g C_g. Where the rule is about the order of
messages, the test shows that the cheat is accepted when the verifier leaves out just this message ("weak"
schedule), and rejected by the real one.
"""

from dataclasses import replace
from typing import Any

import pytest

from testkit.damage import repair_inverse
from testkit.kernels import NATIVE
from zkllm.blinding import CIRCUIT_ROWS
from zkllm.errors import ProofError
from zkllm.field import P, R
from zkllm.kernels.interface import Vector
from zkllm.outer import opening
from zkllm.outer.opening import derive
from zkllm.outer.prover import OuterProver
from zkllm.outer.transcript import (
    EVALUATIONS,
    INVERSE,
    SCHEDULE,
    Round,
    Transcript,
    decode_body,
    seed_of,
    statement_digest,
)
from zkllm.outer.verifier import draw_challenges, opening_pairs, require_pairing, verify

pytestmark = pytest.mark.slow


def inverse(x: int) -> int:
    return pow(x, -1, R)


def false_values(weights: list[int], values: list[int]) -> list[int]:
    """sum weight_g value_g stays: column 0 gains what column 1 loses."""
    return [(values[0] + weights[1]) % R, (values[1] - weights[0]) % R, *values[2:]]


def without(*messages: str) -> tuple[Round, ...]:
    """A schedule that never absorbs these messages."""
    drop = lambda names: tuple(n for n in names if n not in messages)
    return tuple(Round(r.challenge, drop(r.points), drop(r.scalars), r.points_first) for r in SCHEDULE)


def weak_verify(instance, body: bytes, schedule: tuple[Round, ...]) -> None:
    """The verifier, but for the order of messages; the inverse is not looked at."""
    witness, scalars, points = decode_body(body, instance.vk.num_witness_columns)
    digest = statement_digest(instance.vk.verifier_id, instance.context, instance.words, witness)
    transcript = Transcript(instance.vk.verifier_id, digest, schedule)
    messages = {**scalars, **points}
    c = {
        r.challenge: transcript.challenge(r.challenge, {m: messages[m] for m in r.messages}) for r in schedule
    }
    scalars[INVERSE] = inverse(
        opening.product(opening.denominators(instance.vk.domain, instance.vk.num_public, c))
    )
    require_pairing(opening_pairs(instance.vk, instance.words, seed_of(digest), witness, scalars, points, c))


def rejected(instance, body: bytes) -> None:
    """By the pairing equation, once the inverse fits the real challenges."""
    repaired = repair_inverse(instance.vk, instance.context, instance.words, body)
    with pytest.raises(ProofError, match="^pairing"):
        verify(instance.vk, instance.context, instance.words, repaired)


class Cheater(OuterProver):
    """Sends the circuit's false v in place of the columns'."""

    finals: list[int]

    def false_v(self) -> int:
        return sum(c * pow(self.challenges["theta"], g, R) for g, c in enumerate(self.finals)) % R

    def challenge(self, name, **messages):
        if name == "alpha":
            self.true_v = messages["v"]
            messages["v"] = self.false_v()
        return super().challenge(name, **messages)


# ---- an unsatisfied circuit


@pytest.mark.parametrize("column", [0, 3])
def test_a_false_reduction_is_rejected(instance, column):
    body = instance.prove(corrupt=lambda _, v: [x + (g == column) for g, x in enumerate(v)])
    rejected(instance, body)


def test_a_false_value_of_the_columns_is_rejected(instance):
    """The circuit is satisfied, so only Mercury stands between the prover and a false statement."""
    rejected(instance, instance.prove(corrupt=false_values, prover=Cheater))


def test_a_circuit_that_disagrees_about_v_is_rejected(instance):
    """The columns' true v with a circuit that computes another."""
    rejected(instance, instance.prove(corrupt=false_values))


@pytest.mark.parametrize("name", ["pc", "pci", "pr", "pri"])
def test_a_false_public_input_is_rejected(instance, name):
    class Lying(OuterProver):
        def plonk(self, inputs):
            self.messages[name] = (self.messages[name] + 1) % R
            super().plonk(inputs)

    rejected(instance, instance.prove(prover=Lying))


def test_a_false_copy_is_rejected(instance):
    """Two positions of one variable with different values: the grand product does not close."""

    class Splitting(OuterProver):
        def plonk(self, inputs):
            kernel: Any = self.prepared.circuit

            class Kernel:
                solve, grand_product, quotients = kernel.solve, kernel.grand_product, kernel.quotients
                preprocessed = kernel.preprocessed

                def columns(self, values):
                    columns = kernel.columns(values)
                    first = columns[1].to_list()
                    last = len(first) - 1 - CIRCUIT_ROWS  # in no gate
                    columns[1] = NATIVE.from_list([*first[:last], 7, *first[last + 1 :]])
                    return columns

            self.prepared = replace(self.prepared, circuit=Kernel())
            super().plonk(inputs)

    rejected(instance, instance.prove(prover=Splitting))


# ---- what is absorbed, and when


def test_delta_is_absorbed_before_theta(instance):
    """Else columns' values are chosen for the theta: v is true, the values are not."""
    schedule = without("delta")
    digest = statement_digest(instance.vk.verifier_id, instance.context, instance.words, instance.witness)
    theta = Transcript(instance.vk.verifier_id, digest, schedule).challenge("theta", {})

    def chosen(weights, values):
        # a shift d with sum weight_g d_g = sum theta^g d_g = 0, d_2 = 1, d_3 = 0
        (a, b, c), (p, q, s) = weights[:3], (1, theta, theta * theta)
        det = inverse((a * q - b * p) % R)
        d = [(b * s - c * q) * det % R, (c * p - a * s) * det % R, 1, 0]
        return [(x + y) % R for x, y in zip(values, d, strict=True)]

    body = instance.prove(corrupt=chosen, schedule=schedule)
    weak_verify(instance, body, schedule)
    rejected(instance, body)


def test_public_inputs_are_absorbed_before_the_outer_challenges(instance):
    """Else v and P_col(zeta) are solved for at the end, from Mercury's equation and PI(y): both linear."""
    schedule = without("v", "pc")

    class Frozen(Cheater):
        def evaluate(self, s_polynomial):
            super().evaluate(s_polynomial)
            c, e, domain = self.challenges, self.messages, self.pk.vk.domain
            names = self.pk.vk.public_input_names
            lagrange = lambda name: (
                pow(domain.root, names.index(name), R)
                * inverse((c["y"] - pow(domain.root, names.index(name), R)) % R)
            )
            ratio = lagrange("pc") * inverse(lagrange("v") % R) % R  # v' - v = -ratio (pc' - pc)
            gamma2 = 2 * c["gamma"]
            shift = gamma2 * (e["v"] - self.true_v) * inverse((e["g_zeta_inv"] + gamma2 * ratio) % R) % R
            e["pc"] = (e["pc"] + shift) % R
            e["v"] = (e["v"] - ratio * shift) % R

    body = instance.prove(corrupt=false_values, schedule=schedule, prover=Frozen)
    weak_verify(instance, body, schedule)
    rejected(instance, body)


def test_s_is_committed_before_zeta(instance):
    """Else S is chosen to fit any v at the one point where the identity is checked."""
    schedule = without("SD")

    class LateS(Cheater):
        def mercury(self, f, point):
            whole: Any = super().mercury(f, point)
            s = whole.to_list()
            c = self.challenges
            zeta = c["zeta"]
            # 2 gamma v grows, the identity's left side stays: zeta S(zeta) + S(1/zeta) / zeta must shrink
            error = 2 * c["gamma"] * (self.messages["v"] - self.true_v)
            s[0] = (s[0] - error * inverse(zeta + inverse(zeta))) % R
            shifted = NATIVE.from_list(s)
            self.commit("SD", NATIVE.pack([shifted, NATIVE.reverse(self.polynomials["g"])]))
            return shifted

    body = instance.prove(corrupt=false_values, schedule=schedule, prover=LateS)
    weak_verify(instance, body, schedule)
    rejected(instance, body)


def test_quotients_are_committed_before_y(instance):
    """Else Tg is any polynomial with the value that an unsatisfied circuit needs at y."""
    schedule = without("C2")

    class LateQuotient(OuterProver):
        def challenge(self, name, **messages):
            if name == "theta":
                messages["delta"] += 1  # not the digest that the circuit computes; nothing else is false
            return super().challenge(name, **messages)

        def evaluate(self, s_polynomial):
            # a dry run gives the evaluations from which Tg(y) is derived; Tg is not among them
            saved = self.transcript, dict(self.messages), dict(self.challenges)
            self.transcript = Transcript(b"", b"", (Round("beta", scalars=EVALUATIONS),))
            super().evaluate(s_polynomial)
            scalars = {name: m for name, m in self.messages.items() if isinstance(m, int)}
            vk = self.pk.vk
            target = derive(vk.domain, self.words, self.seed, scalars, self.challenges)["Tg"]
            self.transcript, self.messages, self.challenges = saved
            tg = self.quotients[2]
            shift = (target - NATIVE.evaluate(tg, self.challenges["y"])) % R
            assert shift, "the circuit is not satisfied"
            raised: Any = NATIVE.combine([tg, NATIVE.from_list([shift])], [1, 1])
            self.quotients[2] = raised
            self.commit("C2", NATIVE.pack(self.quotients))
            super().evaluate(s_polynomial)

    body = instance.prove(schedule=schedule, prover=LateQuotient)
    weak_verify(instance, body, schedule)
    rejected(instance, body)


def test_evaluations_are_absorbed_before_beta(instance, monkeypatch):
    """Else two false evaluations cancel in the batch: g and h at zeta share the divisor X - zeta.

    The bound on the degree of g, which ties g(zeta) to D, is a second line; without it v is forged.
    """
    schedule = without(*EVALUATIONS)
    provers: list[OuterProver] = []

    class LateEvaluations(Cheater):
        def evaluate(self, s_polynomial):
            super().evaluate(s_polynomial)
            provers.append(self)
            e, c = self.messages, self.challenges
            weight = inverse(pow(c["beta"], 2, R))  # entries 5 and 7
            error = 2 * c["gamma"] * (e["v"] - self.true_v)
            shift = error * inverse((e["pci"] - c["gamma"] * weight * e["pri"]) % R)
            e["g_zeta"] = (e["g_zeta"] + shift) % R
            e["h_zeta"] = (e["h_zeta"] - shift * weight) % R

    body = instance.prove(corrupt=false_values, schedule=schedule, prover=LateEvaluations)
    with pytest.raises(ProofError, match="^pairing"):
        weak_verify(instance, body, schedule)
    rejected(instance, body)

    true_d = lambda _, x, __: NATIVE.evaluate(NATIVE.reverse(provers[-1].polynomials["g"]), x)
    monkeypatch.setattr(opening, "reversed_at", true_d)
    body = instance.prove(corrupt=false_values, schedule=schedule, prover=LateEvaluations)
    weak_verify(instance, body, schedule)
    rejected(instance, body)


class ShiftedMercury(Cheater):
    """h' = h + k with the false v as its value; subclasses find a g' that goes with h(alpha) + k."""

    def forge(self, q, g, alpha, first):
        """q', g' and d' of (q, g, alpha, first of the columns' equality)."""
        raise NotImplementedError

    def mercury(self, f, point):
        vk = self.pk.vk
        f, rows = f.vector, vk.mu - vk.b_log2
        eq_row, eq_col = NATIVE.eq_table(point[:rows]), NATIVE.eq_table(point[rows:])
        h = NATIVE.fold(f, eq_col)
        true_v = NATIVE.inner(eq_row, h)
        self.k = (self.false_v() - true_v) * inverse(eq_row[0]) % R
        h = NATIVE.combine([h, NATIVE.from_list([self.k])], [1, 1])
        self.commit("h", h)
        alpha = self.challenge("alpha", v=true_v)
        q, g = NATIVE.divide(f, 1 << vk.b_log2, 1, alpha)
        q, g, d = self.forge(q, g, alpha, eq_col[0])
        self.commit("q", q)
        self.commit("g", g)
        gamma = self.challenge("gamma")
        padded = NATIVE.combine([eq_col, NATIVE.zeros(len(g))], [1, 0])
        s = NATIVE.combine([NATIVE.symmetric(g, padded), NATIVE.symmetric(h, eq_row)], [1, gamma])
        self.commit("SD", NATIVE.pack([s, d]))
        self.d = d
        self.challenge("zeta")
        return s


def test_omega_is_drawn_last(instance):
    """If it is known before W, W absorbs the error of the division f = (X^b - alpha) q + g."""
    cut = [r.challenge for r in SCHEDULE].index("z")
    schedule = (*SCHEDULE[:cut], Round("omega"), SCHEDULE[cut])

    class EarlyOmega(ShiftedMercury):
        def forge(self, q, g, alpha, first):
            self.error = self.k * inverse(first) % R
            g = NATIVE.combine([g, NATIVE.from_list([self.error])], [1, 1])
            return q, g, NATIVE.reverse(g)

        def open(self):
            entries = self.entries()
            honest = self.first_quotient(entries)
            omega = self.challenge("omega")
            # f - g - (X^b - alpha) q = -error
            self.commit("W", NATIVE.combine([honest, NATIVE.from_list([self.error])], [1, (R - omega) % R]))
            z = self.challenge("z")
            self.commit("W_prime", self.second_quotient(entries, honest, z))
            self.messages[INVERSE] = 1

    body = instance.prove(corrupt=false_values, schedule=schedule, prover=EarlyOmega)
    weak_verify(instance, body, schedule)
    rejected(instance, body)


def test_the_degree_of_g_is_bounded(instance, monkeypatch):
    """Else g + t (X^b - alpha) with q - t divides as well, and its inner product with eq is any value."""

    class LongG(ShiftedMercury):
        def forge(self, q, g, alpha, first):
            t = -self.k * inverse(alpha * first % R) % R
            low = g.to_list()
            low[0] = (low[0] - alpha * t) % R
            q = NATIVE.combine([q, NATIVE.from_list([t])], [1, R - 1])
            return q, NATIVE.from_list([*low, t]), NATIVE.reverse(g)

        def entries(self):
            chosen.append(self.d)
            return super().entries()

    chosen: list[Vector] = []
    rejected(instance, instance.prove(corrupt=false_values, prover=LongG))
    # with D(zeta), D(1/zeta) taken from the prover instead of from g:
    monkeypatch.setattr(opening, "reversed_at", lambda _, x, __: NATIVE.evaluate(chosen[-1], x))
    body = instance.prove(corrupt=false_values, prover=LongG)
    verify(instance.vk, instance.context, instance.words, body)


# ---- one encoding


def test_the_inverse_has_one_encoding(instance, body):
    """Nothing absorbs it: without the range check, adding r would give a second proof."""
    witness, scalars, points = decode_body(body, 2)
    digest = statement_digest(instance.vk.verifier_id, instance.context, instance.words, witness)
    challenges = draw_challenges(instance.vk, digest, {**scalars, **points})
    scalars[INVERSE] += R
    require_pairing(
        opening_pairs(instance.vk, instance.words, seed_of(digest), witness, scalars, points, challenges)
    )
    longer = body[:-32] + scalars[INVERSE].to_bytes(32, "big")
    with pytest.raises(ProofError, match="^canonical scalar: inverse"):
        verify(instance.vk, instance.context, instance.words, longer)


def test_the_last_point_has_one_encoding(instance, body):
    """Only omega depends on W': without the range check, x + p would give a second proof."""
    start = len(body) - 96
    x = int.from_bytes(body[start : start + 32], "big")
    other = body[:start] + (x + P).to_bytes(32, "big") + body[start + 32 :]
    witness, scalars, points = decode_body(body, 2)
    digest = statement_digest(instance.vk.verifier_id, instance.context, instance.words, witness)
    challenges = draw_challenges(
        instance.vk, digest, {**scalars, **points, "W_prime": other[start : start + 64]}
    )
    require_pairing(
        opening_pairs(instance.vk, instance.words, seed_of(digest), witness, scalars, points, challenges)
    )
    with pytest.raises(ProofError, match="^canonical point: a coordinate of W_prime"):
        verify(instance.vk, instance.context, instance.words, other)


# ---- the statement and the key


@pytest.mark.parametrize("field", ["model_id", "config_digest", "vocabulary_root", "srs_digest"])
def test_another_key_is_rejected(instance, body, field):
    vk = type(instance.vk)(**{**instance.vk.__dict__, field: bytes([9] * 32)})
    repaired = repair_inverse(vk, instance.context, instance.words, body)
    with pytest.raises(ProofError, match="^pairing"):
        verify(vk, instance.context, instance.words, repaired)


def test_another_context_is_rejected(instance, body):
    repaired = repair_inverse(instance.vk, bytes(32), instance.words, body)
    with pytest.raises(ProofError, match="^pairing"):
        verify(instance.vk, bytes(32), instance.words, repaired)


def test_exchanged_columns_are_rejected(instance, body):
    exchanged = body[64:128] + body[:64] + body[128:]
    rejected(instance, exchanged)


# ---- the transcript cannot be misused


def test_reading_out_of_order_is_an_error():
    transcript = Transcript(bytes(32), bytes(32))
    for name, messages in (
        ("alpha", {"v": 1, "h": bytes(64)}),
        ("theta", {}),
        ("theta", {"delta": 1, "v": 2}),
    ):
        with pytest.raises(AssertionError, match="out of order"):
            transcript.challenge(name, messages)
    transcript.challenge("theta", {"delta": 1})
    with pytest.raises(AssertionError, match="out of order"):
        transcript.challenge("theta", {"delta": 1})


def test_every_message_changes_every_later_challenge(instance, body):
    witness, scalars, points = decode_body(body, 2)
    messages = {**scalars, **points}
    honest = draw_challenges(instance.vk, bytes(32), messages)
    names = [r.challenge for r in SCHEDULE]
    for position, r in enumerate(SCHEDULE):
        for m in r.messages:
            changed = {**messages, m: bytes(64) if m in r.points else (messages[m] + 1) % R}
            seen = draw_challenges(instance.vk, bytes(32), changed)
            different = [name for name in names if seen[name] != honest[name]]
            assert different == names[position:], m
