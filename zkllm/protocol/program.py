"""The inner protocol, from the statement to the values of the columns at one point.

    statement, lookups (LogUp-GKR), one zero-check, one product sumcheck, linear claims, reduction.

The text ends by asserting that no claim on a virtual tensor is pending, that the relations executed are the
static list of the shape, and that every tensor of the manifest was claimed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import ProofError, StatementError
from ..sealed import seal
from ..statement import answer_of, pack_words, prompt_of, sealed_words
from .algebra import Scalar
from .description import Description
from .logup import LEAF_CLAIMS, logup
from .manifest import POOLS
from .operation import Run
from .party import Party
from .public import bind_statement
from .reduction import ReductionResult, reduce_claims
from .relations import Equation, Instance
from .shape import Shape
from .sumcheck import SumcheckPoint, lockstep, schedule


@dataclass
class InnerStatement:
    """The statement in the clear, for prover and interpreted verifier; None in the circuit."""

    T: int
    ids: Sequence[int]  # x_0 .. x_N, padded
    salt: int | None = None  # of a sealed prompt

    def words(self, shape: Shape) -> list[int]:
        """What is public of it."""
        if not shape.sealed:
            return pack_words(self.T, self.ids, shape.rows)
        if self.salt is None:
            raise StatementError("a sealed prompt has a salt")
        k = shape.certified
        sealed_prompt = seal(self.salt, prompt_of(self.ids, self.T, k))
        return sealed_words(sealed_prompt, answer_of(self.ids, self.T, k))


def powers_of(party: Party, challenge: Scalar, names: Sequence[str]) -> list[Scalar]:
    """1, challenge, challenge^2, ..: one for each relation; 0 for those that a test switched off."""
    powers: list[Scalar] = []
    power: Scalar = party.constant(1)
    for name in names:
        power = power * challenge if powers else power
        powers.append(0 if name in party.off else power)
    return powers


def grouped(equations: Sequence[Equation], powers: Sequence[Scalar]) -> list[Instance]:
    """Equations over the same axes as one instance, each scaled by its power of the batching challenge."""
    instances: dict[tuple[str, ...], Instance] = {}
    for equation, power in zip(equations, powers, strict=True):
        group = instances.setdefault(equation.axes, Instance(equation.name, equation.axes, []))
        group.terms += [(power * coefficient, factors) for coefficient, factors in equation.terms]
    return list(instances.values())


def zero_check(run: Run, equations: Sequence[Equation]) -> SumcheckPoint:
    """Every equation holds at every real index: sum_i gamma^i (linear_i(tau) + sum_x eq(tau, x) terms_i(x)) =
    0.
    """
    party = run.party
    if not equations:  # a part of the model that has none
        return SumcheckPoint({pool: [] for pool in POOLS})
    powers = powers_of(party, party.challenge(), [e.name for e in equations])
    instances = grouped(equations, powers)
    for e in equations:
        if e.linear is not None and set(e.linear.axes) != set(e.axes):
            raise ValueError(f"{e.name}: the linear part must be broadcast over every axis")
    rounds = schedule(run.manifest, instances)
    party.error("zero-check gamma", len(equations) - 1)
    party.error("zero-check tau", len(rounds))
    tau = SumcheckPoint({pool: [] for pool in POOLS})
    for pool, _ in rounds:
        tau.pools[pool].append(party.challenge())
    summands = [
        (power, e.linear, tau.of(run.manifest, e.axes))
        for e, power in zip(equations, powers, strict=True)
        if e.linear is not None
    ]
    linear = party.open("zero-check: linear part", summands)
    party.executed += [e.name for e in equations]
    party.equations = list(equations)
    return lockstep(party, "zero-check", instances, [1] * len(instances), -linear, tau)


def product_sums(protocol: Description, run: Run, point: SumcheckPoint) -> None:
    """All sums of products at the zero-check's point, in lock-step."""
    party, manifest = run.party, run.manifest
    for pool in POOLS:
        at = protocol.program.points
        needed = (sum(manifest.bits(a) for a in axes if manifest.pool(a) == pool) for axes in at)
        point.extend(party, pool, max(needed))
    instances = [i for op in protocol.operations for i in op.products(run, point)]
    powers = powers_of(party, party.challenge(), [i.name for i in instances])
    party.error("product sums eta", len(instances) - 1)
    party.error("output points", sum(map(len, point.pools.values())))
    claim: Scalar = 0
    for power, instance in zip(powers, instances, strict=True):
        claim = claim + power * instance.claim
    lockstep(party, "product sums", instances, powers, claim)
    party.executed += [i.name for i in instances]
    party.products = instances


def run_inner(
    protocol: Description, party: Party, words: Sequence[Scalar], statement: InnerStatement | None
) -> ReductionResult:
    """The whole text, run by a party of this protocol.

    `words` are what is public of the statement.
    """
    if party.protocol is not protocol:
        raise ValueError("the party was made for another protocol")
    party.begin("statement")
    clear = (statement.T, statement.ids, statement.salt) if statement else (None, None, None)
    public = bind_statement(party, protocol.shape, words, *clear)
    run = Run(party, public)
    party.begin("lookups")
    logup(party)
    party.executed.append("lookups")
    party.begin("zero-check")
    point = zero_check(run, [e for op in protocol.operations for e in op.equations(run)])
    party.begin("product sums")
    product_sums(protocol, run, point)
    party.begin("linear claims")
    for operation in protocol.operations:
        party.executed += operation.claims(run, point)
    party.begin("reduction")
    result = reduce_claims(party)
    assert_complete(protocol, party)
    return result


def assert_complete(protocol: Description, party: Party) -> None:
    """Four things that no equation shows: nothing pending, no relation left out, no tensor unclaimed; that
    the proof is consumed is asserted by whoever holds it. A lookup alone does not count as a claim, but for
    the tables' own columns, and a program's declared outputs (the model has none)."""
    if party.pending:
        raise ProofError("inner proof: undischarged claims on " + ", ".join(party.pending))
    if sorted(party.executed) != sorted(protocol.relations):
        missing = sorted(set(protocol.relations) - set(party.executed))
        raise ProofError("inner proof: relations missing or repeated: " + ", ".join(missing))
    manifest = protocol.manifest
    claimed = {t.tensor for c in party.claims if c.name not in LEAF_CLAIMS for t in c.terms}
    looked_up = {t.tensor for c in party.claims if c.name in LEAF_CLAIMS for t in c.terms}
    tables = {name for t in manifest.tables.values() for name in (t.multiplicity, t.output)}
    unclaimed = sorted(set(manifest.tensors) - claimed - ((tables | protocol.outputs) & looked_up))
    if unclaimed and not party.off:
        raise ProofError("inner proof: tensors without a claim: " + ", ".join(unclaimed))


def opening_values(columns: Sequence[Scalar], theta: Scalar) -> Scalar:
    """v = sum_g theta^g c_g."""
    total: Scalar = 0
    for c in reversed(columns):
        total = total * theta + c
    return total


def column_polynomials(r: Sequence[Scalar], b_log2: int, zeta: Scalar, zeta_inverse: Scalar) -> list[Scalar]:
    """P_col(zeta), P_col(1/zeta), P_row(zeta), P_row(1/zeta): P_u(X) = prod_i (u_{last-i} X^(2^i) + 1 -
    u_{last-i}).
    """
    row, col = r[: len(r) - b_log2], r[len(r) - b_log2 :]
    values = []
    for u in (col, row):
        for x in (zeta, zeta_inverse):
            result: Scalar = 1
            for c in reversed(u):
                result = (c * x - c + 1) * result
                x = x * x
            values.append(result)
    return values
