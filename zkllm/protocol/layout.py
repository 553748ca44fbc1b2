"""The dense layout: tensors as dyadic blocks packed into columns of equal size.

Each axis is cut into dyadic blocks aligned to its own index (5 = 4 + 1); a tensor's blocks are the products,
cut further where one is larger than a column. Columns are filled in descending block size, so every block is
aligned and padding has no coefficient.

The weights of a large model get *layered* columns: the bits of the layer are the top bits of the address, and
the rest of the tensors' axes is packed below as above. All weights of such a column are then a product of one
vector over the layers and one over the rest, which lets the prover bind the layers first, in one pass over
the weights.

Tensors that are `apart` (a hidden model's lookup tables, which are public) share no column with others.

Of a *triangular* tensor the entries with u <= t alone are laid. Where t and u differ, the highest bit in
which they do, j, says in which square below the diagonal they lie, one of 2^j rows; which of the squares of
this size it is, say the bits above, which t and u share. All squares of a size are one block (`Tiles`), and
so is the diagonal: log2 of the rows, and one more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import product
from math import prod

import numpy as np

from .algebra import dyadic_blocks
from .manifest import TRIANGLE, Manifest, Tensor

LAYERED_COLUMNS = 4
"""Weights that fill at least this many columns are layered: less would waste columns, which cost gas."""

SMALL_TILES = 6
"""log2 of the rows below which tiles are copied: kernels read short runs slowly."""

Span = tuple[int, int]
Spans = tuple[Span, ...]


@dataclass(frozen=True)
class Block:
    """`address` counts from the first column of the group; `spans` gives (offset, log2 size) on each axis.

    In a layered block the first axis' `outer` bits are the top bits of the column's address, and `address` is
    that of its first entry.
    """

    address: int
    spans: Spans
    outer: int = 0

    @property
    def log2_size(self) -> int:
        return sum(k for _, k in self.spans)

    @property
    def inner_log2(self) -> int:
        """log2 size of what is contiguous."""
        return self.log2_size - self.outer

    def split(self) -> Iterator[Block]:
        """One block for each index of the first axis, of a block that is not layered."""
        (start, bits), *others = self.spans
        for x in range(1 << bits):
            yield Block(self.address + (x << self.log2_size - bits), ((start + x, 0), *others))

    def slices(self) -> tuple[slice, ...]:
        return tuple(slice(o, o + (1 << k)) for o, k in self.spans)

    def view(self, array: np.ndarray) -> np.ndarray:
        """Its entries of a tensor, not to be written: row-major, as their addresses follow each other."""
        return array[self.slices()]

    def halves(self) -> tuple[Block, Block]:
        """Two blocks, cut along the first axis that can be; their address is still this one's."""
        return self._halved_along(next(i for i, (_, k) in enumerate(self.spans) if k))

    def _halved_along(self, i: int) -> tuple[Block, Block]:
        o, k = self.spans[i]
        low, high = ((*self.spans[:i], (x, k - 1), *self.spans[i + 1 :]) for x in (o, o + (1 << k - 1)))
        return replace(self, spans=low), replace(self, spans=high)


@dataclass(frozen=True)
class Tiles(Block):
    """2^`shared` tiles along the diagonal, 2^`step` apart: (d, t', u') is at the row and the column that
    their spans begin with, plus d 2^step + t' and plus d 2^step + u'.

    The row's span has the bits of d above those of t'. No tile reaches above the diagonal. Unlike in other
    blocks, d, t' and u' vary fastest, after the other axes: what their coordinates weigh is the same in all
    blocks of a size, which the verifier computes once.
    """

    axes: tuple[int, int] = (0, 1)  # positions of row and column
    shared: int = 1
    step: int = 0

    @property
    def low(self) -> int:
        """log2 of a tile's rows."""
        return self.spans[self.axes[0]][1] - self.shared

    @property
    def others(self) -> list[int]:
        """Positions of the other axes."""
        return [i for i in range(len(self.spans)) if i not in self.axes]

    def slices(self) -> tuple[slice, ...]:
        raise ValueError("tiles are no product of slices")

    def split(self) -> Iterator[Block]:
        raise ValueError("tiles cannot choose their table")

    def view(self, array: np.ndarray) -> np.ndarray:
        """Axes are the others, d, t' and u'; small tiles are copied."""
        last = [o + (1 << k) - 1 for o, k in self.spans]
        for i in self.axes:
            last[i] = self.spans[i][0] + ((1 << self.shared) - 1 << self.step) + (1 << self.low) - 1
        if any(at >= size for at, size in zip(last, array.shape, strict=True)):
            raise ValueError("tiles leave their tensor")
        first, (row, column) = array[tuple(slice(o, None) for o, _ in self.spans)], self.axes
        own = first.strides
        counts = [1 << self.spans[i][1] for i in self.others]
        counts += [1 << self.shared, 1 << self.low, 1 << self.low]
        strides = [own[i] for i in self.others]
        strides += [own[row] + own[column] << self.step, own[row], own[column]]
        tiles = np.lib.stride_tricks.as_strided(first, counts, strides, writeable=False)
        return tiles if self.low >= SMALL_TILES else np.ascontiguousarray(tiles)

    def halves(self) -> tuple[Block, Block]:
        for i in self.others:
            if self.spans[i][1]:
                return self._halved_along(i)
        (row, column), far, found = self.axes, 1 << self.step + self.shared - 1, []
        for moved in (0, far):
            spans = list(self.spans)
            spans[row] = (spans[row][0] + moved, spans[row][1] - 1)
            spans[column] = (spans[column][0] + moved, spans[column][1])
            found.append(_tiles(tuple(spans), self.axes, self.shared - 1, self.step))
        return found[0], found[1]


def _tiles(spans: Spans, axes: tuple[int, int], shared: int, step: int) -> Block:
    """One tile is an ordinary block."""
    return Tiles(0, spans, axes=axes, shared=shared, step=step) if shared else Block(0, spans)


def squares(rows: int) -> Iterator[tuple[Span, Span, int, int]]:
    """All u <= t < rows, each once: spans of t and u, as tiles (shared, step)."""
    for o, k in dyadic_blocks(0, rows):
        for before in dyadic_blocks(0, o):
            yield (o, k), before, 0, 0
        for j in range(k):  # t and u differ in bit j first
            yield (o + (1 << j), k - 1), (o, j), k - 1 - j, j + 1
        yield (o, k), (o, 0), k, 0


def _cut(tensor: Tensor, axes: dict[str, int], skip: int) -> Iterator[Block]:
    """A tensor's blocks without the first `skip` axes, of any size and without addresses."""
    cuts = [dyadic_blocks(0, n) for n in tensor.sizes(axes)[skip:]]
    if not tensor.triangular:
        yield from (Block(0, spans) for spans in product(*cuts))
        return
    row, column = (tensor.axes.index(a) for a in TRIANGLE)
    cuts[row], cuts[column] = [(0, 0)], [(0, 0)]
    for others in product(*cuts):
        for t, u, shared, step in squares(axes[TRIANGLE[0]]):
            spans = list(others)
            spans[row], spans[column] = t, u
            yield _tiles(tuple(spans), (row, column), shared, step)


@dataclass(frozen=True)
class Layout:
    """One group of columns (fixed or witness). Layered columns come first, those of what is apart last."""

    mu: int
    blocks: dict[str, tuple[Block, ...]]
    together: int  # addresses of what shares columns
    apart: int  # of what is apart
    fixed: bool

    @property
    def used(self) -> int:
        """Addresses."""
        return self.apart_from + self.apart

    @property
    def longest(self) -> int:
        """Coefficients of a column that would hold all that shares columns, or all that is apart."""
        return max(self.together, self.apart)

    @property
    def apart_from(self) -> int:
        """First address of what is apart: that of a column."""
        return -(-self.together >> self.mu) << self.mu if self.apart else self.together

    @property
    def shared_columns(self) -> int:
        """Columns but for those of what is apart."""
        return -(-self.together >> self.mu)

    @property
    def num_columns(self) -> int:
        return -(-self.used >> self.mu)

    def column(self, block: Block) -> int:
        return block.address >> self.mu

    def offset(self, block: Block) -> int:
        """Position inside the column, of the first entry."""
        return block.address & ((1 << self.mu) - 1)

    def outer_of(self, column: int) -> int:
        """Bits of the layer on top of a column's address; 0 in an ordinary column."""
        return max(
            (b.outer for bs in self.blocks.values() for b in bs if self.column(b) == column), default=0
        )

    def pieces(self, block: Block) -> list[tuple[int, tuple[slice, ...]]]:
        """(position in the column, slices of the tensor) of each contiguous piece of a block."""
        if not block.outer:
            return [(self.offset(block), block.slices())]
        stride = 1 << self.mu - block.outer
        start, rest = block.spans[0][0], block.slices()[1:]
        return [
            (self.offset(block) + x * stride, (slice(start + x, start + x + 1), *rest))
            for x in range(1 << block.outer)
        ]


def _fit(block: Block, limit: int) -> list[Block]:
    """Halves a block until it has at most 2^limit entries."""
    if block.log2_size <= limit:
        return [block]
    return [piece for half in block.halves() for piece in _fit(half, limit)]


def _sorted_blocks(
    tensors: list[Tensor], axes: dict[str, int], limit: int, skip: int = 0
) -> list[tuple[str, Block]]:
    """(tensor, block without the first `skip` axes and without address) in descending size; ties in order of
    declaration."""
    todo = [(t.name, piece) for t in tensors for block in _cut(t, axes, skip) for piece in _fit(block, limit)]
    return sorted(todo, key=lambda item: -item[1].log2_size)


def pack(manifest: Manifest, fixed: bool, mu: int, apart: Collection[str] = ()) -> Layout:
    tensors = manifest.group(fixed)
    blocks: dict[str, list[Block]] = {t.name: [] for t in tensors}
    layered = [t for t in tensors if t.layered]
    if sum(prod(t.sizes(manifest.axes)) for t in layered) < LAYERED_COLUMNS << mu:
        layered = []
    address = 0
    if layered:
        (size,) = {t.sizes(manifest.axes)[0] for t in layered}
        for start, outer in dyadic_blocks(0, size):
            below = 0  # address below the layer's bits
            for name, rest in _sorted_blocks(layered, manifest.axes, mu - outer, skip=1):
                column, place = divmod(below, 1 << mu - outer)
                spans = ((start, outer), *rest.spans)
                blocks[name].append(Block(address + (column << mu) + place, spans, outer))
                below += 1 << rest.log2_size
            address += -(-below >> mu - outer) << mu

    def lay(own: list[Tensor], start: int) -> int:
        """Ordinary blocks from `start` on; returns where they end."""
        for name, block in _sorted_blocks(own, manifest.axes, mu):
            blocks[name].append(replace(block, address=start))
            start += 1 << block.log2_size
        return start

    together = lay([t for t in tensors if t not in layered and t.name not in apart], address)
    start = -(-together >> mu) << mu
    end = lay([t for t in tensors if t.name in apart], start)
    return Layout(mu, {name: tuple(b) for name, b in blocks.items()}, together, end - start, fixed)
