"""The outer prover: PLONK, Mercury and their one opening. docs/protocol.md, 5 and 6.

The order of messages is `transcript.SCHEDULE`'s; the arithmetic is the kernels'.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from zkllm.blinding import Blinding
from zkllm.errors import ProofError, SrsError
from zkllm.field import R
from zkllm.kernels.interface import Kernels, Vector
from zkllm.outer.opening import Entry, batch_weights, denominators, derive, opening_entries, product
from zkllm.outer.setup import ProvingKey
from zkllm.outer.transcript import (
    INVERSE,
    PREPROCESSED,
    SCHEDULE,
    WIRES,
    Round,
    Transcript,
    encode_body,
    public_inputs,
    seed_of,
)
from zkllm.pcs.srs import Srs

Progress = Callable[[int, int], None]
STEPS = (
    "circuit",
    "combine columns",
    "fold h",
    "open q, g",
    "open S, D",
    "wires",
    "quotients",
    "evaluate",
    "opening W",
    "opening W'",
)


class Tail(NamedTuple):
    """What the inner protocol answers to (theta, zeta): public inputs, and its last inputs of the circuit."""

    v: int
    pc: int
    pci: int
    pr: int
    pri: int
    inputs: list[int]


class Combined(Protocol):
    """f = sum theta^g C_g, 2^mu coefficients, seen as rows of b."""

    def fold(self, weights: Vector) -> Vector:
        """h[row] = sum_col weights[col] f[row b + col]."""

    def divide(self, alpha: int) -> tuple[bytes, Vector]:
        """[q] and g of f = (X^b - alpha) q + g. Uses f up."""


@dataclass
class Coefficients:
    """All coefficients of f, or the lowest rows of them where the others are zero."""

    kernels: Kernels
    srs: Srs
    vector: Vector
    b: int
    rows: int  # of f

    def fold(self, weights: Vector) -> Vector:
        h = self.kernels.fold(self.vector, weights)
        return self.kernels.combine([self.kernels.zeros(self.rows), h], [0, 1]) if len(h) < self.rows else h

    def divide(self, alpha: int) -> tuple[bytes, Vector]:
        # the vector becomes q: half a gigabyte at 2^24 coefficients
        g = self.kernels.divide_in_place(self.vector, self.b, alpha)
        return self.srs.commit(self.vector), g


def prove_outer(
    pk: ProvingKey,
    srs: Srs,
    kernels: Kernels,
    blinding: Blinding,
    *,
    digest: bytes,
    witness_commitments: list[bytes],
    words: list[int],
    delta: int,
    inputs: list[int],
    point: list[int],
    open_inner: Callable[[int], Combined],
    tail: Callable[[int, int], Tail],
    progress: Progress | None = None,
    schedule: tuple[Round, ...] = SCHEDULE,
    strict: bool = True,
    on_step: Callable[[str], None] | None = None,
) -> bytes:
    """The proof's body. `on_step` is told the name of each of `STEPS` as it begins.

    digest: H (`transcript.statement_digest`); delta, inputs: the inner protocol's digest and the circuit's
    inputs up to it; point: r, mu coordinates, most significant first; open_inner: theta -> f;
    tail: (theta, zeta) -> what follows. An unsatisfied circuit gives a proof too, which is
    rejected; strict: refuse at least a value v that is not that of the columns.
    """
    prover = OuterProver(pk, srs, kernels, blinding, digest, words, schedule, progress, on_step)
    return prover.run(witness_commitments, delta, inputs, point, open_inner, tail, strict)


class OuterProver:
    """State of one proof: messages sent, challenges drawn, polynomials by the name of their commitment."""

    def __init__(
        self,
        pk: ProvingKey,
        srs: Srs,
        kernels: Kernels,
        blinding: Blinding,
        digest: bytes,
        words: list[int],
        schedule: tuple[Round, ...],
        progress: Progress | None,
        on_step: Callable[[str], None] | None,
    ):
        if srs.digest != pk.vk.srs_digest:
            raise SrsError("this SRS is not the one that the key was made with")
        self.pk, self.srs, self.kernels, self.blinding, self.words = pk, srs, kernels, blinding, words
        self._progress, self._on_step = progress, on_step
        blinding.bind(digest)
        self.begin(STEPS[0])
        self.seed = seed_of(digest)
        self.schedule = schedule
        self.transcript = Transcript(pk.vk.verifier_id, digest, schedule)
        self.messages: dict[str, bytes | int] = {}
        self.challenges: dict[str, int] = {}
        self.prepared = pk.prepared(kernels)
        self.polynomials: dict[str, Vector] = {"C0": self.prepared.c0}

    def run(
        self,
        witness_commitments: list[bytes],
        delta: int,
        inputs: list[int],
        point: list[int],
        open_inner: Callable[[int], Combined],
        tail: Callable[[int, int], Tail],
        strict: bool,
    ) -> bytes:
        theta = self.challenge("theta", delta=delta)
        self.begin("combine columns")
        s_polynomial = self.mercury(open_inner(theta), point)
        answer = tail(theta, self.challenges["zeta"])
        if strict and answer.v != self.messages["v"]:
            raise ProofError("the inner protocol's value is not that of the committed columns")
        self.messages |= {name: getattr(answer, name) for name in ("pc", "pci", "pr", "pri")}
        self.plonk([*inputs, *answer.inputs])
        self.begin("evaluate")
        self.evaluate(s_polynomial)
        self.open()
        return encode_body(witness_commitments, self.messages)

    @property
    def scalars(self) -> dict[str, int]:
        """Of the messages so far."""
        return {name: m for name, m in self.messages.items() if isinstance(m, int)}

    def challenge(self, name: str, **messages: bytes | int) -> int:
        """Sends the round's remaining messages and draws its challenge."""
        self.messages |= messages
        wanted = next(r.messages for r in self.schedule if r.challenge == name)
        self.challenges[name] = self.transcript.challenge(name, {m: self.messages[m] for m in wanted})
        return self.challenges[name]

    def commit(self, name: str, polynomial: Vector) -> None:
        self.polynomials[name] = polynomial
        self.messages[name] = self.srs.commit(polynomial)

    def begin(self, step: str) -> None:
        if self._progress is not None:
            self._progress(STEPS.index(step), len(STEPS))
        if self._on_step is not None:
            self._on_step(step)

    def mercury(self, f: Combined, point: list[int]) -> Vector:
        """Steps 1 to 3 of section 6; returns S. Uses f up."""
        vk = self.pk.vk
        if len(point) != vk.mu:
            raise ValueError(f"expected {vk.mu} coordinates")
        eq_row, eq_col = (
            self.kernels.eq_table(point[: vk.mu - vk.b_log2]),
            self.kernels.eq_table(point[vk.mu - vk.b_log2 :]),
        )
        self.begin("fold h")
        h = f.fold(eq_col)
        if len(h) != len(eq_row):
            raise ValueError(f"expected 2^{vk.mu} coefficients")
        self.commit("h", h)
        alpha = self.challenge("alpha", v=self.kernels.inner(eq_row, h))
        self.begin("open q, g")
        self.messages["q"], g = f.divide(alpha)  # q is not opened
        del f
        self.commit("g", g)
        self.begin("open S, D")
        gamma = self.challenge("gamma")
        s = self.kernels.combine(
            [self.kernels.symmetric(g, eq_col), self.kernels.symmetric(h, eq_row)], [1, gamma]
        )
        self.commit("SD", self.kernels.pack([s, self.kernels.reverse(g)]))
        self.challenge("zeta")
        return s

    def public_inputs(self) -> list[int]:
        return public_inputs(self.seed, self.words, self.scalars, self.challenges)

    def plonk(self, inputs: list[int]) -> None:
        """Wires, the grand product and both quotients."""
        self.begin("wires")
        circuit = self.prepared.circuit
        public = self.public_inputs()
        columns = circuit.columns(circuit.solve(public, [*inputs, *self.blinding.wires]))
        self.wires = [self.kernels.ntt(column, len(column), True) for column in columns]
        self.commit("C1", self.kernels.pack(self.wires))
        self.begin("quotients")
        beta, gamma = self.challenge("beta_p"), self.challenge("gamma_p")
        alpha = self.challenge("alpha_p")
        z = self.blinded(circuit.grand_product(columns, beta, gamma))
        z_reduced, _ = self.kernels.divide(z, 1, 1, 1)  # z = 1 + (X - 1) z'
        tp, tg = circuit.quotients(self.wires, z, public, beta, gamma, alpha)
        self.quotients = [z_reduced, tp, tg]
        self.commit("C2", self.kernels.pack(self.quotients))
        self.challenge("y")

    def blinded(self, values: Vector) -> Vector:
        """The coefficients of a polynomial with these values on H: a random one of its degree."""
        n, rho = len(values), self.blinding.multiple
        polynomial = self.kernels.ntt(values, n, True)
        multiple = [*(-c for c in rho), *[0] * (n - len(rho)), *rho]
        return self.kernels.combine([polynomial, self.kernels.from_list(multiple)], [1, 1])

    def evaluate(self, s_polynomial: Vector) -> None:
        y, zeta = self.challenges["y"], self.challenges["zeta"]
        y_next, zeta_inv = self.pk.vk.domain.next(y), pow(zeta, -1, R)
        z_reduced, tp, tg = self.quotients
        e = {
            name: self.kernels.evaluate(p, y)
            for name, p in zip(PREPROCESSED, self.prepared.circuit.preprocessed(), strict=True)
        }
        for name, p in zip(WIRES, self.wires, strict=True):
            e |= {name: self.kernels.evaluate(p, y), f"{name}_next": self.kernels.evaluate(p, y_next)}
        e["z"] = self.kernels.evaluate(z_reduced, y)
        e |= {
            f"{name}_next": self.kernels.evaluate(p, y_next)
            for name, p in (("z", z_reduced), ("Tp", tp), ("Tg", tg))
        }
        for name, p in (("g", self.polynomials["g"]), ("h", self.polynomials["h"]), ("S", s_polynomial)):
            e |= {
                f"{name}_zeta": self.kernels.evaluate(p, zeta),
                f"{name}_zeta_inv": self.kernels.evaluate(p, zeta_inv),
            }
        self.challenge("beta", **e)

    def open(self) -> None:
        """The one opening, W and W', and the inverse of the denominators."""
        self.begin("opening W")
        entries = self.entries()
        w = self.first_quotient(entries)
        self.commit("W", w)
        z = self.challenge("z")
        self.begin("opening W'")
        self.commit("W_prime", self.second_quotient(entries, w, z))
        self.challenge("omega")
        vk = self.pk.vk
        self.messages[INVERSE] = pow(product(denominators(vk.domain, vk.num_public, self.challenges)), -1, R)

    def entries(self) -> list[Entry]:
        vk = self.pk.vk
        derived = derive(vk.domain, self.words, self.seed, self.scalars, self.challenges)
        return opening_entries(vk.domain, vk.b_log2, self.scalars, derived, self.challenges)

    def first_quotient(self, entries: list[Entry]) -> Vector:
        """W = sum beta^e (f_e - rem_e) / Z_e; f_e - rem_e has the same quotient as f_e."""
        beta = self.challenges["beta"]
        quotients = [
            self.kernels.divide(self.polynomials[e.commitment], e.degree, e.lead, e.constant)[0]
            for e in entries
        ]
        return self.kernels.combine(quotients, [pow(beta, i, R) for i in range(len(entries))])

    def second_quotient(self, entries: list[Entry], w: Vector, z: int) -> Vector:
        """W' = [sum s_e (f_e - rem_e(z)) - W] / (X - z), s_e = beta^e / Z_e(z), constants dropped."""
        weights = dict.fromkeys((e.commitment for e in entries), 0)
        for e, s in zip(entries, batch_weights(entries, self.challenges["beta"], z), strict=True):
            weights[e.commitment] += s
        polys = [*(self.polynomials[name] for name in weights), w]
        combined = self.kernels.combine(polys, [*(k % R for k in weights.values()), R - 1])
        return self.kernels.divide(combined, 1, 1, z)[0]
