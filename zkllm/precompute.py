"""Making a model's opening table (`opening_table`) as Feist and Khovratovich do (eprint 2023/033).

D_{g,j} = sum_m <c_{j+1+m}, s_m>, c_k the k-th row of column g and s_m the m-th block of the SRS, is the
coefficient of x^(j+1) of sum_i c(x)[i] s(1/x)[i], i the place in a row. With w of order 2 rows that is known
at each x = w^t from one multi-scalar multiplication of b points, and the coefficients from the values by a
transform of points.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .column_work import ColumnWork
from .errors import PackageError
from .field import R, random_scalar, root_of_unity
from .files import require_folder_place, require_room
from .hiding import fixed_masks
from .kernels.interface import Kernels, Points
from .kernels.native import NATIVE
from .key_files import OPENING_JOURNAL, opening_table_file
from .model.package import ModelPackage
from .opening_table import Binding, OpeningTable, save_table
from .pcs.division import divides
from .pcs.mercury import column_bits
from .pcs.srs import Srs
from .protocol.contractions import RowSums
from .protocol.data import Tensors
from .protocol.layout import Layout
from .protocol.witness import fixed_tensors
from .resumable import Resumable
from .setup_check import own_setup
from .setup_record import SetupRecord
from .shape_protocol import protocol_of
from .srs_files import srs_of
from .timings import Progress, Timings
from .transformed_srs import (
    Elsewhere,
    require_transform_place,
    root_of_blocks,
    transform_file,
    transformed_srs,
)


@dataclass(frozen=True)
class Precomputed:
    """What `precompute` did. `found`: a table was there, and every column of it was right."""

    path: Path
    binding: Binding
    found: bool
    seconds: dict[str, float]


class WrongColumn(Exception):
    """A column of a table is not that of the commitment."""


class FixedColumns:
    """A model's fixed columns, and their commitments under an SRS."""

    def __init__(
        self,
        layout: Layout,
        tensors: Tensors,
        commitments: Sequence[bytes],
        srs: Srs,
        binding: Binding,
        kernels: Kernels,
        masks: Sequence[Mapping[int, int]] = (),
    ):
        self.commitments, self.srs, self.binding, self.kernels = commitments, srs, binding, kernels
        self.sums = RowSums(kernels, layout, tensors, binding.mu, binding.b_log2, masks)
        self.g2_tau_b = srs.g2_power(binding.b_log2)

    @classmethod
    def of(cls, package: ModelPackage, record: SetupRecord, srs: Srs, kernels: Kernels) -> FixedColumns:
        protocol, mu = protocol_of(package, record.rows, 1), package.config.mu
        commitments = record.fixed_commitments
        binding = Binding(mu, column_bits(mu), len(commitments), record.srs_digest, record.model_id)
        tensors = fixed_tensors(protocol.manifest, package.weights)
        masks = fixed_masks(package, record.srs_digest)
        return cls(protocol.fixed, tensors, commitments, srs, binding, kernels, masks)

    def points_of(self, column: int, transformed: Points) -> bytes:
        """D_{g,j} of one column, j = 0, 1, .., in wire encoding."""
        return self.coefficients(self.values(column, transformed, 0, 2 * self.binding.rows))

    def values(self, column: int, transformed: Points, first: int, last: int) -> bytes:
        """At w^t, first <= t < last: points in wire encoding."""
        k, rows, b = self.kernels, self.binding.rows, 1 << self.binding.b_log2
        root, scale = root_of_blocks(rows), pow(2 * rows, -1, R)
        values = list[bytes]()
        for t in range(first, last):
            scalars = self.sums.column_along_columns(column, pow(root, t, R))
            values.append(transformed.msm(k.combine([scalars], [scale]), t * b))
        return b"".join(values)

    def coefficients(self, values: bytes) -> bytes:
        """D_{g,j} of the values at all w^t, in their order."""
        # sum_t w^(-t d) value_t, for d = 1 .. rows - 1: every second place of a transform of twice the size
        rows = self.binding.rows
        inverse = pow(root_of_unity((4 * rows).bit_length() - 1), -1, R)
        coefficients = self.kernels.decode_points(values).transform(2 * rows, 1, inverse, 0, 1)
        return b"".join(coefficients[2 * d] for d in range(1, rows))

    def check(self, column: int, points: Points, start: int) -> None:
        """Raises WrongColumn unless points[start + j] are the column's D_{g,j}: at a random alpha,
        [C_g] - [g] = (tau^b - alpha) sum_j alpha^j D_{g,j}, a polynomial of degree rows - 1 in alpha."""
        alpha = random_scalar()
        quotient = points.geometric_sum(alpha, start, self.binding.rows - 1)
        remainder = self.srs.commit(self.sums.column_along_columns(column, alpha))
        if not divides(self.commitments[column], quotient, remainder, alpha, self.g2_tau_b):
            raise WrongColumn(f"column {column}")


def precompute(
    package: ModelPackage,
    progress: Progress | None = None,
    kernels: Kernels = NATIVE,
    work: ColumnWork | None = None,
) -> Precomputed:
    """Makes the package's opening table, or checks every column of the one that is there and makes a wrong
    one again. What an interrupted call has finished is used. `work`: who computes columns and the SRS
    transformed; each column is checked here.

    Refuses before the work: a package without keys, an SRS that is not the set-up's, disks without room.
    """
    record, timings = own_setup(package, progress, kernels), Timings(progress)
    srs = srs_of(record, 1 << package.config.mu, progress, kernels)
    columns_of, path = FixedColumns.of(package, record, srs, kernels), opening_table_file(package.folder)
    binding = columns_of.binding
    if (table := _present(path, binding, kernels)) and _all_right(columns_of, table, timings):
        return Precomputed(path, binding, True, timings.seconds)
    require_folder_place(path.parent)
    require_room(path.parent, 3 * binding.file_bytes, "the opening table")
    place = (srs.digest, binding.mu, binding.b_log2)
    require_transform_place(*place)
    inputs = {
        "srs": record.srs_digest.hex(),
        "model_id": record.model_id.hex(),
        "mu": binding.mu,
        "b_log2": binding.b_log2,
    }
    journal = Resumable(path.parent / OPENING_JOURNAL, inputs)
    srs_path = Path(record.srs_path) if record.srs_path else None
    with timings.stage("transform SRS") as report:
        places: Elsewhere | None = None
        if work is not None:
            places = partial(work.transform, srs_path, srs.digest, binding.mu, binding.b_log2)
        transformed = transformed_srs(srs, binding.mu, binding.b_log2, kernels, report, places)

    def here(columns: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        for column in columns:
            yield column, columns_of.values(column, transformed, 0, 2 * binding.rows)

    values_of = here
    if work is not None:
        values_of = partial(work.table_values, package, transform_file(*place), 2 * binding.rows)
    with timings.stage("opening table") as report:
        known = [journal.get(f"column {column}") for column in range(binding.columns)]
        points = {column: bytes.fromhex(found) for column, found in enumerate(known) if found}
        for column, values in values_of([c for c in range(binding.columns) if c not in points]):
            made = columns_of.coefficients(values)
            try:
                columns_of.check(column, kernels.decode_points(made), 0)
            except WrongColumn:
                raise PackageError(
                    f"column {column} of the opening table fails its check: {transform_file(*place)} is "
                    "not what it should be; delete it and run zkllm precompute again"
                ) from None
            points[column] = made
            journal.put(f"column {column}", made.hex())
            columns_of.sums.release(column)
            if report is not None:
                report(len(points), binding.columns)
    kernels.release_memory()
    save_table(path, binding, b"".join(points[column] for column in range(binding.columns)))
    (path.parent / OPENING_JOURNAL).unlink(missing_ok=True)
    return Precomputed(path, binding, False, timings.seconds)


def _present(path: Path, binding: Binding, kernels: Kernels) -> OpeningTable | None:
    """The table that is there; None where there is none, or one that cannot be used."""
    if not path.is_file():
        return None
    try:
        return OpeningTable.load(path, binding, kernels)
    except PackageError:
        return None


def _all_right(columns: FixedColumns, table: OpeningTable, timings: Timings) -> bool:
    count, each = columns.binding.columns, columns.binding.rows - 1
    with timings.stage("check opening table") as report:
        for column in range(count):
            try:
                columns.check(column, table.points, column * each)
            except WrongColumn:
                return False
            columns.sums.release(column)
            if report is not None:
                report(column + 1, count)
    return True
