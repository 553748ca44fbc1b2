// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {VocabularyProof} from "../src/libraries/VocabularyProof.sol";
import {TestBase} from "./utils/TestBase.sol";
import {Vocabulary} from "./utils/Vocabulary.sol";

/// @notice The Merkle path check against a naive tree.
contract VocabularyProofTest is TestBase {
    function rootOf(uint256 id, bytes calldata text, bytes32[] calldata siblings)
        public
        pure
        returns (bytes32)
    {
        return VocabularyProof.rootOf(id, VocabularyProof.leafOf(id, text), siblings);
    }

    function rootOfAll(
        uint32[] calldata ids,
        bytes[] calldata texts,
        bytes32[] calldata siblings,
        uint256 depth
    ) external pure returns (bytes32, bool) {
        uint256[] memory wide = new uint256[](ids.length);
        bytes32[] memory leaves = new bytes32[](ids.length);
        for (uint256 i = 0; i < ids.length; ++i) {
            wide[i] = ids[i];
            leaves[i] = VocabularyProof.leafOf(ids[i], texts[i]);
        }
        return VocabularyProof.rootOf(wide, leaves, siblings, depth);
    }

    function test_depth() external pure {
        assertEq(VocabularyProof.depthOf(1), 0, "1");
        assertEq(VocabularyProof.depthOf(2), 1, "2");
        assertEq(VocabularyProof.depthOf(3), 2, "3");
        assertEq(VocabularyProof.depthOf(301), 9, "301");
        assertEq(VocabularyProof.depthOf(50_257), 16, "50257");
        assertEq(VocabularyProof.depthOf(65_536), 16, "65536");
    }

    function test_isDepth(uint256 size, uint256 depth) external pure {
        size = 1 + size % 70_000;
        uint256 right = VocabularyProof.depthOf(size);
        for (uint256 i = 0; i < 20; ++i) {
            assertTrue(VocabularyProof.isDepthOf(size, i) == (i == right), "small depth");
        }
        assertTrue(VocabularyProof.isDepthOf(size, depth) == (depth == right), "any depth");
    }

    function test_everyTokenOfOddVocabularies(uint256 seed) external view {
        bytes[] memory tokens = _tokens(seed, 1 + seed % 20);
        bytes32 root = Vocabulary.root(tokens);
        for (uint256 i = 0; i < tokens.length; ++i) {
            uint32[] memory ids = new uint32[](1);
            ids[0] = uint32(i);
            assertEq(this.rootOf(i, tokens[i], Vocabulary.siblings(tokens, ids)), root, "honest path");
        }
    }

    function test_anythingElseLeadsElsewhere(uint256 seed, uint256 bit) external view {
        bytes[] memory tokens = _tokens(seed, 13);
        bytes32 root = Vocabulary.root(tokens);
        uint32[] memory ids = new uint32[](1);
        ids[0] = uint32(seed % 13);
        bytes32[] memory path = Vocabulary.siblings(tokens, ids);

        assertTrue(this.rootOf(ids[0] ^ (1 << (bit % 32)), tokens[ids[0]], path) != root, "another id");
        assertTrue(this.rootOf(ids[0], bytes.concat(tokens[ids[0]], hex"00"), path) != root, "a byte more");
        path[bit % path.length] ^= bytes32(1 << (bit % 256));
        assertTrue(this.rootOf(ids[0], tokens[ids[0]], path) != root, "another sibling");
    }

    /// @dev Any set of tokens of any vocabulary; one token's proof is the path that the single version takes.
    function test_severalTokensTogether(uint256 seed) external view {
        uint256 size = 1 + seed % 40;
        (bytes[] memory tokens, uint32[] memory ids) = (_tokens(seed, size), _someIds(seed, size));
        bytes32[] memory siblings = Vocabulary.siblings(tokens, ids);
        uint256 depth = VocabularyProof.depthOf(size);
        (bytes32 root, bool exact) = this.rootOfAll(ids, Vocabulary.texts(tokens, ids), siblings, depth);
        assertTrue(exact, "exact");
        assertEq(root, Vocabulary.root(tokens), "root");
        if (ids.length == 1) assertEq(rootOfOne(ids[0], tokens, siblings), root, "single version");
    }

    function rootOfOne(uint32 id, bytes[] memory tokens, bytes32[] memory siblings)
        private
        view
        returns (bytes32)
    {
        return this.rootOf(id, tokens[id], siblings);
    }

    function test_severalTokensWithAnythingElse(uint256 seed) external view {
        uint256 size = 8 + seed % 32;
        (bytes[] memory tokens, uint32[] memory ids) = (_tokens(seed, size), _someIds(seed, size));
        bytes32[] memory siblings = Vocabulary.siblings(tokens, ids);
        bytes[] memory texts = Vocabulary.texts(tokens, ids);
        uint256 depth = VocabularyProof.depthOf(size);
        bytes32 honest = Vocabulary.root(tokens);

        (bytes32 root, bool exact) =
            this.rootOfAll(ids, texts, _resized(siblings, siblings.length + 1), depth);
        assertTrue(!exact, "a sibling more");
        if (siblings.length != 0) {
            (root, exact) = this.rootOfAll(ids, texts, _resized(siblings, siblings.length - 1), depth);
            assertTrue(!exact, "a sibling less");
            bytes32[] memory changed = _resized(siblings, siblings.length);
            changed[seed % siblings.length] ^= bytes32(uint256(1) << (seed % 256));
            (root,) = this.rootOfAll(ids, texts, changed, depth);
            assertTrue(root != honest, "another sibling");
        }
        uint256 i = seed % ids.length;
        texts[i] = bytes.concat(texts[i], hex"00");
        (root,) = this.rootOfAll(ids, texts, siblings, depth);
        assertTrue(root != honest, "a byte more");
    }

    /// @dev Some ids of the tree together with some beyond it, and the latter alone: whatever completes their paths, and
    /// though the former do lead to the root.
    function test_idsBeyondTheTree(uint256 seed) external view {
        uint256 size = 1 + seed % 40;
        bytes[] memory tokens = _tokens(seed, size);
        uint256 depth = VocabularyProof.depthOf(size);
        uint32[] memory inside = _someIds(seed, size);
        uint32[] memory beyond = _someIds(seed >> 8, 300);
        for (uint256 i = 0; i < beyond.length; ++i) {
            beyond[i] += uint32(1 << depth);
        }
        uint32[] memory ids = new uint32[](inside.length + beyond.length);
        bytes[] memory texts = new bytes[](ids.length);
        for (uint256 i = 0; i < ids.length; ++i) {
            bool known = i < inside.length;
            ids[i] = known ? inside[i] : beyond[i - inside.length];
            texts[i] = known ? tokens[ids[i]] : bytes("any text");
        }
        (bytes32 root, bool exact) = this.rootOfAll(ids, texts, Vocabulary.siblings(tokens, ids), depth);
        assertEq(root, Vocabulary.root(tokens), "the others lead to the root");
        assertTrue(!exact, "one beyond the tree among others");

        bytes[] memory free = new bytes[](beyond.length);
        (, exact) = this.rootOfAll(beyond, free, Vocabulary.siblings(tokens, beyond), depth);
        assertTrue(!exact, "none of the tree");
    }

    function _resized(bytes32[] memory siblings, uint256 length) private pure returns (bytes32[] memory out) {
        out = new bytes32[](length);
        for (uint256 i = 0; i < length && i < siblings.length; ++i) {
            out[i] = siblings[i];
        }
    }

    function _someIds(uint256 seed, uint256 size) private pure returns (uint32[] memory) {
        uint32[] memory ids = new uint32[](1 + (seed >> 16) % 9);
        for (uint256 i = 0; i < ids.length; ++i) {
            ids[i] = uint32(uint256(keccak256(abi.encode(seed, i))) % size);
        }
        return Vocabulary.distinct(ids);
    }

    /// @dev The memory that the assembly borrows is given back.
    function test_freeMemoryPointerSurvives() external view {
        bytes[] memory tokens = _tokens(7, 16);
        uint32[] memory ids = new uint32[](1);
        bytes32 first = this.rootOf(0, tokens[0], Vocabulary.siblings(tokens, ids));
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
