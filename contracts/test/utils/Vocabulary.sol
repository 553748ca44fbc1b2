// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice A naive vocabulary tree: the twin that `VocabularyProof` is compared with.
library Vocabulary {
    /// @dev All levels, leaves first.
    function levels(bytes[] memory tokens) internal pure returns (bytes32[][] memory tree) {
        uint256 depth;
        while ((uint256(1) << depth) < tokens.length) ++depth;
        tree = new bytes32[][](depth + 1);
        tree[0] = new bytes32[](1 << depth);
        for (uint256 i = 0; i < tokens.length; ++i) {
            tree[0][i] = keccak256(abi.encodePacked(uint8(0), uint32(i), tokens[i]));
        }
        for (uint256 d = 1; d <= depth; ++d) {
            tree[d] = new bytes32[](tree[d - 1].length / 2);
            for (uint256 i = 0; i < tree[d].length; ++i) {
                tree[d][i] = keccak256(abi.encodePacked(uint8(1), tree[d - 1][2 * i], tree[d - 1][2 * i + 1]));
            }
        }
    }

    function root(bytes[] memory tokens) internal pure returns (bytes32) {
        bytes32[][] memory tree = levels(tokens);
        return tree[tree.length - 1][0];
    }

    /// @dev The different ids among `ids`, ascending: of those above the last one, the lowest, until there is none.
    function distinct(uint32[] memory ids) internal pure returns (uint32[] memory out) {
        out = new uint32[](ids.length);
        uint256 count;
        for (uint256 from = 0;;) {
            uint256 lowest = type(uint256).max;
            for (uint256 i = 0; i < ids.length; ++i) {
                if (ids[i] >= from && ids[i] < lowest) lowest = ids[i];
            }
            if (lowest == type(uint256).max) break;
            out[count++] = uint32(lowest);
            from = lowest + 1;
        }
        assembly ("memory-safe") {
            mstore(out, count)
        }
    }

    /// @dev Bytes of the different ids among `ids`, ascending.
    function texts(bytes[] memory tokens, uint32[] memory ids) internal pure returns (bytes[] memory out) {
        uint32[] memory sorted = distinct(ids);
        out = new bytes[](sorted.length);
        for (uint256 i = 0; i < sorted.length; ++i) {
            out[i] = tokens[sorted[i]];
        }
    }

    /// @dev The siblings that complete the paths of `ids`: on each level, of the nodes on a path whose sibling is on
    /// none. Beyond the tree, where there are none, they are made up.
    function siblings(bytes[] memory tokens, uint32[] memory ids)
        internal
        pure
        returns (bytes32[] memory out)
    {
        bytes32[][] memory tree = levels(tokens);
        uint256 depth = tree.length - 1;
        bytes32[] memory found = new bytes32[](depth * ids.length);
        uint256 count;
        for (uint256 d = 0; d < depth; ++d) {
            uint256 width = tree[d].length;
            for (uint256 i = 0; i < ids.length; ++i) {
                uint256 node = ids[i] >> d;
                if (node >= width) width = (node | 1) + 1;
            }
            bool[] memory onPath = new bool[](width);
            for (uint256 i = 0; i < ids.length; ++i) {
                onPath[ids[i] >> d] = true;
            }
            for (uint256 i = 0; i < width; ++i) {
                if (!onPath[i] || onPath[i ^ 1]) continue;
                found[count++] = i < tree[d].length ? tree[d][i ^ 1] : keccak256(abi.encode(d, i));
            }
        }
        out = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            out[i] = found[i];
        }
    }

    /// @dev P and the answer as the words of a statement whose prompt is sealed.
    function sealedWords(uint256 sealedPrompt, uint32[] memory answer)
        internal
        pure
        returns (uint256[] memory out)
    {
        out = new uint256[](1 + (answer.length + 9) / 10);
        out[0] = sealedPrompt;
        for (uint256 i = 0; i < answer.length; ++i) {
            out[1 + i / 10] |= uint256(answer[i]) << (24 * (9 - i % 10));
        }
    }

    /// @dev T and the ids as the words of a statement for N positions; `pad` after the last id.
    function words(uint32[] memory ids, uint256 N, uint32 pad) internal pure returns (uint256[] memory out) {
        out = new uint256[]((N + 11) / 10);
        for (uint256 limb = 0; limb < N + 2; ++limb) {
            uint256 value = limb == 0 ? ids.length - 1 : limb <= ids.length ? ids[limb - 1] : pad;
            out[limb / 10] |= value << (24 * (9 - limb % 10));
        }
    }
}
