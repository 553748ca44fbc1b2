"""Proofs as inputs of the outer proof's circuit."""

from __future__ import annotations

from testkit.blinding import NO_WIRES
from testkit.kernels import NAIVE
from zkllm.field import R
from zkllm.outer.setup import circuit_kernel
from zkllm.pcs.mercury import column_bits
from zkllm.protocol.program import column_polynomials, opening_values
from zkllm.statement import pack_words

from .harness import Case, Proof

THETA, ZETA = 1234567, 7654321


def outer_values(case: Case, proof: Proof) -> list[int]:
    """delta, theta, zeta, v, P_col(zeta), P_col(1/zeta), P_row(zeta), P_row(1/zeta)."""
    result = proof.result
    tail = column_polynomials(result.point, column_bits(case.model.config.mu), ZETA, pow(ZETA, -1, R))
    return [int(x) for x in (result.digest, THETA, ZETA, opening_values(result.columns, THETA), *tail)]


def unsatisfied(
    case: Case,
    proof: Proof,
    *,
    words: list[int] | None = None,
    outer: list[int] | None = None,
    inputs: list[int] | None = None,
) -> list[str]:
    """Names of the assertions that solving the circuit on a proof leaves false."""
    words = words or pack_words(proof.T, proof.ids, case.rows)
    public = [x % R for x in (proof.seed, *words, *(outer or outer_values(case, proof)))]
    inputs = inputs or [*proof.inputs, pow(ZETA, -1, R)]
    values = circuit_kernel(case.circuit, NAIVE).solve(
        public, [*(inputs or [*proof.inputs, pow(ZETA, -1, R)]), *NO_WIRES]
    )
    return sorted(set(case.circuit.unsatisfied(public, values)))
