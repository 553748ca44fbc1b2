// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IZkLLMSettlement} from "../interfaces/IZkLLMSettlement.sol";
import {AnswerConsumer} from "./AnswerConsumer.sol";

/// @title Template: a question that a language model decides
/// @notice Asks when it is deployed, with the ether sent along as the reward. Anybody can have the verdict recorded once
/// the answer is settled: yes if it is the text that was named for it, else no. Replace `decide` by what is to be done.
contract YesOrNo is AnswerConsumer {
    enum Verdict {
        None,
        Yes,
        No
    }

    address public immutable OWNER;
    bytes32 public immutable MODEL_ID;
    bytes32 public immutable PROMPT_DIGEST;
    bytes32 public immutable YES_DIGEST;
    bytes32 public immutable CLAIM_ID;
    Verdict public verdict;

    event Decided(Verdict verdict);

    error AlreadyDecided();
    error NotOwner(address caller);

    modifier onlyOwner() {
        if (msg.sender != OWNER) revert NotOwner(msg.sender);
        _;
    }

    /// @param prompt Token ids of the question, to be answered with one token.
    /// @param yes The answer that means yes, as bytes: " yes", with the space, for most models.
    constructor(
        IZkLLMSettlement settlement,
        bytes32 modelId,
        uint32[] memory prompt,
        bytes memory yes,
        uint64 deadline
    ) payable AnswerConsumer(settlement) {
        (OWNER, MODEL_ID, YES_DIGEST) = (msg.sender, modelId, keccak256(yes));
        PROMPT_DIGEST = keccak256(abi.encodePacked(prompt));
        CLAIM_ID = _ask(modelId, prompt, 1, msg.value, deadline);
    }

    /// @notice Acts on the answer, once.
    function decide() external {
        if (verdict != Verdict.None) revert AlreadyDecided();
        verdict = keccak256(_textOf(CLAIM_ID)) == YES_DIGEST ? Verdict.Yes : Verdict.No;
        emit Decided(verdict);
    }

    /// @notice Asks again, after nobody answered in time and the reward was reclaimed. The prompt is in the first request.
    function askAgain(uint64 deadline) external payable onlyOwner {
        _askDigest(MODEL_ID, PROMPT_DIGEST, 1, msg.value, deadline);
    }

    /// @notice Sends the reward that nobody earned to `recipient`.
    function reclaim(address payable recipient) external onlyOwner {
        _reclaim(CLAIM_ID, recipient);
    }
}
