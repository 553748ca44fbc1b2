"""A package's set-up: what it fixes under an SRS, and whether what its folder says of it is so."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from .column_work import ColumnWork
from .commitments import Elsewhere, commit_columns
from .errors import PackageError
from .hiding import fixed_masks
from .kernels.interface import Kernels
from .kernels.native import NATIVE
from .key_files import setup_file
from .model.package import ModelPackage
from .model_id import config_digest, model_id
from .pcs.srs import Srs
from .protocol.witness import fixed_tensors
from .resumable import Resumable
from .setup_record import SetupRecord
from .shape_protocol import protocol_of
from .srs_files import check_srs_stage, srs_of
from .timings import Progress, Timings


def open_setup(package: ModelPackage) -> SetupRecord:
    """What the package's folder says of its set-up."""
    record = SetupRecord.load(setup_file(package.folder))
    if record.package_digest != package.digest:
        raise PackageError(f"{package.folder}: the keys were made for other weights; run zkllm setup again")
    return record


def commitment_powers(package: ModelPackage) -> int:
    """Powers of tau that commitments to fixed columns take: a hidden model's have a mask above."""
    return (1 << package.config.fixed_mu) + package.config.hidden


def own_setup(
    package: ModelPackage, progress: Progress | None = None, kernels: Kernels = NATIVE
) -> SetupRecord:
    """The package's set-up, made by this user, or else made again here and found to be the same."""
    record = open_setup(package)
    if not record.own:
        string = srs_of(record, commitment_powers(package), progress, kernels)
        if record.srs_path is not None:
            check_srs_stage(string, progress)
        check_record(package, record, string, progress)
    return record


def recorded(
    package: ModelPackage,
    rows: int,
    string: Srs,
    path: Path | None,
    timings: Timings,
    resumable: Resumable | None = None,
    work: ColumnWork | None = None,
) -> SetupRecord:
    """What this package's set-up fixes under this SRS, whose file `path` is; `work` commits to columns."""
    protocol = protocol_of(package, rows, 1)
    with timings.stage("commit weights") as report:
        tensors = fixed_tensors(protocol.manifest, package.sound_weights)
        masks = fixed_masks(package, string.digest)
        elsewhere: Elsewhere | None = None
        if work is not None:
            elsewhere = partial(work.commit, package, rows, path, string.digest)
        commitments = commit_columns(string, protocol.fixed, tensors, report, resumable, masks, elsewhere)
    digest = config_digest(package.config.to_dict(), package.weights.tables.to_dict())
    return SetupRecord(
        rows,
        string.kind,
        str(path) if path else None,
        string.digest,
        tuple(commitments),
        digest,
        model_id(digest, package.vocabulary_root, commitments),
        package.digest,
    )


def check_record(package: ModelPackage, record: SetupRecord, string: Srs, progress: Progress | None) -> None:
    """Raises PackageError unless the record is what the package leads to; it counts as one's own then."""
    found = recorded(package, record.rows, string, None, Timings(progress=progress))
    if found.fixed_commitments != record.fixed_commitments:
        raise PackageError(f"{package.folder}: the recorded commitments are not those of the weights")
    if (found.model_id, found.config_digest) != (record.model_id, record.config_digest):
        raise PackageError(
            f"{package.folder}: the recorded model_id is not that of the weights and the configuration"
        )
    record.remember()
