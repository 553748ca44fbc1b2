// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ZkLLMSettlement} from "../../src/ZkLLMSettlement.sol";
import {IZkLLMSettlement} from "../../src/interfaces/IZkLLMSettlement.sol";
import {MockZkLLMVerifier} from "../../src/mocks/MockZkLLMVerifier.sol";
import {TestBase} from "./TestBase.sol";
import {Vocabulary} from "./Vocabulary.sol";

/// @notice A settlement whose only verifier is a mock, for tests of everything but the proofs.
abstract contract MockedSettlement is TestBase {
    uint256 internal constant SIZE = 37;
    uint256 internal constant LENGTH = 27;
    uint32 internal constant PAD = 5;
    bytes32 internal constant MODEL = keccak256("a model");

    /// @dev Token i has i bytes, hardly ever valid UTF-8.
    bytes[] internal vocabulary;
    ZkLLMSettlement internal settlement;
    MockZkLLMVerifier internal verifier;

    function setUp() public virtual {
        for (uint256 i = 0; i < SIZE; ++i) {
            bytes memory token = new bytes(i);
            for (uint256 j = 0; j < i; ++j) {
                token[j] = bytes1(uint8(0xff - i - j));
            }
            vocabulary.push(token);
        }
        settlement = new ZkLLMSettlement(address(this));
        verifier = _register(LENGTH, 1);
    }

    function _verifier(uint256 n, uint256 k) internal returns (MockZkLLMVerifier) {
        return new MockZkLLMVerifier(MODEL, Vocabulary.root(vocabulary), SIZE, n, k, false);
    }

    function _sealedVerifier(uint256 n, uint256 k) internal returns (MockZkLLMVerifier) {
        return new MockZkLLMVerifier(MODEL, Vocabulary.root(vocabulary), SIZE, n, k, true);
    }

    function _register(uint256 n, uint256 k) internal returns (MockZkLLMVerifier v) {
        v = _verifier(n, k);
        settlement.register(address(v));
    }

    function _ids(uint256 seed, uint256 count) internal pure returns (uint32[] memory ids) {
        ids = new uint32[](count);
        for (uint256 i = 0; i < count; ++i) {
            ids[i] = uint32(uint256(keccak256(abi.encode(seed, i))) % SIZE);
        }
    }

    function _slice(uint32[] memory ids, uint256 from, uint256 to)
        internal
        pure
        returns (uint32[] memory part)
    {
        part = new uint32[](to - from);
        for (uint256 i = 0; i < part.length; ++i) {
            part[i] = ids[from + i];
        }
    }

    function _prompt(uint32[] memory ids, uint256 k) internal pure returns (uint32[] memory) {
        return _slice(ids, 0, ids.length - k);
    }

    function _answer(uint32[] memory ids, uint256 k) internal pure returns (uint32[] memory) {
        return _slice(ids, ids.length - k, ids.length);
    }

    function _claimId(uint32[] memory ids, uint256 k) internal pure returns (bytes32) {
        return keccak256(abi.encode(MODEL, k, keccak256(abi.encodePacked(_prompt(ids, k)))));
    }

    function _proof() internal pure returns (uint256[] memory proof) {
        proof = new uint256[](3);
        (proof[0], proof[1], proof[2]) = (11, 12, 13);
    }

    /// @dev Calldata that settles `ids` by `v` in the name of `requestId`.
    function _calldata(MockZkLLMVerifier v, uint32[] memory ids, bytes32 requestId)
        internal
        view
        returns (bytes memory)
    {
        uint32[] memory answer = _answer(ids, v.K());
        return abi.encodeCall(
            IZkLLMSettlement.settle,
            (
                address(v),
                requestId,
                Vocabulary.words(ids, v.N(), PAD),
                _proof(),
                Vocabulary.siblings(vocabulary, answer),
                Vocabulary.texts(vocabulary, answer)
            )
        );
    }

    function _settle(uint32[] memory ids, bytes32 requestId) internal {
        (bool ok,) = address(settlement).call(_calldata(verifier, ids, requestId));
        assertTrue(ok, "settle");
    }
}
