// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IRequestEscrow} from "../src/interfaces/IRequestEscrow.sol";
import {IZkLLMSettlement} from "../src/interfaces/IZkLLMSettlement.sol";
import {MockedSettlement} from "./utils/MockedSettlement.sol";
import {vm} from "./utils/Vm.sol";

/// @dev A recipient that tries to be paid twice, or refuses.
contract Recipient {
    IZkLLMSettlement private immutable SETTLEMENT;
    bool public refuses;
    uint256 public reentries;

    constructor(IZkLLMSettlement settlement) payable {
        SETTLEMENT = settlement;
    }

    function setRefuses(bool value) external {
        refuses = value;
    }

    function post(bytes32 model, uint32[] calldata prompt, uint64 deadline) external returns (bytes32) {
        return SETTLEMENT.request{value: 1 ether}(model, prompt, 1, deadline, 0);
    }

    function withdraw(address payable to) external {
        SETTLEMENT.withdraw(to);
    }

    receive() external payable {
        require(!refuses);
        (bool again,) =
            address(SETTLEMENT).call(abi.encodeCall(SETTLEMENT.withdraw, (payable(address(this)))));
        if (again) ++reentries;
    }
}

/// @notice Rewards: paid once, to whoever proves; never stolen, never locked.
contract RequestEscrowTest is MockedSettlement {
    address private constant ASKER = address(0xa5c);
    address private constant PROVER = address(0x9807e5);
    address private constant THIEF = address(0xbad);
    uint256 private constant REWARD = 1 ether;
    bytes32 private constant SALT = keccak256("salt");
    uint64 private deadline;
    uint32[] private ids;

    function setUp() public override {
        super.setUp();
        vm.warp(1_800_000_000);
        deadline = uint64(block.timestamp + 1 days);
        ids = _ids(1, 9);
        vm.deal(ASKER, 10 ether);
    }

    function _request(bytes32 salt) private returns (bytes32 requestId) {
        vm.prank(ASKER);
        requestId = settlement.request{value: REWARD}(MODEL, _prompt(ids, 1), 1, deadline, salt);
    }

    function _settleAs(address prover, bytes32 requestId) private returns (bool ok, bytes memory returned) {
        bytes memory data = _calldata(verifier, ids, requestId);
        vm.prank(prover);
        (ok, returned) = address(settlement).call(data);
    }

    function _refuseAs(address prover, bytes32 requestId, bytes4 expected, string memory what) private {
        bytes memory data = _calldata(verifier, ids, requestId);
        vm.prank(prover);
        assertReverts(address(settlement), data, expected, what);
    }

    function _reclaimReverts(bytes32 requestId, bytes4 expected, string memory what) private {
        assertReverts(address(settlement), abi.encodeCall(settlement.reclaim, (requestId)), expected, what);
    }

    // ------------------------------------------------------------------------------------- fulfilling

    function test_whoeverProvesIsPaidOnce() external {
        bytes32 requestId = _request(SALT);
        assertEq(requestId, keccak256(abi.encode(ASKER, SALT)), "id");
        vm.expectEmit(true, true, true, true, address(settlement));
        emit IRequestEscrow.Fulfilled(requestId, _claimId(ids, 1), PROVER, REWARD);
        (bool ok,) = _settleAs(PROVER, requestId);
        assertTrue(ok, "settled");
        assertEq(settlement.creditOf(PROVER), REWARD, "credit");

        _refuseAs(PROVER, requestId, IZkLLMSettlement.AlreadySettled.selector, "again");
        _reclaimReverts(requestId, IRequestEscrow.RequestClosed.selector, "reclaim");
        vm.warp(uint256(deadline) + 1);
        _reclaimReverts(requestId, IRequestEscrow.RequestClosed.selector, "reclaim later");

        vm.prank(PROVER);
        settlement.withdraw(payable(PROVER));
        assertEq(PROVER.balance, REWARD, "paid");
        assertEq(address(settlement).balance, 0, "nothing is left");
        vm.prank(PROVER);
        bytes memory data = abi.encodeCall(settlement.withdraw, (payable(PROVER)));
        assertReverts(address(settlement), data, IRequestEscrow.NothingToWithdraw.selector, "twice");
    }

    /// @dev The context that the verifier sees names the sender: a copied proof is another's.
    function test_copiedProofsAreWorthless() external {
        bytes32 requestId = _request(SALT);
        verifier.setExpectedContext(
            keccak256(abi.encode(block.chainid, address(settlement), PROVER, requestId))
        );
        _refuseAs(THIEF, requestId, bytes4(keccak256("Rejected()")), "a thief");
        (bool ok,) = _settleAs(PROVER, requestId);
        assertTrue(ok, "the prover");
        assertEq(settlement.creditOf(THIEF), 0, "nothing");
    }

    function test_onlyTheRequestedClaim() external {
        bytes32 requestId = _request(SALT);
        ids[0] = uint32((ids[0] + 1) % SIZE);
        _refuseAs(PROVER, requestId, IRequestEscrow.AnotherClaim.selector, "another prompt");
        ids[0] = uint32((ids[0] + SIZE - 1) % SIZE);
        _refuseAs(PROVER, keccak256("?"), IRequestEscrow.UnknownRequest.selector, "no such request");
    }

    function test_deadlineIsTheLastSecond() external {
        bytes32 requestId = _request(SALT);
        vm.warp(uint256(deadline) + 1);
        _refuseAs(PROVER, requestId, IRequestEscrow.RequestExpired.selector, "late");
        vm.warp(deadline);
        (bool ok,) = _settleAs(PROVER, requestId);
        assertTrue(ok, "in time");
    }

    // ------------------------------------------------------------------------------------- returning

    function test_rewardGoesBackAfterTheDeadline() external {
        bytes32 requestId = _request(SALT);
        vm.warp(deadline);
        _reclaimReverts(requestId, IRequestEscrow.StillOpen.selector, "open");
        vm.warp(uint256(deadline) + 1);
        vm.prank(THIEF); // anybody may, for the requester
        settlement.reclaim(requestId);
        assertEq(settlement.creditOf(ASKER), REWARD, "credit");
        _reclaimReverts(requestId, IRequestEscrow.RequestClosed.selector, "twice");
        _refuseAs(PROVER, requestId, IRequestEscrow.RequestClosed.selector, "settle");
    }

    /// @dev Freezing ends settling, not refunds.
    function test_rewardGoesBackThoughTheVerifierIsFrozen() external {
        bytes32 requestId = _request(SALT);
        settlement.freeze(address(verifier));
        settlement.renounceOwnership();
        vm.warp(uint256(deadline) + 1);
        settlement.reclaim(requestId);
        vm.prank(ASKER);
        settlement.withdraw(payable(ASKER));
        assertEq(ASKER.balance, 10 ether, "all of it");
    }

    function test_whatIsSettledIsAnsweredAtOnce() external {
        _settle(ids, 0);
        bytes32 requestId = _request(SALT);
        assertEq(settlement.creditOf(ASKER), REWARD, "returned");
        assertTrue(settlement.requestOf(requestId).state == IRequestEscrow.State.Closed, "closed");
        _reclaimReverts(requestId, IRequestEscrow.RequestClosed.selector, "reclaim");
        assertEq(settlement.textOf(settlement.requestOf(requestId).claimId), vocabulary[ids[8]], "the answer");
    }

    /// @dev Two requests for one claim: one is fulfilled, the other's reward goes back before its deadline.
    function test_secondRequestIsReturned() external {
        bytes32 first = _request(SALT);
        bytes32 second = _request(keccak256("another"));
        (bool ok,) = _settleAs(PROVER, first);
        assertTrue(ok, "settled");
        _refuseAs(PROVER, second, IZkLLMSettlement.AlreadySettled.selector, "both");
        settlement.reclaim(second);
        assertEq(settlement.creditOf(PROVER), REWARD, "prover");
        assertEq(settlement.creditOf(ASKER), REWARD, "asker");
    }

    function test_digestInPlaceOfThePrompt() external {
        bytes32 digest = keccak256(abi.encodePacked(_prompt(ids, 1)));
        vm.prank(ASKER);
        bytes32 requestId = settlement.requestDigest{value: REWARD}(MODEL, digest, 1, deadline, SALT);
        assertEq(settlement.requestOf(requestId).claimId, _claimId(ids, 1), "the same claim");
        (bool ok,) = _settleAs(PROVER, requestId);
        assertTrue(ok, "settled");
    }

    // ------------------------------------------------------------------------------------- refusing

    function test_invalidRequests() external {
        _request(SALT);
        uint32[] memory prompt = _prompt(ids, 1);
        uint64 current = uint64(block.timestamp);
        uint64 far = current + uint64(settlement.MAX_DURATION());
        bytes4 invalid = IRequestEscrow.InvalidRequest.selector;
        bytes4 late = IRequestEscrow.InvalidDeadline.selector;
        _post(prompt, 1, deadline, SALT, IRequestEscrow.RequestExists.selector, "the same salt");
        _post(new uint32[](0), 1, deadline, 0, invalid, "no prompt");
        _post(prompt, 0, deadline, 0, invalid, "no token");
        _post(prompt, 1, current, 0, late, "now");
        _post(prompt, 1, 0, 0, late, "long ago");
        _post(prompt, 1, far + 1, 0, late, "too far");
        _post(prompt, 1, type(uint64).max, 0, late, "never");
        vm.prank(ASKER);
        settlement.request(MODEL, prompt, 1, far, 0); // the furthest, without a reward
    }

    function _post(
        uint32[] memory prompt,
        uint256 k,
        uint64 until,
        bytes32 salt,
        bytes4 expected,
        string memory what
    ) private {
        bytes memory data = abi.encodeCall(settlement.request, (MODEL, prompt, k, until, salt));
        vm.prank(ASKER);
        assertReverts(address(settlement), data, expected, what);
    }

    function test_saltsAreTheRequestersOwn() external {
        bytes32 mine = _request(SALT);
        vm.deal(THIEF, 1);
        vm.prank(THIEF);
        bytes32 theirs = settlement.request{value: 1}(MODEL, _prompt(ids, 1), 1, deadline, SALT);
        assertTrue(mine != theirs, "nobody takes another's id");
    }

    function test_etherIsNotTakenByAccident() external {
        (bool ok,) = address(settlement).call{value: 1}("");
        assertTrue(!ok, "no receive");
        bytes memory data = _calldata(verifier, ids, 0);
        (ok,) = address(settlement).call{value: 1}(data);
        assertTrue(!ok, "settle is not payable");
    }

    // ------------------------------------------------------------------------------------- withdrawing

    function test_reentrantRecipientsArePaidOnce() external {
        Recipient recipient = new Recipient{value: 1 ether}(settlement);
        _request(SALT); // somebody else's ether is there too
        bytes32 requestId = recipient.post(MODEL, _prompt(ids, 1), deadline);
        vm.warp(uint256(deadline) + 1);
        settlement.reclaim(requestId);
        recipient.withdraw(payable(address(recipient)));
        assertEq(address(recipient).balance, 1 ether, "its own");
        assertEq(recipient.reentries(), 0, "no second payment");
        assertEq(address(settlement).balance, REWARD, "the other's is there");
    }

    function test_refusedEtherStaysACredit() external {
        Recipient recipient = new Recipient{value: 1 ether}(settlement);
        bytes32 requestId = recipient.post(MODEL, _prompt(ids, 1), deadline);
        vm.warp(uint256(deadline) + 1);
        settlement.reclaim(requestId);
        recipient.setRefuses(true);
        bytes memory data = abi.encodeCall(recipient.withdraw, (payable(address(recipient))));
        assertReverts(address(recipient), data, IRequestEscrow.TransferFailed.selector, "refused");
        assertEq(settlement.creditOf(address(recipient)), 1 ether, "still there");
        recipient.withdraw(payable(ASKER));
        assertEq(ASKER.balance, 11 ether, "to somebody who takes it");
    }
}
