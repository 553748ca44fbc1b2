// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {IZkLLMVerifier} from "../interfaces/IZkLLMVerifier.sol";
import {VocabularyProof} from "../libraries/VocabularyProof.sol";

/// @dev What the verifier of a proof says about itself.
struct Shape {
    bytes32 modelId;
    bytes32 vocabularyRoot;
    uint256 vocabularyDepth;
    uint256 n;
    uint256 k;
}

/// @title Registry of verifiers, by model and length
/// @notice Append-only: the owner can add verifiers and freeze them, and nothing else.
/// @dev Only the status is stored: a verifier is immutable code, and says the rest about itself in one call, which
/// is cheaper than a storage slot.
abstract contract VerifierRegistry is IVerifierRegistry {
    /// @inheritdoc IVerifierRegistry
    address public immutable INITIAL_OWNER;
    /// @inheritdoc IVerifierRegistry
    address public owner;
    /// @inheritdoc IVerifierRegistry
    address public pendingOwner;
    /// @inheritdoc IVerifierRegistry
    mapping(address verifier => Status) public statusOf;
    mapping(bytes32 modelId => address[]) private _verifiers;
    mapping(bytes32 shapeId => address) private _byShape;

    modifier onlyOwner() {
        if (msg.sender != owner) revert NotOwner(msg.sender);
        _;
    }

    constructor(address initialOwner) {
        INITIAL_OWNER = initialOwner;
        owner = initialOwner;
        emit OwnershipTransferred(address(0), initialOwner);
    }

    // ------------------------------------------------------------------------------------ the owner

    /// @inheritdoc IVerifierRegistry
    function register(address verifier) external onlyOwner {
        if (statusOf[verifier] != Status.Unknown) revert AlreadyRegistered(verifier);
        if (verifier.code.length == 0) revert NotAVerifier(verifier);
        if (block.chainid == 1 && IZkLLMVerifier(verifier).DEVELOPMENT_SRS()) {
            revert DevelopmentSrsOnMainnet();
        }
        (bytes32 modelId,,, uint256 n, uint256 k) = IZkLLMVerifier(verifier).parameters();
        bytes32 shapeId = _shapeId(modelId, n, k);
        if (_byShape[shapeId] != address(0)) revert ShapeTaken(modelId, n, k);
        statusOf[verifier] = Status.Active;
        _byShape[shapeId] = verifier;
        _verifiers[modelId].push(verifier);
        emit VerifierRegistered(modelId, verifier, n, k);
    }

    /// @inheritdoc IVerifierRegistry
    function freeze(address verifier) external onlyOwner {
        if (statusOf[verifier] != Status.Active) _refuse(verifier);
        statusOf[verifier] = Status.Frozen;
        emit VerifierFrozen(verifier);
    }

    /// @inheritdoc IVerifierRegistry
    function transferOwnership(address newOwner) external onlyOwner {
        pendingOwner = newOwner;
        emit OwnershipOffered(msg.sender, newOwner);
    }

    /// @inheritdoc IVerifierRegistry
    function acceptOwnership() external {
        if (msg.sender != pendingOwner) revert NotOwner(msg.sender);
        emit OwnershipTransferred(owner, msg.sender);
        owner = msg.sender;
        pendingOwner = address(0);
    }

    /// @inheritdoc IVerifierRegistry
    function renounceOwnership() external onlyOwner {
        emit OwnershipTransferred(owner, address(0));
        owner = address(0);
        pendingOwner = address(0);
    }

    // ------------------------------------------------------------------------------------ reading

    /// @inheritdoc IVerifierRegistry
    function verifiersOf(bytes32 modelId) external view returns (address[] memory) {
        return _verifiers[modelId];
    }

    /// @inheritdoc IVerifierRegistry
    function verifierOf(bytes32 modelId, uint256 n, uint256 k) external view returns (address verifier) {
        verifier = _byShape[_shapeId(modelId, n, k)];
        if (verifier == address(0)) revert UnknownShape(modelId, n, k);
        if (statusOf[verifier] != Status.Active) _refuse(verifier);
    }

    /// @dev Parameters of an active verifier.
    function _shapeOf(address verifier) internal view returns (Shape memory shape) {
        if (statusOf[verifier] != Status.Active) _refuse(verifier);
        uint256 size;
        (shape.modelId, shape.vocabularyRoot, size, shape.n, shape.k) = IZkLLMVerifier(verifier).parameters();
        shape.vocabularyDepth = VocabularyProof.depthOf(size);
    }

    function _refuse(address verifier) private view {
        if (statusOf[verifier] == Status.Frozen) revert FrozenVerifier(verifier);
        revert UnknownVerifier(verifier);
    }

    function _shapeId(bytes32 modelId, uint256 n, uint256 k) private pure returns (bytes32) {
        return keccak256(abi.encode(modelId, n, k));
    }
}
