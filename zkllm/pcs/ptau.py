"""Powers-of-tau files (.ptau), as snarkjs reads and writes them.

"ptau", u32 version 1, u32 number of sections, then sections (u32 id, u64 size, data), all little-endian:
1 header (u32 32, p in 32 bytes, u32 power, u32 ceremony's power); 2 tau^i G1, 2^(power+1) - 1 points of 64
bytes; 3 tau^i G2, 2^power of 128; 4, 5 alpha tau^i and beta tau^i in G1; 6 beta G2; 7 contributions. Points
are in Montgomery form.

Importing checks everything that is kept: all points of G1, and [tau^(2^i)]_2. A ceremony's transcript of
contributions is not checked; `snarkjs powersoftau verify` does that.
"""

from __future__ import annotations

import hashlib
import mmap
import secrets
import struct
from collections.abc import Iterator
from pathlib import Path

from py_ecc import optimized_bn128 as bn

from zkllm._native import Points, g2_from_raw, g2_powers
from zkllm.errors import SrsError
from zkllm.field import P, R
from zkllm.hashing import keccak256
from zkllm.pcs.curve import (
    G1_BYTES,
    G1_GENERATOR,
    G2_BYTES,
    decode_g1,
    decode_g2,
    encode_g2,
    linear_combination_g1,
    negate_g1,
    pairing_product_is_one,
)
from zkllm.pcs.srs import DEVELOPMENT_TAU, Progress, Srs, cache_directory

MAGIC = b"ptau"
FORMAT_VERSION = 1
MAX_POWER = 28
HEADER, TAU_G1, TAU_G2, ALPHA_G1, BETA_G1, BETA_G2, CONTRIBUTIONS = range(1, 8)
FIELD_BYTES = 32

_FILE = struct.Struct("<4sII")
_SECTION = struct.Struct("<IQ")
_HEADER = struct.Struct("<I32sII")


def read_sections(data: mmap.mmap | bytes) -> dict[int, tuple[int, int]]:
    """(offset, size) of each section; the sections must fill the file."""
    if len(data) < _FILE.size:
        raise SrsError("not a .ptau file: it is cut off")
    magic, version, count = _FILE.unpack_from(data, 0)
    if magic != MAGIC or version != FORMAT_VERSION:
        raise SrsError("not a .ptau file of version 1")
    sections: dict[int, tuple[int, int]] = {}
    offset = _FILE.size
    for _ in range(count):
        if offset + _SECTION.size > len(data):
            raise SrsError(".ptau file: it is cut off")
        identifier, size = _SECTION.unpack_from(data, offset)
        offset += _SECTION.size
        if identifier in sections:
            raise SrsError(f".ptau file: section {identifier} occurs twice")
        if size > len(data) - offset:
            raise SrsError(f".ptau file: section {identifier} is cut off")
        sections[identifier] = (offset, size)
        offset += size
    if offset != len(data):
        raise SrsError(".ptau file: bytes after the last section")
    return sections


def read_power(data: mmap.mmap | bytes, sections: dict[int, tuple[int, int]]) -> int:
    """The power, after checking the header and the sizes of the sections that are used."""
    offset, size = sections.get(HEADER, (0, 0))
    if size != _HEADER.size:
        raise SrsError(".ptau file: no header of the right size")
    width, prime, power, _ = _HEADER.unpack_from(data, offset)
    if width != FIELD_BYTES or int.from_bytes(prime, "little") != P:
        raise SrsError(".ptau file: it is not over BN254")
    if not 1 <= power <= MAX_POWER:
        raise SrsError(f".ptau file: power {power} is not between 1 and {MAX_POWER}")
    wanted = {TAU_G1: ((2 << power) - 1) * G1_BYTES, TAU_G2: (1 << power) * G2_BYTES}
    for identifier, expected in wanted.items():
        if sections.get(identifier, (0, 0))[1] != expected:
            raise SrsError(f".ptau file: section {identifier} does not have {expected} bytes")
    return power


def import_ptau(path: Path, max_powers: int | None = None, progress: Progress | None = None) -> Srs:
    """The first `max_powers` powers of a .ptau file (all by default), checked in full."""
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            sections = read_sections(data)
            power = read_power(data, sections)
            count = min(max_powers or (2 << power), (2 << power) - 1)
            offset, _ = sections[TAU_G1]
            if offset % 8 == 0:
                points = Points.open(str(path), offset, count)
            else:
                points = Points.from_raw(data[offset : offset + count * G1_BYTES])
            offset, _ = sections[TAU_G2]
            at = lambda i: data[offset + i * G2_BYTES : offset + (i + 1) * G2_BYTES]
            first, squarings = at(0), tuple(at(1 << i) for i in range(power))
    except (OSError, ValueError) as error:
        raise SrsError(f"cannot read the .ptau file {path}: {error}") from None
    check_powers(points, first, squarings, progress)
    return Srs(kind_of(points), points, squarings)


def open_srs(path: Path, powers: int, progress: Progress | None = None) -> Srs:
    """An SRS of at least `powers` powers from a file of ours or a .ptau file.

    A .ptau file is imported once: what was checked is kept, trimmed, in the cache under the file's SHA-256.
    """
    try:
        with open(path, "rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                return require(Srs.load(path), path, powers)
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SrsError(f"cannot read the SRS {path}: {error.strerror}") from None
    cached = cache_directory() / f"ptau-{digest[:32]}-{powers}.srs"
    if cached.exists():
        try:
            return Srs.load(cached)
        except SrsError:
            cached.unlink(missing_ok=True)  # made again below
    srs = require(import_ptau(path, powers, progress), path, powers)
    cached.parent.mkdir(parents=True, exist_ok=True)
    srs.save(cached)
    return Srs.load(cached)


def require(srs: Srs, path: Path, powers: int) -> Srs:
    if srs.num_powers < powers:
        raise SrsError(f"{path} has {srs.num_powers} powers, {powers} are needed; use a larger one")
    return srs


def kind_of(points: Points) -> str:
    """A file that holds the published development tau stays a development SRS; tau = 1 is no SRS at all."""
    if points[1] == G1_GENERATOR:
        raise SrsError("the .ptau file has had no contribution: tau is 1")
    development = Points.powers(DEVELOPMENT_TAU, 2, 1)[1]
    return "development" if points[1] == development else "ceremony"


def check_powers(
    points: Points, g2_first: bytes, g2_squarings: tuple[bytes, ...], progress: Progress | None = None
) -> None:
    """points[i] = tau^i G and g2_squarings[i] = tau^(2^i) G2 for one tau that is not zero; raises SrsError.

    With random rho: e(sum rho^i P_(i+1), [1]_2) = e(sum rho^i P_i, [tau]_2), and
    e(sum rho^i P_(2^i), [1]_2) = e(G, sum rho^i [tau^(2^i)]_2).
    """
    count = len(points)
    if count < 2 or points[0] != G1_GENERATOR:
        raise SrsError("powers of tau: the first point of G1 is not the generator")
    bad = points.first_invalid(progress)
    if bad is not None:
        raise SrsError(f"powers of tau: point {bad} of G1 is not a point of the curve other than infinity")
    try:
        encoded = [g2_from_raw(raw) for raw in (g2_first, *g2_squarings)]
    except ValueError:
        raise SrsError("powers of tau: a point of G2 is outside the subgroup of order r") from None
    if encoded[0] != encode_g2(bn.G2):
        raise SrsError("powers of tau: the first point of G2 is not the generator")
    in_g2 = [decode_g2(p) for p in encoded[1:]]

    rho = secrets.randbelow(R - 1) + 1
    low = decode_g1(points.geometric_sum(rho, 0, count - 1, progress))
    high = decode_g1(points.geometric_sum(rho, 1, count - 1, progress))
    if not pairing_product_is_one([(high, bn.G2), (negate_g1(low), in_g2[0])]):
        raise SrsError("powers of tau: G1 does not hold the powers of the tau in G2")
    present = [i for i in range(len(in_g2)) if 1 << i < count]
    weights = [pow(rho, i, R) for i in present]
    left = linear_combination_g1(
        [(k, decode_g1(points[1 << i])) for k, i in zip(weights, present, strict=True)]
    )
    right = bn.Z2
    for k, i in zip(weights, present, strict=True):
        right = bn.add(right, bn.multiply(in_g2[i], k))
    if not pairing_product_is_one([(left, bn.G2), (negate_g1(bn.G1), right)]):
        raise SrsError("powers of tau: G2 does not hold the powers of tau in G1")


def check_srs(srs: Srs, progress: Progress | None = None) -> None:
    """A string of ours, checked as if it were imported: its file may come from anyone. Raises SrsError."""
    check_powers(srs.points, g2_powers(1, 1, 1), srs.g2_raw, progress)
    if kind_of(srs.points) != srs.kind:
        raise SrsError(f"the SRS calls itself {srs.kind}, its tau says {kind_of(srs.points)}")


def write_development_ptau(path: Path, power: int) -> None:
    """The development tau as a .ptau file without contributions, for other tools."""
    if not 1 <= power <= MAX_POWER:
        raise SrsError(f"power {power} is not between 1 and {MAX_POWER}")
    with open(path, "wb") as file:
        sections = list(development_sections(power))
        file.write(_FILE.pack(MAGIC, FORMAT_VERSION, len(sections)))
        for identifier, data in sections:
            file.write(_SECTION.pack(identifier, len(data)) + data)


def development_sections(power: int) -> Iterator[tuple[int, bytes]]:
    alpha, beta = (
        int.from_bytes(keccak256(b"zkllm development SRS v1: " + name), "big") % R
        for name in (b"alpha", b"beta")
    )
    g1 = lambda count, factor: Points.powers(DEVELOPMENT_TAU, count, factor).raw(0, count)
    yield HEADER, _HEADER.pack(FIELD_BYTES, P.to_bytes(FIELD_BYTES, "little"), power, power)
    yield TAU_G1, g1((2 << power) - 1, 1)
    yield TAU_G2, g2_powers(DEVELOPMENT_TAU, 1 << power, 1)
    yield ALPHA_G1, g1(1 << power, alpha)
    yield BETA_G1, g1(1 << power, beta)
    yield BETA_G2, g2_powers(1, 1, beta)
    yield CONTRIBUTIONS, struct.pack("<I", 0)
