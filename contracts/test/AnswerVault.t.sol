// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {AnswerVault} from "../src/examples/AnswerVault.sol";
import {MockedSettlement} from "./utils/MockedSettlement.sol";
import {vm} from "./utils/Vm.sol";

/// @notice The example consumer: how a contract that relies on settled answers is tested with the mock.
contract AnswerVaultTest is MockedSettlement {
    address private constant BENEFICIARY = address(0xb0b);
    address private constant DEPOSITOR = address(0xde9);
    address payable private constant RECIPIENT = payable(address(0x9e7));
    uint256 private deadline;
    uint32[] private ids;

    function setUp() public override {
        super.setUp();
        deadline = block.timestamp + 1 days;
        ids = _ids(1, 9);
    }

    /// @dev Waits for the text of token `expected`.
    function _vault(uint32 expected) private returns (AnswerVault) {
        vm.deal(DEPOSITOR, 1 ether);
        vm.prank(DEPOSITOR);
        return new AnswerVault{value: 1 ether}(
            settlement, MODEL, _prompt(ids, 1), 1, vocabulary[expected], BENEFICIARY, deadline
        );
    }

    function _open(AnswerVault vault, address caller) private {
        vm.prank(caller);
        vault.open(RECIPIENT);
        assertEq(RECIPIENT.balance, 1 ether, "paid");
        assertEq(address(vault).balance, 0, "nothing is left");
        _refuse(vault, caller, AnswerVault.Empty.selector, "twice");
    }

    function _refuse(AnswerVault vault, address caller, bytes4 expected, string memory what) private {
        vm.prank(caller);
        assertReverts(address(vault), abi.encodeCall(vault.open, (RECIPIENT)), expected, what);
    }

    function test_expectedAnswerIsTheBeneficiarys() external {
        AnswerVault vault = _vault(ids[8]);
        _settle(ids, 0);
        _refuse(vault, DEPOSITOR, AnswerVault.NotEntitled.selector, "the depositor");
        _refuse(vault, address(this), AnswerVault.NotEntitled.selector, "anybody");
        _open(vault, BENEFICIARY);
    }

    function test_otherAnswerIsTheDepositors() external {
        AnswerVault vault = _vault(ids[8] + 1);
        _settle(ids, 0);
        _refuse(vault, BENEFICIARY, AnswerVault.NotEntitled.selector, "the beneficiary");
        _open(vault, DEPOSITOR);
    }

    function test_noAnswerIsTheDepositors() external {
        AnswerVault vault = _vault(ids[8]);
        vm.warp(deadline + 1);
        _refuse(vault, BENEFICIARY, AnswerVault.NotEntitled.selector, "the beneficiary");
        _open(vault, DEPOSITOR);
    }

    /// @dev The depositor cannot wait until an answer that he does not like is too old.
    function test_answerCannotBeWaitedOut() external {
        AnswerVault vault = _vault(ids[8]);
        vm.warp(deadline);
        _settle(ids, 0);
        vm.warp(deadline + 1);
        _refuse(vault, DEPOSITOR, AnswerVault.NotEntitled.selector, "the depositor");
        _open(vault, BENEFICIARY);
    }

    /// @dev Ether that a recipient refuses can be sent to another.
    function test_refusedEtherIsNotLocked() external {
        AnswerVault vault = _vault(ids[8]);
        _settle(ids, 0);
        vm.prank(BENEFICIARY);
        bytes memory data = abi.encodeCall(vault.open, (payable(address(this))));
        assertReverts(address(vault), data, AnswerVault.TransferFailed.selector, "this takes no ether");
        _open(vault, BENEFICIARY);
    }

    function test_unsettledAnswersDoNotCount() external {
        AnswerVault vault = _vault(ids[8]);
        vm.warp(deadline);
        _refuse(vault, BENEFICIARY, AnswerVault.NotAnswered.selector, "not settled");
        _refuse(vault, DEPOSITOR, AnswerVault.NotAnswered.selector, "not settled");
    }

    /// @dev The answer to a longer or shorter prompt, or of two tokens, is another claim.
    function test_onlyTheQuestionCounts() external {
        AnswerVault vault = _vault(ids[8]);
        _settle(_slice(ids, 0, 8), 0);
        _settle(_slice(ids, 1, 9), 0);
        uint32[] memory longer = _slice(ids, 0, 9);
        (bool ok,) = address(settlement).call(_calldata(_register(LENGTH, 2), longer, 0));
        assertTrue(ok, "two tokens");
        _refuse(vault, BENEFICIARY, AnswerVault.NotAnswered.selector, "other questions");
    }
}
