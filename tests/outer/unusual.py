"""Valid proofs as no honest prover makes them: both verifiers have to accept them all the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from testkit.kernels import NAIVE
from testkit.toy import Instance, Toy
from zkllm.field import R
from zkllm.outer.prover import OuterProver
from zkllm.outer.rows import DUMMY
from zkllm.outer.setup import circuit_kernel


class ByHand(OuterProver):
    """Quotients by the naive kernels, which take wires of any degree up to n + 1."""

    raised = True  # wires of degree n + 1, with the same values on H
    filler = 0  # the variable of unused positions, which nothing constrains

    def plonk(self, inputs: list[int]) -> None:
        circuit, n = circuit_kernel(self.pk.circuit, NAIVE), self.pk.circuit.size
        public = self.public_inputs()
        values = circuit.solve(public, [*inputs, *self.blinding.wires])
        values[DUMMY] = self.filler
        columns = circuit.columns(values)
        wires = [NAIVE.ntt(column, n, True) for column in columns]
        if self.raised:
            wires = [self._raised(w, [5 + j, 11]) for j, w in enumerate(wires)]
        self.wires = list(map(self.kernels.from_list, wires))
        self.commit("C1", self.kernels.pack(self.wires))
        beta, gamma, alpha = (self.challenge(name) for name in ("beta_p", "gamma_p", "alpha_p"))
        z = NAIVE.ntt(circuit.grand_product(columns, beta, gamma), n, True)
        z = self._raised(z, self.blinding.multiple)
        quotients = NAIVE.divide(z, 1, 1, 1)[0], *circuit.quotients(wires, z, public, beta, gamma, alpha)
        self.quotients = list(map(self.kernels.from_list, quotients))
        self.commit("C2", self.kernels.pack(self.quotients))
        self.challenge("y")

    def _raised(self, polynomial: list[int], rho: Sequence[int]) -> list[int]:
        """polynomial + rho (X^n - 1)."""
        n = self.pk.circuit.size
        return NAIVE.combine([polynomial, [*(-c % R for c in rho), *[0] * (n - len(rho)), *rho]], [1, 1])


class Filled(ByHand):
    raised, filler = False, 7


def of_zeros(toy: Toy) -> Instance:
    """All columns zero: their commitments, those of the model's too, and h, q, g and SD are infinity."""
    zeros = [[0] * (1 << toy.mu)] * len(toy.tables)
    return Instance.make(replace(toy, tables=zeros, claims=[(column, z, 0) for column, z, _ in toy.claims]))
