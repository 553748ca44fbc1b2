// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IRequestEscrow} from "../src/interfaces/IRequestEscrow.sol";
import {AnySettlement} from "./utils/AnySettlement.sol";
import {svm, vm} from "./utils/Symbolic.sol";

/// @notice The escrow's money. Each check is one call in any state: it changes the balance by exactly what it changes
/// the sum of credits and open rewards by, and touches nothing of any other request or account. By induction over
/// the calls, the balance is never below that sum, and each request is paid or returned once at most.
contract EscrowCheck is AnySettlement {
    IRequestEscrow.Request private before;
    bytes32 private otherRequest;
    bytes32 private otherBefore;
    address private otherAccount;
    uint256 private otherCredit;

    /// @dev Looks at any other request and any other account; `_unchanged` compares.
    function _look(bytes32 requestId, address account) private {
        otherRequest = svm.createBytes32("otherRequest");
        otherAccount = svm.createAddress("otherAccount");
        vm.assume(otherRequest != requestId && otherAccount != account);
        before = settlement.requestOf(requestId);
        otherBefore = _digest(settlement.requestOf(otherRequest));
        otherCredit = settlement.creditOf(otherAccount);
    }

    function _unchanged() private view {
        assert(_digest(settlement.requestOf(otherRequest)) == otherBefore);
        assert(settlement.creditOf(otherAccount) == otherCredit);
    }

    /// @dev A request's terms are never rewritten.
    function _sameTerms(IRequestEscrow.Request memory r) private view {
        assert(r.requester == before.requester && r.deadline == before.deadline);
        assert(r.claimId == before.claimId && r.reward == before.reward);
    }

    function check_requestTakesWhatItOwes(
        bytes32 modelId,
        bytes32 prompt,
        uint256 k,
        uint64 deadline,
        bytes32 salt,
        uint256 value
    ) external {
        address asker = _any("asker");
        vm.assume(value < MUCH);
        vm.deal(asker, value);
        bytes32 id = settlement.requestIdOf(asker, salt);
        _look(id, asker);
        uint256 credit = settlement.creditOf(asker);
        uint256 balance = address(settlement).balance;
        vm.assume(credit < MUCH);

        vm.prank(asker);
        bytes32 made = settlement.requestDigest{value: value}(modelId, prompt, k, deadline, salt);

        IRequestEscrow.Request memory r = settlement.requestOf(id);
        assert(made == id && before.state == IRequestEscrow.State.None);
        assert(r.requester == asker && r.deadline == deadline && r.reward == value);
        assert(r.claimId == keccak256(abi.encode(modelId, k, prompt)));
        assert(deadline > block.timestamp && deadline <= block.timestamp + settlement.MAX_DURATION());
        assert((r.state == IRequestEscrow.State.Closed) == settlement.isSettled(r.claimId));
        assert(_owed(r) + settlement.creditOf(asker) == credit + value);
        assert(address(settlement).balance == balance + value);
        _unchanged();
    }

    function check_fulfillingPaysTheSenderOnce(uint24 asked, bytes32 id) external {
        address prover = _any("prover");
        _look(id, prover);
        uint256 credit = settlement.creditOf(prover);
        uint256 balance = address(settlement).balance;
        vm.assume(id != 0 && credit < MUCH && before.reward < MUCH);

        vm.prank(prover);
        (bool ok,) = address(settlement).call(_settling(asked, id));
        vm.assume(ok);

        IRequestEscrow.Request memory r = settlement.requestOf(id);
        assert(before.state == IRequestEscrow.State.Open && r.state == IRequestEscrow.State.Closed);
        assert(before.claimId == _claimOf(asked) && before.deadline >= block.timestamp);
        assert(settlement.creditOf(prover) == credit + before.reward);
        assert(address(settlement).balance == balance);
        _sameTerms(r);
        _unchanged();
    }

    function check_settlingWithoutARequestMovesNothing(uint24 asked, bytes32 id) external {
        address prover = _any("prover");
        _look(id, prover);
        uint256 credit = settlement.creditOf(prover);
        uint256 balance = address(settlement).balance;
        vm.prank(prover);
        (bool ok,) = address(settlement).call(_settling(asked, 0));
        vm.assume(ok);
        assert(_digest(settlement.requestOf(id)) == _digest(before));
        assert(settlement.creditOf(prover) == credit && address(settlement).balance == balance);
        _unchanged();
    }

    /// @dev Whoever calls it, the requester alone gets the reward back, and not before the deadline has passed or the
    /// claim is settled.
    function check_reclaimingPaysTheRequesterOnce(bytes32 id) external {
        address caller = _any("caller");
        address requester = settlement.requestOf(id).requester;
        _look(id, requester);
        uint256 credit = settlement.creditOf(requester);
        uint256 balance = address(settlement).balance;
        vm.assume(credit < MUCH && before.reward < MUCH);

        vm.prank(caller);
        settlement.reclaim(id);

        IRequestEscrow.Request memory r = settlement.requestOf(id);
        assert(before.state == IRequestEscrow.State.Open && r.state == IRequestEscrow.State.Closed);
        assert(block.timestamp > before.deadline || settlement.isSettled(before.claimId));
        assert(settlement.creditOf(requester) == credit + before.reward);
        assert(address(settlement).balance == balance);
        _sameTerms(r);
        _unchanged();
    }

    function check_withdrawingPaysTheCreditAlone(bytes32 id) external {
        address payable recipient = payable(_any("recipient"));
        address owner = _any("creditor");
        vm.assume(recipient.code.length == 0);
        _look(id, owner);
        uint256 credit = settlement.creditOf(owner);
        uint256 balance = address(settlement).balance;
        uint256 held = recipient.balance;
        vm.assume(held < MUCH);

        vm.prank(owner);
        settlement.withdraw(recipient);

        assert(credit != 0 && settlement.creditOf(owner) == 0);
        assert(address(settlement).balance == balance - credit && recipient.balance == held + credit);
        assert(_digest(settlement.requestOf(id)) == _digest(before));
        _unchanged();
    }

    // ---------------------------------------------------------------------------------- nothing is locked

    /// @dev Whatever the owner froze, and whoever owns the registry: after the deadline an open request's reward goes
    /// back.
    function check_openRequestsCanBeReclaimed(bytes32 id) external {
        address caller = _any("caller");
        IRequestEscrow.Request memory r = settlement.requestOf(id);
        vm.assume(r.state == IRequestEscrow.State.Open && block.timestamp > r.deadline);
        vm.assume(r.reward < MUCH && settlement.creditOf(r.requester) < MUCH);
        vm.prank(caller);
        (bool ok,) = address(settlement).call(abi.encodeCall(settlement.reclaim, (id)));
        assert(ok);
    }

    function check_creditsCanBeWithdrawn() external {
        address owner = _any("creditor");
        uint256 credit = settlement.creditOf(owner);
        vm.assume(credit != 0 && credit <= address(settlement).balance);
        address payable recipient = payable(address(0x9e7));
        vm.prank(owner);
        (bool ok,) = address(settlement).call(abi.encodeCall(settlement.withdraw, (recipient)));
        assert(ok);
    }
}
