// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IZkLLMVerifier} from "../interfaces/IZkLLMVerifier.sol";

/// @title Stand-in for a generated verifier, for the tests of contracts that use the settlement
/// @notice Accepts every proof of the right context until told otherwise. Never deploy it anywhere else.
contract MockZkLLMVerifier is IZkLLMVerifier {
    bytes32 public constant VERIFIER_ID = keccak256("MockZkLLMVerifier");
    bool public constant DEVELOPMENT_SRS = true;
    bytes32 public immutable MODEL_ID;
    bytes32 public immutable VOCABULARY_ROOT;
    uint256 public immutable VOCABULARY_SIZE;
    uint256 public immutable N;
    uint256 public immutable K;
    bool public immutable SEALED;

    /// @notice Whether proofs are accepted.
    bool public accepting = true;
    /// @notice The only accepted context, or 0 for any.
    bytes32 public expectedContext;

    /// @notice The mock was told to reject, or the proof is for another context.
    error Rejected();
    /// @notice Not for Ethereum's main network.
    error MockOnMainnet();

    constructor(
        bytes32 modelId,
        bytes32 vocabularyRoot,
        uint256 vocabularySize,
        uint256 n,
        uint256 k,
        bool isSealed
    ) {
        if (block.chainid == 1) revert MockOnMainnet();
        MODEL_ID = modelId;
        VOCABULARY_ROOT = vocabularyRoot;
        VOCABULARY_SIZE = vocabularySize;
        N = n;
        K = k;
        SEALED = isSealed;
    }

    function setAccepting(bool value) external {
        accepting = value;
    }

    function setExpectedContext(bytes32 value) external {
        expectedContext = value;
    }

    function verify(bytes32 context, uint256[] calldata, uint256[] calldata) external view {
        _check(context);
    }

    /// @dev Points at infinity: a pairing that holds.
    function pairingInput(bytes32 context, uint256[] calldata, uint256[] calldata)
        external
        view
        returns (bytes32, bytes32, bool, uint256[18] memory pairs)
    {
        _check(context);
        return (keccak256(abi.encode(context)), 0, DEVELOPMENT_SRS, pairs);
    }

    function parameters() external view returns (bytes32, bytes32, uint256, uint256, uint256, bool) {
        return (MODEL_ID, VOCABULARY_ROOT, VOCABULARY_SIZE, N, K, SEALED);
    }

    function _check(bytes32 context) private view {
        if (!accepting || (expectedContext != 0 && context != expectedContext)) revert Rejected();
    }
}
