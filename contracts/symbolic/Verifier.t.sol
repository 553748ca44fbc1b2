// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ZkLLMVerifier} from "../generated/single/ZkLLMVerifier.sol";
import {svm} from "./utils/Symbolic.sol";

/// @notice What the generated verifier refuses before it computes anything: for all values of everything else.
contract VerifierCheck {
    uint256 private constant R = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001;
    uint256 private constant P = 0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47;
    /// @dev Words of a proof of this shape: two witness commitments, delta, v, [h], [q], [g], [SD], four values, C1,
    /// C2, 31 evaluations, W, W', inverse.
    uint256 private constant WORDS = 58;

    ZkLLMVerifier private verifier;

    function setUp() external {
        verifier = new ZkLLMVerifier();
        assert(verifier.PROOF_WORDS() == WORDS && verifier.NUM_WORDS() == 2);
    }

    function _isScalar(uint256 i) private pure returns (bool) {
        return i == 4 || i == 5 || (i >= 14 && i < 18) || (i >= 22 && i < 53) || i == 57;
    }

    function _anyProof() private returns (uint256[] memory proof) {
        proof = new uint256[](WORDS);
        for (uint256 i = 0; i < WORDS; ++i) {
            proof[i] = svm.createUint256("word");
        }
    }

    function _revertsWith(bytes32 context, uint256[] memory words, uint256[] memory proof, bytes4 expected)
        private
        view
        returns (bool)
    {
        try verifier.verify(context, words, proof) {
            return false;
        } catch (bytes memory reason) {
            return reason.length == 4 && bytes4(reason) == expected;
        }
    }

    /// @dev Arrays of any other lengths, whatever they hold.
    /// @custom:halmos --array-lengths words={0,1,2,3},proof={0,1,57,58,59}
    function check_otherLengthsAreRefused(bytes32 context, uint256[] memory words, uint256[] memory proof)
        external
        view
    {
        if (words.length == 2 && proof.length == WORDS) return;
        assert(_revertsWith(context, words, proof, ZkLLMVerifier.InvalidCalldata.selector));
    }

    /// @dev A word of the statement with any of its 16 top bits.
    function check_wordsOutOfRange(bytes32 context, uint256 first, uint256 second) external {
        uint256[] memory words = new uint256[](2);
        (words[0], words[1]) = (first, second);
        if (first >> 240 == 0 && second >> 240 == 0) return;
        assert(_revertsWith(context, words, _anyProof(), ZkLLMVerifier.WordOutOfRange.selector));
    }

    /// @dev Any one of the 38 scalars not below r, whatever the other words of the proof are.
    /// @custom:halmos --loop 60
    function check_scalarsOutOfRange(bytes32 context, uint240 first, uint240 second, uint256 any) external {
        uint256[] memory words = new uint256[](2);
        (words[0], words[1]) = (first, second);
        uint256[] memory proof = _anyProof();
        for (uint256 i = 0; i < WORDS; ++i) {
            if (!_isScalar(i) || i != any) continue;
            if (proof[i] < R) return;
            assert(_revertsWith(context, words, proof, ZkLLMVerifier.ScalarOutOfRange.selector));
            return;
        }
    }

    /// @dev Any one of the 20 coordinates not below p; the scalars are any of 253 bits, which are below r.
    /// @custom:halmos --loop 60
    function check_coordinatesOutOfRange(bytes32 context, uint240 first, uint240 second, uint256 any)
        external
    {
        uint256[] memory words = new uint256[](2);
        (words[0], words[1]) = (first, second);
        uint256[] memory proof = _anyProof();
        for (uint256 i = 0; i < WORDS; ++i) {
            if (_isScalar(i)) proof[i] = svm.createUint(253, "scalar");
        }
        for (uint256 i = 0; i < WORDS; ++i) {
            if (_isScalar(i) || i != any) continue;
            if (proof[i] < P) return;
            assert(_revertsWith(context, words, proof, ZkLLMVerifier.InvalidPoint.selector));
            return;
        }
    }
}
