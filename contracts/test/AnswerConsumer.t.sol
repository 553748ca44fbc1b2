// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {AnswerConsumer} from "../src/examples/AnswerConsumer.sol";
import {YesOrNo} from "../src/examples/YesOrNo.sol";
import {IRequestEscrow} from "../src/interfaces/IRequestEscrow.sol";
import {IZkLLMSettlement} from "../src/interfaces/IZkLLMSettlement.sol";
import {MockZkLLMVerifier} from "../src/mocks/MockZkLLMVerifier.sol";
import {MockedSettlement} from "./utils/MockedSettlement.sol";
import {vm} from "./utils/Vm.sol";
import {Vocabulary} from "./utils/Vocabulary.sol";

/// @dev The base with everything of it in reach.
contract Asker is AnswerConsumer {
    constructor(IZkLLMSettlement settlement) payable AnswerConsumer(settlement) {}

    function ask(bytes32 model, uint32[] memory prompt, uint256 k, uint64 deadline)
        external
        returns (bytes32)
    {
        return _ask(model, prompt, k, 1 ether, deadline);
    }

    function askDigest(bytes32 model, bytes32 digest, uint64 deadline) external returns (bytes32) {
        return _askDigest(model, digest, 1, 1 ether, deadline);
    }

    function askSealed(bytes32 model, uint256 P, uint64 deadline) external returns (bytes32) {
        return _askSealed(model, P, 1, 1 ether, deadline);
    }

    function textOf(bytes32 claimId) external view returns (bytes memory) {
        return _textOf(claimId);
    }

    function tokensOf(bytes32 claimId) external view returns (uint32[] memory) {
        return _tokensOf(claimId);
    }

    function reclaim(bytes32 claimId, address payable recipient) external {
        _reclaim(claimId, recipient);
    }
}

/// @notice The base of consumers: asks, reads its own questions' answers alone, and loses no reward.
contract AnswerConsumerTest is MockedSettlement {
    address private constant PROVER = address(0x9807e5);
    address payable private constant RECIPIENT = payable(address(0x9e7));
    Asker private asker;
    uint64 private deadline;
    uint32[] private ids;

    function setUp() public override {
        super.setUp();
        vm.warp(1_800_000_000);
        deadline = uint64(block.timestamp + 1 days);
        ids = _ids(1, 9);
        vm.deal(address(this), 3 ether);
        asker = new Asker{value: 3 ether}(settlement);
    }

    function _ask() private returns (bytes32 claimId) {
        claimId = asker.ask(MODEL, _prompt(ids, 1), 1, deadline);
        assertEq(claimId, _claimId(ids, 1), "claim id");
    }

    /// @dev Settles in the name of the request, by whoever earns the reward.
    function _fulfil(bytes memory data) private {
        vm.prank(PROVER);
        (bool ok,) = address(settlement).call(data);
        assertTrue(ok, "settle");
    }

    function _refuse(bytes memory data, bytes4 expected, string memory what) private {
        assertReverts(address(asker), data, expected, what);
    }

    function _reclaim(bytes32 claimId) private pure returns (bytes memory) {
        return abi.encodeCall(Asker.reclaim, (claimId, RECIPIENT));
    }

    // ------------------------------------------------------------------------------------- answered

    function test_answersAreReadAndPaidFor() external {
        MockZkLLMVerifier three = _register(LENGTH, 3);
        bytes32 claimId = asker.ask(MODEL, _prompt(ids, 3), 3, deadline);
        assertEq(claimId, _claimId(ids, 3), "claim id");
        assertTrue(!asker.isAnswered(claimId), "not yet");
        _refuse(abi.encodeCall(Asker.textOf, (claimId)), IZkLLMSettlement.NotSettled.selector, "text");
        _refuse(abi.encodeCall(Asker.tokensOf, (claimId)), IZkLLMSettlement.NotSettled.selector, "tokens");
        _refuse(_reclaim(claimId), IRequestEscrow.StillOpen.selector, "a prover may be at work");

        _fulfil(_calldata(three, ids, asker.requestIdOf(claimId)));
        assertTrue(asker.isAnswered(claimId), "answered");
        bytes memory text = bytes.concat(vocabulary[ids[6]], vocabulary[ids[7]], vocabulary[ids[8]]);
        assertEq(asker.textOf(claimId), text, "text");
        assertEq(abi.encode(asker.tokensOf(claimId)), abi.encode(_answer(ids, 3)), "tokens");
        assertEq(settlement.creditOf(PROVER), 1 ether, "reward");
        _refuse(_reclaim(claimId), IRequestEscrow.NothingToWithdraw.selector, "the reward is the prover's");
        vm.warp(uint256(deadline) + 1);
        assertTrue(!asker.isLate(claimId), "answered, not late");
    }

    function test_digestsAreAskedFor() external {
        bytes32 digest = keccak256(abi.encodePacked(_prompt(ids, 1)));
        bytes32 claimId = asker.askDigest(MODEL, digest, deadline);
        assertEq(claimId, _claimId(ids, 1), "claim id");
        _fulfil(_calldata(verifier, ids, asker.requestIdOf(claimId)));
        assertEq(asker.textOf(claimId), vocabulary[ids[8]], "text");
        assertEq(settlement.creditOf(PROVER), 1 ether, "reward");
    }

    function test_sealedPromptsAreAskedFor() external {
        MockZkLLMVerifier hiding = _sealedVerifier(LENGTH, 1);
        settlement.register(address(hiding));
        bytes32 claimId = asker.askSealed(MODEL, 77, deadline);
        assertEq(claimId, settlement.sealedClaimIdOf(MODEL, 1, 77), "claim id");
        uint32[] memory answer = _answer(ids, 1);
        _fulfil(
            abi.encodeCall(
                settlement.settle,
                (
                    address(hiding),
                    asker.requestIdOf(claimId),
                    Vocabulary.sealedWords(77, answer),
                    _proof(),
                    Vocabulary.siblings(vocabulary, answer),
                    Vocabulary.texts(vocabulary, answer)
                )
            )
        );
        assertEq(asker.textOf(claimId), vocabulary[ids[8]], "text");
        assertEq(settlement.creditOf(PROVER), 1 ether, "reward");
    }

    /// @dev What somebody settled before is read at once, and costs nothing.
    function test_settledBefore() external {
        _settle(ids, 0);
        bytes32 claimId = _ask();
        assertTrue(asker.isAnswered(claimId), "answered");
        assertEq(asker.textOf(claimId), vocabulary[ids[8]], "text");
        asker.reclaim(claimId, RECIPIENT);
        assertEq(RECIPIENT.balance, 1 ether, "back");
    }

    /// @dev Settled by somebody who did not want the reward.
    function test_settledWithoutTheRequest() external {
        bytes32 claimId = _ask();
        _settle(ids, 0);
        assertTrue(asker.isAnswered(claimId), "answered");
        asker.reclaim(claimId, RECIPIENT);
        assertEq(RECIPIENT.balance, 1 ether, "back");
        _refuse(_reclaim(claimId), IRequestEscrow.NothingToWithdraw.selector, "twice");
    }

    // ------------------------------------------------------------------------------------- asked twice

    function test_openQuestionsAreNotPaidForTwice() external {
        bytes32 claimId = _ask();
        bytes4 expected = AnswerConsumer.AlreadyAsked.selector;
        _refuse(abi.encodeCall(Asker.ask, (MODEL, _prompt(ids, 1), 1, deadline)), expected, "ids");
        bytes32 digest = keccak256(abi.encodePacked(_prompt(ids, 1)));
        _refuse(abi.encodeCall(Asker.askDigest, (MODEL, digest, deadline)), expected, "digest");
        asker.askSealed(MODEL, 77, deadline);
        _refuse(abi.encodeCall(Asker.askSealed, (MODEL, 77, deadline)), expected, "sealed");
        assertEq(address(settlement).balance, 2 ether, "one reward for each question");
        vm.warp(uint256(deadline) + 1);
        _refuse(abi.encodeCall(Asker.ask, (MODEL, _prompt(ids, 1), 1, deadline + 9)), expected, "late");
        asker.reclaim(claimId, RECIPIENT);
        asker.ask(MODEL, _prompt(ids, 1), 1, deadline + 9);
    }

    function test_onlyItsOwnQuestions() external {
        _settle(ids, 0);
        bytes32 claimId = _claimId(ids, 1);
        bytes4 expected = AnswerConsumer.NotAsked.selector;
        assertTrue(!asker.isAnswered(claimId), "somebody else's");
        _refuse(abi.encodeCall(Asker.textOf, (claimId)), expected, "text");
        _refuse(abi.encodeCall(Asker.tokensOf, (claimId)), expected, "tokens");
        _refuse(abi.encodeCall(asker.requestIdOf, (claimId)), expected, "request");
        _refuse(abi.encodeCall(asker.isLate, (claimId)), expected, "late");
        _refuse(_reclaim(claimId), expected, "reclaim");
    }

    // ------------------------------------------------------------------------------------- too late

    function test_lateRewardsComeBackAndTheQuestionCanBeAskedAgain() external {
        bytes32 claimId = _ask();
        bytes32 first = asker.requestIdOf(claimId);
        vm.warp(deadline);
        assertTrue(!asker.isLate(claimId), "the last second");
        _refuse(_reclaim(claimId), IRequestEscrow.StillOpen.selector, "the last second");
        vm.warp(uint256(deadline) + 1);
        assertTrue(asker.isLate(claimId), "late");
        asker.reclaim(claimId, RECIPIENT);
        assertEq(RECIPIENT.balance, 1 ether, "back");
        assertTrue(asker.isLate(claimId), "still late");

        deadline += 1 days;
        _ask();
        assertTrue(asker.requestIdOf(claimId) != first, "another request");
        assertTrue(!asker.isLate(claimId), "not any more");
        _fulfil(_calldata(verifier, ids, asker.requestIdOf(claimId)));
        assertEq(asker.textOf(claimId), vocabulary[ids[8]], "text");
        assertEq(settlement.creditOf(PROVER), 1 ether, "reward");
    }

    /// @dev The deadline ends the offer, not the question.
    function test_answersAfterTheDeadlineAreAnswers() external {
        bytes32 claimId = _ask();
        vm.warp(uint256(deadline) + 1);
        assertTrue(asker.isLate(claimId), "late");
        _settle(ids, 0);
        assertTrue(!asker.isLate(claimId), "answered");
        assertEq(asker.textOf(claimId), vocabulary[ids[8]], "text");
        asker.reclaim(claimId, RECIPIENT);
        assertEq(RECIPIENT.balance, 1 ether, "back");
    }

    /// @dev Anybody may have the settlement return a reward: it is fetched all the same.
    function test_reclaimedBySomebodyElse() external {
        bytes32 claimId = _ask();
        vm.warp(uint256(deadline) + 1);
        vm.prank(PROVER);
        settlement.reclaim(asker.requestIdOf(claimId));
        asker.reclaim(claimId, RECIPIENT);
        assertEq(RECIPIENT.balance, 1 ether, "back");
    }
}

/// @notice The template: how a contract made from the base is tested with the mock.
contract YesOrNoTest is MockedSettlement {
    address private constant OWNER = address(0xa5c);
    address private constant PROVER = address(0x9807e5);
    address payable private constant RECIPIENT = payable(address(0x9e7));
    uint64 private deadline;
    uint32[] private ids;

    function setUp() public override {
        super.setUp();
        vm.warp(1_800_000_000);
        deadline = uint64(block.timestamp + 1 days);
        ids = _ids(1, 9);
        vm.deal(OWNER, 2 ether);
    }

    /// @dev Token `yes` means yes.
    function _question(uint32 yes) private returns (YesOrNo question) {
        vm.prank(OWNER);
        question = new YesOrNo{value: 1 ether}(settlement, MODEL, _prompt(ids, 1), vocabulary[yes], deadline);
        assertEq(question.CLAIM_ID(), _claimId(ids, 1), "claim id");
    }

    function _answerAndDecide(YesOrNo question, YesOrNo.Verdict expected) private {
        bytes memory data = _calldata(verifier, ids, question.requestIdOf(question.CLAIM_ID()));
        vm.prank(PROVER);
        (bool ok,) = address(settlement).call(data);
        assertTrue(ok, "settle");
        assertEq(settlement.creditOf(PROVER), 1 ether, "reward");
        vm.expectEmit(true, true, true, true, address(question));
        emit YesOrNo.Decided(expected);
        question.decide();
        assertTrue(question.verdict() == expected, "verdict");
        bytes memory again = abi.encodeCall(question.decide, ());
        assertReverts(address(question), again, YesOrNo.AlreadyDecided.selector, "twice");
    }

    function test_yes() external {
        _answerAndDecide(_question(ids[8]), YesOrNo.Verdict.Yes);
    }

    function test_anotherAnswerIsNo() external {
        _answerAndDecide(_question(ids[8] + 1), YesOrNo.Verdict.No);
    }

    function test_nothingIsDecidedUnanswered() external {
        YesOrNo question = _question(ids[8]);
        bytes memory data = abi.encodeCall(question.decide, ());
        assertReverts(address(question), data, IZkLLMSettlement.NotSettled.selector, "unanswered");
        _settle(_slice(ids, 1, 9), 0);
        assertReverts(address(question), data, IZkLLMSettlement.NotSettled.selector, "another question");
        vm.warp(uint256(deadline) + 1);
        assertReverts(address(question), data, IZkLLMSettlement.NotSettled.selector, "late");
        assertTrue(question.verdict() == YesOrNo.Verdict.None, "none");
    }

    function test_tooLateReclaimedAndAskedAgain() external {
        YesOrNo question = _question(ids[8]);
        uint64 later = deadline + 1 days;
        bytes memory again = abi.encodeCall(question.askAgain, (later));
        bytes memory back = abi.encodeCall(question.reclaim, (RECIPIENT));
        bytes4 notOwner = YesOrNo.NotOwner.selector;
        assertReverts(address(question), again, notOwner, "asked by anybody");
        assertReverts(address(question), back, notOwner, "reclaimed by anybody");
        vm.prank(OWNER);
        assertReverts(address(question), again, AnswerConsumer.AlreadyAsked.selector, "open");
        vm.warp(uint256(deadline) + 1);
        vm.prank(OWNER);
        question.reclaim(RECIPIENT);
        assertEq(RECIPIENT.balance, 1 ether, "back");
        vm.prank(OWNER);
        question.askAgain{value: 1 ether}(later);
        _answerAndDecide(question, YesOrNo.Verdict.Yes);
    }
}
