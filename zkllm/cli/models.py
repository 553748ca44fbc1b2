"""Finding a model's verifying key without loading the model: verification is pure Python."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zkllm.errors import PackageError
from zkllm.key_files import (
    KEYS,
    VERIFYING_KEY_FILE,
    is_own_key,
    verifying_key_file,
    verifying_key_files,
)
from zkllm.model.hub import hub_id
from zkllm.outer.keys import VerifyingKey
from zkllm.proof import Proof

if TYPE_CHECKING:
    from zkllm.model.package import ModelPackage
    from zkllm.timings import Progress


def verifying_key(model: Path, proof: Proof) -> VerifyingKey:
    """The key for a proof's shape: `model` is a vk.json, a keys folder, a package, or a Hugging Face
    folder.

    In a package only `keys/` is looked at: that is what `zkllm setup --check` checks.
    """
    if hub_id(model) is not None:
        from zkllm import api

        return verifying_key(api.open_package(model).folder, proof)
    candidates = [verifying_key_file(model, *proof.shape)]
    if not (model / "manifest.json").is_file():
        in_keys = model / proof.shape.folder / VERIFYING_KEY_FILE
        candidates += [model, model / VERIFYING_KEY_FILE, in_keys]
    for candidate in candidates:
        if candidate.is_file():
            return VerifyingKey.load(candidate)
    if not model.exists():
        raise PackageError(f"{model}: no such file or folder")
    if (model / "config.json").is_file() and not (model / KEYS).is_dir():
        from zkllm import api

        return verifying_key(api.open_package(model).folder, proof)
    raise PackageError(
        f"{model} has no verifying key for {proof.shape}; zkllm prove makes it, or give the vk.json"
    )


def find_key(path: Path, rows: int | None, certified: int | None, sealed: bool = False) -> Path:
    """The verifying key that `path` means: itself, the one in the folder, or one of a model package's.

    In a package only `keys/` is looked at: that is what `zkllm setup --check` checks.
    """
    if path.is_file():
        return path
    if (path / VERIFYING_KEY_FILE).is_file() and not (path / "manifest.json").is_file():
        return path / VERIFYING_KEY_FILE
    shapes = verifying_key_files(path)
    chosen = {
        shape: candidate
        for shape, candidate in shapes.items()
        if rows in (None, shape.rows) and certified in (None, shape.certified) and sealed == shape.sealed
    }
    if len(chosen) == 1:
        return next(iter(chosen.values()))
    known = ", ".join(map(str, sorted(shapes)))
    if not shapes:
        raise PackageError(f"{path} has no verifying key; run zkllm setup MODEL --out {path}")
    if not chosen:
        raise PackageError(f"{path} has no key of this shape, only {known}; zkllm prove makes a shape's keys")
    raise PackageError(
        f"{path} has keys of several shapes ({known}); choose with --max-tokens and --new-tokens"
    )


def shape_verifying_key(
    package: ModelPackage,
    rows: int | None,
    certified: int,
    progress: Progress | None = None,
    sealed: bool = False,
) -> VerifyingKey:
    """The key of a package's shape, made where it is not there yet; the proving key, which may be large, is
    not loaded."""
    from zkllm import api

    record = api.own_setup(package, progress)
    rows = rows or record.rows
    path = verifying_key_file(package.folder, rows, certified, sealed)
    if is_own_key(package.digest, path):
        key = VerifyingKey.load(path)
        if (key.model_id, key.srs_digest) == (record.model_id, record.srs_digest):
            return key
    return api.shape_keys(package, rows, certified, progress, sealed=sealed).verifying_key
