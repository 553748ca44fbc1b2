"""The parts of a set-up and of an opening table that do not depend on one another, and who computes them.

Each answer is points in wire or raw encoding: whoever computes it, it is the same. `zkllm.cluster` has an
implementation over processes and machines; without one, everything is computed here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .model.package import ModelPackage


class ColumnWork(Protocol):
    def commit(
        self, package: ModelPackage, rows: int, srs: Path | None, srs_digest: bytes, columns: Sequence[int]
    ) -> Iterator[tuple[int, bytes]]:
        """Commitments to fixed columns, with the SRS of that file (None: the development one): each column
        and its point, in any order."""

    def transform(
        self, srs: Path | None, srs_digest: bytes, mu: int, b_log2: int, parts: Sequence[tuple[int, int]]
    ) -> Iterator[bytes]:
        """Of each part (first, count), in order: these places of the SRS transformed
        (`transformed_srs`), raw."""

    def table_values(
        self, package: ModelPackage, transformed: Path, frequencies: int, columns: Sequence[int]
    ) -> Iterator[tuple[int, bytes]]:
        """Of the opening table: each column and its values at all frequencies (`FixedColumns.values`), in any
        order of the columns, with the SRS transformed that is in that file."""
