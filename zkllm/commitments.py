"""Commitments to the columns: small integers stay integers, packed coefficients are committed slot by
slot.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
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
Elsewhere = Callable[[Sequence[int]], Iterator[tuple[int, bytes]]]
"""Columns to (column, commitment), in any order: computed by others."""


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
    elsewhere: Elsewhere | None = None,
) -> list[bytes]:
    """`commit_column` of each; `masks`: of each column, or none of any; `elsewhere` computes them instead.

    With a resumable, columns that it holds are not committed again, and it gets each that is.
    """
    all_columns = range(layout.num_columns)
    commitments: dict[int, bytes] = {}
    if resumable is not None:
        known = {column: resumable.get(f"column {column}") for column in all_columns}
        commitments = {column: bytes.fromhex(point) for column, point in known.items() if point}
    left = [column for column in all_columns if column not in commitments]

    def here(columns: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        for column in columns:
            yield column, commit_column(srs, layout, tensors, column, masks[column] if masks else {})

    for column, commitment in (elsewhere or here)(left):
        commitments[column] = commitment
        if resumable is not None:
            resumable.put(f"column {column}", commitment.hex())
        if progress is not None:
            progress(len(commitments), layout.num_columns)
    return [commitments[column] for column in all_columns]
