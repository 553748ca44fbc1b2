// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IZkLLMSettlement} from "../interfaces/IZkLLMSettlement.sol";

/// @title Example consumer: ether that a language model's answer releases
/// @notice Holds ether for a beneficiary until it is settled that the model answers one fixed prompt with one fixed
/// text; if the settled answer is another, the depositor gets the ether back. The model is deterministic and decodes
/// greedily, so a prompt has one answer, and nobody can choose it after the deposit.
/// @dev What a consumer has to do: derive the claim's id from the prompt that *it* cares about and the answer's
/// ids that someone shows it, ask `isSettled`, and read the text.
contract AnswerVault {
    /// @notice Where answers are settled: it fixes the model.
    IZkLLMSettlement public immutable SETTLEMENT;
    /// @notice Gets the ether back if the answer is another.
    address payable public immutable DEPOSITOR;
    /// @notice Gets the ether if the answer is the expected one.
    address payable public immutable BENEFICIARY;
    /// @notice keccak256 of the text that releases the ether.
    bytes32 public immutable EXPECTED_TEXT_DIGEST;

    uint16[] private _promptIds;

    /// @notice The vault was opened by a settled answer.
    event Opened(bytes32 indexed claimId, address indexed recipient, bytes text);

    /// @notice The ids after the prompt are not a settled answer to it.
    error NotAnswered(bytes32 claimId);
    /// @notice The recipient refused the ether.
    error TransferFailed();

    /// @param settlement The settlement of the model's answers.
    /// @param promptIds The prompt's token ids.
    /// @param expectedText The answer that releases the ether, as bytes.
    /// @param beneficiary Who gets it then.
    constructor(
        IZkLLMSettlement settlement,
        uint16[] memory promptIds,
        bytes memory expectedText,
        address payable beneficiary
    ) payable {
        SETTLEMENT = settlement;
        DEPOSITOR = payable(msg.sender);
        BENEFICIARY = beneficiary;
        EXPECTED_TEXT_DIGEST = keccak256(expectedText);
        _promptIds = promptIds;
    }

    /// @notice Pays out on the settled answer. Anybody may call it.
    /// @param answerIds The answer's token ids: K of them.
    function open(uint16[] calldata answerIds) external {
        uint256 promptLength = _promptIds.length;
        uint16[] memory ids = new uint16[](promptLength + answerIds.length);
        for (uint256 i = 0; i < promptLength; ++i) {
            ids[i] = _promptIds[i];
        }
        for (uint256 i = 0; i < answerIds.length; ++i) {
            ids[promptLength + i] = answerIds[i];
        }

        // K is part of the id, so that answers of another length to another prompt have other ids; but an
        // answer longer than K would move the border between prompt and answer
        bytes32 claimId = SETTLEMENT.claimIdOf(ids);
        if (answerIds.length != SETTLEMENT.K() || !SETTLEMENT.isSettled(claimId)) {
            revert NotAnswered(claimId);
        }

        bytes memory text = SETTLEMENT.textOf(claimId);
        address payable recipient = keccak256(text) == EXPECTED_TEXT_DIGEST ? BENEFICIARY : DEPOSITOR;
        emit Opened(claimId, recipient, text);
        (bool sent,) = recipient.call{value: address(this).balance}("");
        if (!sent) revert TransferFailed();
    }
}
