// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IZkLLMSettlement} from "../interfaces/IZkLLMSettlement.sol";

/// @title Example consumer: ether that a language model's answer releases
/// @notice Holds ether for a beneficiary until it is settled that the model answers one fixed prompt with one fixed
/// text; if the settled answer is another, or the deadline passes while none is settled, the ether is the depositor's
/// again. The model is deterministic and decodes greedily, so a prompt has one answer, and nobody can choose it after
/// the deposit.
/// @dev What a consumer has to do: derive the claim's id from the model and the prompt that *it* cares about, ask
/// `isSettled`, and read the text. To have it answered, ask for it: `request`. Whoever the ether belongs to fetches
/// it (pull payment), so that nobody's refusal to take it can lock it; what is settled counts however late it is
/// fetched, so that an answer that came in time cannot be waited out.
contract AnswerVault {
    /// @notice Where answers are settled.
    IZkLLMSettlement public immutable SETTLEMENT;
    /// @notice The claim that is waited for: model, prompt, number of tokens.
    bytes32 public immutable CLAIM_ID;
    /// @notice keccak256 of the text that releases the ether.
    bytes32 public immutable EXPECTED_TEXT_DIGEST;
    /// @notice Has the ether back if the answer is another, or does not come in time.
    address public immutable DEPOSITOR;
    /// @notice Has the ether if the answer is the expected one.
    address public immutable BENEFICIARY;
    /// @notice Last second before the depositor can have the ether back while nothing is settled.
    uint256 public immutable DEADLINE;

    /// @notice `entitled` had the ether paid out; `text` is empty where no answer came in time.
    event Opened(address indexed entitled, address indexed recipient, uint256 amount, bytes text);

    /// @notice The answer is not settled, and may still be.
    error NotAnswered(bytes32 claimId);
    /// @notice The ether is somebody else's.
    error NotEntitled(address caller);
    /// @notice The ether was paid out before.
    error Empty();
    /// @notice The recipient refused the ether; it stays.
    error TransferFailed();

    /// @param settlement Where the model's answers are settled.
    /// @param modelId The model.
    /// @param promptIds The prompt's token ids.
    /// @param k Tokens of the answer.
    /// @param expectedText The answer that releases the ether, as bytes.
    /// @param beneficiary Who has it then.
    /// @param deadline Last second before the depositor can have it back while nothing is settled.
    constructor(
        IZkLLMSettlement settlement,
        bytes32 modelId,
        uint32[] memory promptIds,
        uint256 k,
        bytes memory expectedText,
        address beneficiary,
        uint256 deadline
    ) payable {
        SETTLEMENT = settlement;
        CLAIM_ID = settlement.claimIdOf(modelId, k, promptIds);
        EXPECTED_TEXT_DIGEST = keccak256(expectedText);
        DEPOSITOR = msg.sender;
        BENEFICIARY = beneficiary;
        DEADLINE = deadline;
    }

    /// @notice Pays the caller, whose the ether has to be by the settled answer, or without one once the deadline has
    /// passed.
    /// @param recipient Where the caller wants it.
    function open(address payable recipient) external {
        (address entitled, bytes memory text) = _entitled();
        if (msg.sender != entitled) revert NotEntitled(msg.sender);
        uint256 amount = address(this).balance;
        if (amount == 0) revert Empty();
        emit Opened(entitled, recipient, amount, text);
        (bool sent,) = recipient.call{value: amount}("");
        if (!sent) revert TransferFailed();
    }

    function _entitled() private view returns (address entitled, bytes memory text) {
        if (SETTLEMENT.isSettled(CLAIM_ID)) {
            text = SETTLEMENT.textOf(CLAIM_ID);
            entitled = keccak256(text) == EXPECTED_TEXT_DIGEST ? BENEFICIARY : DEPOSITOR;
        } else if (block.timestamp > DEADLINE) {
            entitled = DEPOSITOR;
        } else {
            revert NotAnswered(CLAIM_ID);
        }
    }
}
