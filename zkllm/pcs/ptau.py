"""Powers-of-tau files (.ptau), as snarkjs reads and writes them.

"ptau", u32 version 1, u32 number of sections, then sections (u32 id, u64 size, data), all little-endian:
1 header (u32 32, p in 32 bytes, u32 power, u32 ceremony's power); 2 tau^i G1, 2^(power+1) - 1 points of 64
bytes; 3 tau^i G2, 2^power of 128; 4, 5 alpha tau^i and beta tau^i in G1; 6 beta G2; 7 contributions; from 12
on the same points in Lagrange form, which nothing here needs. Points are in Montgomery form.

Files are mapped: what is not used is not read, so that one of 2^28 costs no more than one of the size wanted.
Importing checks everything that is kept: all points of G1, and [tau^(2^i)]_2. The rest of a file and the
transcript of its contributions are checked by `ptau_check.py`.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from zkllm import _native
from zkllm._native import G2Points, g2_from_raw
from zkllm.cache import PTAU
from zkllm.cache_sources import note_use
from zkllm.errors import Malformed, SrsError
from zkllm.field import P
from zkllm.files import reading, require_folder_place
from zkllm.kernels.interface import Kernels, Points
from zkllm.kernels.native import NATIVE
from zkllm.pcs.curve import G1_BYTES, G2_BYTES
from zkllm.pcs.powers import check_powers, checkable_g2_powers, kind_of
from zkllm.pcs.srs import Progress, Srs, srs_digest

MAGIC = b"ptau"
FORMAT_VERSION = 1
MAX_POWER = 28
HEADER, TAU_G1, TAU_G2, ALPHA_G1, BETA_G1, BETA_G2, CONTRIBUTIONS = range(1, 8)
SECTION_NAMES = {
    HEADER: "header",
    TAU_G1: "tau^i in G1",
    TAU_G2: "tau^i in G2",
    ALPHA_G1: "alpha tau^i in G1",
    BETA_G1: "beta tau^i in G1",
    BETA_G2: "beta in G2",
    CONTRIBUTIONS: "contributions",
    12: "tau^i in G1, Lagrange",
    13: "tau^i in G2, Lagrange",
    14: "alpha tau^i in G1, Lagrange",
    15: "beta tau^i in G1, Lagrange",
}
FIELD_BYTES = 32

FILE_HEAD = struct.Struct("<4sII")
SECTION_HEAD = struct.Struct("<IQ")
PTAU_HEADER = struct.Struct("<I32sII")


def num_points(section: int, power: int) -> int:
    """The number of points in sections 2 to 6."""
    return {TAU_G1: (2 << power) - 1, BETA_G2: 1}.get(section, 1 << power)


def point_bytes(section: int) -> int:
    return G2_BYTES if section in (TAU_G2, BETA_G2) else G1_BYTES


def section_size(section: int, power: int) -> int:
    return num_points(section, power) * point_bytes(section)


def encode_header(power: int, ceremony_power: int) -> bytes:
    return PTAU_HEADER.pack(FIELD_BYTES, P.to_bytes(FIELD_BYTES, "little"), power, ceremony_power)


def read_sections(data: mmap.mmap | bytes, partial: bool = False) -> dict[int, tuple[int, int]]:
    """(offset, size) of each section; the sections must fill the file.

    `partial`: the file holds only the ranges that an import needs, so reading stops at the last that matters.
    """
    if len(data) < FILE_HEAD.size:
        raise SrsError("not a .ptau file: it is cut off")
    magic, version, count = FILE_HEAD.unpack_from(data, 0)
    if magic != MAGIC or version != FORMAT_VERSION:
        raise SrsError("not a .ptau file of version 1")
    sections: dict[int, tuple[int, int]] = {}
    offset = FILE_HEAD.size
    for _ in range(count):
        if offset + SECTION_HEAD.size > len(data):
            raise SrsError(".ptau file: it is cut off")
        identifier, size = SECTION_HEAD.unpack_from(data, offset)
        if partial and not identifier:
            raise SrsError(
                f".ptau file: bytes {offset} to {offset + SECTION_HEAD.size - 1}, the head of a section, "
                "are missing"
            )
        offset += SECTION_HEAD.size
        if identifier in sections:
            raise SrsError(f".ptau file: section {identifier} occurs twice")
        if size > len(data) - offset and not partial:
            raise SrsError(
                f".ptau file: section {identifier} is cut off (what zkllm srs fetch-plan names is enough "
                "for zkllm srs import --partial)"
            )
        sections[identifier] = (offset, size)
        offset += size
        if partial and sections.keys() >= {HEADER, TAU_G1, TAU_G2}:
            return sections
    if offset != len(data):
        raise SrsError(".ptau file: bytes after the last section")
    return sections


def read_header(data: mmap.mmap | bytes, sections: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """(power, ceremony's power), after checking the header and the sizes of all sections of points."""
    offset, size = sections.get(HEADER, (0, 0))
    if size != PTAU_HEADER.size:
        raise SrsError(".ptau file: no header of the right size")
    width, prime, power, ceremony_power = PTAU_HEADER.unpack_from(data, offset)
    if width != FIELD_BYTES or int.from_bytes(prime, "little") != P:
        raise SrsError(".ptau file: it is not over BN254")
    if not 1 <= power <= MAX_POWER:
        raise SrsError(f".ptau file: power {power} is not between 1 and {MAX_POWER}")
    for identifier in (TAU_G1, TAU_G2, ALPHA_G1, BETA_G1, BETA_G2):
        expected = section_size(identifier, power)
        needed = identifier in (TAU_G1, TAU_G2)
        if sections.get(identifier, (0, 0 if needed else expected))[1] != expected:
            raise SrsError(f".ptau file: section {identifier} does not have {expected} bytes")
    return power, ceremony_power


@dataclass(frozen=True)
class PtauFile:
    """An open file whose header and sizes were checked; nothing else was."""

    path: Path
    data: mmap.mmap
    sections: dict[int, tuple[int, int]]
    power: int
    ceremony_power: int

    def truncated(self, power: int) -> PtauFile:
        """The same file seen as one of a smaller power."""
        if not 1 <= power <= self.power:
            raise SrsError(f"{self.path} has power {self.power}; it cannot be cut to {power}")
        return replace(self, power=power)

    def raw(self, section: int, start: int, count: int) -> bytes:
        """Points `start` to `start + count` of a section, unchecked."""
        width = point_bytes(section)
        offset = self.sections[section][0] + start * width
        return self.data[offset : offset + count * width]

    def g1(self, section: int, start: int, count: int) -> _native.Points:
        """Checked: points of the curve other than infinity."""
        points = _native.Points.from_raw(self.raw(section, start, count))
        bad = points.first_invalid()
        if bad is not None:
            raise SrsError(
                f".ptau file: point {start + bad} of section {section} is not a point of the curve other "
                "than infinity"
            )
        return points

    def g2(self, section: int, start: int, count: int) -> G2Points:
        """Checked: points of the subgroup of order r other than infinity."""
        try:
            return G2Points.from_raw(self.raw(section, start, count))
        except ValueError as error:
            raise SrsError(
                f".ptau file: point {start + error.args[0]} of section {section} is not in the subgroup of "
                "order r of G2"
            ) from None


@contextmanager
def open_ptau(path: Path, partial: bool = False) -> Iterator[PtauFile]:
    """Maps the file; see `read_sections` for `partial`."""
    with reading(path, ".ptau file", SrsError), open(path, "rb") as file:
        if not os.fstat(file.fileno()).st_size:
            raise Malformed("it is empty")
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    with data:
        try:
            sections = read_sections(data, partial)
            powers = read_header(data, sections)
        except SrsError as error:
            raise SrsError(f"{path}: {error}") from None
        yield PtauFile(path, data, sections, *powers)


def is_ptau(path: Path) -> bool:
    with reading(path, "SRS", SrsError), open(path, "rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def import_ptau(
    path: Path, max_powers: int | None = None, progress: Progress | None = None, partial: bool = False
) -> Srs:
    """The first `max_powers` powers of a .ptau file (all by default), checked in full.

    `partial`: a file that holds only the ranges of `fetch_plan.py`, at their offsets.
    """
    with open_ptau(path, partial) as file:
        points, first, squarings = _read_powers(file, max_powers)
        offset = file.sections[TAU_G1][0]
    missing = None
    if partial:
        missing = lambda i: (
            f"{path}: bytes {offset + i * G1_BYTES} to {offset + (i + 1) * G1_BYTES - 1} of G1 are missing, "
            "or were not fetched well"
        )
    check_powers(points, first, squarings, progress, missing)
    return Srs(kind_of(points[1]), points, squarings)


def _read_powers(file: PtauFile, max_powers: int | None) -> tuple[Points, bytes, tuple[bytes, ...]]:
    """tau^i G1, G2 and tau^(2^i) G2, unchecked."""
    available = num_points(TAU_G1, file.power)
    count = min(max_powers or available, available)
    offset = file.sections[TAU_G1][0]
    if offset + count * G1_BYTES > len(file.data):
        raise SrsError(f".ptau file: {count} powers in G1 end after the file")
    if offset % 8 == 0:
        points = NATIVE.open_points(str(file.path), offset, count)
    else:
        points = NATIVE.points(file.raw(TAU_G1, 0, count))
    squarings = tuple(file.raw(TAU_G2, 1 << i, 1) for i in range(min(file.power, checkable_g2_powers(count))))
    return points, file.raw(TAU_G2, 0, 1), squarings


def open_srs(path: Path, powers: int, progress: Progress | None = None, kernels: Kernels = NATIVE) -> Srs:
    """An SRS of at least `powers` powers from a file of ours or a .ptau file.

    A .ptau file is imported once: what was checked is kept, trimmed, in the cache, under the digest of its
    [tau]_1 and [tau]_2, which determine the rest.
    """
    if not is_ptau(path):
        return require(Srs.load(path, kernels), path, powers)
    with open_ptau(path) as file:
        points, _, squarings = _read_powers(file, max(powers, 2))
        try:
            tau_g1, tau_g2 = points[1], g2_from_raw(squarings[0])
        except ValueError:
            raise SrsError("powers of tau: a point of G2 is outside the subgroup of order r") from None
    digest = srs_digest(kind_of(tau_g1), tau_g1, tau_g2)
    cached = PTAU.path(f"ptau-{digest.hex()[:32]}-{powers}.srs")
    if cached.exists():
        try:
            if (srs := Srs.load(cached, kernels)).digest == digest:
                note_use(cached, [path])
                return srs
        except SrsError:
            pass
        cached.unlink(missing_ok=True)  # made again below
    require_folder_place(cached.parent)  # before the work
    srs = require(import_ptau(path, powers, progress), path, powers)
    cached.parent.mkdir(parents=True, exist_ok=True)
    srs.save(cached)
    note_use(cached, [path])
    return Srs.load(cached, kernels)


def require_powers(path: Path, powers: int) -> None:
    """Raises SrsError unless the file is whole and says that it has so many powers, which are not checked."""
    if is_ptau(path):
        with open_ptau(path) as file:
            count = num_points(TAU_G1, file.power)
    else:
        count = Srs.load(path).num_powers
    _require_count(path, count, powers)


def require(srs: Srs, path: Path, powers: int) -> Srs:
    _require_count(path, srs.num_powers, powers)
    return srs


def _require_count(path: Path, count: int, powers: int) -> None:
    if count < powers:
        raise SrsError(f"{path} has {count} powers, {powers} are needed; use a larger one")
