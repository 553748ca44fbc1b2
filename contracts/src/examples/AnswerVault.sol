// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IZkLLMSettlement} from "../interfaces/IZkLLMSettlement.sol";

/// @title Example consumer: ether that a language model's answer releases
/// @notice Holds ether for a beneficiary until it is settled that the model answers one fixed prompt with one fixed
/// text; if the settled answer is another, or none is settled in time, the depositor gets the ether back. The model is
/// deterministic and decodes greedily, so a prompt has one answer, and nobody can choose it after the deposit.
/// @dev What a consumer has to do: derive the claim's id from the model and the prompt that *it* cares about, ask
/// `isSettled`, and read the text. To have it answered, ask for it: `request`.
contract AnswerVault {
    /// @notice Where answers are settled.
    IZkLLMSettlement public immutable SETTLEMENT;
    /// @notice The claim that is waited for: model, prompt, number of tokens.
    bytes32 public immutable CLAIM_ID;
    /// @notice keccak256 of the text that releases the ether.
    bytes32 public immutable EXPECTED_TEXT_DIGEST;
    /// @notice Gets the ether back if the answer is another, or does not come in time.
    address payable public immutable DEPOSITOR;
    /// @notice Gets the ether if the answer is the expected one.
    address payable public immutable BENEFICIARY;
    /// @notice Last second in which an answer counts.
    uint256 public immutable DEADLINE;

    /// @notice The ether was paid out; `text` is empty where no answer came in time.
    event Opened(address indexed recipient, bytes text);

    /// @notice The answer is not settled, and may still be.
    error NotAnswered(bytes32 claimId);
    /// @notice The recipient refused the ether.
    error TransferFailed();

    /// @param settlement Where the model's answers are settled.
    /// @param modelId The model.
    /// @param promptIds The prompt's token ids.
    /// @param k Tokens of the answer.
    /// @param expectedText The answer that releases the ether, as bytes.
    /// @param beneficiary Who gets it then.
    /// @param deadline Last second in which an answer counts.
    constructor(
        IZkLLMSettlement settlement,
        bytes32 modelId,
        uint16[] memory promptIds,
        uint256 k,
        bytes memory expectedText,
        address payable beneficiary,
        uint256 deadline
    ) payable {
        SETTLEMENT = settlement;
        CLAIM_ID = settlement.claimIdOf(modelId, k, promptIds);
        EXPECTED_TEXT_DIGEST = keccak256(expectedText);
        DEPOSITOR = payable(msg.sender);
        BENEFICIARY = beneficiary;
        DEADLINE = deadline;
    }

    /// @notice Pays out on the settled answer, or, once the deadline has passed, without one. Anybody may call it.
    function open() external {
        if (block.timestamp > DEADLINE) {
            _pay(DEPOSITOR, "");
        } else {
            if (!SETTLEMENT.isSettled(CLAIM_ID)) revert NotAnswered(CLAIM_ID);
            bytes memory text = SETTLEMENT.textOf(CLAIM_ID);
            _pay(keccak256(text) == EXPECTED_TEXT_DIGEST ? BENEFICIARY : DEPOSITOR, text);
        }
    }

    function _pay(address payable recipient, bytes memory text) private {
        emit Opened(recipient, text);
        (bool sent,) = recipient.call{value: address(this).balance}("");
        if (!sent) revert TransferFailed();
    }
}
