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
    for offset, shift, values in column_pieces(layout, tensors, column):
        kernels.add_scaled(target, offset, coefficient * pow(2, shift, R) % R, values)


def column_table(kernels: Any, layout: Layout, tensors: Mapping[str, Any], column: int) -> Any:
    """A column as a table of 2^mu entries: integers where nothing is packed, else field elements."""
    pieces = list(column_pieces(layout, tensors, column))
    if all(shift == 0 for _, shift, _ in pieces):
        dtype = np.result_type(*(v.dtype for _, _, v in pieces)) if pieces else np.dtype(np.int8)
        if dtype.kind == "f":  # uint64 with signed types: not a type that occurs here
            raise TypeError("columns hold integers of at most 64 signed bits")
        table = np.zeros(1 << layout.mu, dtype=dtype)
        for offset, _, values in pieces:
            table[offset : offset + values.size] = values.reshape(-1)
        return table
    vector = kernels.zeros(1 << layout.mu)
    for offset, shift, values in pieces:
        kernels.add_scaled(vector, offset, pow(2, shift, R), values)
    return vector
