"""The outer proof's circuit, row by row; its quotients point by point, from the verifier's own identities."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from ..field import GENERATOR, R, root_of_unity
from ..kernels.interface import CircuitColumns
from ..outer.gates import combine, gate_terms, permutation_numerator
from ..poseidon2 import external_matrix, internal_matrix
from .transform import from_coset, interpolate, on_coset, powers
from .vectors import Values

EXTENSION = 8  # quotients have fewer than 8 n coefficients


class NaiveCircuit:
    def __init__(self, columns: CircuitColumns[Values]):
        c = columns
        self.num_rows, self.num_variables, self.inputs = c.num_rows, c.num_variables, c.inputs.tolist()
        self.own_wires, self.wires = (w.reshape(4, -1).tolist() for w in (c.own_wires, c.wires))
        self.permutation, self.defines = c.permutation.tolist(), c.defines.tolist()
        self.selectors, self.shifts = c.selectors, c.shifts
        self.n = len(self.defines)
        self.root = root_of_unity(self.n.bit_length() - 1)
        self.points = powers(self.root, self.n)  # H

    @cached_property
    def sigma(self) -> list[Values]:
        """On H: k_j w^i of the position that follows in its cycle."""
        n = self.n
        flat = [self.shifts[p // n] * self.points[p % n] % R for p in self.permutation]
        return [flat[j * n : (j + 1) * n] for j in range(4)]

    @cached_property
    def polynomials(self) -> list[Values]:
        return [interpolate(values, self.root) for values in (*self.selectors, *self.sigma)]

    def preprocessed(self) -> list[Values]:
        return self.polynomials

    def solve(self, public: Sequence[int], inputs: Sequence[int]) -> Values:
        if len(inputs) != len(self.inputs) or len(public) > self.n:
            raise ValueError("a value for each public and each other input")
        values: list[int] = [0] * self.num_variables
        for i, x in enumerate(public):
            values[self.own_wires[0][i]] = x
        for variable, x in zip(self.inputs, inputs, strict=True):
            values[variable] = x
        for i in range(self.num_rows):
            state = [values[wire[i]] for wire in self.own_wires]
            q1, q2, q3, q4, qM, qC, qE, qI, qL = (q[i] for q in self.selectors)
            if qE or qI or qL:  # a round of Poseidon2: the next row's wires
                u = [pow(x + k, 5, R) for x, k in zip(state, (q1, q2, q3, q4), strict=True)]
                if qL:
                    state = external_matrix(state)
                else:
                    state = external_matrix(u) if qE else internal_matrix([u[0], *state[1:]])
                for wire, x in zip(self.own_wires, state, strict=True):
                    values[wire[i + 1]] = x
            elif self.defines[i]:
                a, b, c, _ = state
                values[self.own_wires[3][i]] = (q1 * a + q2 * b + q3 * c + qM * a * b + qC) % R
        return values

    def columns(self, values: Values) -> list[Values]:
        return [[values[v] for v in wire] for wire in self.wires]

    def grand_product(self, columns: Sequence[Values], beta: int, gamma: int) -> Values:
        z = [1]
        for i, x in enumerate(self.points[:-1]):
            above = below = 1
            for column, sigma, shift in zip(columns, self.sigma, self.shifts, strict=True):
                above = above * (column[i] + beta * shift * x + gamma) % R
                below = below * (column[i] + beta * sigma[i] + gamma) % R
            z.append(z[-1] * above * pow(below, -1, R) % R)
        return z

    def quotients(
        self, wires: Sequence[Values], z: Values, public: Sequence[int], beta: int, gamma: int, alpha: int
    ) -> tuple[Values, Values]:
        """Raises ValueError unless both identities hold on H."""
        size = EXTENSION * self.n
        shift, root = GENERATOR, root_of_unity(size.bit_length() - 1)
        pi = interpolate([-x % R for x in public] + [0] * (self.n - len(public)), self.root)
        polynomials = (*self.polynomials, *wires, z, pi)
        rows = list(zip(*(on_coset(p, shift, root, size) for p in polynomials), strict=True))
        vanishing = [pow(pow(shift * pow(root, i, R), self.n, R) - 1, -1, R) for i in range(EXTENSION)]
        tp, tg, x = [], [], shift
        for i, row in enumerate(rows):
            following = rows[(i + EXTENSION) % size]  # at w x
            q, sigma, w = row[:9], row[9:13], row[13:17]
            product = permutation_numerator(w, sigma, x, row[17], following[17], beta, gamma)
            gates = combine(gate_terms(q, w, following[13:17], row[18]), alpha)
            tp.append(product * vanishing[i % EXTENSION] % R)
            tg.append(gates * vanishing[i % EXTENSION] % R)
            x = x * root % R
        return self._quotient(tp, root), self._quotient(tg, root)

    def _quotient(self, values: Values, root: int) -> Values:
        """The coefficients: 5 n of them, unless the polynomial is longer."""
        coefficients = from_coset(values, GENERATOR, root)
        while len(coefficients) > 5 * self.n and not coefficients[-1]:
            coefficients.pop()
        if len(coefficients) > 6 * self.n:
            raise ValueError("not a multiple of X^n - 1")
        return coefficients
