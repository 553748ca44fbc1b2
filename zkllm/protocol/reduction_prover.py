"""The prover's side of the reduction: sum_g sum_x E_g(x) C_g(x), round by round.

Ordinary columns stay integers for the first rounds (`ReductionInstance`). A column whose tensors end below
2^mu meets the first variables as `ShortColumns`: its weights are 0 wherever one of them is 1, so that only
masks (`masks.py`) and the columns' total enter these rounds. In a layered column the weights are
u(layer) v(rest), so that the rounds of the layer's bits need only s(layer) = sum_rest v C(layer, rest), one
pass over the weights; what is left once the layer is bound, sum_layer eq(layer) C(layer, rest), is a second
pass and a column of 2^(mu - outer) field elements, which goes on as an ordinary one.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from math import prod

import numpy as np

from ..field import R
from ..kernels.interface import Factor, Kernels, Piece, Sumcheck, Vector
from ..kernels.interface import Weight as Claimed
from ..mapped import release
from . import functionals as F
from .algebra import Point, Scalar, eq_index
from .columns import block_slab, kernel_pieces
from .data import ProverData, Tensors, dense_vector
from .forms import AddressTerm, Opened, block_weight, tiled_weight
from .layout import Block, Layout, Tiles


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
        scale: int,  # of weights and of columns
        masks: Sequence[int],  # of each column, added to its first entry
    ):
        self.masks = masks
        self.kernels, self.outer, self.num_columns = kernels, outer, len(numbers)
        self.rest_log2 = layout.mu - outer
        self.bound: list[int] = []
        self.rest: DenseColumns | None = None
        self.blocks: list[_LayeredBlock] = []
        weights: dict[Hashable, F.Functional] = {}
        dense = DenseWeights(kernels)
        for name, blocks in layout.blocks.items():
            for block in blocks:
                if block.outer != outer or layout.column(block) not in numbers:
                    continue
                (group,) = groups[name]  # one claim on each weight tensor, all at the same layer's point
                assert isinstance(group.term, Opened)
                first, *others = group.term.weights
                weights[first.key()] = first
                vectors = [dense.on(w, *span) for w, span in zip(others, block.spans[1:], strict=True)]
                offset, _, shifts, values = block_slab(layout, tensors[name], block)
                self.blocks.append(
                    _LayeredBlock(
                        block,
                        numbers.index(layout.column(block)),
                        offset & ((1 << self.rest_log2) - 1),
                        values,
                        [pow(2, s, R) * scale % R for s in shifts],
                        int(group.coefficient) * scale % R,
                        vectors,
                    )
                )
        self.blocks.sort(key=lambda b: b.column)
        (weight,) = weights.values()
        start = self.blocks[0].block.spans[0][0]
        u = dense.on(weight, start, outer)
        sums = self._layer_sums()
        terms = [(1, [0, i + 1]) for i in range(len(sums))]
        factors: list[Factor[Vector]] = [((0,), u), *(((0,), s) for s in sums)]
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
            if b.place == 0 and (mask := self.masks[b.column]):
                weight = mask * b.coefficient * prod(k.to_list(k.slice(v, 0, 1))[0] for v in b.vectors)
                sums[b.column].append(k.from_list([weight % R, *[0] * (shape[0] - 1)]))
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
        weights: list[list[Claimed[Vector]]] = [[] for _ in range(self.num_columns)]
        data: list[list[Piece[Vector]]] = [[] for _ in range(self.num_columns)]
        eq = k.eq_table(self.bound)
        for b in self._passing():
            rows = k.tensor_product([eq, k.from_list(b.factors)])
            data[b.column].append((b.place, 1, [1], k.contract(b.values, b.values.shape, 0, rows, 2)))
            weights[b.column].append((b.place, u * b.coefficient % R, b.vectors))
        self.blocks = []
        (lowest,) = k.to_list(k.slice(eq, 0, 1))
        for pieces, mask in zip(data, self.masks, strict=True):
            if mask:
                pieces.append((0, 1, [mask * lowest % R], k.from_list([1])))
        pairs = list(zip(weights, data, strict=True))
        self.rest = DenseColumns(k.reduction(self.rest_log2, pairs))

    def values(self) -> list[int]:
        assert self.rest is not None
        return self.rest.values()


@dataclass
class _Mask:
    """A mask above a short column."""

    bits: list[int]  # of its address, above the column's own, that are not bound yet
    address: int  # the rest of it
    value: int  # times eq of the bound variables and their bits
    weight: int  # of the place `address`


class Columns:
    """The columns of one layout, from the round on at which their own first variable is bound."""

    def __init__(self, data: ProverData, layouts: Sequence[Layout], layout: Layout, groups: Groups):
        self.data, self.layouts, self.layout, self.groups = data, layouts, layout, groups
        self.classes: list[tuple[list[int], DenseColumns | LayeredColumns]] = []

    def start(self, scale: int = 1, masks: list[list[_Mask]] | None = None) -> None:
        """Both weights and columns times `scale`; `masks`: of each column, added to it at their address, a
        fixed column's at the first one."""
        kernels, layout = self.data.kernels, self.layout
        outers = [layout.outer_of(g) for g in range(layout.num_columns)]
        for outer in sorted({o for o in outers if o}, reverse=True):
            numbers = [g for g, o in enumerate(outers) if o == outer]
            first = [sum(m.value for m in masks[g]) if masks is not None else 0 for g in numbers]
            state = LayeredColumns(
                kernels, layout, self.data.tensors, outer, numbers, self.groups, scale, first
            )
            self.classes.append((numbers, state))
        plain = [g for g, o in enumerate(outers) if not o]
        if not plain:
            return
        sums: dict[int, tuple[list[Claimed[Vector]], list[Piece[Vector]]]] = {g: ([], []) for g in plain}
        for name in layout.blocks:
            claims = _weights(kernels, self.layouts, layout, name, self.groups.get(name, []))
            for block, coefficient, vectors in claims:
                weights, _ = sums[layout.column(block)]
                weights.append((layout.offset(block), coefficient * scale % R, vectors))
        for g, (_, pieces) in sums.items():
            pieces += kernel_pieces(self.data, layout, g, scale)
            own = masks[g] if masks is not None else []
            pieces += [(m.address, 1, [1], kernels.from_list([m.value])) for m in own]
        self.classes.append((plain, DenseColumns(kernels.reduction(layout.mu, list(sums.values())))))

    def weight_at(self, column: int, position: int) -> int:
        """The weight of one place of an ordinary column, or of the first of a layered one."""
        layout, witness = self.layout, self.layouts[-1]
        for name, blocks in layout.blocks.items():
            for i, block in enumerate(blocks):
                place, size = position - layout.offset(block), block.log2_size
                if layout.column(block) == column and 0 <= place < 1 << size:
                    bits = [place >> size - 1 - j & 1 for j in range(size)]
                    own = self.groups.get(name, [])
                    weights = (g.coefficient * block_weight(witness, g.term, i, block, bits) for g in own)
                    return sum(map(int, weights)) % R
        return 0

    def round(self) -> list[int]:
        total = [0, 0, 0]
        for _, state in self.classes:
            total = _add(total, state.round())
        return total

    def bind(self, c: int) -> None:
        for _, state in self.classes:
            state.bind(c)

    def values(self) -> list[int]:
        """c_g of every column, once every variable is bound."""
        result = [0] * self.layout.num_columns
        for numbers, state in self.classes:
            for n, value in zip(numbers, state.values(), strict=True):
                result[n] = value
        return result


class ShortColumns:
    """Columns of 2^(mu - above) entries, while the first `above` variables are bound.

    E(y, x) = [y = 0] E_0(x) for the bits y above the column. With e = prod (1 - r_i) over the bound ones, a
    round's polynomial is (1 - X) ((1 - X) S + X e B): S is what the columns' products come to so far, and B =
    sum E_0(x) M over the masks whose next bit is 1 and whose others are 0.
    """

    def __init__(self, columns: Columns, above: int):
        self.columns, self.above, self.scale = columns, above, 1
        self.masks = [
            [self._mask(g, address, mask) for address, mask in columns.data.masks(columns.layout, g).items()]
            for g in range(columns.layout.num_columns)
        ]

    def _mask(self, column: int, address: int, value: int) -> _Mask:
        above, place = divmod(address, 1 << self.columns.layout.mu)
        bits = [above >> self.above - 1 - i & 1 for i in range(self.above)]
        return _Mask(bits, place, value, self.columns.weight_at(column, place))

    def next_masks(self) -> int:
        """e B of the coming round."""
        masks = (m for own in self.masks for m in own)
        return self.scale * sum(m.weight * m.value for m in masks if m.bits[0] and not any(m.bits[1:])) % R

    def bind(self, c: int) -> bool:
        """Whether the columns have started: their own variables are next."""
        self.scale = self.scale * (1 - c) % R
        for own in self.masks:
            for m in own:
                m.value = m.value * (c if m.bits.pop(0) else 1 - c) % R
        self.above -= 1
        if self.above:
            return False
        self.columns.start(self.scale, self.masks)
        return True


class ReductionKernel:
    """All columns: fixed first, then witness."""

    def __init__(self, data: ProverData, mu: int, layouts: Sequence[Layout], groups: Groups):
        data.release()
        self.columns = [Columns(data, layouts, layout, groups) for layout in layouts]
        self.short: list[ShortColumns] = []
        self.running: list[Columns] = []
        for columns in self.columns:
            if columns.layout.mu < mu:
                self.short.append(ShortColumns(columns, mu - columns.layout.mu))
            else:
                columns.start()
                self.running.append(columns)

    def round(self, claim: int) -> list[int]:
        """h(0), h(1), h(2); `claim` is h(0) + h(1): what running columns do not come to, short ones do."""
        total = [0, 0, 0]
        for columns in self.running:
            total = _add(total, columns.round())
        if not self.short:
            return total
        rest = claim - total[0] - total[1]
        return _add(total, [rest, 0, rest - 2 * sum(short.next_masks() for short in self.short)])

    def bind(self, c: int) -> None:
        for columns in self.running:
            columns.bind(c)
        started = [short for short in self.short if short.bind(c)]
        self.running += [short.columns for short in started]
        self.short = [short for short in self.short if short not in started]

    @cached_property
    def values(self) -> list[int]:
        """c_g of every column, once every variable is bound."""
        return [value for columns in self.columns for value in columns.values()]


class DenseWeights:
    """Functionals' entries on spans (offset, log2 size) of their axes, made once."""

    def __init__(self, kernels: Kernels):
        self.kernels = kernels
        self._whole: dict[Hashable, Vector] = {}
        self._spans: dict[tuple[Hashable, int, int], Vector] = {}
        self._zero: dict[tuple[Hashable, int, int], bool] = {}

    def on(self, weight: F.Functional, offset: int, log2_size: int) -> Vector:
        name = weight.key()
        if name not in self._whole:
            self._whole[name] = dense_vector(self.kernels, weight)
        span = (name, offset, log2_size)
        if span not in self._spans:
            self._spans[span] = self.kernels.slice(self._whole[name], offset, offset + (1 << log2_size))
        return self._spans[span]

    def on_tiles(self, term: Opened, block: Tiles) -> tuple[int, list[Vector]]:
        """A factor and the vectors of a block of tiles: the other axes', those of d, t' and u'."""
        k = self.kernels
        row, column = (tiled_weight(term.weights[i], block, i) for i in block.axes)

        def line(*points: Point | None, count: int) -> Vector:
            """Products of eq(point, x) for x < 2^count."""
            known = [[int(c) for c in p] for p in points if p is not None]
            bits = [[prod(1 - p[i] for p in known) % R, prod(p[i] for p in known) % R] for i in range(count)]
            return k.tensor_product([k.from_list(b) for b in bits]) if bits else k.from_list([1])

        vectors = [self.on(term.weights[i], *block.spans[i]) for i in block.others]
        vectors.append(line(row.high, column.high, count=block.shared))
        vectors += [line(w.low, count=block.low) for w in (row, column)]
        return int(row.factor) * int(column.factor) % R, vectors

    def vanishes(self, weight: F.Functional, offset: int, log2_size: int) -> bool:
        """Whether all entries on a span are known to be zero."""
        if isinstance(weight, F.Eq | F.Cut):
            start = weight.start if isinstance(weight, F.Cut) else 0
            return max(offset, start) >= min(offset + (1 << log2_size), weight.stop)
        span = (weight.key(), offset, log2_size)
        if span not in self._zero:
            self._zero[span] = not any(weight.dense()[offset : offset + (1 << log2_size)])
        return self._zero[span]


def _weights(
    kernels: Kernels, layouts: Sequence[Layout], layout: Layout, name: str, groups: list[Group]
) -> Iterator[tuple[Block, int, list[Vector]]]:
    """A tensor's claims on its ordinary blocks: coefficient * product of vectors."""
    dense = DenseWeights(kernels)
    for group in groups:
        term = group.term
        lines = [] if isinstance(term, Opened) else [kernels.eq_table([int(c)]) for c in term.point]
        for i, block in enumerate(layout.blocks[name]):
            if block.outer:
                continue
            coefficient = int(group.coefficient)
            if isinstance(term, Opened) and isinstance(block, Tiles):
                factor, vectors = dense.on_tiles(term, block)
                coefficient *= factor
            elif isinstance(term, Opened):
                on = list(zip(term.weights, block.spans, strict=True))
                if any(dense.vanishes(weight, *span) for weight, span in on):
                    continue
                vectors = [dense.on(weight, *span) for weight, span in on]
            else:
                high = len(term.point) - block.log2_size
                source = next(lay for lay in layouts if term.source in lay.blocks)
                address = source.blocks[term.source][i].address >> block.log2_size
                coefficient = int(eq_index(address, term.point[:high]) * group.coefficient)
                vectors = lines[high:]
            yield block, coefficient % R, vectors
