"""The outer proof's circuit: the inner verifier, run on wires.

Public inputs, in order: seed, the statement's words, delta, theta, zeta, v, P_col(zeta), P_col(1/zeta),
P_row(zeta), P_row(1/zeta). The circuit keeps r: given theta and zeta it returns v and the four values of the
opening.
"""

from __future__ import annotations

from ..outer.builder import CircuitBuilder
from ..outer.compile import compile_circuit
from ..outer.rows import Circuit
from ..outer.transcript import public_input_names
from ..pcs.mercury import column_bits
from .algebra import Scalar
from .description import Description
from .party import CircuitParty, Party
from .program import column_polynomials, opening_values, run_inner
from .reduction import ReductionResult


def opening_tail(
    party: Party, result: ReductionResult, theta: Scalar, zeta: Scalar, inverse: Scalar
) -> list[Scalar]:
    """v, P_col(zeta), P_col(1/zeta), P_row(zeta), P_row(1/zeta); zeta times its inverse is checked."""
    party.check("opening: 1/zeta", zeta * inverse, 1)
    v = opening_values(result.columns, theta)
    return [v, *column_polynomials(result.point, column_bits(party.protocol.mu), zeta, inverse)]


def build_circuit(protocol: Description) -> Circuit:
    """Depends on the shape and the configuration, never on weights."""
    builder = CircuitBuilder()
    seed, *rest = [builder.public(name) for name in public_input_names(protocol.shape.num_words)]
    words, (delta, theta, zeta), values = rest[:-8], rest[-8:-5], rest[-5:]
    party = CircuitParty(protocol, builder, seed)
    result = run_inner(protocol, party, words, None)
    party.begin("opening")
    party.check("delta", result.digest, delta)
    inverse = party.advice(lambda: 0)
    for name, given, computed in zip(
        ("v", "P_col", "P_col", "P_row", "P_row"),
        values,
        opening_tail(party, result, theta, zeta, inverse),
        strict=True,
    ):
        party.check(f"opening: {name}", computed, given)
    return compile_circuit(builder)
