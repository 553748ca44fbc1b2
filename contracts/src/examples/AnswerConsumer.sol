// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IRequestEscrow} from "../interfaces/IRequestEscrow.sol";
import {IZkLLMSettlement} from "../interfaces/IZkLLMSettlement.sol";
import {Claims} from "../libraries/Claims.sol";

/// @title Base of contracts that ask a language model, wait, and act on the answer
/// @notice Asks for a claim with a reward and a deadline, tells whether it is settled, reads it, and gets the reward
/// back that nobody earned. `YesOrNo.sol` is a contract made from it.
/// @dev Everything is internal but the views: who may ask, act and be paid is for the contract that inherits this to
/// say. What it should know:
/// - Anybody can settle a claim, before it is asked for and after the deadline too. The deadline ends the offer of the
///   reward, not the question: an answer that is settled later is still the answer.
/// - Ether that comes back is one pot. The settlement does not tell whether a closed request was fulfilled or its
///   reward returned, so a contract that asks with the ether of several people cannot tell whose came back: let each
///   have a contract of its own.
/// - The answer is as good as the settlement's verifiers: docs/settlement.md says whom that means to trust.
abstract contract AnswerConsumer {
    /// @notice Where answers are asked for and settled.
    IZkLLMSettlement public immutable SETTLEMENT;

    /// @dev How often this contract has asked for a claim.
    mapping(bytes32 claimId => uint256) private _timesAsked;

    /// @notice This contract never asked for that claim.
    error NotAsked(bytes32 claimId);
    /// @notice The last request for that claim is still open: it is to be answered, or reclaimed, first.
    error AlreadyAsked(bytes32 claimId);

    /// @param settlement Where answers are asked for and settled.
    constructor(IZkLLMSettlement settlement) {
        SETTLEMENT = settlement;
    }

    /// @notice The last request of this contract for a claim.
    function requestIdOf(bytes32 claimId) public view returns (bytes32) {
        return SETTLEMENT.requestIdOf(address(this), _salt(claimId, _times(claimId)));
    }

    /// @notice Whether a claim that this contract asked for is settled: then it can be read, for ever.
    function isAnswered(bytes32 claimId) public view returns (bool) {
        return _timesAsked[claimId] != 0 && SETTLEMENT.isSettled(claimId);
    }

    /// @notice Whether the deadline of the last request has passed without an answer. One may still come.
    function isLate(bytes32 claimId) public view returns (bool) {
        uint256 deadline = SETTLEMENT.requestOf(requestIdOf(claimId)).deadline;
        return block.timestamp > deadline && !SETTLEMENT.isSettled(claimId);
    }

    // ------------------------------------------------------------------------------------------- asking

    /// @dev Asks what the model answers to a prompt. If that is settled already it can be read at once, and the reward
    /// reclaimed.
    /// @param prompt Token ids, of which there is at least one.
    /// @param k Tokens of the answer. Of a prompt and k that no registered verifier takes there is no answer.
    /// @param reward In wei, from this contract's balance.
    /// @param deadline Last second in which the reward can be earned.
    function _ask(bytes32 modelId, uint32[] memory prompt, uint256 k, uint256 reward, uint64 deadline)
        internal
        returns (bytes32 claimId)
    {
        claimId = Claims.idOf(modelId, k, keccak256(abi.encodePacked(prompt)));
        SETTLEMENT.request{value: reward}(modelId, prompt, k, deadline, _newSalt(claimId));
    }

    /// @dev The same where only keccak256(abi.encodePacked(uint32[] prompt)) is known here.
    function _askDigest(bytes32 modelId, bytes32 promptDigest, uint256 k, uint256 reward, uint64 deadline)
        internal
        returns (bytes32 claimId)
    {
        claimId = Claims.idOf(modelId, k, promptDigest);
        SETTLEMENT.requestDigest{value: reward}(modelId, promptDigest, k, deadline, _newSalt(claimId));
    }

    /// @dev The same where the prompt is sealed: P stands for it.
    function _askSealed(bytes32 modelId, uint256 sealedPrompt, uint256 k, uint256 reward, uint64 deadline)
        internal
        returns (bytes32 claimId)
    {
        claimId = Claims.sealedIdOf(modelId, k, sealedPrompt);
        SETTLEMENT.requestSealed{value: reward}(modelId, sealedPrompt, k, deadline, _newSalt(claimId));
    }

    // ------------------------------------------------------------------------------------------- acting

    /// @dev The answer's bytes, which need not be valid UTF-8. Reverts with `NotSettled` until there is one.
    function _textOf(bytes32 claimId) internal view returns (bytes memory) {
        _times(claimId);
        return SETTLEMENT.textOf(claimId);
    }

    /// @dev The answer's token ids. Reverts with `NotSettled` until there is one.
    function _tokensOf(bytes32 claimId) internal view returns (uint32[] memory) {
        _times(claimId);
        return SETTLEMENT.tokensOf(claimId);
    }

    /// @dev Sends whatever came back to this contract to `recipient`, this request's reward with it unless somebody
    /// earned it. Reverts with `StillOpen` while somebody can, with `NothingToWithdraw` if nothing came back. That
    /// anybody can call the settlement's `reclaim` before makes no difference.
    function _reclaim(bytes32 claimId, address payable recipient) internal {
        bytes32 requestId = requestIdOf(claimId);
        if (_isOpen(requestId)) SETTLEMENT.reclaim(requestId);
        SETTLEMENT.withdraw(recipient);
    }

    // ------------------------------------------------------------------------------------------- inside

    /// @dev Salt of a further request for a claim, of which one at a time is open: a second would pay for the same.
    function _newSalt(bytes32 claimId) private returns (bytes32) {
        uint256 times = _timesAsked[claimId];
        if (times != 0 && _isOpen(requestIdOf(claimId))) revert AlreadyAsked(claimId);
        _timesAsked[claimId] = times + 1;
        return _salt(claimId, times + 1);
    }

    /// @dev How often this contract has asked for a claim, at least once: another's question is not this contract's.
    function _times(bytes32 claimId) private view returns (uint256 times) {
        times = _timesAsked[claimId];
        if (times == 0) revert NotAsked(claimId);
    }

    function _salt(bytes32 claimId, uint256 times) private pure returns (bytes32) {
        return keccak256(abi.encode(claimId, times));
    }

    function _isOpen(bytes32 requestId) private view returns (bool) {
        return SETTLEMENT.requestOf(requestId).state == IRequestEscrow.State.Open;
    }
}
