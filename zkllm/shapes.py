"""The keys of a model's shapes (N, k): made when first used, kept in the package, others' made again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .files import require_folder_place
from .kernels.interface import Kernels
from .kernels.native import NATIVE
from .key_files import is_own_key, keep_key, proving_key_file, shape_folder, verifying_key_file
from .model.package import ModelPackage
from .outer.keys import VerifyingKey
from .outer.setup import ProvingKey
from .pcs.srs import Srs
from .protocol.description import Description
from .public_model import PublicModel
from .setup_check import own_setup
from .setup_record import SetupRecord
from .shape_id import ShapeId
from .shape_protocol import powers_needed, protocol_of
from .srs_files import srs_of
from .timings import Progress, Timings


@dataclass(frozen=True)
class ShapeKeys:
    """Everything that proving one shape needs."""

    protocol: Description
    proving_key: ProvingKey

    @property
    def verifying_key(self) -> VerifyingKey:
        return self.proving_key.vk


def shape_keys(
    package: ModelPackage,
    rows: int,
    certified: int,
    progress: Progress | None = None,
    kernels: Kernels = NATIVE,
    sealed: bool = False,
) -> ShapeKeys:
    """Keys of a shape, made when first used and cached in the package; others' are made again."""
    record = own_setup(package, progress, kernels)
    protocol = protocol_of(package, rows, certified, sealed)
    verifying, proving = (
        find(package.folder, rows, certified, sealed) for find in (verifying_key_file, proving_key_file)
    )
    if all(is_own_key(package.digest, path) for path in (verifying, proving)):
        pk = ProvingKey.load(proving)
        if (
            pk.vk == VerifyingKey.load(verifying)
            and pk.vk.model_id == record.model_id
            and pk.vk.srs_digest == record.srs_digest
        ):
            return ShapeKeys(protocol, pk)
    require_folder_place(shape_folder(package.folder, rows, certified, sealed))
    with Timings(progress=progress).stage(f"keys {ShapeId(rows, certified, sealed)}"):
        open_srs_of = lambda powers: srs_of(record, powers, progress, kernels)
        keys = make_keys(package, record, rows, certified, open_srs_of, kernels, sealed)
    keep_key(package.digest, proving, keys.proving_key.to_bytes())
    keep_key(package.digest, verifying, keys.verifying_key.to_json().encode())
    return keys


def make_keys(
    package: ModelPackage,
    record: SetupRecord,
    rows: int,
    certified: int,
    open_srs_of: Callable[[int], Srs],
    kernels: Kernels,
    sealed: bool = False,
) -> ShapeKeys:
    """The owner of every VERIFIER_ID of a package: none comes to be unless the predicates hold."""
    _ = package.sound_weights
    protocol = protocol_of(package, rows, certified, sealed)
    string = open_srs_of(powers_needed(protocol))
    return ShapeKeys(protocol, PublicModel.of(package, record).proving_key(protocol, string, kernels))
