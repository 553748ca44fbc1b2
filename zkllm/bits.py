"""How many bits a number of things takes."""

from __future__ import annotations


def ceil_log2(n: int) -> int:
    """Bits that index n items (0 for one item)."""
    return max(0, (n - 1).bit_length())
