"""Poseidon2 in plain Python, and trees of hashes, a node at a time."""

from __future__ import annotations

from collections.abc import Sequence

from ..hashing import keccak256
from ..kernels.interface import HashKernels
from ..poseidon2 import permute


class NaiveHashes(HashKernels):
    def permute(self, state: Sequence[int]) -> list[int]:
        return permute(list(state))

    def hash_tree(self, leaves: Sequence[bytes]) -> list[bytes]:
        size = 1 << (max(1, len(leaves)) - 1).bit_length()
        level = [keccak256(b"\x00", data) for data in leaves] + [bytes(32)] * (size - len(leaves))
        levels = [level]
        while len(level) > 1:
            level = [keccak256(b"\x01", *level[i : i + 2]) for i in range(0, len(level), 2)]
            levels.append(level)
        return [b"".join(nodes) for nodes in levels]
