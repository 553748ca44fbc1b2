"""Kinds of SRS, and the development one: a tau that everybody knows. Pure Python."""

from __future__ import annotations

from functools import cache

from zkllm.field import R
from zkllm.hashing import keccak256
from zkllm.pcs.bn128 import bn
from zkllm.pcs.curve import encode_g1, encode_g2

SRS_KINDS = ("development", "ceremony")
DEVELOPMENT_TAU = int.from_bytes(keccak256(b"zkllm development SRS v1: insecure, tau is public"), "big") % R


@cache
def development_g2_tau() -> bytes:
    """[tau]_2 of the development SRS, 128 bytes in EIP-197's order: how a disguised one is recognised."""
    return encode_g2(bn.multiply(bn.G2, DEVELOPMENT_TAU))


@cache
def development_g1_tau() -> bytes:
    """[tau]_1 of the development SRS, 64 bytes."""
    return encode_g1(bn.multiply(bn.G1, DEVELOPMENT_TAU))
