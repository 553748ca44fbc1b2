"""Commitments to the columns: small integers stay integers, packed coefficients are committed slot by
slot.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from .field import R
from .pcs.srs import Srs
from .protocol.columns import column_pieces
from .protocol.data import Tensors
from .protocol.layout import Layout
from .resumable import Resumable

Progress = Callable[[int, int], None]
Segments = list[tuple[int, np.ndarray]]


def column_segments(layout: Layout, tensors: Tensors, column: int) -> dict[int, Segments]:
    """The entries of a column as integers: bit shift of the slot -> [(offset, integers)]."""
    segments: dict[int, Segments] = defaultdict(list)
    for offset, shift, values in column_pieces(layout, tensors, column):
        segments[shift].append((offset, values))
    return segments


def commit_column(
    srs: Srs, layout: Layout, tensors: Tensors, column: int, masks: Mapping[int, int] = MappingProxyType({})
) -> bytes:
    """sum over slots of 2^shift times the commitment to that slot's integers, and the masks, coefficients by
    their address."""
    slots = [
        (shift, srs.commit_ints(segments))
        for shift, segments in sorted(column_segments(layout, tensors, column).items())
    ]
    if [shift for shift, _ in slots] == [0] and not masks:
        return slots[0][1]
    terms = [(pow(2, shift, R), point) for shift, point in slots]
    terms += [(mask, srs.points[address]) for address, mask in masks.items()]
    return srs.kernels.combine_points(terms)


def commit_columns(
    srs: Srs,
    layout: Layout,
    tensors: Tensors,
    progress: Progress | None = None,
    resumable: Resumable | None = None,
    masks: Sequence[Mapping[int, int]] = (),
) -> list[bytes]:
    """`commit_column` of each; `masks`: of each column, or none of any.

    With a resumable, columns that it holds are not committed again, and it gets each that is.
    """
    commitments: list[bytes] = []
    for column in range(layout.num_columns):
        if resumable is not None and (known := resumable.get(f"column {column}")):
            commitments.append(bytes.fromhex(known))
            continue
        commitments.append(commit_column(srs, layout, tensors, column, masks[column] if masks else {}))
        if resumable is not None:
            resumable.put(f"column {column}", commitments[-1].hex())
        if progress is not None:
            progress(column + 1, layout.num_columns)
    return commitments
