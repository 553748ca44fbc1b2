"""Valid proofs as no honest prover makes them: both verifiers have to accept them all the same."""

from __future__ import annotations

from dataclasses import replace

from tests.outer.toy import Instance, Toy
from zkllm._native import FrVec, poly_combine, poly_divide, poly_ntt, poly_pack
from zkllm.field import R, root_of_unity
from zkllm.outer.gates import combine, gate_terms, permutation_numerator
from zkllm.outer.layout import DUMMY, SELECTORS
from zkllm.outer.prover import OuterProver

BLOWUP_LOG2 = 3
"""The gates' polynomial has degree 6 n + 4 at most where the wires have degree n + 1."""


class ByHand(OuterProver):
    """Quotients from values at 8 n points, so that the wires may have any degree up to n + 1."""

    raised = True  # wires of degree n + 1, with the same values on H
    filler = 0  # the variable of unused positions, which nothing constrains

    def plonk(self, inputs: list[int]) -> None:
        kernel, n = self.pk.kernel, self.pk.circuit.size
        public = self.public_inputs()
        values = kernel.solve(public, inputs).to_list()
        values[DUMMY] = self.filler
        columns = kernel.columns(FrVec.from_list(values))
        self.wires = [poly_ntt(column, n, True) for column in columns]
        if self.raised:
            self.wires = [self._raise(w, j) for j, w in enumerate(self.wires)]
        self.commit("C1", poly_pack(self.wires))
        beta, gamma, alpha = (self.challenge(name) for name in ("beta_p", "gamma_p", "alpha_p"))
        z = poly_ntt(kernel.grand_product(columns, beta, gamma), n, True)
        self.quotients = [poly_divide(z, 1, 1, 1)[0], *self._divide(z, public, beta, gamma, alpha)]
        self.commit("C2", poly_pack(self.quotients))
        self.challenge("y")

    def _raise(self, w: FrVec, j: int) -> FrVec:
        """w + (5 + j + 11 X) (X^n - 1)."""
        n = self.pk.circuit.size
        multiple = [R - 5 - j, R - 11, *[0] * (n - 2), 5 + j, 11]
        return poly_combine([w, FrVec.from_list(multiple)], [1, 1])

    def _divide(self, z: FrVec, public: list[int], beta: int, gamma: int, alpha: int) -> list[FrVec]:
        """Tp and Tg."""
        log2_size = self.pk.circuit.log2_size
        n, count = 1 << log2_size, 1 << log2_size + BLOWUP_LOG2
        at = lambda p: poly_ntt(p, count, False).to_list()
        preprocessed = list(map(at, self.pk.kernel.preprocessed()))
        wires = list(map(at, self.wires))
        pi = at(poly_ntt(FrVec.from_list([-x % R for x in public] + [0] * (n - len(public))), n, True))
        grand, root, x = at(z), root_of_unity(log2_size + BLOWUP_LOG2), 1
        gates, products = [], []
        for i in range(count):
            after = (i + (1 << BLOWUP_LOG2)) % count
            q = [column[i] for column in preprocessed]
            w, w_next = [column[i] for column in wires], [column[after] for column in wires]
            gates.append(combine(gate_terms(q[: len(SELECTORS)], w, w_next, pi[i]), alpha))
            sigma = q[len(SELECTORS) :]
            products.append(permutation_numerator(w, sigma, x, grand[i], grand[after], beta, gamma))
            x = x * root % R
        quotients = []
        for numerator in (products, gates):
            quotient, rest = poly_divide(poly_ntt(FrVec.from_list(numerator), count, True), n, 1, 1)
            assert not any(rest.to_list()), "the identities hold on H"
            quotients.append(FrVec.from_list(_trimmed(quotient.to_list())))
        return quotients


class Filled(ByHand):
    raised, filler = False, 7


def _trimmed(coefficients: list[int]) -> list[int]:
    while coefficients and not coefficients[-1]:
        coefficients.pop()
    return coefficients


def of_zeros(toy: Toy) -> Instance:
    """All columns zero: their commitments, those of the model's too, and h, q, g and SD are infinity."""
    zeros = [[0] * (1 << toy.mu)] * len(toy.tables)
    return Instance.make(replace(toy, tables=zeros, claims=[(column, z, 0) for column, z, _ in toy.claims]))
