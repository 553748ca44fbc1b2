"""The vocabulary's Merkle tree: it ties each token id to the bytes that the id stands for.

leaf_i = keccak256(0x00 | uint32 i | token bytes), node = keccak256(0x01 | left | right); the leaves are
padded with 32 zero bytes to the next power of two. A path is directed by the index alone; the settlement
contract checks the same paths.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from zkllm.hashing import keccak256
from zkllm.kernels.interface import HashKernels
from zkllm.kernels.native import NATIVE

_BYTES = 32  # of a node


def leaf_data(index: int, token: bytes) -> bytes:
    return index.to_bytes(4, "big") + token


def leaf(index: int, token: bytes) -> bytes:
    return keccak256(b"\x00", leaf_data(index, token))


def node(left: bytes, right: bytes) -> bytes:
    return keccak256(b"\x01", left, right)


def tree_depth(vocab_size: int) -> int:
    return max(0, (vocab_size - 1).bit_length())


class VocabularyTree:
    """`root` and `path(i)` over the bytes of every id."""

    def __init__(self, tokens: Sequence[bytes], kernels: HashKernels = NATIVE):
        self.tokens = list(tokens)
        leaves = [leaf_data(i, t) for i, t in enumerate(self.tokens)]
        *self._levels, self.root = kernels.hash_tree(leaves)

    def path(self, index: int) -> list[bytes]:
        """Siblings from the leaf upwards."""
        if not 0 <= index < len(self.tokens):
            raise IndexError(f"token id {index} is not below {len(self.tokens)}")
        return [_node_of(level, (index >> k) ^ 1) for k, level in enumerate(self._levels)]

    def multiproof(self, indices: Iterable[int]) -> list[bytes]:
        """The siblings that complete the paths of several ids: level by level from the leaves, in the order
        of the ids, each whose node is on no path. Of one id it is the path."""
        nodes, siblings = sorted(set(indices)), []
        if nodes and not 0 <= nodes[0] <= nodes[-1] < len(self.tokens):
            raise IndexError(f"token ids {nodes[0]}..{nodes[-1]} are not all below {len(self.tokens)}")
        for level in self._levels:
            on_path = set(nodes)
            siblings += [_node_of(level, i ^ 1) for i in nodes if i ^ 1 not in on_path]
            nodes = sorted({i >> 1 for i in nodes})
        return siblings


def _node_of(level: bytes, index: int) -> bytes:
    return level[_BYTES * index : _BYTES * (index + 1)]


def verify_path(root: bytes, vocab_size: int, index: int, token: bytes, path: Sequence[bytes]) -> bool:
    """Whether id `index` stands for `token` under `root`. The path has exactly the tree's depth."""
    if not 0 <= index < vocab_size or len(path) != tree_depth(vocab_size):
        return False
    value = leaf(index, token)
    for k, sibling in enumerate(path):
        value = node(sibling, value) if index >> k & 1 else node(value, sibling)
    return value == root
