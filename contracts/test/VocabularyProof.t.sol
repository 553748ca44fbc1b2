// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {VocabularyProof} from "../src/libraries/VocabularyProof.sol";
import {TestBase} from "./utils/TestBase.sol";
import {Vocabulary} from "./utils/Vocabulary.sol";

/// @notice The Merkle path check against a naive tree.
contract VocabularyProofTest is TestBase {
    function rootOf(uint256 id, bytes calldata text, bytes32[] calldata siblings)
        external
        pure
        returns (bytes32)
    {
        return VocabularyProof.rootOf(id, text, siblings);
    }

    function test_depth() external pure {
        assertEq(VocabularyProof.depthOf(1), 0, "1");
        assertEq(VocabularyProof.depthOf(2), 1, "2");
        assertEq(VocabularyProof.depthOf(3), 2, "3");
        assertEq(VocabularyProof.depthOf(301), 9, "301");
        assertEq(VocabularyProof.depthOf(50_257), 16, "50257");
        assertEq(VocabularyProof.depthOf(65_536), 16, "65536");
    }

    function test_everyTokenOfOddVocabularies(uint256 seed) external view {
        bytes[] memory tokens = _tokens(seed, 1 + seed % 20);
        bytes32 root = Vocabulary.root(tokens);
        for (uint256 i = 0; i < tokens.length; ++i) {
            uint16[] memory ids = new uint16[](1);
            ids[0] = uint16(i);
            assertEq(this.rootOf(i, tokens[i], Vocabulary.paths(tokens, ids)), root, "honest path");
        }
    }

    function test_anythingElseLeadsElsewhere(uint256 seed, uint256 bit) external view {
        bytes[] memory tokens = _tokens(seed, 13);
        bytes32 root = Vocabulary.root(tokens);
        uint16[] memory ids = new uint16[](1);
        ids[0] = uint16(seed % 13);
        bytes32[] memory path = Vocabulary.paths(tokens, ids);

        assertTrue(this.rootOf(ids[0] ^ (1 << (bit % 32)), tokens[ids[0]], path) != root, "another id");
        assertTrue(this.rootOf(ids[0], bytes.concat(tokens[ids[0]], hex"00"), path) != root, "a byte more");
        path[bit % path.length] ^= bytes32(1 << (bit % 256));
        assertTrue(this.rootOf(ids[0], tokens[ids[0]], path) != root, "another sibling");
    }

    /// @dev The memory that the assembly borrows is given back.
    function test_freeMemoryPointerSurvives() external view {
        bytes[] memory tokens = _tokens(7, 16);
        uint16[] memory ids = new uint16[](1);
        bytes32 first = this.rootOf(0, tokens[0], Vocabulary.paths(tokens, ids));
        bytes memory after_ = abi.encode(first);
        assertEq(keccak256(after_), keccak256(abi.encode(Vocabulary.root(tokens))), "memory");
    }

    function _tokens(uint256 seed, uint256 count) private pure returns (bytes[] memory tokens) {
        tokens = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            bytes32 random = keccak256(abi.encode(seed, i));
            tokens[i] = new bytes(uint8(random[0]) % 40);
            for (uint256 j = 0; j < tokens[i].length; ++j) {
                tokens[i][j] = random[j % 32];
            }
        }
    }
}
