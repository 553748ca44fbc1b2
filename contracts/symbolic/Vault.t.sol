// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {AnswerVault} from "../src/examples/AnswerVault.sol";
import {IZkLLMSettlement} from "../src/interfaces/IZkLLMSettlement.sol";
import {svm, vm} from "./utils/Symbolic.sol";

/// @dev A settlement that says anything.
contract AnySettled {
    bool public settled = svm.createUint(1, "settled") == 1;
    bytes private _text = svm.createBytes(3, "settledText");

    function claimIdOf(bytes32, uint256, uint32[] calldata) external pure returns (bytes32) {
        return keccak256("the claim");
    }

    function isSettled(bytes32 id) external view returns (bool) {
        return settled && id == keccak256("the claim");
    }

    function textOf(bytes32) external view returns (bytes memory) {
        return _text;
    }
}

/// @notice The example consumer: whoever calls, whenever.
contract VaultCheck {
    AnySettled private settlement;
    AnswerVault private vault;
    address private depositor;
    address private beneficiary;
    bytes private expected;
    uint256 private deadline;

    function setUp() external {
        settlement = new AnySettled();
        (depositor, beneficiary) = (svm.createAddress("depositor"), svm.createAddress("beneficiary"));
        expected = svm.createBytes(3, "expected");
        deadline = svm.createUint256("deadline");
        vm.deal(depositor, 1 ether);
        vm.prank(depositor);
        vault = new AnswerVault{value: 1 ether}(
            IZkLLMSettlement(address(settlement)), 0, new uint32[](1), 1, expected, beneficiary, deadline
        );
        vm.warp(svm.createUint(64, "time"));
    }

    function _theirs() private view returns (address) {
        bool answered = settlement.isSettled(keccak256("the claim"));
        bool good = keccak256(settlement.textOf(0)) == keccak256(expected);
        if (answered) return good ? beneficiary : depositor;
        return block.timestamp > deadline ? depositor : address(0);
    }

    function check_onlyWhoseTheEtherIs() external {
        address caller = svm.createAddress("caller");
        address payable recipient = payable(address(0x9e7));
        vm.prank(caller);
        vault.open(recipient);
        assert(caller == _theirs());
        assert(address(vault).balance == 0 && recipient.balance == 1 ether);
        vm.prank(caller);
        (bool ok,) = address(vault).call(abi.encodeCall(vault.open, (recipient)));
        assert(!ok);
    }

    function check_neverLocked() external {
        address theirs = _theirs();
        vm.assume(theirs != address(0));
        vm.prank(theirs);
        (bool ok,) = address(vault).call(abi.encodeCall(vault.open, (payable(address(0x9e7)))));
        assert(ok);
    }
}
