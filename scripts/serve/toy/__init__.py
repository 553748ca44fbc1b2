"""A node whose proofs take a tenth of a second: the model answers, and the toy's proof says so, to a contract
that takes it for a proof (`testkit.toy_model`). Everything else is the node: its processes, jobs, chain."""

from __future__ import annotations

from pathlib import Path

from testkit.toy_model import ToyModel
from zkllm import api
from zkllm.key_files import keep_key, verifying_key_file
from zkllm.model.package import ModelPackage

NODE = "scripts.serve.toy.node"
"""The module that is started for `zkllm`."""


def make_toy_package(checkpoint: Path, folder: Path, rows: int) -> ModelPackage:
    """A package with the toy's verifying key in the place of its own, of (rows, 1)."""
    package = api.setup(checkpoint, folder, rows=rows)
    key = ToyModel.like(api.shape_keys(package, rows, 1).verifying_key).verifying_key
    keep_key(package.digest, verifying_key_file(package.folder, rows, 1), key.to_json().encode())
    return package
