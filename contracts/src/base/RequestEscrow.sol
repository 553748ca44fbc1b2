// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IRequestEscrow} from "../interfaces/IRequestEscrow.sol";
import {Claims} from "../libraries/Claims.sol";

/// @title Requests for answers, with a reward for whoever proves one
/// @dev Ether leaves in `withdraw` alone, after the credit is gone. The contract's balance is at least the sum of
/// the open requests' rewards and of all credits; ether that was forced in belongs to nobody.
abstract contract RequestEscrow is IRequestEscrow {
    /// @inheritdoc IRequestEscrow
    uint256 public constant MAX_DURATION = 365 days;

    /// @inheritdoc IRequestEscrow
    mapping(address account => uint256) public creditOf;
    mapping(bytes32 requestId => Request) private _requests;

    /// @inheritdoc IRequestEscrow
    function request(bytes32 modelId, uint32[] calldata prompt, uint256 k, uint64 deadline, bytes32 salt)
        external
        payable
        returns (bytes32)
    {
        if (prompt.length == 0) revert InvalidRequest();
        bytes32 claimId = Claims.idOf(modelId, k, keccak256(abi.encodePacked(prompt)));
        return _post(modelId, claimId, prompt, k, deadline, salt);
    }

    /// @inheritdoc IRequestEscrow
    function requestDigest(bytes32 modelId, bytes32 promptDigest, uint256 k, uint64 deadline, bytes32 salt)
        external
        payable
        returns (bytes32)
    {
        return _post(modelId, Claims.idOf(modelId, k, promptDigest), new uint32[](0), k, deadline, salt);
    }

    /// @inheritdoc IRequestEscrow
    function requestSealed(bytes32 modelId, uint256 sealedPrompt, uint256 k, uint64 deadline, bytes32 salt)
        external
        payable
        returns (bytes32)
    {
        return _post(modelId, Claims.sealedIdOf(modelId, k, sealedPrompt), new uint32[](0), k, deadline, salt);
    }

    /// @inheritdoc IRequestEscrow
    function reclaim(bytes32 requestId) external {
        Request storage posted = _open(requestId);
        if (block.timestamp <= posted.deadline && !_isSettled(posted.claimId)) revert StillOpen(requestId);
        _return(requestId, posted);
    }

    /// @inheritdoc IRequestEscrow
    function withdraw(address payable recipient) external {
        uint256 amount = creditOf[msg.sender];
        if (amount == 0) revert NothingToWithdraw();
        creditOf[msg.sender] = 0;
        emit Withdrawn(msg.sender, recipient, amount);
        (bool sent,) = recipient.call{value: amount}("");
        if (!sent) revert TransferFailed();
    }

    /// @inheritdoc IRequestEscrow
    function requestOf(bytes32 requestId) external view returns (Request memory) {
        return _requests[requestId];
    }

    /// @inheritdoc IRequestEscrow
    function requestIdOf(address requester, bytes32 salt) public pure returns (bytes32) {
        return keccak256(abi.encode(requester, salt));
    }

    // ------------------------------------------------------------------------------------ inside

    /// @dev Credits the caller with the reward of the request that he fulfils by settling `claimId`.
    function _fulfil(bytes32 requestId, bytes32 claimId) internal {
        Request storage posted = _open(requestId);
        if (posted.claimId != claimId) revert AnotherClaim(requestId, posted.claimId);
        if (block.timestamp > posted.deadline) revert RequestExpired(requestId);
        posted.state = State.Closed;
        uint256 reward = posted.reward;
        if (reward != 0) creditOf[msg.sender] += reward;
        emit Fulfilled(requestId, claimId, msg.sender, reward);
    }

    function _isSettled(bytes32 claimId) internal view virtual returns (bool);

    function _post(
        bytes32 modelId,
        bytes32 claimId,
        uint32[] memory prompt,
        uint256 k,
        uint64 deadline,
        bytes32 salt
    ) private returns (bytes32 requestId) {
        if (k == 0) revert InvalidRequest();
        if (deadline <= block.timestamp || deadline > block.timestamp + MAX_DURATION) {
            revert InvalidDeadline(deadline);
        }
        requestId = requestIdOf(msg.sender, salt);
        Request storage posted = _requests[requestId];
        if (posted.state != State.None) revert RequestExists(requestId);
        _requests[requestId] = Request(msg.sender, deadline, State.Open, claimId, msg.value);
        emit Requested(requestId, claimId, msg.sender, modelId, k, msg.value, deadline, prompt);
        if (_isSettled(claimId)) _return(requestId, posted);
    }

    function _return(bytes32 requestId, Request storage posted) private {
        posted.state = State.Closed;
        uint256 reward = posted.reward;
        creditOf[posted.requester] += reward;
        emit Returned(requestId, posted.claimId, reward);
    }

    function _open(bytes32 requestId) private view returns (Request storage posted) {
        posted = _requests[requestId];
        if (posted.state == State.None) revert UnknownRequest(requestId);
        if (posted.state == State.Closed) revert RequestClosed(requestId);
    }
}
