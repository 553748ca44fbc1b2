"""A node whose proofs take a tenth of a second: the model answers, and the toy's proof says so, to a contract
that takes it for a proof (`testkit.toy_model`). Everything else is the node: its processes, jobs, chain."""

from __future__ import annotations

from collections.abc import Iterable

from testkit.toy_model import ToyModel
from zkllm import api
from zkllm.key_files import keep_key, verifying_key_file
from zkllm.model.package import ModelPackage

NODE = "scripts.serve.toy.node"
"""The module that is started for `zkllm`."""


def put_toy_keys(package: ModelPackage, shapes: Iterable[tuple[int, int]]) -> None:
    """The toy's verifying keys in the place of the package's own."""
    for rows, certified in shapes:
        key = ToyModel.like(api.shape_keys(package, rows, certified).verifying_key).verifying_key
        path = verifying_key_file(package.folder, rows, certified)
        keep_key(package.digest, path, key.to_json().encode())
