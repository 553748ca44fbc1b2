"""What a process of the cluster is told of a package: where it lies, and what must be there.

Weights, SRS and keys are never sent: every machine reads the package in the same folder, of a disk that they
share or of copies. The digests come from the program that gives the work, which made or checked what they
name, so that nothing has to be made or checked again, and no machine works on something else.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zkllm.cluster.errors import ClusterError
from zkllm.errors import PackageError
from zkllm.key_files import accept_key, proving_key_file, verifying_key_file
from zkllm.model.package import ModelPackage
from zkllm.setup_check import open_setup
from zkllm.shape_id import ShapeId

KeyDigests = tuple[ShapeId, bytes, bytes]
"""A shape, and SHA-256 of its verifying and proving key."""


@dataclass(frozen=True)
class ToldPackage:
    folder: str
    digest: bytes  # the package's
    setup: bytes | None  # SHA-256 of the record of its set-up; None: there is none yet
    keys: tuple[KeyDigests, ...] = ()

    @classmethod
    def of(
        cls, package: ModelPackage, with_setup: bool = True, shapes: Sequence[ShapeId] = ()
    ) -> ToldPackage:
        """Of a package of one's own, with the keys of these shapes."""
        folder = package.folder.resolve()
        setup = hashlib.sha256(open_setup(package).to_bytes()).digest() if with_setup else None
        keys = []
        for shape in shapes:
            files = (
                find(folder, shape.rows, shape.certified, shape.sealed)
                for find in (verifying_key_file, proving_key_file)
            )
            verifying, proving = (hashlib.sha256(path.read_bytes()).digest() for path in files)
            keys.append((shape, verifying, proving))
        return cls(str(folder), package.digest, setup, tuple(keys))

    def open(self) -> ModelPackage:
        """Here. Raises a ZkllmError where the folder is not there, or is another package."""
        folder = Path(self.folder)
        if not (folder / "manifest.json").is_file():
            raise ClusterError(
                f"{folder} is not on this machine; keep the package in a folder that all machines of the "
                "cluster share, or copy it to the same place"
            )
        package = ModelPackage.load(folder)
        if package.digest != self.digest:
            raise PackageError(f"{folder} holds another package on this machine; copy it again")
        if self.setup is not None:
            record = open_setup(package)
            if hashlib.sha256(record.to_bytes()).digest() != self.setup:
                raise PackageError(f"{folder} has another set-up on this machine; copy it again")
            record.remember()
        for shape, verifying, proving in self.keys:
            place = (package.folder, shape.rows, shape.certified, shape.sealed)
            for path, digest in (
                (verifying_key_file(*place), verifying),
                (proving_key_file(*place), proving),
            ):
                if not accept_key(package.digest, path, digest):
                    raise PackageError(f"{path} is another key on this machine; copy the package again")
        return package


def limit_threads(cores: int) -> None:
    """Of the kernels of this process: before the first of them runs."""
    os.environ["RAYON_NUM_THREADS"] = str(cores)
