"""The prover's side of the reduction: sum_g sum_x E_g(x) C_g(x), round by round.

Ordinary columns are dense tables. In a layered column the weights are u(layer) v(rest), so that the rounds of
the layer's bits need only s(layer) = sum_rest v C(layer, rest), one pass over the weights; what is left once
the layer is bound, sum_layer eq(layer) C(layer, rest), is a second pass and a dense table of 2^(mu - outer)
entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..field import R
from . import columns
from . import weights as W
from .algebra import Scalar, eq_index
from .forms import Opened
from .layout import Block, Layout
from .logup import AddressTerm
from .tables import Packed, exact_table


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

    def __init__(self, kernel: Any):
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
    name: str
    block: Block
    column: int  # index among the columns of this class


@dataclass
class LayeredColumns:
    """Columns with the same number of layer bits."""

    kernels: Any
    layout: Layout
    tensors: dict[str, Any]
    outer: int
    numbers: list[int]  # columns of the layout
    groups: Groups
    rest: list[Any] = field(default_factory=list)  # v of each column
    bound: list[int] = field(default_factory=list)
    dense: DenseColumns | None = None

    def __post_init__(self) -> None:
        size = 1 << self.layout.mu - self.outer
        self.rest = [self.kernels.zeros(size) for _ in self.numbers]
        self.blocks = [
            _LayeredBlock(name, block, self.numbers.index(self.layout.column(block)))
            for name, blocks in self.layout.blocks.items()
            for block in blocks
            if block.outer == self.outer and self.layout.column(block) in self.numbers
        ]
        layer_weights = {}
        for b in self.blocks:
            (group,) = self.groups[b.name]  # one claim on each weight tensor, all at the same layer's point
            assert isinstance(group.term, Opened)
            first, *others = group.term.weights
            layer_weights[first.key()] = first
            vectors = [
                self.kernels.from_list(w.dense()[o : o + (1 << k)])
                for w, (o, k) in zip(others, b.block.spans[1:], strict=True)
            ]
            self.kernels.accumulate(
                self.rest[b.column], self._place(b.block), int(group.coefficient) % R, vectors
            )
        (weight,) = layer_weights.values()
        start = self.blocks[0].block.spans[0][0]
        u = weight.dense()[start : start + (1 << self.outer)]
        factors = [
            ((0,), self.kernels.from_list(u)),
            *(((0,), self._layer_sums(i)) for i in range(len(self.numbers))),
        ]
        terms = [(1, [0, i + 1]) for i in range(len(self.numbers))]
        self.layers = self.kernels.SumcheckInstance([1 << self.outer], factors, terms)

    def _place(self, block: Block) -> int:
        return self.layout.offset(block) & ((1 << self.layout.mu - self.outer) - 1)

    def _slots_first(self, b: _LayeredBlock) -> tuple[np.ndarray, list[int]]:
        """(integers with layer, slot as the leading axes; the slots' factors) of a block."""
        tensor = self.tensors[b.name]
        assert isinstance(tensor, Packed)
        values = np.moveaxis(tensor.values, tensor.slot_axis, 1)
        cut = b.block.slices()
        view = values[(cut[0], slice(None), *cut[1:])]
        return view, [pow(2, tensor.bits * c, R) for c in range(view.shape[1])]

    def _layer_sums(self, column: int) -> Any:
        """s(layer) = sum over the rest of v C."""
        k, total = self.kernels, None
        for b in self.blocks:
            if b.column != column:
                continue
            view, powers = self._slots_first(b)
            place, size = self._place(b.block), 1 << b.block.inner_log2
            weights = k.slice(self.rest[column], place, place + size)
            sums = k.contract(view, view.shape, 2, weights, view.ndim - 2)
            sums = k.contract(sums, view.shape[:2], 1, k.from_list(powers))
            total = sums if total is None else k.linear_combination([total, sums], [1, 1])
        return total

    def round(self) -> list[int]:
        return self.dense.round() if self.dense is not None else self.layers.round()

    def bind(self, c: int) -> None:
        if self.dense is not None:
            self.dense.bind(c)
            return
        self.layers.bind(c)
        self.bound.append(c)
        if len(self.bound) == self.outer:
            self._fold()

    def _fold(self) -> None:
        """The layer is bound: E = u(r) v and C = sum_layer eq(r, layer) C(layer, rest) are dense."""
        k, u = self.kernels, self.layers.values()[0]
        columns = [k.zeros(1 << self.layout.mu - self.outer) for _ in self.numbers]
        eq = k.from_list(W.eq_vector(self.bound))
        for b in self.blocks:
            view, powers = self._slots_first(b)
            weights = k.tensor_product([eq, k.from_list(powers)])
            folded = k.contract(view, view.shape, 0, weights, 2)
            k.write(columns[b.column], self._place(b.block), folded)
        weights = [k.linear_combination([v], [u]) for v in self.rest]
        self.rest = []
        factors = [((0,), table) for pair in zip(weights, columns, strict=True) for table in pair]
        terms = [(1, [2 * i, 2 * i + 1]) for i in range(len(columns))]
        self.dense = DenseColumns(k.SumcheckInstance([1 << self.layout.mu - self.outer], factors, terms))

    def values(self) -> list[int]:
        assert self.dense is not None
        return self.dense.values()


class ReductionKernel:
    """All columns: fixed first, then witness."""

    def __init__(self, kernels: Any, layouts: Sequence[Layout], tensors: dict[str, Any], groups: Groups):
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
        sums: dict[int, tuple[list[Any], list[Any]]] = {n: ([], []) for n, _, _ in plain}  # (weights, data)
        at = {(id(layout), g): n for n, layout, g in plain}
        for layout in layouts:
            for name in layout.blocks:
                claims = _weights(kernels, layouts, layout, name, groups.get(name, []))
                for block, coefficient, vectors in claims:
                    own, _ = sums[at[id(layout), layout.column(block)]]
                    own.append((layout.offset(block), coefficient, vectors))
        for n, layout, g in plain:
            sums[n][1].extend(
                (offset, pow(2, shift, R), exact_table(kernels, values))
                for offset, shift, values in columns.column_pieces(layout, tensors, g)
            )
        instance = kernels.ReductionInstance(layouts[0].mu, [sums[n] for n, _, _ in plain])
        self.classes.append(([n for n, _, _ in plain], DenseColumns(instance)))

    def round(self) -> list[int]:
        total = [0, 0, 0]
        for _, state in self.classes:
            total = _add(total, state.round())
        return total

    def bind(self, c: int) -> None:
        for _, state in self.classes:
            state.bind(c)

    def values(self) -> list[int]:
        result = [0] * self.num_columns
        for numbers, state in self.classes:
            for n, value in zip(numbers, state.values(), strict=True):
                result[n] = value
        return result


def _weights(
    kernels: Any, layouts: Sequence[Layout], layout: Layout, name: str, groups: list[Group]
) -> Iterator[tuple[Block, int, list[Any]]]:
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
                vectors = [W.eq_vector([c]) for c in z[len(z) - size :]]
            if all(any(v) for v in vectors):
                yield block, coefficient % R, [kernels.from_list(v) for v in vectors]
