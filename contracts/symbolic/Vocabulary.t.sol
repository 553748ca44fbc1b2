// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {VocabularyProof} from "../src/libraries/VocabularyProof.sol";

/// @notice The vocabulary's tree: all ids, any texts and nodes.
contract VocabularyCheck {
    function single(uint256 id, bytes32 leaf, bytes32[] calldata siblings) public pure returns (bytes32) {
        return VocabularyProof.rootOf(id, leaf, siblings);
    }

    function several(uint256[] memory ids, bytes32[] memory nodes, bytes32[] calldata siblings, uint256 depth)
        public
        pure
        returns (bytes32, bool)
    {
        return VocabularyProof.rootOf(ids, nodes, siblings, depth);
    }

    function leaf(uint256 id, bytes memory text) public pure returns (bytes32) {
        return VocabularyProof.leafOf(id, text);
    }

    /// @dev The definition: keccak256(0x01 | left | right).
    function _node(bytes32 left, bytes32 right) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(uint8(1), left, right));
    }

    function _levels(bytes32[8] memory leaves) private pure returns (bytes32[15] memory nodes) {
        for (uint256 i = 0; i < 8; ++i) {
            nodes[7 + i] = leaves[i];
        }
        for (uint256 i = 7; i > 0; --i) {
            nodes[i - 1] = _node(nodes[2 * i - 1], nodes[2 * i]);
        }
    }

    function _path(bytes32[15] memory nodes, uint256 id) private pure returns (bytes32[] memory path) {
        path = new bytes32[](3);
        uint256 at = 7 + id;
        for (uint256 level = 0; level < 3; ++level) {
            path[level] = nodes[at % 2 == 1 ? at + 1 : at - 1];
            at = (at - 1) / 2;
        }
    }

    /// @custom:halmos --array-lengths text={0,1,27,28,31,32,33,64}
    function check_leafIsItsDefinition(uint32 id, bytes calldata text) external view {
        assert(this.leaf(id, text) == keccak256(abi.encodePacked(uint8(0), id, text)));
    }

    /// @dev A leaf says which token it is of, and its bytes.
    /// @custom:halmos --array-lengths text={0,1,27,32,64},text2={0,1,27,32,64}
    function check_leavesBindIdAndText(uint32 id, bytes calldata text, uint32 id2, bytes calldata text2)
        external
        view
    {
        bool same = id == id2 && keccak256(text) == keccak256(text2);
        assert((this.leaf(id, text) == this.leaf(id2, text2)) == same);
    }

    /// @dev A node is no leaf: not of any id with any text of 60 bytes (65 in all, as a node's preimage has).
    function check_nodesAreNoLeaves(uint32 id, bytes32 left, bytes32 right, bytes32 a, bytes28 b)
        external
        view
    {
        assert(this.leaf(id, abi.encodePacked(a, b)) != _node(left, right));
    }

    /// @dev Each id of trees up to depth 6: node by node from the leaf.
    /// @custom:halmos --array-lengths siblings={0,1,2,3,4,5,6}
    function check_pathsAreTheirDefinition(bytes32 leaf_, bytes32[] calldata siblings) external view {
        for (uint256 id = 0; id < 1 << siblings.length; ++id) {
            bytes32 node = leaf_;
            for (uint256 level = 0; level < siblings.length; ++level) {
                bool isRight = (id >> level) & 1 == 1;
                node = isRight ? _node(siblings[level], node) : _node(node, siblings[level]);
            }
            assert(this.single(id, leaf_, siblings) == node);
        }
    }

    function check_honestPathsLeadToTheRoot(bytes32[8] memory leaves) external view {
        bytes32[15] memory nodes = _levels(leaves);
        for (uint256 id = 0; id < 8; ++id) {
            assert(this.single(id, leaves[id], _path(nodes, id)) == nodes[0]);
        }
    }

    /// @dev Whatever the siblings, only the leaf at the id's place leads to the root.
    /// @custom:halmos --loop 9 --array-lengths siblings=3
    function check_pathsBindTheLeaf(
        bytes32[8] memory leaves,
        bytes32 other,
        bytes32[] calldata siblings,
        uint256 any
    ) external view {
        bytes32[15] memory nodes = _levels(leaves);
        for (uint256 id = 0; id < 8; ++id) {
            if (id != any) continue; // a path for each: memory has concrete places
            assert(this.single(id, other, siblings) != nodes[0] || other == leaves[id]);
            return;
        }
    }

    /// @dev Two ids at once, each of the 28 pairs of the tree: their leaves and no others lead to the root, and the
    /// number of siblings has to be right. None of the 38 pairs with an id beyond it, of 8 to 11, is taken.
    /// @custom:halmos --loop 67 --array-lengths siblings={1,2,3,4,5,6}
    function check_pairsBindBothLeaves(
        bytes32[8] memory leaves,
        bytes32 first,
        bytes32 second,
        bytes32[] calldata siblings,
        uint256 any
    ) external view {
        bytes32[15] memory nodes = _levels(leaves);
        for (uint256 pair = 0; pair < 144; ++pair) {
            (uint256 i, uint256 j) = (pair / 12, pair % 12);
            if (i >= j || pair != any) continue;
            (uint256[] memory ids, bytes32[] memory two) = _pair(i, j, first, second);
            (bytes32 root, bool exact) = this.several(ids, two, siblings, 3);
            uint256 missing = i ^ j == 1 ? 2 : i ^ j < 4 ? 3 : 4;
            assert(exact == (j < 8 && siblings.length == missing));
            assert(!exact || root != nodes[0] || (first == leaves[i] && second == leaves[j]));
            return;
        }
    }

    function _pair(uint256 i, uint256 j, bytes32 first, bytes32 second)
        private
        pure
        returns (uint256[] memory ids, bytes32[] memory two)
    {
        (ids, two) = (new uint256[](2), new bytes32[](2));
        (ids[0], ids[1], two[0], two[1]) = (i, j, first, second);
    }

    function check_honestPairsLeadToTheRoot(bytes32[8] memory leaves) external view {
        bytes32[15] memory nodes = _levels(leaves);
        for (uint256 i = 0; i < 8; ++i) {
            for (uint256 j = i + 1; j < 8; ++j) {
                (uint256[] memory ids, bytes32[] memory two) = _pair(i, j, leaves[i], leaves[j]);
                bytes32[] memory missing = new bytes32[](4);
                uint256 count;
                (uint256 a, uint256 b) = (7 + i, 7 + j);
                while (a != b) {
                    // odd places are left children
                    (uint256 otherA, uint256 otherB) =
                        (a % 2 == 1 ? a + 1 : a - 1, b % 2 == 1 ? b + 1 : b - 1);
                    if (otherA != b) {
                        missing[count++] = nodes[otherA];
                        missing[count++] = nodes[otherB];
                    }
                    (a, b) = ((a - 1) / 2, (b - 1) / 2);
                }
                for (; a != 0; a = (a - 1) / 2) {
                    missing[count++] = nodes[a % 2 == 1 ? a + 1 : a - 1];
                }
                assembly ("memory-safe") {
                    mstore(missing, count)
                }
                (bytes32 root, bool exact) = this.several(ids, two, missing, 3);
                assert(exact && root == nodes[0]);
            }
        }
    }

    /// @custom:halmos --loop 17
    function check_depth(uint16 last, uint256 other) external pure {
        uint256 size = uint256(last) + 1;
        uint256 depth = VocabularyProof.depthOf(size);
        assert(size <= 1 << depth && (depth == 0 || size > 1 << (depth - 1)));
        assert(VocabularyProof.isDepthOf(size, other) == (other == depth));
    }
}
