"""A toy inner protocol under the outer proof: claims on random columns, reduced to one point by a sumcheck.

The protocol's text runs on field elements (proving) and on wires (building the circuit), like the real one.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from testkit.blinding import seeded
from zkllm.blinding import Blinding
from zkllm.field import Fr, R
from zkllm.kernels.interface import Kernels
from zkllm.kernels.native import NATIVE
from zkllm.outer.builder import CircuitBuilder
from zkllm.outer.compile import compile_circuit
from zkllm.outer.keys import VERSION, VerifyingKey
from zkllm.outer.prover import Coefficients, OuterProver, Tail
from zkllm.outer.rows import Circuit
from zkllm.outer.setup import KeyFields, ProvingKey, setup_outer
from zkllm.outer.transcript import SCHEDULE, Round, public_input_names, seed_of, statement_digest
from zkllm.pcs.mercury import column_bits, eq_polynomial_at
from zkllm.pcs.srs import Srs, development_srs, srs_powers_needed
from zkllm.poseidon2 import permute
from zkllm.statement import Statement, num_words

IV = 20261124
FIELDS: KeyFields = {
    "version": VERSION,
    "N": 16,
    "k": 1,
    "sealed": False,
    "vocab_size": 50257,
    "pad_id": 50256,
    "n_ctx": 1024,
    "model_id": bytes([1] * 32),
    "config_digest": bytes([2] * 32),
    "vocabulary_root": bytes([3] * 32),
}
IDS = (7454, 3764, 198, 50255, 5536)

Corrupt = Callable[[list[int], list[int]], list[int]]
"""(weights, values) of the columns at the last point -> values."""


class Sponge:
    """The duplex of docs/protocol.md, 4, over any lane type."""

    def __init__(self, seed: Any, one: Callable[[int], Any], permutation: Callable[[list[Any]], list[Any]]):
        self.state = [seed, one(0), one(0), one(IV)]
        self.permutation = permutation
        self.lane, self.out = 0, 3

    def absorb(self, x: Any) -> None:
        if self.out < 3:
            self.lane, self.out = 0, 3
        if self.lane == 3:
            self.state, self.lane = self.permutation(self.state), 0
        self.state = [*self.state]
        self.state[self.lane] = self.state[self.lane] + x
        self.lane += 1

    def squeeze(self) -> Any:
        if self.out == 3:
            self.state, self.out = self.permutation(self.state), 0
        self.out += 1
        return self.state[self.out - 1]


class Proving:
    """Interpreter over F; messages come from the prover's callbacks and are recorded."""

    def __init__(self, public: dict[str, int]):
        self.known = public
        self.inputs: list[int] = []

    def public(self, name: str) -> Fr:
        return Fr(self.known.get(name, 0))

    def constant(self, value: int) -> Fr:
        return Fr(value)

    def message(self, value: Callable[[], int]) -> Fr:
        self.inputs.append(int(value()) % R)
        return Fr(self.inputs[-1])

    def permute(self, state: list[Any]) -> list[Fr]:
        return [Fr(x) for x in permute([int(x) for x in state])]

    def equal(self, a: Any, b: Any, name: str) -> None:
        pass


class Building:
    """Interpreter over wires."""

    def __init__(self) -> None:
        self.builder = CircuitBuilder()
        self.permute = self.builder.permute
        self.constant = self.builder.constant
        self.equal = self.builder.assert_equal
        self.public = self.builder.public

    def message(self, value: Callable[[], int]) -> Any:
        return self.builder.input()


@dataclass
class Columns:
    """What only the prover has: the tables, folded as the sumcheck proceeds."""

    tables: list[list[int]]
    weights: list[list[int]]

    def round(self) -> list[int]:
        half = len(self.tables[0]) // 2
        out = [0, 0, 0]
        for e, c in zip(self.weights, self.tables, strict=True):
            for i in range(half):
                for x in range(3):
                    out[x] += (e[i] + x * (e[half + i] - e[i])) * (c[i] + x * (c[half + i] - c[i]))
        return [v % R for v in out]

    def bind(self, x: int) -> None:
        half = len(self.tables[0]) // 2
        fold = lambda t: [(t[i] + x * (t[half + i] - t[i])) % R for i in range(half)]
        self.tables = [fold(t) for t in self.tables]
        self.weights = [fold(t) for t in self.weights]


def eq_table(u: list[int]) -> list[int]:
    out = [1]
    for c in u:
        out = [x * f % R for x in out for f in (1 - c, c)]
    return out


@dataclass
class Toy:
    mu: int
    num_fixed: int
    num_witness: int
    tables: list[list[int]]
    claims: list[tuple[int, list[int], int]]  # column, point, value
    permutations: int = 0  # idle ones, to reach a larger circuit
    N: int = 16
    ids: tuple[int, ...] = IDS  # of the statement
    words: int | None = None  # that hold it; None: as many as an open one has

    @classmethod
    def random(
        cls,
        mu: int = 6,
        num_fixed: int = 2,
        num_witness: int = 2,
        num_claims: int = 6,
        seed: int = 1,
        **fields: Any,
    ) -> Toy:
        rng = random.Random(seed)
        tables = [[rng.randrange(R) for _ in range(1 << mu)] for _ in range(num_fixed + num_witness)]
        claims = []
        for i in range(num_claims):
            z = [rng.randrange(R) for _ in range(mu)]
            column = i % len(tables)
            value = sum(a * b for a, b in zip(tables[column], eq_table(z), strict=True)) % R
            claims.append((column, z, value))
        return cls(mu, num_fixed, num_witness, tables, claims, **fields)

    @property
    def b_log2(self) -> int:
        return column_bits(self.mu)

    def head(self, m: Any, publics: dict[str, Any], corrupt: Corrupt | None = None) -> dict[str, Any]:
        """Up to the digest delta."""
        columns = Columns([list(t) for t in self.tables], [])
        sponge = Sponge(publics["seed"], m.constant, m.permute)
        sponge.squeeze()
        for _ in range(self.permutations):
            sponge.state = m.permute(sponge.state)
        values = [m.message(lambda v=v: v) for _, _, v in self.claims]
        for v in values:
            sponge.absorb(v)
        beta = sponge.squeeze()
        if isinstance(m, Proving):
            columns.weights = self._weights(int(beta))
        total = m.constant(0)
        for v in reversed(values):
            total = total * beta + v
        point = []
        for _ in range(self.mu):
            coefficients = [m.message(lambda i=i: columns.round()[i]) for i in range(3)]
            for c in coefficients:
                sponge.absorb(c)
            x = sponge.squeeze()
            point.append(x)
            y0, y1, y2 = coefficients
            m.equal(y0 + y1, total, "round sum")
            half = (R + 1) // 2
            c2 = y2 * half - y1 + y0 * half
            total = (c2 * x + (y1 - y0 - c2)) * x + y0
            if isinstance(m, Proving):
                columns.bind(int(x))
        openings = [t[0] for t in columns.tables] if isinstance(m, Proving) else []
        if corrupt is not None and openings:
            openings = corrupt([w[0] for w in columns.weights], openings)
        finals = [m.message(lambda g=g: openings[g]) for g in range(len(self.tables))]
        for c in finals:
            sponge.absorb(c)
        delta = sponge.squeeze()
        weights = [m.constant(0) for _ in self.tables]
        power = m.constant(1)
        for column, z, _ in self.claims:
            term = power
            for zi, x in zip(z, point, strict=True):
                term = term * (x * (2 * zi - 1) + (1 - zi))
            weights[column] = weights[column] + term
            power = power * beta
        end = m.constant(0)
        for w, c in zip(weights, finals, strict=True):
            end = end + w * c
        m.equal(end, total, "reduction")
        m.equal(delta, publics["delta"], "delta")
        return {"point": point, "finals": finals, "delta": delta}

    def _weights(self, beta: int) -> list[list[int]]:
        weights = [[0] * (1 << self.mu) for _ in self.tables]
        power = 1
        for column, z, _ in self.claims:
            for i, x in enumerate(eq_table(z)):
                weights[column][i] = (weights[column][i] + power * x) % R
            power = power * beta % R
        return weights

    def tail(self, m: Any, publics: dict[str, Any], state: dict[str, Any]) -> None:
        theta, zeta = publics["theta"], publics["zeta"]
        v = m.constant(0)
        for c in reversed(state["finals"]):
            v = v * theta + c
        m.equal(v, publics["v"], "v")
        zeta_inv = m.message(lambda: pow(int(zeta), -1, R))
        m.equal(zeta * zeta_inv, m.constant(1), "zeta inverse")
        row, col = state["point"][: self.mu - self.b_log2], state["point"][self.mu - self.b_log2 :]
        for name, u, x in (
            ("pc", col, zeta),
            ("pci", col, zeta_inv),
            ("pr", row, zeta),
            ("pri", row, zeta_inv),
        ):
            value, power = m.constant(1), x
            for c in reversed(u):
                value = value * (c * power - c + 1)
                power = power * power
            m.equal(value, publics[name], name)

    def circuit(self) -> Circuit:
        m = Building()
        words = self.words or num_words(self.N, FIELDS["k"], False)
        publics = {name: m.public(name) for name in public_input_names(words)}
        self.tail(m, publics, self.head(m, publics))
        return compile_circuit(m.builder)


@dataclass
class Instance:
    """A toy with keys and a statement."""

    toy: Toy
    srs: Srs
    pk: ProvingKey
    words: list[int]
    context: bytes
    witness: list[bytes]
    kernels: Kernels = NATIVE

    @property
    def vk(self) -> VerifyingKey:
        return self.pk.vk

    @classmethod
    def make(
        cls,
        toy: Toy,
        context: bytes = bytes(range(32)),
        open_srs: Callable[[int], Srs] = lambda powers: development_srs((powers - 1).bit_length()),
        kernels: Kernels = NATIVE,
    ) -> Instance:
        """open_srs: at least so many powers -> SRS."""
        circuit = toy.circuit()
        srs = open_srs(srs_powers_needed(circuit.log2_size, toy.mu))
        commitments = [srs.commit(kernels.from_list(t)) for t in toy.tables]
        fields: KeyFields = {**FIELDS, "N": toy.N}
        pk, _ = setup_outer(
            circuit, srs, kernels, commitments[: toy.num_fixed], toy.num_witness, toy.mu, fields
        )
        statement = Statement(FIELDS["model_id"], FIELDS["k"], toy.ids)
        words = statement.words(toy.N, FIELDS["pad_id"])
        return cls(toy, srs, pk, words, context, commitments[toy.num_fixed :], kernels)

    def prove(
        self,
        corrupt: Corrupt | None = None,
        schedule: tuple[Round, ...] = SCHEDULE,
        prover: type[OuterProver] = OuterProver,
        blinding: Blinding | None = None,
    ) -> bytes:
        """prover: a cheating one."""
        digest = statement_digest(self.vk.verifier_id, self.context, self.words, self.witness)
        publics = {"seed": seed_of(digest), **{f"word{i}": w for i, w in enumerate(self.words)}}
        m = Proving(publics)
        state = self.toy.head(m, {"seed": Fr(publics["seed"]), "delta": Fr(0)}, corrupt)
        before = len(m.inputs)
        head_inputs = list(m.inputs)

        def open_inner(theta: int) -> Coefficients:
            out = [0] * (1 << self.toy.mu)
            power = 1
            for table in self.toy.tables:
                out = [(a + power * b) % R for a, b in zip(out, table, strict=True)]
                power = power * theta % R
            vector = self.kernels.from_list(out)
            return Coefficients(
                self.kernels, self.srs, vector, 1 << self.vk.b_log2, 1 << self.vk.mu - self.vk.b_log2
            )

        def tail(theta: int, zeta: int) -> Tail:
            v, power = 0, 1
            for c in state["finals"]:
                v += power * int(c)
                power = power * theta % R
            point = [int(x) for x in state["point"]]
            row, col = point[: self.toy.mu - self.toy.b_log2], point[self.toy.mu - self.toy.b_log2 :]
            zeta_inv = pow(zeta, -1, R)
            names = ("v", "pc", "pci", "pr", "pri")
            pc, pci, pr, pri = (eq_polynomial_at(u, x) for u in (col, row) for x in (zeta, zeta_inv))
            publics = dict(zip(names, map(Fr, (v, pc, pci, pr, pri)), strict=True))
            self.toy.tail(m, {"theta": Fr(theta), "zeta": Fr(zeta), **publics}, state)
            return Tail(v % R, pc, pci, pr, pri, m.inputs[before:])

        blinding = blinding or seeded()  # no masks: the toy's columns are full
        outer = prover(self.pk, self.srs, self.kernels, blinding, digest, self.words, schedule, None, None)
        outer.finals = [int(c) for c in state["finals"]]  # type: ignore[attr-defined]
        point = [int(x) for x in state["point"]]
        return outer.run(
            self.witness, int(state["delta"]), head_inputs, point, open_inner, tail, strict=False
        )
