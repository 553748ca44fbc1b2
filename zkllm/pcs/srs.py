"""The structured reference string: powers of tau in G1, [tau^(2^i)]_2, and commitments with it.

Our trimmed file: a header of 64 bytes (magic, version, kind, number of G1 points, number of G2 points, and
SHA-256 of everything else), then the G2 points (128 bytes) and the G1 points (64 bytes) in Montgomery form,
little-endian, memory-mapped when loaded. What is inside was checked when the file was made (`ptau.py`).
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from zkllm._native import g2_from_raw
from zkllm.cache import DEVELOPMENT
from zkllm.errors import SrsError, reason
from zkllm.files import known_digest, remember_digest, replacing, require_folder_place
from zkllm.hashing import keccak256
from zkllm.kernels.interface import Kernels, Points, Vector
from zkllm.kernels.native import NATIVE
from zkllm.pcs.curve import G1_BYTES, G2_BYTES
from zkllm.pcs.development import DEVELOPMENT_TAU, SRS_KINDS, development_g1_tau

Progress = Callable[[int, int], None]

MAGIC = b"zkllmSRS"
FORMAT_VERSION = 1
HEADER = struct.Struct("<8sIIQQ32s")
SRS_TAG = keccak256(b"zkllm.v1.srs")
MAX_POWERS = 1 << 29  # what a .ptau file of the largest power has, and one


class Header(NamedTuple):
    kind: str
    powers: int  # of tau in G1
    squarings: int  # [tau^(2^i)]_2
    digest: bytes  # SHA-256 of everything else


@dataclass(frozen=True)
class Srs:
    """points: tau^i times the generator of G1, of these kernels; g2_raw: [tau^(2^i)]_2, raw."""

    kind: str
    points: Points
    g2_raw: tuple[bytes, ...]
    kernels: Kernels = NATIVE

    @property
    def num_powers(self) -> int:
        return len(self.points)

    def g2_power(self, log2_exponent: int) -> bytes:
        """[tau^(2^log2_exponent)]_2, 128 bytes in EIP-197's order."""
        if not 0 <= log2_exponent < len(self.g2_raw):
            raise SrsError(f"the SRS has no [tau^(2^{log2_exponent})]_2; use a larger one")
        return g2_from_raw(self.g2_raw[log2_exponent])

    @property
    def digest(self) -> bytes:
        """Names the SRS whatever its length: keccak256(tag, kind, [tau]_1, [tau]_2)."""
        return srs_digest(self.kind, self.points[1], self.g2_power(0))

    def commit(self, coefficients: Vector) -> bytes:
        """sum coefficients[i] tau^i times the generator."""
        self._require(len(coefficients))
        return self.points.msm(coefficients)

    def commit_ints(self, segments: Sequence[tuple[int, np.ndarray]]) -> bytes:
        """The same for integers of at most 64 signed bits: (offset, array of any strides, row-major)."""
        self._require(max((offset + array.size for offset, array in segments), default=0))
        return self.points.msm_ints(list(segments))

    def _require(self, count: int) -> None:
        if count > self.num_powers:
            raise SrsError(f"the SRS has {self.num_powers} powers, {count} are needed; use a larger one")

    def save(self, path: Path, progress: Progress | None = None) -> None:
        """Writes our format; the file appears complete or not at all."""
        write_srs(path, self.kind, self.num_powers, self.g2_raw, self._chunks(progress))

    def _chunks(self, progress: Progress | None) -> Iterator[bytes]:
        step = 1 << 16
        for start in range(0, self.num_powers, step):
            yield self.points.raw(start, min(step, self.num_powers - start))
            if progress is not None:
                progress(min(start + step, self.num_powers), self.num_powers)

    @classmethod
    def load(cls, path: Path, kernels: Kernels = NATIVE) -> Srs:
        """Maps the file after checking its digest (unless it was checked and not written since)."""
        try:
            with open(path, "rb") as file:
                head, (kind, count, num_g2, digest) = _read_header(file, path)
                raw = file.read(num_g2 * G2_BYTES)
                intact = known_digest(path) == digest.hex()
                if not intact:
                    hasher = hashlib.sha256(head[:-32] + bytes(32) + raw)
                    while part := file.read(1 << 22):
                        hasher.update(part)
                    intact = hasher.digest() == digest
                    if intact:
                        remember_digest(path, digest.hex())
        except OSError as error:
            raise SrsError(f"cannot read the SRS {path}: {reason(error)}") from None
        if not intact:
            raise SrsError(f"{path} is damaged: its digest does not match; make it again")
        points = kernels.open_points(str(path), HEADER.size + len(raw), count)
        squarings = tuple(raw[i : i + G2_BYTES] for i in range(0, len(raw), G2_BYTES))
        if (points[1] == development_g1_tau()) != (kind == "development"):
            raise SrsError(f"{path} calls itself {kind}, its tau says otherwise")
        return cls(kind, points, squarings, kernels)


def _read_header(file: BinaryIO, path: Path) -> tuple[bytes, Header]:
    """The header as it stands, and what it says, which the file's size fits."""
    head = file.read(HEADER.size)
    if len(head) != HEADER.size:
        raise SrsError(f"{path} is not an SRS file of this project")
    magic, version, kind, count, num_g2, digest = HEADER.unpack(head)
    size = HEADER.size + num_g2 * G2_BYTES + count * G1_BYTES
    if magic != MAGIC or version != FORMAT_VERSION or kind >= len(SRS_KINDS):
        raise SrsError(f"{path} is not an SRS file of this project")
    if not (2 <= count <= MAX_POWERS and 1 <= num_g2 <= 64 and os.fstat(file.fileno()).st_size == size):
        raise SrsError(f"{path} is damaged: its size does not fit its header")
    return head, Header(SRS_KINDS[kind], count, num_g2, digest)


def read_header(path: Path) -> Header:
    """What a file of ours says of itself: unchecked, but for its size."""
    try:
        with path.open("rb") as file:
            return _read_header(file, path)[1]
    except OSError as error:
        raise SrsError(f"cannot read the SRS {path}: {reason(error)}") from None


def srs_powers_needed(n_log2: int, mu: int) -> int:
    """Powers of tau in G1 for columns of 2^mu coefficients and an outer circuit of n = 2^n_log2 rows: of its
    polynomials, three of up to 5 n coefficients are packed into one commitment."""
    return max(1 << mu, 15 << n_log2)


def srs_digest(kind: str, tau_g1: bytes, tau_g2: bytes) -> bytes:
    """Names an SRS by its tau: both points in wire encoding."""
    return keccak256(SRS_TAG, SRS_KINDS.index(kind).to_bytes(32, "big"), tau_g1, tau_g2)


def write_srs(
    path: Path, kind: str, num_powers: int, g2_raw: Sequence[bytes], chunks: Iterable[bytes]
) -> None:
    """Writes our format from raw points of G1 in chunks; the file appears complete or not at all."""
    head = HEADER.pack(MAGIC, FORMAT_VERSION, SRS_KINDS.index(kind), num_powers, len(g2_raw), bytes(32))
    digest = hashlib.sha256(head)
    with replacing(path) as file:
        file.write(head)
        for part in chain(g2_raw, chunks):
            digest.update(part)
            file.write(part)
        file.seek(HEADER.size - 32)
        file.write(digest.digest())


def development_srs(log2_powers: int, progress: Progress | None = None, kernels: Kernels = NATIVE) -> Srs:
    """Powers of a tau that everybody knows: insecure by declaration, the same everywhere. Cached."""
    path = DEVELOPMENT.path(f"development-{log2_powers}.srs")
    if path.exists():
        try:
            return Srs.load(path, kernels)
        except SrsError:
            path.unlink(missing_ok=True)  # made again below
    require_folder_place(path.parent)  # before the work
    srs = make_development_srs(log2_powers, progress, kernels)
    path.parent.mkdir(parents=True, exist_ok=True)
    srs.save(path)
    return Srs.load(path, kernels)


def make_development_srs(
    log2_powers: int, progress: Progress | None = None, kernels: Kernels = NATIVE
) -> Srs:
    points = kernels.powers(DEVELOPMENT_TAU, 1 << log2_powers, 1, progress)
    raw = kernels.g2_squarings(DEVELOPMENT_TAU, log2_powers + 1)
    squarings = tuple(raw[i : i + G2_BYTES] for i in range(0, len(raw), G2_BYTES))
    return Srs("development", points, squarings, kernels)
