// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IZkLLMSettlement} from "../interfaces/IZkLLMSettlement.sol";
import {Claims} from "../libraries/Claims.sol";
import {IValidationRegistry} from "./interfaces/IValidationRegistry.sol";

/// @notice What an agent says that a model answered: the payload of a validation request, as abi.encode makes it of this
/// struct. It is public, at the request's URI, and its keccak256 is the request's hash.
struct AnswerReport {
    /// @dev The agent, by its id in the identity registry.
    uint256 agentId;
    bytes32 modelId;
    /// @dev Token ids.
    uint32[] prompt;
    /// @dev Tokens of the answer.
    uint256 k;
    /// @dev The answer's bytes.
    bytes text;
    /// @dev Makes reports different. Whoever sees one can ask about its hash first, in another agent's name; then another
    /// salt makes another hash.
    bytes32 salt;
}

/// @title The settlement as a validator of ERC-8004: whether a model answered what an agent reports
/// @notice An agent's owner asks for validation by this contract; once the question is settled, anybody has it respond:
/// 100 where the settled answer is the reported one, 0 where it is another. A question has one answer, so 0 is as well
/// proved as 100, and neither is ever given twice. Until it is settled there is no response: who wants one asks with a
/// reward, or proves.
/// @dev What it does not promise is in docs/standards.md: above all that the agent ran the model.
contract AnswerValidator {
    /// @notice Where answers are settled. Its owner says which verifiers count.
    IZkLLMSettlement public immutable SETTLEMENT;
    /// @notice Where agents ask.
    IValidationRegistry public immutable REGISTRY;
    /// @notice Of every response.
    string public constant TAG = "zkllm";
    uint8 private constant PASSED = 100;
    uint8 private constant FAILED = 0;

    /// @notice The registry has no request by this hash for this contract.
    error NotAsked(bytes32 requestHash);
    /// @notice The request was made in the name of another agent than the report is about.
    error AnotherAgent(uint256 agentId);
    /// @notice This contract has responded, which is final.
    error AlreadyValidated(bytes32 requestHash);

    /// @param settlement Where answers are settled.
    /// @param registry Where agents ask.
    constructor(IZkLLMSettlement settlement, IValidationRegistry registry) {
        (SETTLEMENT, REGISTRY) = (settlement, registry);
    }

    /// @notice The hash by which to ask about a report.
    function requestHashOf(AnswerReport calldata report) public pure returns (bytes32) {
        return keccak256(abi.encode(report));
    }

    /// @notice Responds to the request about this report. For anybody; reverts with `NotSettled` until it can. The
    /// response's hash is the claim's id, by which the settlement has the evidence, and its URI is empty.
    function validate(AnswerReport calldata report) external returns (uint8 response) {
        bytes32 requestHash = requestHashOf(report);
        (address asked, uint256 agentId,, bytes32 responseHash,,) = REGISTRY.getValidationStatus(requestHash);
        if (asked != address(this)) revert NotAsked(requestHash);
        if (agentId != report.agentId) revert AnotherAgent(agentId);
        if (responseHash != 0) revert AlreadyValidated(requestHash);
        bytes32 claimId = Claims.idOf(report.modelId, report.k, keccak256(abi.encodePacked(report.prompt)));
        bool same = keccak256(SETTLEMENT.textOf(claimId)) == keccak256(report.text);
        response = same ? PASSED : FAILED;
        REGISTRY.validationResponse(requestHash, response, "", claimId, TAG);
    }
}
