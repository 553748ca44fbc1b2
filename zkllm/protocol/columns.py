"""The columns' entries: integers where they are, packed values as integers of each slot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..field import R
from .layout import Block, Layout
from .tables import Packed

Piece = tuple[int, int, np.ndarray]  # position in the column, bit shift of the slot, integers


def slot_arrays(tensor: Packed | np.ndarray, slices: tuple[slice, ...]) -> list[tuple[int, np.ndarray]]:
    """(bit shift, integers) of each slot of a tensor's part; views, no copies."""
    if not isinstance(tensor, Packed):
        return [(0, tensor[slices])]
    slots = np.moveaxis(tensor.values, tensor.slot_axis, 0)
    return [(tensor.bits * c, values[slices]) for c, values in enumerate(slots)]


def block_pieces(layout: Layout, tensor: Packed | np.ndarray, block: Block) -> Iterator[Piece]:
    for offset, slices in layout.pieces(block):
        for shift, values in slot_arrays(tensor, slices):
            yield offset, shift, values


def column_pieces(layout: Layout, tensors: Mapping[str, Any], column: int) -> Iterator[Piece]:
    """Every entry of a column: sum over its pieces of 2^shift integers at their position."""
    for name, blocks in layout.blocks.items():
        for block in blocks:
            if layout.column(block) == column:
                yield from block_pieces(layout, tensors[name], block)


def add_column(
    kernels: Any, target: Any, coefficient: int, layout: Layout, tensors: Mapping[str, Any], column: int
) -> None:
    """target += coefficient * column, without the column as field elements."""
    pieces = column_pieces(layout, tensors, column)
    kernels.add_tables(
        target, [(offset, coefficient * pow(2, s, R) % R, values) for offset, s, values in pieces]
    )
