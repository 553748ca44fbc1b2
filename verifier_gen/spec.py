"""What the generated contract depends on: the verifying key, spelt out as numbers."""

from __future__ import annotations

from dataclasses import dataclass

from zkllm.errors import PackageError
from zkllm.field import P, R, root_of_unity
from zkllm.outer.gates import COSET_SHIFTS
from zkllm.outer.keys import VERSION, VerifyingKey
from zkllm.outer.transcript import STATEMENT_TAG
from zkllm.poseidon2_constants import DIAGONAL

Point = tuple[int, int]
G2Point = tuple[int, int, int, int]
"""(x imaginary, x real, y imaginary, y real), the order of the pairing precompile."""

G2_GENERATOR: G2Point = (
    11559732032986387107991004021392285783925812861821192530917403151452391805634,
    10857046999023057135944570762232829481370756359578518086990519993285655852781,
    4082367875863433681332203403145435568316851327593401208105741076214120093531,
    8495653923123431417604973247489272438418190587263600148770280649306958101930,
)


@dataclass(frozen=True)
class VerifierSpec:
    """Everything that differs between two generated verifiers."""

    version: int
    N: int
    k: int
    log2_size: int
    log2_b: int
    num_words: int
    num_witness_columns: int
    fixed_columns: tuple[Point, ...]
    c0: Point
    vocabulary_size: int
    verifier_id: bytes
    model_id: bytes
    vocabulary_root: bytes
    srs_digest: bytes
    development_srs: bool
    g2_tau: G2Point
    g2_tau_b: G2Point
    tag: bytes = STATEMENT_TAG
    diagonal: tuple[int, ...] = tuple(DIAGONAL)
    cosets: tuple[int, ...] = COSET_SHIFTS

    @classmethod
    def from_verifying_key(cls, vk: VerifyingKey) -> VerifierSpec:
        if vk.version != VERSION:
            raise PackageError("verifying key: only a model's key has a contract")
        return cls(
            version=vk.version,
            N=vk.N,
            k=vk.k,
            log2_size=vk.n_log2,
            log2_b=vk.b_log2,
            num_words=vk.num_words,
            num_witness_columns=vk.num_witness_columns,
            fixed_columns=tuple(g1_point(c) for c in vk.fixed_commitments),
            c0=g1_point(vk.c0),
            vocabulary_size=vk.vocab_size,
            verifier_id=digest(vk.verifier_id),
            model_id=digest(vk.model_id),
            vocabulary_root=digest(vk.vocabulary_root),
            srs_digest=digest(vk.srs_digest),
            development_srs=vk.srs_kind != "ceremony",
            g2_tau=g2_point(vk.g2_tau),
            g2_tau_b=g2_point(vk.g2_tau_b),
        )

    @property
    def omega(self) -> int:
        """Generator of the circuit's domain."""
        return root_of_unity(self.log2_size)

    def inverse(self, x: int) -> int:
        return pow(x, -1, R)


def g1_point(data: bytes) -> Point:
    """64 bytes, big-endian x and y; on the curve or infinity."""
    if len(data) != 64:
        raise ValueError(f"a G1 point has 64 bytes, got {len(data)}")
    x, y = int.from_bytes(data[:32], "big"), int.from_bytes(data[32:], "big")
    if x >= P or y >= P or ((x, y) != (0, 0) and (y * y - x * x * x - 3) % P):
        raise ValueError("not a point of BN254's G1")
    return x, y


def g2_point(data: bytes) -> G2Point:
    """128 bytes: imaginary and real part of x, then of y, big-endian."""
    if len(data) != 128:
        raise ValueError(f"a G2 point has 128 bytes, got {len(data)}")
    a, b, c, d = (int.from_bytes(data[i : i + 32], "big") for i in range(0, 128, 32))
    if max(a, b, c, d) >= P:
        raise ValueError("a coordinate of a G2 point is not below p")
    return a, b, c, d


def digest(data: bytes) -> bytes:
    if len(data) != 32:
        raise ValueError(f"a digest has 32 bytes, got {len(data)}")
    return data
