"""The opening table of a model: what the fixed columns add to the opening's quotient, computed once.

With C_g a fixed column and b coefficients a row, D_{g,j} is the commitment to C_g without its lowest j + 1
rows, shifted down by as many. The quotient of f = sum theta^g C_g by X^b - alpha is sum_j alpha^j (f without
its lowest j + 1 rows, shifted down), so that

    [q] = sum_g theta^g sum_j alpha^j D_{g,j}  +  [q of the witness columns' part].

File: a header (magic, format, mu, log2 b, number of columns, SRS digest, model_id, SHA-256 of all else), then
the points in wire encoding, column after column, j = 0, 1, .. rows - 2. One table serves all shapes of a
model. Nobody has to trust it: whoever opens with it checks the quotient (`pcs.division`).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import Malformed, PackageError
from .field import R
from .files import read_bytes, reading, write_atomically
from .kernels.interface import Kernels, Points
from .outer.keys import VerifyingKey
from .pcs.curve import G1_BYTES

MAGIC = b"zkllmOPT"
FORMAT = 1
_HEADER = struct.Struct("<8sIIII32s32s32s")
CURE = "run zkllm precompute again"


@dataclass(frozen=True)
class Binding:
    """What a table is of."""

    mu: int
    b_log2: int
    columns: int  # fixed ones
    srs_digest: bytes
    model_id: bytes

    @classmethod
    def of(cls, vk: VerifyingKey) -> Binding:
        return cls(vk.mu, vk.b_log2, len(vk.fixed_commitments), vk.srs_digest, vk.model_id)

    @property
    def rows(self) -> int:
        return 1 << self.mu - self.b_log2

    @property
    def file_bytes(self) -> int:
        return _HEADER.size + G1_BYTES * self.columns * (self.rows - 1)

    def header(self, digest: bytes) -> bytes:
        sizes = (self.mu, self.b_log2, self.columns)
        return _HEADER.pack(MAGIC, FORMAT, *sizes, self.srs_digest, self.model_id, digest)


@dataclass(frozen=True)
class OpeningTable:
    """points: D_{g,j} at g (rows - 1) + j."""

    binding: Binding
    points: Points
    path: Path

    def quotient(self, kernels: Kernels, coefficients: Sequence[int], alpha: int) -> bytes:
        """Commitment to the quotient of sum_g coefficients[g] C_g over the fixed columns."""
        powers = [1]
        while len(powers) < self.binding.rows - 1:
            powers.append(powers[-1] * alpha % R)
        scalars = kernels.tensor_product([kernels.from_list(coefficients), kernels.from_list(powers)])
        return self.points.msm(scalars)

    @classmethod
    def load(cls, path: Path, binding: Binding, kernels: Kernels) -> OpeningTable:
        """PackageError where the file is damaged, of another format, or of something else than `binding`."""
        with reading(path, "opening table", PackageError, CURE):
            data = read_bytes(path)
            if len(data) < _HEADER.size:
                raise Malformed("it is cut short")
            magic, form, mu, b_log2, columns, srs_digest, model_id, digest = _HEADER.unpack_from(data)
            if magic != MAGIC:
                raise Malformed("it is no opening table")
            if form != FORMAT:
                raise Malformed(f"it has format {form}, this version reads {FORMAT}")
            found, points = Binding(mu, b_log2, columns, srs_digest, model_id), data[_HEADER.size :]
            for name, ours, theirs in (
                ("model", binding.model_id, model_id),
                ("SRS", binding.srs_digest, srs_digest),
                ("size", binding, found),
            ):
                if ours != theirs:
                    raise Malformed(f"it is of another {name}")
            if _digest(found, points) != digest:
                raise Malformed("its digest does not match")
            if len(data) != found.file_bytes:
                raise Malformed("its size does not fit its header")
            return cls(binding, kernels.decode_points(points), path)


def _digest(binding: Binding, points: bytes) -> bytes:
    return hashlib.sha256(binding.header(bytes(32)) + points).digest()


def save_table(path: Path, binding: Binding, points: bytes) -> None:
    """points: in wire encoding, all of them. The file appears complete or not at all."""
    if _HEADER.size + len(points) != binding.file_bytes:
        raise ValueError("the points are not those of the columns")
    write_atomically(path, binding.header(_digest(binding, points)) + points)
