"""Amounts of ether, which are counted in wei."""

from __future__ import annotations

GWEI = 10**9
ETHER = 10**18


def ether(wei: float) -> str:
    return f"{wei / ETHER:.6f} ether"
