"""Checks a whole .ptau file: every point of sections 2 to 6, and the record of its contributions."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from zkllm._native import g1_encoded, pairing_product_is_one
from zkllm.errors import SrsError
from zkllm.field import R
from zkllm.pcs.bn128 import bn
from zkllm.pcs.contributions import Contribution, check_contribution, decode_contributions, start
from zkllm.pcs.curve import (
    G1_GENERATOR,
    G2_GENERATOR,
    decode_g1,
    decode_g2,
    encode_g1,
    encode_g2,
    negate_wire_g1,
)
from zkllm.pcs.powers import kind_of, same_ratio
from zkllm.pcs.ptau import (
    ALPHA_G1,
    BETA_G1,
    BETA_G2,
    CONTRIBUTIONS,
    SECTION_NAMES,
    TAU_G1,
    TAU_G2,
    PtauFile,
    num_points,
)
from zkllm.timings import Progress

CHUNK_POINTS = 1 << 16
POINT_SECTIONS = (TAU_G1, TAU_G2, ALPHA_G1, BETA_G1, BETA_G2)


@dataclass(frozen=True)
class PtauReport:
    """What was found right."""

    kind: str
    power: int
    num_points: int
    contributions: tuple[Contribution, ...]
    transcript_hash: bool
    """Whether the hash of the powers was compared: a file cut to a smaller power cannot have it."""


@dataclass(frozen=True)
class _Section:
    """First and last point, and sum rho^i P_i."""

    first: bytes
    last: bytes
    total: Any


def require_complete(file: PtauFile) -> None:
    """All sections of a ceremony's file are there."""
    for section in (*POINT_SECTIONS, CONTRIBUTIONS):
        if section not in file.sections:
            raise SrsError(
                f".ptau file: section {section} ({SECTION_NAMES[section]}) is missing; what is there can "
                "be imported, not checked as a whole, exported or contributed to"
            )


def read_contributions(file: PtauFile) -> list[Contribution]:
    """The record, checked point by point only."""
    if CONTRIBUTIONS not in file.sections:
        return []
    offset, size = file.sections[CONTRIBUTIONS]
    return decode_contributions(file.data[offset : offset + size])


def chunks(section: int, power: int) -> Iterator[tuple[int, int]]:
    """(start, count)."""
    total = num_points(section, power)
    for first in range(0, total, CHUNK_POINTS):
        yield first, min(CHUNK_POINTS, total - first)


def check_ptau(file: PtauFile, progress: Progress | None = None) -> PtauReport:
    """Raises SrsError with the first thing that is wrong.

    With random rho, each section's sums of rho^i P_i and of rho^i P_(i+1) have the ratio tau; points are in
    the groups of order r; the contributions lead from tau = 1 to the powers, each by somebody who knew the
    factors.
    """
    require_complete(file)
    record = read_contributions(file)
    if not record:
        raise SrsError("the .ptau file has had no contribution")
    whole = file.power == file.ceremony_power
    hasher = hashlib.blake2b(record[-1].response) if whole else None
    rho = secrets.randbelow(R - 1) + 1
    read = {}
    tau_g1 = tau_g2 = b""
    for section in POINT_SECTIONS:
        read[section] = _read(file, section, rho, hasher, progress)
        if section == TAU_G1:
            tau_g1 = file.g1(TAU_G1, 1, 1)[0]
            tau_g2 = file.g2(TAU_G2, 1, 1)[0]
            if read[TAU_G1].first != G1_GENERATOR:
                raise SrsError(".ptau file: the first point of section 2 is not the generator of G1")
        if section == TAU_G2 and read[TAU_G2].first != G2_GENERATOR:
            raise SrsError(".ptau file: the first point of section 3 is not the generator of G2")
        if section != BETA_G2:
            _check_section(file, section, read[section], rho, tau_g1, tau_g2)
    beta_g2 = read[BETA_G2].first
    if not same_ratio(G1_GENERATOR, read[BETA_G1].first, G2_GENERATOR, beta_g2):
        raise SrsError(".ptau file: section 6 does not hold the beta of section 5")
    kind = kind_of(tau_g1)
    last = record[-1]
    results = (
        ("tau in G1", last.tau_g1, tau_g1),
        ("tau in G2", last.tau_g2, tau_g2),
        ("alpha", last.alpha_g1, read[ALPHA_G1].first),
        ("beta in G1", last.beta_g1, read[BETA_G1].first),
        ("beta in G2", last.beta_g2, beta_g2),
    )
    for name, recorded, present in results:
        if recorded != present:
            raise SrsError(f".ptau file: {name} is not that of the last contribution")
    if hasher is not None and hasher.digest() != last.next_challenge:
        raise SrsError(".ptau file: the hash of the powers is not that of the last contribution")
    check_record(record, file.ceremony_power, progress)
    total = sum(num_points(section, file.power) for section in POINT_SECTIONS)
    return PtauReport(kind, file.power, total, tuple(record), whole)


def check_record(record: list[Contribution], power: int, progress: Progress | None = None) -> None:
    """Each contribution follows from the one before, the first from tau = 1."""
    if progress is not None:
        progress("contributions", 0, len(record) + 1)
    previous = start(power)
    for number, current in enumerate(record, 1):
        if progress is not None:
            progress("contributions", number, len(record) + 1)
        check_contribution(number, previous, current)
        previous = current
    if progress is not None:
        progress("contributions", len(record) + 1, len(record) + 1)


def _read(
    file: PtauFile, section: int, rho: int, hasher: hashlib.blake2b | None, progress: Progress | None
) -> _Section:
    """Checks and sums the points of a section, and hashes them where the record can be compared."""
    total: Any = None
    first = last = b""
    count = num_points(section, file.power)
    for start_, size in chunks(section, file.power):
        weight = pow(rho, start_, R)
        if section in (TAU_G2, BETA_G2):
            in_g2 = file.g2(section, start_, size)
            encoded = in_g2.encoded(False) if hasher is not None else b""
            ends = in_g2[0], in_g2[size - 1]
            part: Any = bn.multiply(decode_g2(in_g2.geometric_sum(rho)), weight)
        else:
            in_g1 = file.g1(section, start_, size)
            encoded = g1_encoded(in_g1, False) if hasher is not None else b""
            ends = in_g1[0], in_g1[size - 1]
            part = bn.multiply(decode_g1(in_g1.geometric_sum(rho, 0, size)), weight)
        if hasher is not None:
            hasher.update(encoded)
        total = part if total is None else bn.add(total, part)
        first, last = first or ends[0], ends[1]
        if progress is not None:
            progress(SECTION_NAMES[section], start_ + size, count)
    return _Section(first, last, total)


def _check_section(
    file: PtauFile, section: int, read: _Section, rho: int, tau_g1: bytes, tau_g2: bytes
) -> None:
    count = num_points(section, file.power)
    decode, encode = (decode_g2, encode_g2) if section == TAU_G2 else (decode_g1, encode_g1)
    low = bn.add(read.total, bn.multiply(bn.neg(decode(read.last)), pow(rho, count - 1, R)))
    high = bn.multiply(bn.add(read.total, bn.neg(decode(read.first))), pow(rho, -1, R))
    if bn.is_inf(low) or bn.is_inf(high):
        holds = False  # for a random rho with powers of a tau other than zero: once in 2^225
    elif section == TAU_G2:
        holds = pairing_product_is_one([(G1_GENERATOR, encode(high)), (negate_wire_g1(tau_g1), encode(low))])
    else:
        holds = pairing_product_is_one([(encode(high), G2_GENERATOR), (negate_wire_g1(encode(low)), tau_g2)])
    if not holds:
        raise SrsError(f".ptau file: section {section} does not hold {SECTION_NAMES[section]}")
