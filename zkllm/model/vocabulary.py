"""The vocabulary's Merkle tree: it ties each token id to the bytes that the id stands for.

leaf_i = keccak256(0x00 | uint32 i | token bytes), node = keccak256(0x01 | left | right); the leaves are
padded with 32 zero bytes to the next power of two. A path is directed by the index alone. Pure Python; the
settlement contract checks the same paths.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from zkllm.hashing import keccak256

_EMPTY = bytes(32)


def leaf(index: int, token: bytes) -> bytes:
    return keccak256(b"\x00", index.to_bytes(4, "big"), token)


def node(left: bytes, right: bytes) -> bytes:
    return keccak256(b"\x01", left, right)


def tree_depth(vocab_size: int) -> int:
    return max(0, (vocab_size - 1).bit_length())


class VocabularyTree:
    """`root` and `path(i)` over the bytes of every id."""

    def __init__(self, tokens: Sequence[bytes]):
        self.tokens = list(tokens)
        depth = tree_depth(len(self.tokens))
        level = [leaf(i, t) for i, t in enumerate(self.tokens)]
        self._levels = [level + [_EMPTY] * ((1 << depth) - len(level))]
        while len(self._levels[-1]) > 1:
            below = self._levels[-1]
            self._levels.append([node(below[i], below[i + 1]) for i in range(0, len(below), 2)])

    @property
    def root(self) -> bytes:
        return self._levels[-1][0]

    def path(self, index: int) -> list[bytes]:
        """Siblings from the leaf upwards."""
        if not 0 <= index < len(self.tokens):
            raise IndexError(f"token id {index} is not below {len(self.tokens)}")
        return [level[(index >> k) ^ 1] for k, level in enumerate(self._levels[:-1])]

    def multiproof(self, indices: Iterable[int]) -> list[bytes]:
        """The siblings that complete the paths of several ids: level by level from the leaves, in the order
        of the ids, each whose node is on no path. Of one id it is the path."""
        nodes, siblings = sorted(set(indices)), []
        if nodes and not 0 <= nodes[0] <= nodes[-1] < len(self.tokens):
            raise IndexError(f"token ids {nodes[0]}..{nodes[-1]} are not all below {len(self.tokens)}")
        for level in self._levels[:-1]:
            on_path = set(nodes)
            siblings += [level[i ^ 1] for i in nodes if i ^ 1 not in on_path]
            nodes = sorted({i >> 1 for i in nodes})
        return siblings


def verify_path(root: bytes, vocab_size: int, index: int, token: bytes, path: Sequence[bytes]) -> bool:
    """Whether id `index` stands for `token` under `root`. The path has exactly the tree's depth."""
    if not 0 <= index < vocab_size or len(path) != tree_depth(vocab_size):
        return False
    value = leaf(index, token)
    for k, sibling in enumerate(path):
        value = node(sibling, value) if index >> k & 1 else node(value, sibling)
    return value == root
