"""The reduction: every claim on committed tensors becomes the value c_g of each column g at one point r.

sum_i beta^i value_i = sum_g sum_x E_g(x) C_g(x), one sumcheck of mu rounds and degree 2. E_g collects the weights of
the claims on column g, laid out as the tensors are; the verifier evaluates E_g(r) block by block.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np

from . import weights as W
from .algebra import Point, Scalar, eq, eq_index
from .forms import Opened
from .layout import Block, Layout
from .logup import AddressTerm
from .party import Party
from .sumcheck import horner, round_message
from .tables import Packed

CHECK = "reduction"


@dataclass
class ReductionResult:
    point: list[Scalar]  # r, mu coordinates, MSB first
    columns: list[Scalar]  # c_g, fixed columns first
    digest: Scalar  # delta
    weights: list[Scalar] = field(default_factory=list)  # E_g(r), for tests


@dataclass
class _Group:
    """Claims on one tensor with the same weights: their coefficients add up."""

    term: Opened | AddressTerm
    coefficient: Scalar


def _groups(party: Party, beta: Scalar) -> tuple[dict[str, list[_Group]], Scalar]:
    groups: dict[str, dict[Hashable, _Group]] = {}
    power: Scalar = 1
    total: Scalar = 0
    for claim in party.claims:
        total = total + power * claim.value
        for term in claim.terms:
            key: Hashable
            if isinstance(term, AddressTerm):
                key = ("address", term.source, W.point_key(term.point))
            else:
                key = tuple(w.key() for w in term.weights)
            own = groups.setdefault(term.tensor, {})
            scaled = power * term.coefficient
            if key in own:
                own[key].coefficient = own[key].coefficient + scaled
            else:
                own[key] = _Group(term, scaled)
        power = power * beta
    return {tensor: list(g.values()) for tensor, g in groups.items()}, total


def _layout_of(party: Party, tensor: str) -> tuple[Layout, int]:
    """The layout that a tensor lives in, and the number of its first column."""
    protocol = party.protocol
    if protocol.manifest.tensors[tensor].fixed:
        return protocol.fixed, 0
    return protocol.witness, protocol.fixed.num_columns


def _block_weight(party: Party, term: Opened | AddressTerm, i: int, block: Block, low: Point) -> Scalar:
    """The term's weight on a block, as an MLE at the block's local coordinates."""
    if isinstance(term, AddressTerm):
        source = party.protocol.witness.blocks[term.source][i]
        if source.spans != block.spans:
            raise ValueError(f"{term.tensor} and {term.source} are cut differently")
        z, size = term.point, block.log2_size
        return eq_index(source.address >> size, z[: len(z) - size]) * eq(z[len(z) - size :], low)
    result: Scalar = 1
    at = len(low)
    for weight, (offset, k) in zip(reversed(term.weights), reversed(block.spans), strict=True):
        result = weight.block(offset, k, low[at - k : at]) * result
        at -= k
    return result


def evaluate_weights(party: Party, groups: dict[str, list[_Group]], r: Point) -> list[Scalar]:
    """E_g(r) of every column."""
    protocol = party.protocol
    mu = protocol.fixed.mu
    result: list[Scalar] = [0] * protocol.num_columns
    for tensor, own in groups.items():
        layout, first = _layout_of(party, tensor)
        for i, block in enumerate(layout.blocks[tensor]):
            size = block.log2_size
            total: Scalar = 0
            for group in own:
                weight = _block_weight(party, group.term, i, block, r[mu - size :])
                total = total + group.coefficient * weight
            g = first + layout.column(block)
            result[g] = result[g] + eq_index(layout.offset(block) >> size, r[: mu - size]) * total
    return result


def reduce_claims(party: Party) -> ReductionResult:
    protocol = party.protocol
    mu = protocol.fixed.mu
    beta = party.challenge()
    party.error("reduction beta", len(party.claims) - 1)
    groups, claim = _groups(party, beta)
    kernel = _prover_kernel(party, groups) if party.data is not None else None
    point: list[Scalar] = []
    for _ in range(mu):
        h = round_message(party, 2, claim, None, lambda: kernel.round())
        c = party.challenge()
        party.count_round()
        claim = horner(h, c)
        if kernel is not None:
            kernel.bind(int(c))
        point.append(c)
    n = protocol.num_columns
    columns = [party.send(lambda g=g: kernel.values()[2 * g + 1]) for g in range(n)]  # type: ignore[misc]
    weights = evaluate_weights(party, groups, point)
    total: Scalar = 0
    for e, c in zip(weights, columns, strict=True):
        total = total + e * c
    party.check(CHECK, total, claim)
    return ReductionResult(point, columns, party.challenge(), weights)


# ---- the prover's side


def column_vectors(party: Party) -> list:
    """Every column as field elements, fixed first; the opening needs them again."""
    data = party.data
    assert data is not None
    protocol, kernels = party.protocol, data.kernels
    columns = [kernels.zeros(1 << protocol.fixed.mu) for _ in range(protocol.num_columns)]
    for layout, first in ((protocol.fixed, 0), (protocol.witness, protocol.fixed.num_columns)):
        for tensor, blocks in layout.blocks.items():
            for block in blocks:
                target = columns[first + layout.column(block)]
                kernels.write(target, layout.offset(block), block_values(data, tensor, block))
    return columns


def block_values(data, name: str, block: Block):
    """The entries of one block, row-major: integers, or field elements for packed tensors."""
    tensor = data.tensors[name]
    if not isinstance(tensor, Packed):
        return np.ascontiguousarray(tensor[block.slices()]).reshape(-1)
    parts = [data.kernels.from_table(p) for _, p in packed_slots(tensor, block)]
    return data.kernels.linear_combination(parts, [pow(2, tensor.bits * c) for c in range(len(parts))])


def packed_slots(tensor: Packed, block: Block) -> list[tuple[int, np.ndarray]]:
    """(bit shift, integers) of each slot of a block."""
    values = np.moveaxis(tensor.values, tensor.slot_axis, 0)
    return [(tensor.bits * c, np.ascontiguousarray(v[block.slices()]).reshape(-1)) for c, v in enumerate(values)]


def _prover_kernel(party: Party, groups: dict[str, list[_Group]]):
    assert party.data is not None
    protocol, kernels = party.protocol, party.data.kernels
    mu = protocol.fixed.mu
    weights = [kernels.zeros(1 << mu) for _ in range(protocol.num_columns)]
    for tensor, own in groups.items():
        layout, first = _layout_of(party, tensor)
        for group in own:
            dense = [w.dense() for w in group.term.weights] if isinstance(group.term, Opened) else None
            for i, block in enumerate(layout.blocks[tensor]):
                target = weights[first + layout.column(block)]
                coefficient, vectors = int(group.coefficient), []
                if dense is not None:
                    vectors = [d[o : o + (1 << k)] for d, (o, k) in zip(dense, block.spans, strict=True)]
                else:
                    assert isinstance(group.term, AddressTerm)
                    z, size = group.term.point, block.log2_size
                    address = protocol.witness.blocks[group.term.source][i].address >> size
                    coefficient = int(eq_index(address, z[: len(z) - size]) * group.coefficient)
                    vectors = [W.eq_vector([c]) for c in z[len(z) - size :]]
                if all(any(v) for v in vectors):
                    kernels.accumulate(target, layout.offset(block), coefficient,
                                       [kernels.from_list(v) for v in vectors])
    columns = column_vectors(party)
    party.columns = columns  # type: ignore[attr-defined]
    factors = [((0,), v) for pair in zip(weights, columns, strict=True) for v in pair]
    terms = [(1, [2 * g, 2 * g + 1]) for g in range(protocol.num_columns)]
    return kernels.SumcheckInstance([1 << mu], factors, terms)
