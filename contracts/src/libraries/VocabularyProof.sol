// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Merkle tree over the bytes of a vocabulary's tokens
/// @notice leaf_i = keccak256(0x00 | uint32 i | bytes of token i), node = keccak256(0x01 | left | right); leaves
/// beyond the vocabulary are 32 zero bytes, up to a power of two.
/// @dev The path is directed by the id's bits and has exactly the tree's depth, so an id has one leaf, and no
/// node can pass for a leaf.
library VocabularyProof {
    /// @notice Depth of the tree over `size` tokens.
    function depthOf(uint256 size) internal pure returns (uint256 depth) {
        while ((uint256(1) << depth) < size) ++depth;
    }

    /// @notice Root that token `id` with these bytes leads to.
    /// @param id Below 2^32.
    /// @param siblings The path, bottom up. Its length is the caller's to check.
    function rootOf(uint256 id, bytes calldata text, bytes32[] calldata siblings)
        internal
        pure
        returns (bytes32 node)
    {
        assembly ("memory-safe") {
            let pointer := mload(0x40)
            // 0x00 | uint32 id | text, in memory that stays free
            mstore(pointer, shl(216, id))
            calldatacopy(add(pointer, 5), text.offset, text.length)
            node := keccak256(pointer, add(5, text.length))

            // 0x01 | left | right at bytes 0x1f..0x5f: the free memory pointer at 0x40 is put back below
            mstore8(0x1f, 0x01)
            let end := add(siblings.offset, shl(5, siblings.length))
            for { let position := siblings.offset } lt(position, end) { position := add(position, 0x20) } {
                let isRight := shl(5, and(id, 1))
                mstore(add(0x20, isRight), node)
                mstore(sub(0x40, isRight), calldataload(position))
                node := keccak256(0x1f, 0x41)
                id := shr(1, id)
            }
            mstore(0x40, pointer)
        }
    }
}
