// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Settlement} from "../../src/interfaces/IZkLLMSettlement.sol";
import {Vocabulary} from "./Vocabulary.sol";

/// @notice A registered verifier that says what it is told: an equation of 21 words, whatever the proof. Its model, of
/// which there is one for each `name`, has one token.
contract EquationVerifier {
    bool public constant DEVELOPMENT_SRS = true;
    bytes32 private immutable MODEL;
    bytes private equation;

    constructor(string memory name) {
        MODEL = keccak256(bytes(name));
    }

    function say(bytes calldata words) external {
        equation = words;
    }

    function parameters() external view returns (bytes32, bytes32, uint256, uint256, uint256, bool) {
        return (MODEL, keccak256(abi.encodePacked(uint8(0), uint32(0), "token")), 1, 13, 1, false);
    }

    fallback(bytes calldata) external returns (bytes memory) {
        return equation;
    }

    /// @notice An answer by this model to the prompt of its one token.
    function settlement() external view returns (Settlement memory) {
        uint256[] memory words = Vocabulary.words(new uint32[](2), 13, 0);
        bytes[] memory tokens = new bytes[](1);
        tokens[0] = "token";
        return Settlement(address(this), 0, words, new uint256[](0), new bytes32[](0), tokens);
    }

    /// @notice The id of that claim.
    function claimId() external view returns (bytes32) {
        return keccak256(abi.encode(MODEL, 1, keccak256(abi.encode(0))));
    }
}
