// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title What a claim is called
/// @notice A claim's id is that of its question: model, number of answered tokens, prompt. The model is deterministic
/// and decodes greedily, so a question has one answer; it is the claim's content.
library Claims {
    /// @notice keccak256(abi.encode(modelId, k, promptDigest)).
    /// @param promptDigest keccak256(abi.encodePacked(uint32[] prompt)), a word for each id.
    function idOf(bytes32 modelId, uint256 k, bytes32 promptDigest) internal pure returns (bytes32 id) {
        assembly ("memory-safe") {
            let start := mload(0x40)
            mstore(start, modelId)
            mstore(add(start, 0x20), k)
            mstore(add(start, 0x40), promptDigest)
            id := keccak256(start, 0x60)
        }
    }
}
