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
/// @dev A verifier says itself what it verifies, in one call, which is cheaper than storage slots. What it said when
/// it was registered is bound by a digest in the slot of its status, so that one that lies can lie about its own model
/// and shape alone: whoever relies on a model's claims has to look at that model's verifiers only.
abstract contract VerifierRegistry is IVerifierRegistry {
    /// @inheritdoc IVerifierRegistry
    address public immutable INITIAL_OWNER;
    /// @inheritdoc IVerifierRegistry
    address public owner;
    /// @inheritdoc IVerifierRegistry
    address public pendingOwner;
    /// @dev Digest of the verifier's parameters without its last byte, which is the status.
    mapping(address verifier => bytes32 entry) private _entries;
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
        if (statusOf(verifier) != Status.Unknown) revert AlreadyRegistered(verifier);
        if (verifier.code.length == 0) revert NotAVerifier(verifier);
        if (block.chainid == 1 && IZkLLMVerifier(verifier).DEVELOPMENT_SRS()) {
            revert DevelopmentSrsOnMainnet();
        }
        (bytes32 modelId, bytes32 root, uint256 size, uint256 n, uint256 k) =
            IZkLLMVerifier(verifier).parameters();
        bytes32 shapeId = _shapeId(modelId, n, k);
        if (_byShape[shapeId] != address(0)) revert ShapeTaken(modelId, n, k);
        _entries[verifier] = _entry(modelId, root, size, n, k, Status.Active);
        _byShape[shapeId] = verifier;
        _verifiers[modelId].push(verifier);
        emit VerifierRegistered(modelId, verifier, n, k);
    }

    /// @inheritdoc IVerifierRegistry
    function freeze(address verifier) external onlyOwner {
        if (statusOf(verifier) != Status.Active) _refuse(verifier);
        _entries[verifier] = bytes32(uint256(Status.Frozen));
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
    function statusOf(address verifier) public view returns (Status) {
        return Status(uint8(uint256(_entries[verifier])));
    }

    /// @inheritdoc IVerifierRegistry
    function verifiersOf(bytes32 modelId) external view returns (address[] memory) {
        return _verifiers[modelId];
    }

    /// @inheritdoc IVerifierRegistry
    function verifierOf(bytes32 modelId, uint256 n, uint256 k) external view returns (address verifier) {
        verifier = _byShape[_shapeId(modelId, n, k)];
        if (verifier == address(0)) revert UnknownShape(modelId, n, k);
        if (statusOf(verifier) != Status.Active) _refuse(verifier);
    }

    /// @dev Parameters of an active verifier.
    function _shapeOf(address verifier) internal view returns (Shape memory shape) {
        bytes32 entry = _entries[verifier];
        if (uint8(uint256(entry)) != uint8(Status.Active)) _refuse(verifier);
        uint256 size;
        (shape.modelId, shape.vocabularyRoot, size, shape.n, shape.k) = IZkLLMVerifier(verifier).parameters();
        if (entry != _entry(shape.modelId, shape.vocabularyRoot, size, shape.n, shape.k, Status.Active)) {
            revert ParametersChanged(verifier);
        }
        shape.vocabularyDepth = VocabularyProof.depthOf(size);
    }

    function _refuse(address verifier) private view {
        if (statusOf(verifier) == Status.Frozen) revert FrozenVerifier(verifier);
        revert UnknownVerifier(verifier);
    }

    function _entry(bytes32 modelId, bytes32 root, uint256 size, uint256 n, uint256 k, Status status)
        private
        pure
        returns (bytes32)
    {
        bytes32 digest = keccak256(abi.encode(modelId, root, size, n, k));
        return bytes32((uint256(digest) & ~uint256(0xff)) | uint256(status));
    }

    function _shapeId(bytes32 modelId, uint256 n, uint256 k) private pure returns (bytes32) {
        return keccak256(abi.encode(modelId, n, k));
    }
}
