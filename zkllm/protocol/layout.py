"""The dense layout: tensors as dyadic blocks packed into columns of equal size.

Each axis is cut into dyadic blocks aligned to its own index (5 = 4 + 1); a tensor's blocks are the products,
cut further where one is larger than a column. Columns are filled in descending block size, so every block is
aligned and padding has no coefficient.

The weights of a large model get *layered* columns: the bits of the layer are the top bits of the address, and
the rest of the tensors' axes is packed below as above. All weights of such a column are then a product of one
vector over the layers and one over the rest, which lets the prover bind the layers first, in one pass over
the weights.

Tensors that are `apart` (a hidden model's lookup tables, which are public) share no column with others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import product
from math import prod

from .algebra import dyadic_blocks
from .manifest import Manifest, Tensor

LAYERED_COLUMNS = 4
"""Weights that fill at least this many columns are layered: less would waste columns, which cost gas."""

Spans = tuple[tuple[int, int], ...]


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


def _fit(spans: Spans, limit: int) -> list[Spans]:
    """Halves a block along its first divisible axis until it has at most 2^limit entries."""
    if sum(k for _, k in spans) <= limit:
        return [spans]
    i = next(i for i, (_, k) in enumerate(spans) if k)
    o, k = spans[i]
    halves = [(o, k - 1), (o + (1 << k - 1), k - 1)]
    return [s for half in halves for s in _fit(spans[:i] + (half,) + spans[i + 1 :], limit)]


def _sorted_blocks(
    tensors: list[Tensor], axes: dict[str, int], limit: int, skip: int = 0
) -> list[tuple[str, Spans]]:
    """(tensor, spans without the first `skip` axes) in descending size; ties in order of declaration."""
    todo = []
    for tensor in tensors:
        for spans in product(*(dyadic_blocks(0, n) for n in tensor.sizes(axes)[skip:])):
            todo += [(tensor.name, piece) for piece in _fit(spans, limit)]
    return sorted(todo, key=lambda item: -sum(k for _, k in item[1]))


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
            for name, spans in _sorted_blocks(layered, manifest.axes, mu - outer, skip=1):
                column, place = divmod(below, 1 << mu - outer)
                blocks[name].append(Block(address + (column << mu) + place, ((start, outer), *spans), outer))
                below += 1 << sum(k for _, k in spans)
            address += -(-below >> mu - outer) << mu

    def lay(own: list[Tensor], start: int) -> int:
        """Ordinary blocks from `start` on; returns where they end."""
        for name, spans in _sorted_blocks(own, manifest.axes, mu):
            blocks[name].append(Block(start, spans))
            start += 1 << sum(k for _, k in spans)
        return start

    together = lay([t for t in tensors if t not in layered and t.name not in apart], address)
    start = -(-together >> mu) << mu
    end = lay([t for t in tensors if t.name in apart], start)
    return Layout(mu, {name: tuple(b) for name, b in blocks.items()}, together, end - start, fixed)
