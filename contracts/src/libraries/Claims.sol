// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IRequestEscrow} from "../interfaces/IRequestEscrow.sol";

/// @title What a claim is called
/// @notice A claim's id is that of its question: model, number of answered tokens, prompt. The model is deterministic
/// and decodes greedily, so a question has one answer; it is the claim's content.
library Claims {
    /// @dev Order of BN254's groups: a sealed prompt is an element of the field below it.
    uint256 private constant R = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001;
    /// @dev Keeps the ids of sealed questions apart from all others.
    bytes32 private constant SEALED_TAG = keccak256("zkllm.v2.sealed claim");

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

    /// @notice keccak256(abi.encode(SEALED_TAG, modelId, k, sealedPrompt)).
    /// @dev A proof shows P modulo r alone, so P + r would be another id of the same question.
    /// @param sealedPrompt P, below r.
    function sealedIdOf(bytes32 modelId, uint256 k, uint256 sealedPrompt) internal pure returns (bytes32) {
        if (sealedPrompt >= R) revert IRequestEscrow.InvalidSealedPrompt(sealedPrompt);
        return keccak256(abi.encode(SEALED_TAG, modelId, k, sealedPrompt));
    }
}
