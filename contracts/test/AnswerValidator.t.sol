// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {AnswerReport, AnswerValidator} from "../src/adapters/AnswerValidator.sol";
import {IValidationRegistry} from "../src/adapters/interfaces/IValidationRegistry.sol";
import {IZkLLMSettlement} from "../src/interfaces/IZkLLMSettlement.sol";
import {MockedSettlement} from "./utils/MockedSettlement.sol";
import {ValidationRegistry} from "./utils/ValidationRegistry.sol";
import {vm} from "./utils/Vm.sol";

/// @notice ERC-8004: what an agent reports is passed or failed by the settled answer, once, and by nothing else.
contract AnswerValidatorTest is MockedSettlement {
    address private constant AGENT_OWNER = address(0xa9e27);
    uint256 private constant AGENT = 7;
    /// @dev Execution of `validate`, all that it touches cold.
    uint256 private constant MAX_GAS = 160_000;
    ValidationRegistry private registry;
    AnswerValidator private validator;
    uint32[] private ids;

    function setUp() public override {
        super.setUp();
        registry = new ValidationRegistry();
        registry.setOwner(AGENT, AGENT_OWNER);
        validator = new AnswerValidator(settlement, registry);
        ids = _ids(1, 9);
    }

    function _report(bytes memory text) private view returns (AnswerReport memory) {
        return AnswerReport(AGENT, MODEL, _prompt(ids, 1), 1, text, bytes32(uint256(5)));
    }

    function _request(AnswerReport memory report) private returns (bytes32 requestHash) {
        requestHash = keccak256(abi.encode(report));
        assertEq(validator.requestHashOf(report), requestHash, "the payload's hash");
        vm.prank(AGENT_OWNER);
        registry.validationRequest(address(validator), AGENT, "https://example.org/report", requestHash);
    }

    function _refuse(AnswerReport memory report, bytes4 expected, string memory what) private {
        assertReverts(address(validator), abi.encodeCall(AnswerValidator.validate, (report)), expected, what);
    }

    /// @dev The registry has this response, by the event and by its storage.
    function _validate(AnswerReport memory report, uint8 response) private {
        bytes32 requestHash = validator.requestHashOf(report);
        bytes32 claimId = _claimId(ids, 1);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IValidationRegistry.ValidationResponse(
            address(validator), AGENT, requestHash, response, "", claimId, "zkllm"
        );
        vm.prank(address(0xabc)); // anybody
        assertEq(validator.validate(report), response, "response");
        (,, uint8 stored, bytes32 responseHash, string memory tag,) =
            registry.getValidationStatus(requestHash);
        assertEq(stored, response, "stored");
        assertEq(responseHash, claimId, "the evidence");
        assertEq(bytes(tag), "zkllm", "tag");
    }

    function test_trueReportsPass() external {
        AnswerReport memory report = _report(vocabulary[ids[8]]);
        _request(report);
        _refuse(report, IZkLLMSettlement.NotSettled.selector, "not settled yet");
        _settle(ids, 0);
        _validate(report, 100);
        _refuse(report, AnswerValidator.AlreadyValidated.selector, "a second response");
    }

    function test_falseReportsFail() external {
        AnswerReport memory report = _report(bytes.concat(vocabulary[ids[8]], "!"));
        _request(report);
        _settle(ids, 0);
        _validate(report, 0);
        _refuse(report, AnswerValidator.AlreadyValidated.selector, "a second response");
    }

    /// @dev A report about any other question is not decided by this claim.
    function test_otherQuestionsAreNotDecided() external {
        _settle(ids, 0);
        AnswerReport memory report = _report(vocabulary[ids[8]]);
        report.modelId = keccak256("another model");
        _request(report);
        _refuse(report, IZkLLMSettlement.NotSettled.selector, "model");
        report = _report(vocabulary[ids[8]]);
        report.k = 2;
        _request(report);
        _refuse(report, IZkLLMSettlement.NotSettled.selector, "k");
        report = _report(vocabulary[ids[8]]);
        report.prompt[0] ^= 1;
        _request(report);
        _refuse(report, IZkLLMSettlement.NotSettled.selector, "prompt");
    }

    function test_onlyWhatWasAsked() external {
        _settle(ids, 0);
        AnswerReport memory report = _report(vocabulary[ids[8]]);
        _refuse(report, AnswerValidator.NotAsked.selector, "no request");

        bytes32 requestHash = keccak256(abi.encode(report));
        vm.prank(AGENT_OWNER);
        registry.validationRequest(address(this), AGENT, "", requestHash);
        _refuse(report, AnswerValidator.NotAsked.selector, "another validator");

        report.salt = bytes32(uint256(6));
        _request(report);
        AnswerReport memory other = _report(bytes.concat(report.text, "!"));
        other.salt = report.salt;
        _refuse(other, AnswerValidator.NotAsked.selector, "another report than the one asked about");
    }

    /// @dev Somebody copies an agent's report and asks about its hash in his own agent's name: he gets no credit for it.
    function test_reportsAreOfTheirAgents() external {
        _settle(ids, 0);
        AnswerReport memory report = _report(vocabulary[ids[8]]);
        registry.setOwner(8, address(this));
        registry.validationRequest(address(validator), 8, "", keccak256(abi.encode(report)));
        _refuse(report, AnswerValidator.AnotherAgent.selector, "another agent");
        report.salt = bytes32(uint256(6));
        _request(report);
        _validate(report, 100);
    }

    function test_gas() external {
        _settle(ids, 0);
        AnswerReport memory report = _report(vocabulary[ids[8]]);
        _request(report);
        vm.cool(address(validator));
        vm.cool(address(registry));
        vm.cool(address(settlement));
        uint256 used = gasleft();
        validator.validate(report);
        used -= gasleft();
        emit log_named_uint("ERC-8004: gas of validate", used);
        assertTrue(used < MAX_GAS, "gas");
    }
}
