"""The reduction: every claim on committed tensors becomes the value c_g of each column g at one point r.

sum_i beta^i value_i = sum_g sum_x E_g(x) C_g(x), one sumcheck of mu rounds and degree 2. E_g collects the
weights of the claims on column g, laid out as the tensors are; the verifier evaluates E_g(r) block by block.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import partial

from . import functionals as F
from .algebra import Point, Scalar, eq_index
from .forms import AddressTerm, block_weight
from .layout import Block, Layout
from .party import Party
from .reduction_prover import Group, Groups, ReductionKernel
from .sumcheck import horner, round_message

CHECK = "reduction"


@dataclass
class ReductionResult:
    point: list[Scalar]  # r, mu coordinates, MSB first
    columns: list[Scalar]  # c_g, fixed columns first
    digest: Scalar  # delta
    weights: list[Scalar] = field(default_factory=list)  # E_g(r), for tests


def _groups(party: Party, beta: Scalar) -> tuple[Groups, Scalar]:
    groups: dict[str, dict[Hashable, Group]] = {}
    power: Scalar = 1
    total: Scalar = 0
    for claim in party.claims:
        total = total + power * claim.value
        for term in claim.terms:
            key: Hashable
            if isinstance(term, AddressTerm):
                key = ("address", term.source, F.point_key(term.point))
            else:
                key = tuple(w.key() for w in term.weights)
            own = groups.setdefault(term.tensor, {})
            scaled = power * term.coefficient
            if key in own:
                own[key].coefficient = own[key].coefficient + scaled
            else:
                own[key] = Group(term, scaled)
        power = power * beta
    return {tensor: list(g.values()) for tensor, g in groups.items()}, total


def _layout_of(party: Party, tensor: str) -> tuple[Layout, int]:
    """The layout that a tensor lives in, and the number of its first column."""
    protocol = party.protocol
    if protocol.manifest.tensors[tensor].fixed:
        return protocol.fixed, 0
    return protocol.witness, protocol.fixed.num_columns


def _local(mu: int, block: Block, r: Point) -> Point:
    """The coordinates of r that run inside a block: its layer's, then its rest's."""
    return [*r[: block.outer], *r[mu - block.inner_log2 :]]


def evaluate_weights(party: Party, groups: Groups, r: Point) -> list[Scalar]:
    """E_g(r) of every column. The weights of what lies above a layout's columns are 0."""
    protocol = party.protocol
    result: list[Scalar] = [0] * protocol.num_columns
    for tensor, own in groups.items():
        layout, first = _layout_of(party, tensor)
        mu, at = layout.mu, r[len(r) - layout.mu :]
        for i, block in enumerate(layout.blocks[tensor]):
            size = block.inner_log2
            total: Scalar = 0
            for group in own:
                weight = block_weight(protocol.witness, group.term, i, block, _local(mu, block, at))
                total = total + group.coefficient * weight
            g = first + layout.column(block)
            prefix = eq_index(layout.offset(block) >> size, at[block.outer : mu - size])
            result[g] = result[g] + prefix * total
    below = {x.fixed: eq_index(0, r[: len(r) - x.mu]) for x in (protocol.fixed, protocol.witness)}
    return [below[g < protocol.fixed.num_columns] * weight for g, weight in enumerate(result)]


def reduce_claims(party: Party) -> ReductionResult:
    protocol = party.protocol
    beta = party.challenge()
    party.error("reduction beta", len(party.claims) - 1)
    groups, claim = _groups(party, beta)
    kernel = party.own(
        lambda data: ReductionKernel(data, protocol.mu, (protocol.fixed, protocol.witness), groups)
    )
    point: list[Scalar] = []
    for _ in range(protocol.mu):
        h = round_message(party, 2, claim, None, lambda claim=claim: kernel().round(int(claim)))  # type: ignore[misc]
        c = party.challenge()
        party.count_round()
        claim = horner(h, c)
        if kernel:
            kernel().bind(int(c))
        point.append(c)

    def value(g: int) -> int:
        return kernel().values[g]

    columns = [party.send(partial(value, g)) for g in range(protocol.num_columns)]
    weights = evaluate_weights(party, groups, point)
    total: Scalar = 0
    for e, c in zip(weights, columns, strict=True):
        total = total + e * c
    party.check(CHECK, total, claim)
    return ReductionResult(point, columns, party.challenge(), weights)
