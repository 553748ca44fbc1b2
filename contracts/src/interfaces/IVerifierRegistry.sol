// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Registry of verifiers, by model and length
/// @notice Whoever relies on a claim relies on the owner not to register a verifier that lies: the registry cannot
/// check that code is the one that `python -m verifier_gen` generates. Anybody can: `zkllm settle doctor` compares the
/// code of every registered verifier with it. The owner is that of OpenZeppelin's `Ownable2Step`.
interface IVerifierRegistry {
    enum Status {
        Unknown,
        Active,
        Frozen
    }

    /// @notice A verifier was added.
    event VerifierRegistered(
        bytes32 indexed modelId, address indexed verifier, uint256 n, uint256 k, bool isSealed
    );
    /// @notice No more proofs are settled by this verifier. What it settled stays.
    event VerifierFrozen(address indexed verifier);

    /// @notice The address has no code, or does not answer `parameters()` as a verifier does.
    error NotAVerifier(address verifier);
    /// @notice The verifier is in the registry, perhaps frozen.
    error AlreadyRegistered(address verifier);
    /// @notice The model has a verifier of this shape. It is never replaced.
    error ShapeTaken(bytes32 modelId, uint256 n, uint256 k, bool isSealed);
    /// @notice The verifier's SRS is a development one: anyone can forge its proofs.
    error DevelopmentSrsOnMainnet();
    /// @notice The verifier was never registered.
    error UnknownVerifier(address verifier);
    /// @notice The verifier was frozen.
    error FrozenVerifier(address verifier);
    /// @notice The verifier says something else about itself than when it was registered: it is none that
    /// `python -m verifier_gen` generates.
    error ParametersChanged(address verifier);
    /// @notice The model has no verifier of this shape.
    error UnknownShape(bytes32 modelId, uint256 n, uint256 k, bool isSealed);

    /// @notice Adds a verifier, under what it says about itself. Owner only.
    function register(address verifier) external;

    /// @notice Ends settling by this verifier, for ever. Owner only.
    function freeze(address verifier) external;

    /// @notice The owner that the constructor was given. With it, whoever has the code can recompute the contract's
    /// CREATE2 address, and so knows that its storage began empty.
    function INITIAL_OWNER() external view returns (address);

    /// @notice Whether a verifier is registered, and whether it is frozen.
    function statusOf(address verifier) external view returns (Status);

    /// @notice All verifiers of a model, frozen ones too, in the order in which they were added.
    function verifiersOf(bytes32 modelId) external view returns (address[] memory);

    /// @notice The active verifier of a model for n positions and k certified tokens, of prompts that are sealed or
    /// not.
    function verifierOf(bytes32 modelId, uint256 n, uint256 k, bool isSealed)
        external
        view
        returns (address verifier);
}
