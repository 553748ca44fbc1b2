// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IValidationRegistry} from "../../src/adapters/interfaces/IValidationRegistry.sol";

/// @notice A validation registry as ERC-8004 describes it, over agents that the test names.
/// @dev Written from the standard's text: what a deployed one does beside that is not shown by tests with this one.
contract ValidationRegistry is IValidationRegistry {
    struct Status {
        address validatorAddress;
        uint256 agentId;
        uint8 response;
        bytes32 responseHash;
        string tag;
        uint256 lastUpdate;
    }

    error NotTheAgents(uint256 agentId);
    error NotTheValidator(bytes32 requestHash);
    error RequestExists(bytes32 requestHash);
    error InvalidResponse(uint8 response);

    mapping(uint256 agentId => address) public ownerOf;
    mapping(bytes32 requestHash => Status) private _statuses;

    function setOwner(uint256 agentId, address owner) external {
        ownerOf[agentId] = owner;
    }

    function validationRequest(
        address validatorAddress,
        uint256 agentId,
        string calldata requestURI,
        bytes32 requestHash
    ) external {
        if (msg.sender != ownerOf[agentId]) revert NotTheAgents(agentId);
        if (_statuses[requestHash].validatorAddress != address(0)) revert RequestExists(requestHash);
        _statuses[requestHash] = Status(validatorAddress, agentId, 0, 0, "", block.timestamp);
        emit ValidationRequest(validatorAddress, agentId, requestURI, requestHash);
    }

    function validationResponse(
        bytes32 requestHash,
        uint8 response,
        string calldata responseURI,
        bytes32 responseHash,
        string calldata tag
    ) external {
        Status storage s = _statuses[requestHash];
        if (msg.sender != s.validatorAddress) revert NotTheValidator(requestHash);
        if (response > 100) revert InvalidResponse(response);
        (s.response, s.responseHash, s.tag, s.lastUpdate) = (response, responseHash, tag, block.timestamp);
        emit ValidationResponse(msg.sender, s.agentId, requestHash, response, responseURI, responseHash, tag);
    }

    function getValidationStatus(bytes32 requestHash)
        external
        view
        returns (address, uint256, uint8, bytes32, string memory, uint256)
    {
        Status memory s = _statuses[requestHash];
        return (s.validatorAddress, s.agentId, s.response, s.responseHash, s.tag, s.lastUpdate);
    }
}
