// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ZkLLMSettlement} from "../src/ZkLLMSettlement.sol";
import {AnswerVault} from "../src/examples/AnswerVault.sol";
import {MockZkLLMVerifier} from "../src/mocks/MockZkLLMVerifier.sol";
import {TestBase} from "./utils/TestBase.sol";
import {vm} from "./utils/Vm.sol";
import {Vocabulary} from "./utils/Vocabulary.sol";

/// @notice The example consumer: how a contract that relies on settled answers is tested with the mock.
contract AnswerVaultTest is TestBase {
    address payable private constant BENEFICIARY = payable(address(0xb0b));
    bytes[] private vocabulary;
    ZkLLMSettlement private settlement;
    uint16[] private prompt;

    receive() external payable {}

    function setUp() external {
        vocabulary.push("zero");
        vocabulary.push(" magic");
        vocabulary.push(" science");
        settlement =
            new ZkLLMSettlement(new MockZkLLMVerifier(keccak256("m"), Vocabulary.root(vocabulary), 3, 8, 1));
        prompt.push(2);
        prompt.push(0);
    }

    function _settle(uint16 answer) private {
        uint16[] memory ids = new uint16[](3);
        (ids[0], ids[1], ids[2]) = (prompt[0], prompt[1], answer);
        uint16[] memory last = new uint16[](1);
        last[0] = answer;
        bytes[] memory texts = new bytes[](1);
        texts[0] = vocabulary[answer];
        settlement.settle(
            0, Vocabulary.words(ids, 8, 0), new uint256[](1), Vocabulary.paths(vocabulary, last), texts
        );
    }

    function _vault() private returns (AnswerVault) {
        return new AnswerVault{value: 1 ether}(settlement, prompt, " magic", BENEFICIARY);
    }

    function test_expectedAnswerPaysTheBeneficiary() external {
        AnswerVault vault = _vault();
        _settle(1);
        uint16[] memory answer = new uint16[](1);
        answer[0] = 1;
        vault.open(answer);
        assertEq(BENEFICIARY.balance, 1 ether, "paid");
    }

    function test_otherAnswerPaysBack() external {
        AnswerVault vault = _vault();
        _settle(2);
        uint16[] memory answer = new uint16[](1);
        answer[0] = 2;
        uint256 before = address(this).balance;
        vault.open(answer);
        assertEq(address(this).balance, before + 1 ether, "paid back");
        assertEq(BENEFICIARY.balance, 0, "not paid");
    }

    function test_unsettledAnswersDoNotCount() external {
        AnswerVault vault = _vault();
        uint16[] memory answer = new uint16[](1);
        answer[0] = 1;
        bytes4 expected = AnswerVault.NotAnswered.selector;
        assertReverts(address(vault), abi.encodeCall(vault.open, (answer)), expected, "not settled");
    }

    /// @dev The claim "zero, magic -> science" must not open the vault whose prompt is only "zero".
    function test_borderBetweenPromptAndAnswerIsFixed() external {
        _settle(1);
        uint16[] memory shorter = new uint16[](1);
        shorter[0] = prompt[0];
        AnswerVault vault = new AnswerVault{value: 1 ether}(settlement, shorter, " magic", BENEFICIARY);
        uint16[] memory answer = new uint16[](2);
        (answer[0], answer[1]) = (prompt[1], 1);
        bytes4 expected = AnswerVault.NotAnswered.selector;
        assertReverts(address(vault), abi.encodeCall(vault.open, (answer)), expected, "longer answer");
    }
}
