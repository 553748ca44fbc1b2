"""Finding a model's verifying key without loading the model: verification is pure Python."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from zkllm.errors import PackageError
from zkllm.model.hub import hub_id
from zkllm.outer.keys import VerifyingKey
from zkllm.proof import Proof
from zkllm.setup_record import is_own_key

KEY_FILE = "vk.json"
SHAPE = re.compile(r"N(\d{1,6})-k(\d{1,6})", re.ASCII)


def shape_folder(rows: int, certified: int) -> str:
    return f"N{rows}-k{certified}"


def verifying_key(model: Path, proof: Proof) -> VerifyingKey:
    """The key for a proof's shape: `model` is a vk.json, a keys folder, a package, or a Hugging Face
    folder.

    In a package only `keys/` is looked at: that is what `zkllm setup --check` checks.
    """
    if hub_id(model) is not None:
        from zkllm import api

        return verifying_key(api.open_package(model).folder, proof)
    shape = shape_folder(proof.N, proof.k)
    candidates = [model / "keys" / shape / KEY_FILE]
    if not (model / "manifest.json").is_file():
        candidates += [model, model / KEY_FILE, model / shape / KEY_FILE]
    for candidate in candidates:
        if candidate.is_file():
            return VerifyingKey.load(candidate)
    if not model.exists():
        raise PackageError(f"{model}: no such file or folder")
    if (model / "config.json").is_file() and (model / "keys").is_dir() is False:
        from zkllm import api

        return verifying_key(api.open_package(model).folder, proof)
    raise PackageError(
        f"{model} has no verifying key for N={proof.N} k={proof.k}; zkllm prove makes it, or give the vk.json"
    )


def find_key(path: Path, rows: int | None, certified: int | None) -> Path:
    """The verifying key that `path` means: itself, the one in the folder, or one of a model package's.

    In a package only `keys/` is looked at: that is what `zkllm setup --check` checks.
    """
    if path.is_file():
        return path
    if (path / KEY_FILE).is_file() and not (path / "manifest.json").is_file():
        return path / KEY_FILE
    shapes = {}
    for candidate in sorted(path.glob(f"keys/*/{KEY_FILE}")):
        match = SHAPE.fullmatch(candidate.parent.name)
        if match:
            shapes[int(match[1]), int(match[2])] = candidate
    chosen = {
        shape: candidate
        for shape, candidate in shapes.items()
        if rows in (None, shape[0]) and certified in (None, shape[1])
    }
    if len(chosen) == 1:
        return next(iter(chosen.values()))
    known = ", ".join(f"N={n} k={k}" for n, k in sorted(shapes))
    if not shapes:
        raise PackageError(f"{path} has no verifying key; run zkllm setup MODEL --out {path}")
    if not chosen:
        raise PackageError(f"{path} has no key of this shape, only {known}; zkllm prove makes a shape's keys")
    raise PackageError(
        f"{path} has keys of several shapes ({known}); choose with --max-tokens and --new-tokens"
    )


def shape_verifying_key(package: Any, rows: int | None, certified: int, progress: Any = None) -> VerifyingKey:
    """The key of a package's shape, made where it is not there yet; the proving key, which may be large, is
    not loaded."""
    from zkllm import api

    record = api.own_setup(package, progress)
    rows = rows or record.max_tokens
    path = package.keys_folder(rows, certified) / KEY_FILE
    if is_own_key(package.digest, path):
        key = VerifyingKey.load(path)
        if (key.model_id, key.srs_digest) == (record.model_id, record.srs_digest):
            return key
    return api.shape_keys(package, rows, certified, progress).verifying_key
