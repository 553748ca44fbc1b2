"""Finding a model's verifying key without loading the model: verification is pure Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zkllm.errors import PackageError
from zkllm.outer.keys import VerifyingKey
from zkllm.proof import Proof
from zkllm.setup_record import is_own_key

KEY_FILE = "vk.json"


def shape_folder(rows: int, certified: int) -> str:
    return f"N{rows}-k{certified}"


def verifying_key(model: Path, proof: Proof) -> VerifyingKey:
    """The key for a proof's shape: `model` is a vk.json, a keys folder, a package, or a Hugging Face
    folder.

    In a package only `keys/` is looked at: that is what `zkllm setup --check` checks.
    """
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
