"""keccak256, Ethereum's hash: everything that the contract recomputes is hashed with it."""

from __future__ import annotations

from Crypto.Hash import keccak


def keccak256(*parts: bytes) -> bytes:
    """keccak256 of the concatenation of `parts` (the original padding, not SHA3-256's)."""
    state = keccak.new(digest_bits=256)
    for part in parts:
        state.update(part)
    return state.digest()
