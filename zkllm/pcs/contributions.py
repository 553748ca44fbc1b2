"""The record of a powers-of-tau ceremony: section 7 of a .ptau file.

A contribution multiplies tau, alpha and beta by secrets. Its record has the results, and for each secret x
a proof that it was known: s G1, x s G1 and x H, with H a point of G2 that nobody chose, hashed from the
challenge and the first two. The challenge is the hash of the whole file before; the response is the hash of
the challenge, the compressed powers after, and the proofs; the next challenge is the hash of the response and
the powers. Of the response's hash the state before the proofs is kept. A beacon is a contribution whose
secrets follow from a public value that nobody could foresee.

All points here are in wire encoding. Sources: phase 1 of https://eprint.iacr.org/2017/1050, and snarkjs for
the layout and for how points are drawn.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

from zkllm._native import Blake2b, Points, g2_from_raw, g2_to_raw
from zkllm.errors import SrsError
from zkllm.pcs.curve import G1_BYTES, G1_GENERATOR, G2_BYTES, G2_GENERATOR
from zkllm.pcs.draw import ChaCha, draw_fr, draw_g1, draw_g2, multiply_g1, multiply_g2
from zkllm.pcs.powers import same_ratio

SECRETS = ("tau", "alpha", "beta")
PARTIAL_HASH_BYTES = 216
HASH_BYTES = 64
CONTRIBUTION, BEACON = range(2)
MAX_NAME_BYTES = 64
MAX_BEACON_LOG2 = 26
"""Iterations of SHA-256 that checking a beacon is worth: a minute."""
_NAME, _ITERATIONS, _BEACON = 1, 2, 3
_U32 = struct.Struct("<I")


@dataclass(frozen=True)
class PublicKey:
    """For tau, alpha and beta: the proofs that the secrets were known."""

    g1: tuple[tuple[bytes, bytes], ...]
    """(s G1, x s G1)."""
    g2: tuple[bytes, ...]
    """x H."""

    def encoded(self) -> bytes:
        return b"".join(p for pair in self.g1 for p in pair) + b"".join(self.g2)


@dataclass(frozen=True)
class Contribution:
    tau_g1: bytes
    tau_g2: bytes
    alpha_g1: bytes
    beta_g1: bytes
    beta_g2: bytes
    key: PublicKey
    partial_hash: bytes
    """State of the response's hash before the key."""
    next_challenge: bytes
    kind: int = CONTRIBUTION
    name: bytes = b""
    iterations_log2: int = 0
    beacon: bytes = b""

    @property
    def response(self) -> bytes:
        """What the contributor publishes: it names the contribution."""
        hasher = Blake2b.from_state(self.partial_hash)
        hasher.update(self.key.encoded())
        return hasher.digest()

    @property
    def text(self) -> str:
        return self.name.decode("utf-8", errors="replace")


def make_key(challenge: bytes, secrets: tuple[int, ...], factors: tuple[int, ...]) -> PublicKey:
    """Proofs of knowledge of the secrets; `factors` are random, one for each."""
    return key_of(challenge, secrets, tuple(multiply_g1(G1_GENERATOR, s) for s in factors))


def key_of(challenge: bytes, secrets: tuple[int, ...], bases: tuple[bytes, ...]) -> PublicKey:
    g1 = tuple((base, multiply_g1(base, x)) for base, x in zip(bases, secrets, strict=True))
    hashed = [hash_to_g2(i, challenge, *pair) for i, pair in enumerate(g1)]
    return PublicKey(g1, tuple(multiply_g2(h, x) for h, x in zip(hashed, secrets, strict=True)))


def hash_to_g2(personalisation: int, challenge: bytes, base: bytes, image: bytes) -> bytes:
    """H: a point of G2 drawn from the hash of the challenge and the two points of G1."""
    digest = hashlib.blake2b(bytes([personalisation]) + challenge + base + image).digest()
    return draw_g2(ChaCha.from_digest(digest))


def beacon_key(challenge: bytes, beacon: bytes, iterations_log2: int) -> PublicKey:
    """The key whose secrets follow from a beacon: SHA-256 iterated 2^iterations_log2 times."""
    for _ in range(1 << iterations_log2):
        beacon = hashlib.sha256(beacon).digest()
    rng = ChaCha.from_digest(beacon)
    secrets = tuple(draw_fr(rng) for _ in SECRETS)
    return key_of(challenge, secrets, tuple(draw_g1(rng) for _ in SECRETS))


def first_challenge(power: int) -> bytes:
    """The hash of a file without contributions, where tau = alpha = beta = 1."""
    hasher = hashlib.blake2b(hashlib.blake2b().digest())
    block = 1 << 14
    for point, count in (
        (G1_GENERATOR, (2 << power) - 1),
        (G2_GENERATOR, 1 << power),
        (G1_GENERATOR, 2 << power),
        (G2_GENERATOR, 1),
    ):
        for _ in range(count // block):
            hasher.update(point * block)
        hasher.update(point * (count % block))
    return hasher.digest()


# ---- section 7


class _Reader:
    def __init__(self, data: bytes):
        self.data, self.offset = data, 0

    def take(self, count: int) -> bytes:
        part = self.data[self.offset : self.offset + count]
        if len(part) != count:
            raise SrsError(".ptau file: the record of contributions is cut off")
        self.offset += count
        return part

    def u32(self) -> int:
        return int(_U32.unpack(self.take(_U32.size))[0])

    def g1(self) -> bytes:
        point = Points.from_raw(self.take(G1_BYTES))
        if point.first_invalid() is not None:
            raise SrsError(".ptau file: the record of contributions has a point outside G1")
        return point[0]

    def g2(self) -> bytes:
        try:
            return g2_from_raw(self.take(G2_BYTES))
        except ValueError:
            raise SrsError(".ptau file: the record of contributions has a point outside G2") from None

    def contribution(self) -> Contribution:
        results = (self.g1(), self.g2(), self.g1(), self.g1(), self.g2())
        key = PublicKey(tuple((self.g1(), self.g1()) for _ in SECRETS), tuple(self.g2() for _ in SECRETS))
        partial_hash = self.take(PARTIAL_HASH_BYTES)
        next_challenge, kind = self.take(HASH_BYTES), self.u32()
        end = self.u32() + self.offset
        values = {_NAME: b"", _ITERATIONS: b"\0", _BEACON: b""}
        last = 0
        while self.offset < end:
            parameter = self.take(1)[0]
            if parameter not in values or parameter <= last:
                raise SrsError(".ptau file: a contribution has parameters that are unknown or not sorted")
            values[parameter] = self.take(1 if parameter == _ITERATIONS else self.take(1)[0])
            last = parameter
        if self.offset != end or kind not in (CONTRIBUTION, BEACON):
            raise SrsError(".ptau file: a contribution is not of a known kind, or its parameters do not end")
        try:
            Blake2b.from_state(partial_hash)
        except ValueError:
            raise SrsError(".ptau file: a contribution's partial hash is none") from None
        return Contribution(
            *results,
            key,
            partial_hash,
            next_challenge,
            kind,
            values[_NAME],
            values[_ITERATIONS][0],
            values[_BEACON],
        )


def decode_contributions(data: bytes) -> list[Contribution]:
    """Section 7; its points are checked, its relations are not. Raises SrsError."""
    reader = _Reader(data)
    record = [reader.contribution() for _ in range(reader.u32())]
    if reader.offset != len(data):
        raise SrsError(".ptau file: bytes after the last contribution")
    return record


def encode_contributions(record: list[Contribution]) -> bytes:
    return _U32.pack(len(record)) + b"".join(map(_encode, record))


def _encode(c: Contribution) -> bytes:
    raw = lambda p: g2_to_raw(p) if len(p) == G2_BYTES else Points.decode(p).raw(0, 1)
    points = (c.tau_g1, c.tau_g2, c.alpha_g1, c.beta_g1, c.beta_g2)
    keys = (*(p for pair in c.key.g1 for p in pair), *c.key.g2)
    parameters = bytes([_NAME, len(c.name)]) + c.name if c.name else b""
    if c.kind == BEACON:
        parameters += bytes([_ITERATIONS, c.iterations_log2, _BEACON, len(c.beacon)]) + c.beacon
    return (
        b"".join(map(raw, (*points, *keys)))
        + c.partial_hash
        + c.next_challenge
        + _U32.pack(c.kind)
        + _U32.pack(len(parameters))
        + parameters
    )


# ---- checks


def start(power: int) -> Contribution:
    """What the first contribution follows: tau = alpha = beta = 1."""
    g1, g2 = G1_GENERATOR, G2_GENERATOR
    return Contribution(g1, g2, g1, g1, g2, PublicKey((), ()), b"", first_challenge(power))


def check_contribution(number: int, previous: Contribution, current: Contribution) -> None:
    """Contribution `number` multiplies the one before by secrets that were known. Raises SrsError."""

    def require(holds: bool, what: str) -> None:
        if not holds:
            raise SrsError(f".ptau file: contribution {number}: {what}")

    if current.kind == BEACON:
        require(
            current.iterations_log2 <= MAX_BEACON_LOG2,
            f"a beacon of 2^{current.iterations_log2} iterations takes too long to check",
        )
        key = beacon_key(previous.next_challenge, current.beacon, current.iterations_log2)
        require(key == current.key, "its key does not follow from the beacon")
    factors = []
    for i, (name, pair, image) in enumerate(zip(SECRETS, current.key.g1, current.key.g2, strict=True)):
        base = hash_to_g2(i, previous.next_challenge, *pair)
        require(same_ratio(*pair, base, image), f"the proof of {name} is wrong")
        factors.append((base, image))
    tau, alpha, beta = factors
    follows = "does not follow from the contribution before"
    require(same_ratio(previous.tau_g1, current.tau_g1, *tau), f"tau in G1 {follows}")
    require(same_ratio(*current.key.g1[0], previous.tau_g2, current.tau_g2), f"tau in G2 {follows}")
    require(same_ratio(previous.alpha_g1, current.alpha_g1, *alpha), f"alpha in G1 {follows}")
    require(same_ratio(previous.beta_g1, current.beta_g1, *beta), f"beta in G1 {follows}")
    require(same_ratio(*current.key.g1[2], previous.beta_g2, current.beta_g2), f"beta in G2 {follows}")
