// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title The Validation Registry of ERC-8004 (draft), in so far as a validator and who asks it need it
/// @notice Signatures are the standard's; docs/standards.md names the revision.
interface IValidationRegistry {
    /// @notice An agent asked a validator.
    event ValidationRequest(
        address indexed validatorAddress,
        uint256 indexed agentId,
        string requestURI,
        bytes32 indexed requestHash
    );
    /// @notice A validator answered.
    event ValidationResponse(
        address indexed validatorAddress,
        uint256 indexed agentId,
        bytes32 indexed requestHash,
        uint8 response,
        string responseURI,
        bytes32 responseHash,
        string tag
    );

    /// @notice Asks a validator about an agent's work. For the agent's owner or operators.
    /// @param requestURI Where the request's payload is.
    /// @param requestHash keccak256 of the payload; the request's name.
    function validationRequest(
        address validatorAddress,
        uint256 agentId,
        string calldata requestURI,
        bytes32 requestHash
    ) external;

    /// @notice Answers a request. For the validator that was asked.
    /// @param response From 0, failed, to 100, passed.
    function validationResponse(
        bytes32 requestHash,
        uint8 response,
        string calldata responseURI,
        bytes32 responseHash,
        string calldata tag
    ) external;

    /// @notice A request, and the last response to it.
    function getValidationStatus(bytes32 requestHash)
        external
        view
        returns (
            address validatorAddress,
            uint256 agentId,
            uint8 response,
            bytes32 responseHash,
            string memory tag,
            uint256 lastUpdate
        );
}
