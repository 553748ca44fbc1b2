// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IZkLLMSettlement} from "../interfaces/IZkLLMSettlement.sol";

/// @title What the words of a statement say
/// @notice A statement is words of 10 limbs of 24 bits, the first limb on top: T and x_0..x_N, or, after a word for the
/// sealed prompt P, the answered ids.
library Statements {
    /// @dev Limbs of 24 bits in a word of the statement.
    uint256 private constant LIMBS_PER_WORD = 10;

    /// @notice Unpacks T and x_0..x_T. That T, the ids and the padding after x_T are those of an admissible statement
    /// is part of what the proof shows; here only T is checked, since it is used before the proof is verified.
    function decode(uint256[] calldata words, uint256 n, uint256 k)
        internal
        pure
        returns (bytes32 promptDigest, uint32[] memory answer)
    {
        uint256 T;
        assembly ("memory-safe") {
            T := shr(216, calldataload(words.offset)) // first limb, in the first of at least one word
        }
        if (T < k || T > n) revert IZkLLMSettlement.InvalidLength(T);
        uint32[] memory ids = limbsOf(words, 1, T + 1);
        assembly ("memory-safe") {
            let start := add(ids, 0x20)
            let prompt := shl(5, sub(add(T, 1), k))
            promptDigest := keccak256(start, prompt)
            // the prompt's last id makes room for the length of the array of the answer's ids
            answer := add(ids, prompt)
            mstore(answer, k)
        }
    }

    /// @notice Words that hold so many limbs.
    function wordsOf(uint256 limbs) internal pure returns (uint256) {
        return (limbs + LIMBS_PER_WORD - 1) / LIMBS_PER_WORD;
    }

    /// @notice `count` limbs of the words, without the first `skipped`. There are as many: the caller has seen to that.
    function limbsOf(uint256[] calldata words, uint256 skipped, uint256 count)
        internal
        pure
        returns (uint32[] memory limbs)
    {
        assembly ("memory-safe") {
            limbs := mload(0x40)
            mstore(limbs, count)
            let start := add(limbs, 0x20)
            let end := add(start, shl(5, count))

            // the words without their two top bytes, end to end: three bytes a limb
            let limb := add(end, 0x60)
            {
                let target := limb
                let wordsEnd := add(words.offset, shl(5, words.length))
                for { let word := words.offset } lt(word, wordsEnd) { word := add(word, 0x20) } {
                    mstore(target, shl(16, calldataload(word)))
                    target := add(target, 30)
                }
                mstore(0x40, add(target, 2))
            }
            limb := add(limb, mul(3, skipped))
            // four at a time; up to three that are none end up in the room before the packed ones
            for { let place := start } lt(place, end) { place := add(place, 0x80) } {
                mstore(place, shr(232, mload(limb)))
                mstore(add(place, 0x20), shr(232, mload(add(limb, 3))))
                mstore(add(place, 0x40), shr(232, mload(add(limb, 6))))
                mstore(add(place, 0x60), shr(232, mload(add(limb, 9))))
                limb := add(limb, 12)
            }
        }
    }
}
