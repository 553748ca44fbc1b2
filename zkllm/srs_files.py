"""Opening the structured reference string that a package was set up with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .errors import PackageError
from .kernels.interface import Kernels
from .key_files import KEYS, SETUP_FILE
from .pcs.curve import G1_BYTES
from .pcs.powers import check_srs
from .pcs.ptau import open_srs
from .pcs.srs import Srs, development_srs
from .setup_record import SetupRecord
from .timings import Progress, Timings

MIN_SRS_LOG2 = 18
"""Smaller development strings are not worth a file of their own."""


def load_srs(path: Path | None, powers: int, progress: Progress | None, kernels: Kernels) -> Srs:
    """Of a file, or the development one, of at least so many powers."""
    if path is not None:
        return open_srs(path, powers, kernels=kernels)
    log2_powers = max(MIN_SRS_LOG2, (powers - 1).bit_length())
    report: Callable[[int, int], None] | None = None
    if progress is not None:
        stage = f"development SRS ({G1_BYTES << log2_powers >> 20:,} MiB, made once and kept in the cache)"
        report = lambda done, total: progress(stage, done, total)
    return development_srs(log2_powers, report, kernels)


def check_srs_stage(string: Srs, progress: Progress | None) -> None:
    """`check_srs`, as a stage of its own: what a file holds comes from anyone. Raises SrsError."""
    with Timings(progress).stage("check SRS") as report:
        check_srs(string, report)


def srs_of(record: SetupRecord, powers: int, progress: Progress | None, kernels: Kernels) -> Srs:
    """The one of the set-up."""
    string = load_srs(Path(record.srs_path) if record.srs_path else None, powers, progress, kernels)
    if string.digest != record.srs_digest:
        raise PackageError("the SRS is not the one that the model was set up with; run zkllm setup again")
    if string.kind != record.srs_kind:
        raise PackageError(
            f"the SRS is a {string.kind} one, not {record.srs_kind} as {KEYS}/{SETUP_FILE} says"
        )
    return string
