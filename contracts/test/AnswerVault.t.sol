// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {AnswerVault} from "../src/examples/AnswerVault.sol";
import {MockedSettlement} from "./utils/MockedSettlement.sol";
import {vm} from "./utils/Vm.sol";

/// @notice The example consumer: how a contract that relies on settled answers is tested with the mock.
contract AnswerVaultTest is MockedSettlement {
    address payable private constant BENEFICIARY = payable(address(0xb0b));
    uint256 private deadline;
    uint16[] private ids;

    receive() external payable {}

    function setUp() public override {
        super.setUp();
        deadline = block.timestamp + 1 days;
        ids = _ids(1, 9);
    }

    /// @dev Waits for the text of token `expected`.
    function _vault(uint16 expected) private returns (AnswerVault) {
        return new AnswerVault{value: 1 ether}(
            settlement, MODEL, _prompt(ids, 1), 1, vocabulary[expected], BENEFICIARY, deadline
        );
    }

    function test_expectedAnswerPaysTheBeneficiary() external {
        AnswerVault vault = _vault(ids[8]);
        _settle(ids, 0);
        vault.open();
        assertEq(BENEFICIARY.balance, 1 ether, "paid");
    }

    function test_otherAnswerPaysBack() external {
        AnswerVault vault = _vault(ids[8] + 1);
        _settle(ids, 0);
        uint256 before = address(this).balance;
        vault.open();
        assertEq(address(this).balance, before + 1 ether, "paid back");
        assertEq(BENEFICIARY.balance, 0, "not paid");
    }

    function test_lateAnswerPaysBack() external {
        AnswerVault vault = _vault(ids[8]);
        _settle(ids, 0);
        vm.warp(deadline + 1);
        uint256 before = address(this).balance;
        vault.open();
        assertEq(address(this).balance, before + 1 ether, "paid back");
    }

    function test_unsettledAnswersDoNotCount() external {
        AnswerVault vault = _vault(ids[8]);
        vm.warp(deadline);
        bytes4 expected = AnswerVault.NotAnswered.selector;
        assertReverts(address(vault), abi.encodeCall(vault.open, ()), expected, "not settled");
    }

    /// @dev The answer to a longer or shorter prompt, or of two tokens, is another claim.
    function test_onlyTheQuestionCounts() external {
        AnswerVault vault = _vault(ids[8]);
        _settle(_slice(ids, 0, 8), 0);
        _settle(_slice(ids, 1, 9), 0);
        uint16[] memory longer = _slice(ids, 0, 9);
        (bool ok,) = address(settlement).call(_calldata(_register(LENGTH, 2), longer, 0));
        assertTrue(ok, "two tokens");
        bytes4 expected = AnswerVault.NotAnswered.selector;
        assertReverts(address(vault), abi.encodeCall(vault.open, ()), expected, "other questions");
    }
}
