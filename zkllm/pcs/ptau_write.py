"""Writes .ptau files: the development SRS, one of a smaller power, and one with a further contribution."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

from zkllm._native import Blake2b, G2Points, Points, g1_encoded, g1_multiplied, g2_powers
from zkllm.errors import SrsError
from zkllm.field import R
from zkllm.files import replacing
from zkllm.hashing import keccak256
from zkllm.pcs.contributions import (
    MAX_NAME_BYTES,
    Contribution,
    PublicKey,
    encode_contributions,
    first_challenge,
    make_key,
)
from zkllm.pcs.development import DEVELOPMENT_TAU
from zkllm.pcs.powers import check_srs
from zkllm.pcs.ptau import (
    ALPHA_G1,
    BETA_G1,
    BETA_G2,
    CONTRIBUTIONS,
    FILE_HEAD,
    FORMAT_VERSION,
    HEADER,
    MAGIC,
    MAX_POWER,
    SECTION_HEAD,
    SECTION_NAMES,
    TAU_G1,
    TAU_G2,
    PtauFile,
    encode_header,
    num_points,
    open_ptau,
    point_bytes,
    section_size,
)
from zkllm.pcs.ptau_check import POINT_SECTIONS, check_ptau, chunks, read_contributions, require_complete
from zkllm.pcs.srs import Srs, write_srs
from zkllm.timings import Progress

DEVELOPMENT_NAME = b"zkllm development SRS: tau is public"
_Some = Points | G2Points
_Part = Callable[[int, int, int], _Some]
"""Section, first point, count -> points."""


def write_development_ptau(path: Path, power: int, progress: Progress | None = None) -> None:
    """The development tau, alpha and beta, as one contribution whose secrets everybody knows."""
    if not 1 <= power <= MAX_POWER:
        raise SrsError(f"power {power} is not between 1 and {MAX_POWER}")
    secrets = (DEVELOPMENT_TAU, _public(b"alpha"), _public(b"beta"))
    factors = tuple(_public(b"factor " + name) for name in (b"tau", b"alpha", b"beta"))
    challenge = first_challenge(power)
    key = make_key(challenge, secrets, factors)
    scales = dict(zip(POINT_SECTIONS, (1, 1, *secrets[1:], secrets[2]), strict=True))

    def part(section: int, start: int, count: int) -> _Some:
        scale = scales[section] * pow(DEVELOPMENT_TAU, start, R) % R
        if section in (TAU_G2, BETA_G2):
            return G2Points.from_raw(g2_powers(DEVELOPMENT_TAU, count, scale))
        return Points.powers(DEVELOPMENT_TAU, count, scale)

    _write_contributed(path, power, [], challenge, key, part, DEVELOPMENT_NAME, progress)


def _public(name: bytes) -> int:
    return int.from_bytes(keccak256(b"zkllm development SRS v1: " + name), "big") % R


def truncate_ptau(source: Path, target: Path, power: int, progress: Progress | None = None) -> None:
    """A smaller file of the same ceremony, checked as a whole first. Its Lagrange sections are left out.

    As with snarkjs, the record of contributions stays that of the full file; nobody can contribute to it."""
    with open_ptau(source) as file:
        smaller = file.truncated(power)
        check_ptau(smaller, progress)
        offset, size = file.sections[CONTRIBUTIONS]
        with replacing(target) as out:
            _write_head(out, power, file.ceremony_power)
            for section in POINT_SECTIONS:
                out.write(SECTION_HEAD.pack(section, section_size(section, power)))
                for start, count in chunks(section, power):
                    out.write(smaller.raw(section, start, count))
            out.write(SECTION_HEAD.pack(CONTRIBUTIONS, size) + file.data[offset : offset + size])


def contribute(
    source: Path,
    target: Path,
    name: str = "",
    entropy: bytes = b"",
    progress: Progress | None = None,
) -> Contribution:
    """Multiplies tau, alpha and beta of a .ptau file by fresh secrets, and records it. Returns the record.

    The file before is checked as a whole. The secrets come from the system's entropy and `entropy`; they live
    in this process only, which therefore cannot go on after an interruption: it starts anew, with others.
    """
    if len(name.encode()) > MAX_NAME_BYTES:
        raise SrsError(f"the name of a contribution has at most {MAX_NAME_BYTES} bytes")
    _refuse_same(source, target)
    with open_ptau(source) as file:
        require_complete(file)
        if file.power != file.ceremony_power:
            raise SrsError(
                f"{source} was cut from power {file.ceremony_power} to {file.power}: contributions are made "
                "to the whole file"
            )
        record = read_contributions(file)
        if record:
            check_ptau(file, progress)
        else:
            _require_initial(file)
        tau, alpha, beta, *factors = _fresh(entropy, 6)
        challenge = record[-1].next_challenge if record else first_challenge(file.power)
        key = make_key(challenge, (tau, alpha, beta), tuple(factors))
        scales = {TAU_G1: 1, TAU_G2: 1, ALPHA_G1: alpha, BETA_G1: beta, BETA_G2: beta}

        def part(section: int, start: int, count: int) -> _Some:
            scale = scales[section] * pow(tau, start, R) % R
            if section in (TAU_G2, BETA_G2):
                return file.g2(section, start, count).multiplied(tau, scale)
            return g1_multiplied(file.g1(section, start, count), tau, scale)

        return _write_contributed(target, file.power, record, challenge, key, part, name.encode(), progress)


def contribute_srs(source: Path, target: Path, entropy: bytes = b"", progress: Progress | None = None) -> Srs:
    """The same for an SRS of our format, which keeps no record: nobody can check that it follows."""
    _refuse_same(source, target)
    srs = Srs.load(source)
    report = lambda stage: None if progress is None else lambda done, total: progress(stage, done, total)
    check_srs(srs, report("check SRS"))
    (tau,) = _fresh(entropy, 1)
    step = 1 << 16

    def multiplied() -> Iterator[bytes]:
        for start in range(0, srs.num_powers, step):
            count = min(step, srs.num_powers - start)
            points = Points.from_raw(srs.points.raw(start, count))
            yield g1_multiplied(points, tau, pow(tau, start, R)).raw(0, count)
            if progress is not None:
                progress("contribution", start + count, srs.num_powers)

    squarings = [
        G2Points.from_raw(raw).multiplied(1, pow(tau, 1 << i, R)).raw() for i, raw in enumerate(srs.g2_raw)
    ]
    write_srs(target, "ceremony", srs.num_powers, squarings, multiplied())
    return Srs.load(target)


def _refuse_same(source: Path, target: Path) -> None:
    if target.exists() and source.exists() and target.samefile(source):
        raise SrsError(f"{target} is the file to contribute to; give another name for the result")


def _require_initial(file: PtauFile) -> None:
    """A file without contributions holds tau = alpha = beta = 1 everywhere."""
    hasher = hashlib.blake2b(hashlib.blake2b().digest())
    for section in POINT_SECTIONS:
        for start, count in chunks(section, file.power):
            points = file.g2 if section in (TAU_G2, BETA_G2) else file.g1
            hasher.update(_encoded(points(section, start, count), False))
    if hasher.digest() != first_challenge(file.power):
        raise SrsError(".ptau file: it has no contribution, but not the generators everywhere")


def _fresh(entropy: bytes, count: int) -> list[int]:
    """Secrets in [1, r), uniform up to 2^-250 if either source is."""
    seed = hashlib.blake2b(os.urandom(64) + entropy).digest()
    return [
        int.from_bytes(hashlib.blake2b(seed, person=b"secret %d" % i).digest(), "big") % (R - 1) + 1
        for i in range(count)
    ]


def _points(section: int, raw: bytes) -> _Some:
    return G2Points.from_raw(raw) if section in (TAU_G2, BETA_G2) else Points.from_raw(raw)


def _encoded(points: _Some, compressed: bool) -> bytes:
    return points.encoded(compressed) if isinstance(points, G2Points) else g1_encoded(points, compressed)


def _raw(points: _Some) -> bytes:
    return points.raw() if isinstance(points, G2Points) else points.raw(0, len(points))


def _write_head(out: IO[bytes], power: int, ceremony_power: int) -> None:
    header = encode_header(power, ceremony_power)
    out.write(FILE_HEAD.pack(MAGIC, FORMAT_VERSION, len(POINT_SECTIONS) + 2))
    out.write(SECTION_HEAD.pack(HEADER, len(header)) + header)


def _write_contributed(
    target: Path,
    power: int,
    record: Iterable[Contribution],
    challenge: bytes,
    key: PublicKey,
    part: _Part,
    name: bytes,
    progress: Progress | None,
) -> Contribution:
    """The file whose points `part` gives, with the contribution that made them; complete or not at all."""
    response = Blake2b()
    response.update(challenge)
    offsets = {}
    with replacing(target) as out:
        _write_head(out, power, power)
        for section in POINT_SECTIONS:
            out.write(SECTION_HEAD.pack(section, section_size(section, power)))
            offsets[section] = out.tell()
            for start, count in chunks(section, power):
                points = part(section, start, count)
                out.write(_raw(points))
                response.update(_encoded(points, True))
                if progress is not None:
                    stage = f"write {SECTION_NAMES[section]}"
                    progress(stage, start + count, num_points(section, power))
        state = response.state()
        response.update(key.encoded())
        end = out.tell()
        following = hashlib.blake2b(response.digest())
        first: dict[int, _Some] = {}
        for section in POINT_SECTIONS:  # the hash starts with what was not known before the last point
            out.seek(offsets[section])
            for start, count in chunks(section, power):
                points = _points(section, out.read(count * point_bytes(section)))
                first.setdefault(section, points)
                following.update(_encoded(points, False))
                if progress is not None:
                    stage = f"hash {SECTION_NAMES[section]}"
                    progress(stage, start + count, num_points(section, power))
        made = Contribution(
            tau_g1=first[TAU_G1][1],
            tau_g2=first[TAU_G2][1],
            alpha_g1=first[ALPHA_G1][0],
            beta_g1=first[BETA_G1][0],
            beta_g2=first[BETA_G2][0],
            key=key,
            partial_hash=state,
            next_challenge=following.digest(),
            name=name,
        )
        section_7 = encode_contributions([*record, made])
        out.seek(end)
        out.write(SECTION_HEAD.pack(CONTRIBUTIONS, len(section_7)) + section_7)
    return made
