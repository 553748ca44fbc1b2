// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {AnswerToken} from "../src/adapters/AnswerToken.sol";
import {AnswerReport, AnswerValidator} from "../src/adapters/AnswerValidator.sol";
import {IValidationRegistry} from "../src/adapters/interfaces/IValidationRegistry.sol";
import {IZkLLMSettlement} from "../src/interfaces/IZkLLMSettlement.sol";
import {svm, vm} from "./utils/Symbolic.sol";

/// @dev A settlement with any text under one claim's id, or under none.
contract OneClaim {
    bytes32 public immutable ID = svm.createBytes32("settledId");
    bool public immutable SETTLED = svm.createUint(1, "settled") == 1;
    bytes private _text = svm.createBytes(3, "settledText");

    error NotSettled(bytes32 claimId);

    function isSettled(bytes32 claimId) public view returns (bool) {
        return SETTLED && claimId == ID;
    }

    function textOf(bytes32 claimId) external view returns (bytes memory) {
        if (!isSettled(claimId)) revert NotSettled(claimId);
        return _text;
    }

    function text() external view returns (bytes memory) {
        return _text;
    }
}

/// @dev A registry with any request in it, which keeps the response that it gets.
contract AnyRequest {
    address public immutable VALIDATOR = svm.createAddress("asked");
    uint256 public immutable AGENT = svm.createUint256("agent");
    bytes32 public immutable REQUEST = svm.createBytes32("request");
    bytes32 public responseHash = svm.createBytes32("responseHash");
    uint256 public responses;
    uint8 public response;

    function getValidationStatus(bytes32 requestHash)
        external
        view
        returns (address, uint256, uint8, bytes32, string memory, uint256)
    {
        if (requestHash != REQUEST) return (address(0), 0, 0, 0, "", 0);
        return (VALIDATOR, AGENT, 0, responseHash, "", 0);
    }

    function validationResponse(
        bytes32 requestHash,
        uint8 response_,
        string calldata,
        bytes32 hash,
        string calldata
    ) external {
        assert(msg.sender == VALIDATOR && requestHash == REQUEST);
        (response, responseHash) = (response_, hash);
        ++responses;
    }
}

/// @notice The adapters that read settled answers: whoever calls, with whatever, in any state.
contract AdaptersCheck {
    OneClaim private settlement;
    AnyRequest private registry;
    AnswerValidator private validator;
    AnswerToken private token;
    bytes32 private model;

    function setUp() external {
        settlement = new OneClaim();
        registry = new AnyRequest();
        model = svm.createBytes32("model");
        validator = new AnswerValidator(
            IZkLLMSettlement(address(settlement)), IValidationRegistry(address(registry))
        );
        token = new AnswerToken("", "", IZkLLMSettlement(address(settlement)), model, 1);
    }

    function _report() private returns (AnswerReport memory report) {
        report.agentId = svm.createUint256("reportAgent");
        report.modelId = svm.createBytes32("reportModel");
        report.prompt = new uint32[](1);
        report.prompt[0] = uint32(svm.createUint(32, "reportPrompt"));
        report.k = svm.createUint256("reportK");
        report.text = svm.createBytes(3, "reportText");
        report.salt = svm.createBytes32("reportSalt");
    }

    /// @dev A response is to an open request to this validator, about a report of the agent's own, and is what the settled
    /// answer to the reported question makes of it; it is the last one.
    function check_responsesAreOfSettledAnswers() external {
        AnswerReport memory report = _report();
        bytes32 before = registry.responseHash();
        vm.prank(svm.createAddress("caller"));
        uint8 response = validator.validate(report);
        assert(registry.REQUEST() == keccak256(abi.encode(report)));
        assert(
            registry.VALIDATOR() == address(validator) && registry.AGENT() == report.agentId && before == 0
        );
        bytes32 digest = keccak256(abi.encodePacked(uint256(report.prompt[0])));
        bytes32 claimId = keccak256(abi.encode(report.modelId, report.k, digest));
        assert(settlement.isSettled(claimId));
        bool same = keccak256(settlement.text()) == keccak256(report.text);
        assert(response == (same ? 100 : 0) && registry.response() == response);
        assert(registry.responseHash() == claimId && registry.responses() == 1);
        (bool again,) = address(validator).call(abi.encodeCall(AnswerValidator.validate, (report)));
        assert(!again);
    }

    /// @dev Content verifies if and only if it is the settled answer, and no proof comes with it.
    function check_onlyTheSettledAnswerVerifies() external {
        bytes memory prompt = svm.createBytes(32, "prompt");
        bytes memory content = svm.createBytes(3, "content");
        bytes memory proof = svm.createUint(1, "proofs") == 1 ? svm.createBytes(1, "proof") : bytes("");
        bool verified = token.verify(prompt, content, proof);
        bytes32 claimId = keccak256(abi.encode(model, uint256(1), keccak256(prompt)));
        bool same = keccak256(settlement.text()) == keccak256(content);
        assert(verified == (settlement.isSettled(claimId) && same && proof.length == 0));
    }

    /// @dev Content is added to its prompt's token alone, once, and verified.
    function check_onlyVerifiedContentIsAdded() external {
        bytes memory prompt = svm.createBytes(32, "prompt");
        bytes memory content = svm.createBytes(3, "content");
        uint256 id = svm.createUint256("tokenId");
        svm.enableSymbolicStorage(address(token));
        bool before = token.hasAigcData(id);
        vm.prank(svm.createAddress("caller"));
        token.addAigcData(id, prompt, content, "");
        assert(!before && id == uint256(keccak256(prompt)) && token.ownerOf(id) != address(0));
        assert(token.verify(prompt, content, "") && token.hasAigcData(id));
    }
}
