// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {IZkLLMVerifier} from "../interfaces/IZkLLMVerifier.sol";
import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";

/// @dev What a verifier says about itself: word for word the answer of `parameters()`.
struct Shape {
    bytes32 modelId;
    bytes32 vocabularyRoot;
    uint256 vocabularySize;
    uint256 n;
    uint256 k;
    bool isSealed;
}

/// @title Registry of verifiers, by model and length
/// @notice Append-only: the owner can add verifiers and freeze them, and nothing else. He may hand the ownership
/// over, to who accepts it, or give it up: then what is registered stays as it is, for ever.
/// @dev A verifier says itself what it verifies, in one call, which is cheaper than storage slots. What it said when
/// it was registered is bound by a digest in the slot of its status, so that one that lies can lie about its own model
/// and shape alone: whoever relies on a model's claims has to look at that model's verifiers only.
abstract contract VerifierRegistry is IVerifierRegistry, Ownable2Step {
    /// @inheritdoc IVerifierRegistry
    address public immutable INITIAL_OWNER;
    /// @dev Digest of the verifier's parameters without its last byte, which is the status.
    mapping(address verifier => bytes32 entry) private _entries;
    mapping(bytes32 modelId => address[]) private _verifiers;
    mapping(bytes32 shapeId => address) private _byShape;

    constructor(address initialOwner) Ownable(initialOwner) {
        INITIAL_OWNER = initialOwner;
    }

    // ------------------------------------------------------------------------------------ the owner

    /// @inheritdoc IVerifierRegistry
    function register(address verifier) external onlyOwner {
        if (statusOf(verifier) != Status.Unknown) revert AlreadyRegistered(verifier);
        if (verifier.code.length == 0) revert NotAVerifier(verifier);
        if (block.chainid == 1 && IZkLLMVerifier(verifier).DEVELOPMENT_SRS()) {
            revert DevelopmentSrsOnMainnet();
        }
        Shape memory shape;
        bytes32 entry = _read(verifier, shape);
        bytes32 shapeId = _shapeId(shape.modelId, shape.n, shape.k, shape.isSealed);
        if (_byShape[shapeId] != address(0)) {
            revert ShapeTaken(shape.modelId, shape.n, shape.k, shape.isSealed);
        }
        _entries[verifier] = entry;
        _byShape[shapeId] = verifier;
        _verifiers[shape.modelId].push(verifier);
        emit VerifierRegistered(shape.modelId, verifier, shape.n, shape.k, shape.isSealed);
    }

    /// @inheritdoc IVerifierRegistry
    function freeze(address verifier) external onlyOwner {
        if (statusOf(verifier) != Status.Active) _refuse(verifier);
        _entries[verifier] = bytes32(uint256(Status.Frozen));
        emit VerifierFrozen(verifier);
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
    function verifierOf(bytes32 modelId, uint256 n, uint256 k, bool isSealed)
        external
        view
        returns (address verifier)
    {
        verifier = _byShape[_shapeId(modelId, n, k, isSealed)];
        if (verifier == address(0)) revert UnknownShape(modelId, n, k, isSealed);
        if (statusOf(verifier) != Status.Active) _refuse(verifier);
    }

    /// @dev Parameters of an active verifier.
    function _shapeOf(address verifier) internal view returns (Shape memory shape) {
        bytes32 registered = _entries[verifier];
        if (uint8(uint256(registered)) != uint8(Status.Active)) _refuse(verifier);
        if (_read(verifier, shape) != registered) revert ParametersChanged(verifier);
    }

    /// @dev Sets `shape` to what the verifier says about itself; the entry of an active verifier that says so.
    function _read(address verifier, Shape memory shape) private view returns (bytes32 entry) {
        bytes4 selector = IZkLLMVerifier.parameters.selector;
        bool answered;
        assembly ("memory-safe") {
            // the answer's six words are the struct
            mstore(0x00, selector)
            answered := staticcall(gas(), verifier, 0x00, 0x04, shape, 0xc0)
            answered := and(answered, gt(returndatasize(), 0xbf))
            answered := and(answered, lt(mload(add(shape, 0xa0)), 2)) // a boolean
            entry := or(shl(8, shr(8, keccak256(shape, 0xc0))), 1) // Status.Active
        }
        if (!answered) revert NotAVerifier(verifier);
    }

    function _refuse(address verifier) private view {
        if (statusOf(verifier) == Status.Frozen) revert FrozenVerifier(verifier);
        revert UnknownVerifier(verifier);
    }

    function _shapeId(bytes32 modelId, uint256 n, uint256 k, bool isSealed) private pure returns (bytes32) {
        return keccak256(abi.encode(modelId, n, k, isSealed));
    }
}
