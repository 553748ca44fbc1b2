"""Which bytes of a .ptau file an SRS needs, from the layout that snarkjs writes: sections in ascending order.

Needed: the heads, the first powers in G1, and in G2 the generator and tau^(2^i). The rest, which is most of
a file (alpha, beta, the other powers, Lagrange forms), need not be fetched. The pieces are put at their
offsets in a sparse file, which `import_ptau(partial=True)` reads and checks in full.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from zkllm.errors import SrsError
from zkllm.pcs.curve import G1_BYTES, G2_BYTES
from zkllm.pcs.mercury import column_bits
from zkllm.pcs.powers import checkable_g2_powers
from zkllm.pcs.ptau import (
    BETA_G2,
    FILE_HEAD,
    HEADER,
    MAX_POWER,
    PTAU_HEADER,
    SECTION_HEAD,
    TAU_G1,
    num_points,
    section_size,
)
from zkllm.pcs.srs import srs_powers_needed

CEREMONY_URL = "https://storage.googleapis.com/zkevm/ptau/powersOfTau28_hez_final{suffix}.ptau"
"""The public ceremony's files (perpetual powers of tau, 54 contributions and a beacon), listed by snarkjs."""
CEREMONY_POWERS = range(8, 29)
CIRCUIT_ROWS_LOG2 = 16
"""Rows of the outer circuit of the shapes that are measured in docs/benchmarks.md."""
GAP = 1 << 12
"""Ranges nearer than this are fetched as one."""
PIECE = 1 << 28
"""Bytes of one request at most: what an interruption costs."""
LAGRANGE = range(12, 16)


@dataclass(frozen=True)
class Range:
    """Bytes `start` to `stop`, without the latter."""

    start: int
    stop: int
    what: str

    @property
    def size(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class FetchPlan:
    power: int
    num_powers: int
    sections: dict[int, int]
    """Bytes by section; those of the contributions depend on the ceremony and are not counted."""
    ranges: tuple[Range, ...]

    @property
    def fetched(self) -> int:
        return sum(r.size for r in self.ranges)

    @property
    def file_size(self) -> int:
        """Without the contributions: 54 of them have 80 kB."""
        heads = FILE_HEAD.size + SECTION_HEAD.size * (len(self.sections) + 1)
        return heads + sum(self.sections.values())

    def commands(self, url: str, target: Path) -> list[str]:
        """A shell script that fetches the ranges to their places; what is there is not fetched again."""
        script = ["set -eu", f"url={quote(url)}", f"out={quote(str(target))}", 'mkdir -p "$out.pieces"']
        script.append(
            "fetch() {  # first byte, last byte\n"
            '  piece="$out.pieces/$1"\n'
            '  if [ ! -e "$piece" ]; then\n'
            '    curl --fail --location --retry 5 --range "$1-$2" --output "$piece.part" "$url"\n'
            '    mv "$piece.part" "$piece"\n'
            "  fi\n"
            '  dd if="$piece" of="$out" bs=1M oflag=seek_bytes seek="$1" conv=notrunc status=none\n'
            "}"
        )
        script += [
            f"fetch {start} {min(start + PIECE, r.stop) - 1}"
            for r in self.ranges
            for start in range(r.start, r.stop, PIECE)
        ]
        return [*script, 'rm -r "$out.pieces"']


def powers_for(mu: int, circuit_rows_log2: int = CIRCUIT_ROWS_LOG2) -> int:
    """Powers of tau in G1 for columns of 2^mu coefficients."""
    return srs_powers_needed(circuit_rows_log2, mu)


def served_mu(num_powers: int, num_g2: int, circuit_rows_log2: int = CIRCUIT_ROWS_LOG2) -> int | None:
    """The largest mu for which an SRS is large enough, None where there is none."""
    fits = (
        mu
        for mu in range(num_powers.bit_length() - 1, 0, -1)
        if powers_for(mu, circuit_rows_log2) <= num_powers and column_bits(mu) < num_g2
    )
    return next(fits, None)


def ceremony_url(power: int) -> str:
    if power not in CEREMONY_POWERS:
        raise SrsError(f"the public ceremony has no file of power {power}; give --url")
    return CEREMONY_URL.format(suffix="" if power == MAX_POWER else f"_{power:02d}")


def smallest_power(num_powers: int) -> int:
    power = max(1, num_powers.bit_length() - 1)
    if power > MAX_POWER or num_powers > num_points(TAU_G1, MAX_POWER):
        raise SrsError(f"no .ptau file has {num_powers} powers: the largest has power {MAX_POWER}")
    return power


def fetch_plan(num_powers: int, power: int | None = None) -> FetchPlan:
    """For the first `num_powers` powers in G1, from a file of `power` (by default the smallest)."""
    smallest = smallest_power(num_powers)
    power = smallest if power is None else power
    if not smallest <= power <= MAX_POWER:
        raise SrsError(
            f"{num_powers} powers need a .ptau file of a power from {smallest} to {MAX_POWER}, not {power}"
        )
    sections = {HEADER: PTAU_HEADER.size}
    sections |= {s: section_size(s, power) for s in range(TAU_G1, BETA_G2 + 1)}
    # a Lagrange form for every size up to the section's own
    sections |= {s: ((2 << power) - 1) * (G2_BYTES if s == 13 else G1_BYTES) for s in LAGRANGE}
    sections[LAGRANGE[0]] += (2 << power) * G1_BYTES
    start_g1 = FILE_HEAD.size + 2 * SECTION_HEAD.size + PTAU_HEADER.size
    head_g2 = start_g1 + sections[TAU_G1]
    start_g2 = head_g2 + SECTION_HEAD.size
    pieces = [
        Range(0, start_g1 + num_powers * G1_BYTES, f"heads and {num_powers} powers in G1"),
        Range(head_g2, start_g2 + G2_BYTES, "head and generator of G2"),
    ]
    for i in range(min(power, checkable_g2_powers(num_powers))):
        start = start_g2 + (G2_BYTES << i)
        pieces.append(Range(start, start + G2_BYTES, f"tau^(2^{i}) in G2"))
    return FetchPlan(power, num_powers, sections, tuple(_merged(pieces)))


def _merged(pieces: list[Range]) -> list[Range]:
    merged = pieces[:1]
    for piece in pieces[1:]:
        last = merged[-1]
        if piece.start - last.stop <= GAP:
            first = last.what.split(" to ")[0]
            merged[-1] = Range(last.start, piece.stop, f"{first} to {piece.what}")
        else:
            merged.append(piece)
    return merged
