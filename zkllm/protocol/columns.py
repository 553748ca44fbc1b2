"""The columns' entries: integers where they are, packed values as integers of each slot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..field import R
from ..kernels.interface import Piece as KernelPiece
from ..kernels.interface import Vector
from .data import Packed, ProverData, Tensors, exact_table
from .layout import Block, Layout

Slab = tuple[int, int, list[int], np.ndarray]
"""A block: position of its first layer in the column, distance of the layers, bit shift of each slot,
integers with axes (layer, slot, ..). An ordinary block is one layer."""

Piece = tuple[int, int, np.ndarray]  # position in the column, bit shift of the slot, integers


def block_slab(layout: Layout, tensor: Packed | np.ndarray, block: Block) -> Slab:
    """A view of a block, no copy."""
    offset, stride = layout.offset(block), 1 << layout.mu - block.outer
    if not isinstance(tensor, Packed):
        values, shifts = block.view(tensor)[np.newaxis], [0]
    else:
        slots = np.moveaxis(tensor.values, tensor.slot_axis, 0)
        shifts = [tensor.bits * c for c in range(len(slots))]
        values = slots[(slice(None), *block.slices())]
    return offset, stride, shifts, np.moveaxis(values, 1, 0) if block.outer else values[np.newaxis]


def column_slabs(layout: Layout, tensors: Tensors, column: int) -> Iterator[Slab]:
    """Every entry of a column: sum over its slabs' slots of 2^shift integers at their position."""
    for name, blocks in layout.blocks.items():
        for block in blocks:
            if layout.column(block) == column:
                yield block_slab(layout, tensors[name], block)


def column_pieces(layout: Layout, tensors: Tensors, column: int) -> Iterator[Piece]:
    """The same with each slot of each layer apart."""
    for offset, stride, shifts, values in column_slabs(layout, tensors, column):
        for l, layer in enumerate(values):
            for shift, slot in zip(shifts, layer, strict=True):
                yield offset + l * stride, shift, slot


def kernel_pieces(
    data: ProverData, layout: Layout, column: int, coefficient: int = 1
) -> list[KernelPiece[Vector]]:
    """coefficient * column without its masks, as the kernels' `sum_tables` takes it."""
    return [
        (offset, stride, [coefficient * pow(2, s, R) % R for s in shifts], exact_table(data.kernels, values))
        for offset, stride, shifts, values in column_slabs(layout, data.tensors, column)
    ]


def mask_pieces(
    data: ProverData, layout: Layout, column: int, coefficient: int = 1
) -> list[KernelPiece[Vector]]:
    """coefficient * its masks."""
    return [
        (address, 1, [coefficient], data.kernels.from_list([mask]))
        for address, mask in data.masks(layout, column).items()
    ]


def combine_columns(
    data: ProverData, layouts: Sequence[Layout], coefficients: Sequence[int], size: int
) -> Vector:
    """sum_g coefficients[g] C_g over the columns of all layouts, as `size` coefficients, in one pass and
    without any of them.

    What was read is not kept resident.
    """
    columns = [(layout, g) for layout in layouts for g in range(layout.num_columns)]
    pieces = [
        piece
        for (layout, g), coefficient in zip(columns, coefficients, strict=True)
        for piece in (
            *kernel_pieces(data, layout, g, coefficient),
            *mask_pieces(data, layout, g, coefficient),
        )
    ]
    return data.kernels.sum_tables(size, pieces, data.release)
