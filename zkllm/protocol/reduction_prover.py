"""The prover's side of the reduction: sum_g sum_x E_g(x) C_g(x), round by round.

Ordinary columns stay integers for the first rounds (`ReductionInstance`). In a layered column the weights are
u(layer) v(rest), so that the rounds of the layer's bits need only s(layer) = sum_rest v C(layer, rest), one
pass over the weights; what is left once the layer is bound, sum_layer eq(layer) C(layer, rest), is a second
pass and a column of 2^(mu - outer) field elements, which goes on as an ordinary one.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np

from ..field import R
from ..kernels.interface import Factor, Kernels, Piece, Sumcheck, Vector
from ..kernels.interface import Weight as Claimed
from ..mapped import release
from . import functionals as F
from .algebra import Scalar, eq_index
from .columns import block_slab, kernel_pieces
from .data import ProverData, Tensors
from .forms import AddressTerm, Opened
from .layout import Block, Layout


@dataclass
class Group:
    """Claims on one tensor with the same weights: their coefficients add up."""

    term: Opened | AddressTerm
    coefficient: Scalar


Groups = dict[str, list[Group]]


def _add(values: Sequence[int], other: Sequence[int]) -> list[int]:
    return [(a + b) % R for a, b in zip(values, other, strict=True)]


class DenseColumns:
    """Columns over their address: their values are those of every second factor."""

    def __init__(self, kernel: Sumcheck):
        self.kernel = kernel

    def round(self) -> list[int]:
        return self.kernel.round()

    def bind(self, c: int) -> None:
        self.kernel.bind(c)

    def values(self) -> list[int]:
        """C_g(r) of the columns."""
        return self.kernel.values()[1::2]


@dataclass
class _LayeredBlock:
    """A block of weights: its claim is u(layer) coefficient * (product of vectors)."""

    block: Block
    column: int  # index among the columns of this class
    place: int  # in the column's rest
    values: np.ndarray  # integers with axes (layer, slot, ..)
    factors: list[int]  # of the slots
    coefficient: int
    vectors: list[Vector]


class LayeredColumns:
    """Columns with the same number of layer bits."""

    def __init__(
        self,
        kernels: Kernels,
        layout: Layout,
        tensors: Tensors,
        outer: int,
        numbers: list[int],  # columns of the layout
        groups: Groups,
    ):
        self.kernels, self.outer, self.num_columns = kernels, outer, len(numbers)
        self.rest_log2 = layout.mu - outer
        self.bound: list[int] = []
        self.rest: DenseColumns | None = None
        self.blocks: list[_LayeredBlock] = []
        weights: dict[Hashable, F.Functional] = {}
        for name, blocks in layout.blocks.items():
            for block in blocks:
                if block.outer != outer or layout.column(block) not in numbers:
                    continue
                (group,) = groups[name]  # one claim on each weight tensor, all at the same layer's point
                assert isinstance(group.term, Opened)
                first, *others = group.term.weights
                weights[first.key()] = first
                vectors = [
                    kernels.from_list(w.dense()[o : o + (1 << k)])
                    for w, (o, k) in zip(others, block.spans[1:], strict=True)
                ]
                offset, _, shifts, values = block_slab(layout, tensors[name], block)
                self.blocks.append(
                    _LayeredBlock(
                        block,
                        numbers.index(layout.column(block)),
                        offset & ((1 << self.rest_log2) - 1),
                        values,
                        [pow(2, s, R) for s in shifts],
                        int(group.coefficient) % R,
                        vectors,
                    )
                )
        self.blocks.sort(key=lambda b: b.column)
        (weight,) = weights.values()
        start = self.blocks[0].block.spans[0][0]
        u = weight.dense()[start : start + (1 << outer)]
        sums = self._layer_sums()
        terms = [(1, [0, i + 1]) for i in range(len(sums))]
        factors: list[Factor[Vector]] = [((0,), kernels.from_list(u)), *(((0,), s) for s in sums)]
        self.layers = kernels.sumcheck([1 << outer], factors, terms)

    def _passing(self) -> Iterator[_LayeredBlock]:
        """The blocks column by column; a column that was passed is not kept resident."""
        for _, group in groupby(self.blocks, key=lambda b: b.column):
            blocks = list(group)
            yield from blocks
            release(b.values for b in blocks)

    def _layer_sums(self) -> list[Vector]:
        """s(layer) = sum over the rest of v C, by column."""
        k = self.kernels
        sums: list[list[Vector]] = [[] for _ in range(self.num_columns)]
        for b in self._passing():
            shape = b.values.shape
            weights = k.tensor_product(b.vectors)
            rest = k.contract(b.values, shape, 2, weights, len(shape) - 2)
            factors = k.from_list([f * b.coefficient for f in b.factors])
            sums[b.column].append(k.contract(rest, shape[:2], 1, factors))
        return [k.linear_combination(s, [1] * len(s)) for s in sums]

    def round(self) -> list[int]:
        return self.rest.round() if self.rest is not None else self.layers.round()

    def bind(self, c: int) -> None:
        if self.rest is not None:
            self.rest.bind(c)
            return
        self.layers.bind(c)
        self.bound.append(c)
        if len(self.bound) == self.outer:
            self._fold()

    def _fold(self) -> None:
        """The layer is bound: E = u(r) v and C = sum_layer eq(r, layer) C(layer, rest), which is dense."""
        k, u = self.kernels, self.layers.values()[0]
        columns = [k.zeros(1 << self.rest_log2) for _ in range(self.num_columns)]
        weights: list[list[Claimed[Vector]]] = [[] for _ in columns]
        eq = k.from_list(F.eq_vector(self.bound))
        for b in self._passing():
            rows = k.tensor_product([eq, k.from_list(b.factors)])
            k.write(columns[b.column], b.place, k.contract(b.values, b.values.shape, 0, rows, 2))
            weights[b.column].append((b.place, u * b.coefficient % R, b.vectors))
        self.blocks = []
        data: list[list[Piece[Vector]]] = [[(0, 1, [1], column)] for column in columns]
        del columns
        pairs = list(zip(weights, data, strict=True))
        self.rest = DenseColumns(k.reduction(self.rest_log2, pairs))

    def values(self) -> list[int]:
        assert self.rest is not None
        return self.rest.values()


class ReductionKernel:
    """All columns: fixed first, then witness."""

    def __init__(self, data: ProverData, layouts: Sequence[Layout], groups: Groups):
        data.release()
        kernels, tensors = data.kernels, data.tensors
        self.classes: list[
            tuple[list[int], DenseColumns | LayeredColumns]
        ] = []  # (global column numbers, state)
        self.num_columns = sum(layout.num_columns for layout in layouts)
        plain: list[tuple[int, Layout, int]] = []
        first = 0
        for layout in layouts:
            outers = [layout.outer_of(g) for g in range(layout.num_columns)]
            for outer in sorted({o for o in outers if o}, reverse=True):
                numbers = [g for g, o in enumerate(outers) if o == outer]
                state = LayeredColumns(kernels, layout, tensors, outer, numbers, groups)
                self.classes.append(([first + g for g in numbers], state))
            plain += [(first + g, layout, g) for g, o in enumerate(outers) if not o]
            first += layout.num_columns
        sums: dict[int, tuple[list[Claimed[Vector]], list[Piece[Vector]]]] = {
            n: ([], []) for n, _, _ in plain
        }  # (weights, data)
        at = {(id(layout), g): n for n, layout, g in plain}
        for layout in layouts:
            for name in layout.blocks:
                claims = _weights(kernels, layouts, layout, name, groups.get(name, []))
                for block, coefficient, vectors in claims:
                    own, _ = sums[at[id(layout), layout.column(block)]]
                    own.append((layout.offset(block), coefficient, vectors))
        for n, layout, g in plain:
            sums[n][1].extend(kernel_pieces(data, layout, g))
        instance = kernels.reduction(layouts[0].mu, [sums[n] for n, _, _ in plain])
        self.classes.append(([n for n, _, _ in plain], DenseColumns(instance)))

    def round(self) -> list[int]:
        total = [0, 0, 0]
        for _, state in self.classes:
            total = _add(total, state.round())
        return total

    def bind(self, c: int) -> None:
        for _, state in self.classes:
            state.bind(c)

    @cached_property
    def values(self) -> list[int]:
        """c_g of every column, once every variable is bound."""
        result = [0] * self.num_columns
        for numbers, state in self.classes:
            for n, value in zip(numbers, state.values(), strict=True):
                result[n] = value
        return result


def _weights(
    kernels: Kernels, layouts: Sequence[Layout], layout: Layout, name: str, groups: list[Group]
) -> Iterator[tuple[Block, int, list[Vector]]]:
    """A tensor's claims on its ordinary blocks: coefficient * product of vectors."""
    for group in groups:
        dense = [w.dense() for w in group.term.weights] if isinstance(group.term, Opened) else None
        for i, block in enumerate(layout.blocks[name]):
            if block.outer:
                continue
            coefficient = int(group.coefficient)
            if dense is not None:
                vectors = [d[o : o + (1 << k)] for d, (o, k) in zip(dense, block.spans, strict=True)]
            else:
                assert isinstance(group.term, AddressTerm)
                z, size = group.term.point, block.log2_size
                source = next(lay for lay in layouts if group.term.source in lay.blocks)
                address = source.blocks[group.term.source][i].address >> size
                coefficient = int(eq_index(address, z[: len(z) - size]) * group.coefficient)
                vectors = [F.eq_vector([c]) for c in z[len(z) - size :]]
            if all(any(v) for v in vectors):
                yield block, coefficient % R, [kernels.from_list(v) for v in vectors]
