"""The SRS as opening tables are made with it: the discrete Fourier transform of its blocks, place by place.

With s_m the m-th block of b powers and w a root of unity of order 2 rows, block t of the transform is
sum_m w^(-t m) s_m, t < 2 rows. It depends on the SRS, mu and b alone, takes long, and is kept in the cache;
a run that is interrupted goes on. Nobody has to trust the file: what is made with it is checked.

File: a header (magic, format, mu, log2 b, SRS digest, SHA-256 of all else), then the points as an SRS file
has them.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from .cache import TRANSFORMED
from .errors import PathError
from .field import R, root_of_unity
from .files import known_digest, remember_digest, require_folder_place, require_room
from .kernels.interface import Kernels, Points
from .pcs.curve import G1_BYTES
from .pcs.srs import Srs
from .resumable import Resumable
from .timings import Report

MAGIC = b"zkllmDFT"
FORMAT = 1
_HEADER = struct.Struct("<8sIII32s32s4x")
_CHUNK = 1 << 24
_STEP_LOG2 = 16
"""log2 of the points of the SRS that are transformed between two marks of what is done."""


def root_of_blocks(rows: int) -> int:
    """w, of order 2 rows."""
    return root_of_unity(rows.bit_length())


def transform_file(digest: bytes, mu: int, b_log2: int) -> Path:
    return TRANSFORMED.path(f"transformed-{digest.hex()[:16]}-{mu}-{b_log2}.points")


def transform_bytes(mu: int) -> int:
    return _HEADER.size + (2 * G1_BYTES << mu)


def require_transform_place(digest: bytes, mu: int, b_log2: int) -> None:
    """Refuses, before any work, where the transform could not be kept."""
    path = transform_file(digest, mu, b_log2)
    require_folder_place(path.parent)
    kept = [p for p in (path, _partial(path)) if p.exists()]
    present = max((p.stat().st_blocks * 512 for p in kept), default=0)
    require_room(path.parent, transform_bytes(mu) - present, "the transformed SRS")


Elsewhere = Callable[[Sequence[tuple[int, int]]], Iterator[bytes]]
"""Of each (first, count), in order: these places of all blocks, raw (`places_of`)."""


def places_of(srs: Srs, mu: int, b_log2: int, first: int, count: int) -> bytes:
    """Places first .. first + count of all blocks, block by block, raw."""
    rows = 1 << mu - b_log2
    root = pow(root_of_blocks(rows), -1, R)
    part = srs.points.transform(rows, 1 << b_log2, root, first, count)
    return part.raw(0, len(part))


def transformed_srs(
    srs: Srs,
    mu: int,
    b_log2: int,
    kernels: Kernels,
    report: Report | None = None,
    elsewhere: Elsewhere | None = None,
) -> Points:
    """Block t at t b; from the cache, or made; `elsewhere` computes its places."""
    digest = srs.digest
    path = transform_file(digest, mu, b_log2)
    if not _intact(path, digest, mu, b_log2):
        path.unlink(missing_ok=True)
        _make(path, srs, mu, b_log2, report, elsewhere)
    return kernels.open_points(str(path), _HEADER.size, 2 << mu)


def open_transformed(path: Path, digest: bytes, mu: int, b_log2: int, kernels: Kernels) -> Points:
    """The file at that path, which is made. Raises PathError where it is not there, whole."""
    if not _intact(path, digest, mu, b_log2):
        raise PathError(
            f"{path}, the transformed SRS, is not on this machine, or is another; keep the cache "
            "(ZKLLM_CACHE) in a folder that all machines share"
        )
    return kernels.open_points(str(path), _HEADER.size, 2 << mu)


def _partial(path: Path) -> Path:
    return path.with_suffix(".partial")


def _header(digest: bytes, mu: int, b_log2: int, checksum: bytes) -> bytes:
    return _HEADER.pack(MAGIC, FORMAT, mu, b_log2, digest, checksum)


def _intact(path: Path, digest: bytes, mu: int, b_log2: int) -> bool:
    """Whether the file is there, of this SRS and these sizes, and what was written."""
    with suppress(OSError):
        if path.stat().st_size != transform_bytes(mu):
            return False
        with path.open("rb") as file:
            head = file.read(_HEADER.size)
            checksum = head[-36:-4]
            if head != _header(digest, mu, b_log2, checksum):
                return False
            if known_digest(path) != checksum.hex():
                if _checksum(file, digest, mu, b_log2) != checksum:
                    return False
                remember_digest(path, checksum.hex())
            return True
    return False


def _checksum(file: IO[bytes], digest: bytes, mu: int, b_log2: int) -> bytes:
    hasher = hashlib.sha256(_header(digest, mu, b_log2, bytes(32)))
    file.seek(_HEADER.size)
    while part := file.read(_CHUNK):
        hasher.update(part)
    return hasher.digest()


def _place(file: IO[bytes], part: bytes, b: int, first: int, count: int) -> None:
    """Places first .. first + count of all blocks into the file."""
    size = G1_BYTES * count
    for t in range(len(part) // size):
        file.seek(_HEADER.size + G1_BYTES * (t * b + first))
        file.write(part[t * size : (t + 1) * size])


def _make(
    path: Path, srs: Srs, mu: int, b_log2: int, report: Report | None, elsewhere: Elsewhere | None
) -> None:
    digest, partial = srs.digest, _partial(path)
    rows, b = 1 << mu - b_log2, 1 << b_log2
    inputs = {"srs": digest.hex(), "mu": mu, "b_log2": b_log2, "format": FORMAT}
    journal = Resumable(path.with_suffix(".json"), inputs)
    path.parent.mkdir(parents=True, exist_ok=True)
    done = (journal.get("places") or 0) if partial.exists() else 0
    with partial.open("r+b" if done else "w+b") as file:
        file.truncate(transform_bytes(mu))
        step = max(1, (1 << _STEP_LOG2) // rows)
        parts = [(first, min(step, b - first)) for first in range(done, b, step)]
        here = (places_of(srs, mu, b_log2, first, count) for first, count in parts)
        for (first, count), part in zip(parts, elsewhere(parts) if elsewhere else here, strict=True):
            if len(part) != 2 * rows * count * G1_BYTES:
                raise ValueError(f"{len(part)} bytes of {count} places")
            _place(file, part, b, first, count)
            file.flush()
            os.fsync(file.fileno())
            journal.put("places", first + count)
            if report is not None:
                report(first + count, b)
        checksum = _checksum(file, digest, mu, b_log2)
        file.seek(0)
        file.write(_header(digest, mu, b_log2, checksum))
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
    remember_digest(path, checksum.hex())
    path.with_suffix(".json").unlink(missing_ok=True)
