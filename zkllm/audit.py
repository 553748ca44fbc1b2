"""The audit of a package: everything rebuilt from the checkpoint and compared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from .errors import PackageError
from .kernels.interface import Kernels
from .kernels.native import NATIVE
from .key_files import keep_key, shape_folders, verifying_key_file
from .model.audit import check_package
from .model.checkpoint import load_checkpoint
from .model.package import ModelPackage
from .model_setup import calibration_text
from .outer.keys import VerifyingKey
from .pcs.srs import Srs
from .setup_check import check_record, commitment_powers, open_setup
from .shape_id import ShapeId
from .shapes import make_keys
from .srs_files import check_srs_stage, srs_of
from .timings import Progress, Timings


@dataclass(frozen=True)
class Audit:
    """What `check_setup` found to be what the checkpoint leads to."""

    verifier_ids: dict[ShapeId, bytes]
    model_id: bytes
    srs_kind: str
    srs_digest: bytes


def check_setup(
    model: str | Path,
    folder: str | Path,
    progress: Progress | None = None,
    srs: str | Path | None = None,
    calibration: str | Path | None = None,
    allow_scales: bool = False,
    kernels: Kernels = NATIVE,
) -> Audit:
    """Rebuilds everything from the checkpoint and compares: the auditor's way to VERIFIER_ID.

    The calibration is repeated, on the text that ships with the project or on `calibration`, and the program
    has to be the one that it leads to. With `allow_scales` any scales do that are not too coarse
    (`model.scale_check`).

    The SRS (`srs`, or the one that the package names) is checked in full: its file may come from anyone.
    Without `srs` the auditor has to compare the digest with that of a ceremony that he trusts. That the
    program is close to the float model is not part of it: see `zkllm accuracy`. Raises PackageError or
    SrsError at the first difference.
    """
    text = calibration_text(calibration)
    package = ModelPackage.load(folder)
    check_package(package, load_checkpoint(model), progress, text, allow_scales)
    record = open_setup(package)
    if srs is not None:
        record = replace(record, srs_path=str(Path(srs).resolve()))
    checked: list[Srs] = []

    def checked_srs(powers: int) -> Srs:
        if not any(s.num_powers >= powers for s in checked):
            string = srs_of(record, powers, progress, kernels)
            check_srs_stage(string, progress)
            checked.append(string)
        return next(s for s in checked if s.num_powers >= powers)

    string = checked_srs(commitment_powers(package))
    check_record(package, record, string, progress)
    identities: dict[ShapeId, bytes] = {}
    for folder, shape in shape_folders(package.folder).items():
        if shape is None:
            raise PackageError(f"{folder}: not the keys of a shape; remove it")
        rows, certified, sealed = shape
        with Timings(progress=progress).stage(f"keys {shape}"):
            rebuilt = make_keys(package, record, rows, certified, checked_srs, kernels, sealed).verifying_key
        path = verifying_key_file(package.folder, *shape)
        if rebuilt != VerifyingKey.load(path):
            raise PackageError(f"{folder}: the verifying key is not the one that the checkpoint leads to")
        keep_key(package.digest, path, rebuilt.to_json().encode())
        identities[shape] = rebuilt.verifier_id
    return Audit(identities, record.model_id, string.kind, string.digest)
