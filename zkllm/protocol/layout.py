"""The dense layout: tensors as dyadic blocks packed into columns of equal size.

Each axis is cut into dyadic blocks aligned to its own index (5 = 4 + 1); a tensor's blocks are the products,
cut further where one is larger than a column. Columns are filled in descending block size, so every block is
aligned and padding has no coefficient.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from .algebra import dyadic_blocks
from .manifest import Manifest


@dataclass(frozen=True)
class Block:
    """`address` counts from the first column of the group; `spans` gives (offset, log2 size) on each axis."""

    address: int
    spans: tuple[tuple[int, int], ...]

    @property
    def log2_size(self) -> int:
        return sum(k for _, k in self.spans)

    def slices(self) -> tuple[slice, ...]:
        return tuple(slice(o, o + (1 << k)) for o, k in self.spans)


@dataclass(frozen=True)
class Layout:
    """One group of columns (fixed or witness)."""

    mu: int
    blocks: dict[str, tuple[Block, ...]]
    used: int  # coefficients

    @property
    def num_columns(self) -> int:
        return -(-self.used >> self.mu)

    def column(self, block: Block) -> int:
        return block.address >> self.mu

    def offset(self, block: Block) -> int:
        """Position inside the column."""
        return block.address & ((1 << self.mu) - 1)


def descending_blocks(size: int) -> list[tuple[int, int]]:
    return sorted(dyadic_blocks(0, size), key=lambda b: -b[1])


def _fit(spans: tuple[tuple[int, int], ...], mu: int) -> list[tuple[tuple[int, int], ...]]:
    """Halves a block along its first divisible axis until it fits into a column."""
    if sum(k for _, k in spans) <= mu:
        return [spans]
    i = next(i for i, (_, k) in enumerate(spans) if k)
    o, k = spans[i]
    halves = [(o, k - 1), (o + (1 << k - 1), k - 1)]
    return [s for half in halves for s in _fit(spans[:i] + (half,) + spans[i + 1 :], mu)]


def pack(manifest: Manifest, fixed: bool, mu: int) -> Layout:
    todo = []
    for tensor in manifest.group(fixed):
        for spans in product(*(descending_blocks(n) for n in tensor.sizes(manifest.axes))):
            todo += [(tensor.name, part) for part in _fit(spans, mu)]
    todo.sort(key=lambda item: -sum(k for _, k in item[1]))  # stable: declaration order within a size
    blocks: dict[str, list[Block]] = {t.name: [] for t in manifest.group(fixed)}
    address = 0
    for name, spans in todo:
        blocks[name].append(Block(address, spans))
        address += 1 << sum(k for _, k in spans)
    return Layout(mu, {name: tuple(b) for name, b in blocks.items()}, address)
