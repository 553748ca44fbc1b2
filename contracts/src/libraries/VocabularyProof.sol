// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Merkle tree over the bytes of a vocabulary's tokens
/// @notice leaf_i = keccak256(0x00 | uint32 i | bytes of token i), node = keccak256(0x01 | left | right); leaves
/// beyond the vocabulary are 32 zero bytes, up to a power of two.
/// @dev Paths are directed by the ids' bits and have exactly the tree's depth, so an id has one leaf, and no node can
/// pass for a leaf.
library VocabularyProof {
    /// @notice Depth of the tree over `size` tokens.
    function depthOf(uint256 size) internal pure returns (uint256 depth) {
        while ((uint256(1) << depth) < size) ++depth;
    }

    /// @notice Whether `depth` is `depthOf(size)`, without the loop: the last index fits into so many bits, and not
    /// into one less.
    /// @param size At least 1.
    function isDepthOf(uint256 size, uint256 depth) internal pure returns (bool yes) {
        assembly ("memory-safe") {
            let last := sub(size, 1)
            yes := and(iszero(shr(depth, last)), or(iszero(depth), shr(sub(depth, 1), last)))
        }
    }

    /// @notice Leaf of token `id`, which is below 2^32.
    function leafOf(uint256 id, bytes memory text) internal pure returns (bytes32 leaf) {
        assembly ("memory-safe") {
            // 0x00 | uint32 id | text, in memory that stays free
            let pointer := mload(0x40)
            mstore(pointer, shl(216, id))
            mcopy(add(pointer, 5), add(text, 0x20), mload(text))
            leaf := keccak256(pointer, add(5, mload(text)))
        }
    }

    /// @notice Root that one leaf leads to.
    /// @param siblings The path, bottom up. Its length is the caller's to check.
    function rootOf(uint256 id, bytes32 leaf, bytes32[] calldata siblings)
        internal
        pure
        returns (bytes32 node)
    {
        assembly ("memory-safe") {
            // 0x01 | left | right at bytes 0x1f..0x5f: the free memory pointer at 0x40 is put back below
            let pointer := mload(0x40)
            node := leaf
            mstore8(0x1f, 0x01)
            id := shl(5, id) // the bit of each level is that of 0x20, the place of a node that is on the right
            let position := siblings.offset
            let end := add(position, shl(5, siblings.length))
            let right
            // two levels a turn; where their number is odd, the first one before
            if and(siblings.length, 1) {
                right := and(id, 0x20)
                mstore(add(0x20, right), node)
                mstore(sub(0x40, right), calldataload(position))
                node := keccak256(0x1f, 0x41)
                id := shr(1, id)
                position := add(position, 0x20)
            }
            for {} lt(position, end) { position := add(position, 0x40) } {
                right := and(id, 0x20)
                mstore(add(0x20, right), node)
                mstore(sub(0x40, right), calldataload(position))
                node := keccak256(0x1f, 0x41)
                right := and(shr(1, id), 0x20)
                mstore(add(0x20, right), node)
                mstore(sub(0x40, right), calldataload(add(position, 0x20)))
                node := keccak256(0x1f, 0x41)
                id := shr(2, id)
            }
            mstore(0x40, pointer)
        }
    }

    /// @notice Root that several leaves lead to together. Nodes whose sibling is known need none from outside.
    /// @dev An id beyond the tree, 2^depth or more, leads to another node beside the root, or in its place: none of the
    /// ids may be.
    /// @param ids Strictly ascending, at least one. Overwritten.
    /// @param nodes The leaves of `ids`. Overwritten.
    /// @param siblings The missing siblings, level by level from the leaves, in the order of the ids.
    /// @return root The node with index 0.
    /// @return exact Whether it is the only one that is left, and exactly the given siblings were used.
    function rootOf(uint256[] memory ids, bytes32[] memory nodes, bytes32[] calldata siblings, uint256 depth)
        internal
        pure
        returns (bytes32 root, bool exact)
    {
        uint256 count = ids.length;
        uint256 used;
        for (uint256 level = 0; level < depth; ++level) {
            uint256 parents;
            for (uint256 i = 0; i < count; ++parents) {
                uint256 id = ids[i];
                bytes32 node = nodes[i++];
                bytes32 sibling;
                if (id & 1 == 0 && i < count && ids[i] == id + 1) {
                    sibling = nodes[i++];
                } else {
                    if (used == siblings.length) return (0, false);
                    sibling = siblings[used++];
                }
                ids[parents] = id >> 1;
                nodes[parents] = id & 1 == 0 ? _parentOf(node, sibling) : _parentOf(sibling, node);
            }
            count = parents;
        }
        // the last id is the largest: if it has become 0, so has every other
        return (nodes[0], ids[count - 1] == 0 && used == siblings.length);
    }

    function _parentOf(bytes32 left, bytes32 right) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(uint8(1), left, right));
    }
}
