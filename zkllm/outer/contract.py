"""The contract of a verifying key: the key and the outer protocol's tables as the generator's description."""

from __future__ import annotations

from verifier_gen import GeneratedVerifier, VerifierSpec, generate
from zkllm.errors import PackageError
from zkllm.field import P, R
from zkllm.outer.gates import COSET_SHIFTS
from zkllm.outer.keys import VERSION, VerifyingKey
from zkllm.outer.opening import OPENINGS
from zkllm.outer.transcript import (
    CHAIN_START,
    SCALAR_BYTES,
    SCHEDULE,
    STATEMENT,
    STATEMENT_TAG,
    body_elements,
)
from zkllm.pcs.curve import G2_GENERATOR, decode_g2, g1_coordinates
from zkllm.poseidon2_constants import DIAGONAL
from zkllm.statement import DIGEST_BYTES, LIMB_BITS, LIMBS_PER_WORD


def verifier_contract(vk: VerifyingKey) -> GeneratedVerifier:
    """Its source and standard JSON input; equal keys give equal bytes."""
    return generate(describe(vk))


def describe(vk: VerifyingKey) -> VerifierSpec:
    """Raises PackageError for the key of a part of a model, which proves less than an answer."""
    if vk.version != VERSION:
        raise PackageError("verifying key: only a model's key has a contract")
    body = body_elements(vk.num_witness_columns)
    return VerifierSpec(
        order=R,
        modulus=P,
        log2_size=vk.n_log2,
        root=vk.domain.root,
        cosets=COSET_SHIFTS,
        diagonal=tuple(DIAGONAL),
        version=vk.version,
        N=vk.N,
        k=vk.k,
        sealed=vk.sealed,
        log2_b=vk.b_log2,
        num_words=vk.num_words,
        limb_bits=LIMB_BITS,
        limbs_per_word=LIMBS_PER_WORD,
        fixed_columns=tuple(_g1(c) for c in vk.fixed_commitments),
        c0=_g1(vk.c0),
        vocabulary_size=vk.vocab_size,
        verifier_id=_digest(vk.verifier_id),
        model_id=_digest(vk.model_id),
        vocabulary_root=_digest(vk.vocabulary_root),
        srs_digest=_digest(vk.srs_digest),
        development_srs=vk.development_srs,
        g2=_g2(G2_GENERATOR),
        g2_tau=_g2(vk.g2_tau),
        g2_tau_b=_g2(vk.g2_tau_b),
        tag=STATEMENT_TAG,
        witness=tuple(name for name, _ in body[: vk.num_witness_columns]),
        body=tuple(body),
        statement=STATEMENT,
        chain_start=CHAIN_START,
        rounds=SCHEDULE,
        public_inputs=vk.public_input_names,
        openings=OPENINGS,
    )


def _g1(data: bytes) -> tuple[int, int]:
    """Coordinates of a point that is on the curve, or infinity's zeros."""
    return g1_coordinates(data)


def _g2(data: bytes) -> tuple[int, int, int, int]:
    decode_g2(data)
    a, b, c, d = _words(data)
    return a, b, c, d


def _words(data: bytes) -> list[int]:
    return [int.from_bytes(data[i : i + SCALAR_BYTES], "big") for i in range(0, len(data), SCALAR_BYTES)]


def _digest(data: bytes) -> bytes:
    if len(data) != DIGEST_BYTES:
        raise ValueError(f"a digest has {DIGEST_BYTES} bytes, got {len(data)}")
    return data
