// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IRequestEscrow} from "../src/interfaces/IRequestEscrow.sol";
import {IZkLLMSettlement} from "../src/interfaces/IZkLLMSettlement.sol";
import {MockZkLLMVerifier} from "../src/mocks/MockZkLLMVerifier.sol";
import {MockedSettlement} from "./utils/MockedSettlement.sol";
import {vm} from "./utils/Vm.sol";
import {Vocabulary} from "./utils/Vocabulary.sol";

/// @notice Sealed prompts: claim ids of their own, one for each P below r, asked for and settled without the prompt.
contract SealedTest is MockedSettlement {
    uint256 private constant R = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001;
    address private constant PROVER = address(0x9807e5);
    MockZkLLMVerifier private hiding;

    function setUp() public override {
        super.setUp();
        hiding = _sealedVerifier(LENGTH, 1);
        settlement.register(address(hiding));
    }

    function _sealedId(uint256 k, uint256 P) private pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("zkllm.v2.sealed claim"), MODEL, k, P));
    }

    function _words(uint256 P, uint32[] memory answer, MockZkLLMVerifier v, bytes32 requestId)
        private
        view
        returns (bytes memory)
    {
        return _with(Vocabulary.sealedWords(P, answer), answer, v, requestId);
    }

    function _with(uint256[] memory words, uint32[] memory answer, MockZkLLMVerifier v, bytes32 requestId)
        private
        view
        returns (bytes memory)
    {
        bytes32[] memory siblings = Vocabulary.siblings(vocabulary, answer);
        bytes[] memory texts = Vocabulary.texts(vocabulary, answer);
        return
            abi.encodeCall(IZkLLMSettlement.settle, (address(v), requestId, words, _proof(), siblings, texts));
    }

    /// @dev Of one word of ids and of two; the prompt's length does not bound the answer's.
    function test_settledClaimsCanBeRead(uint256 seed) external {
        uint256 k = 1 + seed % 12;
        MockZkLLMVerifier v = hiding;
        if (k > 1) {
            v = _sealedVerifier(LENGTH, k);
            settlement.register(address(v));
        }
        uint256 P = seed % R;
        uint32[] memory answer = _ids(seed, k);
        bytes memory text;
        for (uint256 i = 0; i < k; ++i) {
            text = bytes.concat(text, vocabulary[answer[i]]);
        }
        bytes32 claimId = _sealedId(k, P);
        assertEq(settlement.sealedClaimIdOf(MODEL, k, P), claimId, "sealedClaimIdOf");
        v.setExpectedContext(keccak256(abi.encode(block.chainid, address(settlement), address(this), 0)));
        vm.expectEmit(true, true, true, true, address(settlement));
        emit IZkLLMSettlement.Settled(claimId, MODEL, address(this), bytes32(P), text);
        (bool ok, bytes memory returned) = address(settlement).call(_words(P, answer, v, 0));
        assertTrue(ok, "settle");
        assertEq(abi.decode(returned, (bytes32)), claimId, "claim id");
        assertEq(settlement.textOf(claimId), text, "textOf");
        assertEq(abi.encode(settlement.tokensOf(claimId)), abi.encode(answer), "tokensOf");

        bytes4 expected = IZkLLMSettlement.AlreadySettled.selector;
        assertReverts(address(settlement), _words(P, _ids(~seed, k), v, 0), expected, "another answer");
    }

    /// @dev A proof shows P modulo r: every other number that is P would be another id of the same question.
    function test_aSealedPromptIsBelowR(uint256 seed) external {
        uint32[] memory answer = _ids(seed, 1);
        uint256 P = seed % R;
        uint64 deadline = uint64(block.timestamp + 1 days);
        bytes4 invalid = IRequestEscrow.InvalidSealedPrompt.selector;
        uint256[4] memory beyond = [R, P + R, R + (type(uint256).max - R) % (seed | 1), type(uint256).max];
        for (uint256 i = 0; i < beyond.length; ++i) {
            uint256 other = beyond[i];
            assertReverts(address(settlement), _words(other, answer, hiding, 0), invalid, "settle");
            bytes memory data = abi.encodeCall(settlement.requestSealed, (MODEL, other, 1, deadline, 0));
            assertReverts(address(settlement), data, invalid, "request");
            data = abi.encodeCall(settlement.sealedClaimIdOf, (MODEL, 1, other));
            assertReverts(address(settlement), data, invalid, "claim id");
        }
        (bool ok,) = address(settlement).call(_words(R - 1, answer, hiding, 0));
        assertTrue(ok, "the last one");
    }

    /// @dev Each kind of statement is decoded as its verifier's kind, and none has another kind's id.
    function test_kindsAreApart() external {
        uint32[] memory ids = _ids(1, 9);
        uint256 P = uint256(keccak256(abi.encodePacked(_prompt(ids, 1)))) % R;
        assertTrue(_sealedId(1, P) != keccak256(abi.encode(MODEL, 1, P)), "a digest is no sealed prompt");
        uint32[] memory answer = _answer(ids, 1);
        bytes4 expected = IZkLLMSettlement.InvalidCalldata.selector;
        uint256[] memory clear = Vocabulary.words(ids, LENGTH, PAD);
        assertReverts(address(settlement), _with(clear, answer, hiding, 0), expected, "a prompt in the clear");
        uint256[] memory hidden = Vocabulary.sealedWords(P, answer);
        assertReverts(address(settlement), _with(hidden, answer, verifier, 0), expected, "a sealed prompt");
        for (uint256 count = 0; count < 5; ++count) {
            if (count == 2) continue;
            uint256[] memory words = new uint256[](count);
            assertReverts(address(settlement), _with(words, answer, hiding, 0), expected, "words");
        }
    }

    function test_answeredIdsAreThoseOfTheWords() external {
        uint32[] memory answer = new uint32[](1);
        answer[0] = 7;
        uint256[] memory words = Vocabulary.sealedWords(5, answer);
        bytes4 expected = IZkLLMSettlement.InvalidVocabularyProof.selector;
        for (uint256 bit = 0; bit < 24; ++bit) {
            words[1] ^= 1 << (216 + bit);
            assertReverts(address(settlement), _with(words, answer, hiding, 0), expected, "another id");
            words[1] ^= 1 << (216 + bit);
        }
    }

    /// @dev Asked for by P, answered by whoever was given prompt and salt, and by no other proof.
    function test_requestsOfSealedPrompts() external {
        uint32[] memory ids = _ids(1, 9);
        uint32[] memory answer = _answer(ids, 1);
        uint64 deadline = uint64(block.timestamp + 1 days);
        bytes32 claimId = _sealedId(1, 77);
        bytes32 requestId = keccak256(abi.encode(address(this), bytes32(uint256(3))));
        vm.expectEmit(true, true, true, true, address(settlement));
        emit IRequestEscrow.Requested(
            requestId, claimId, address(this), MODEL, 1, 1 ether, deadline, new uint32[](0)
        );
        vm.deal(address(this), 1 ether);
        settlement.requestSealed{value: 1 ether}(MODEL, 77, 1, deadline, bytes32(uint256(3)));

        bytes4 expected = IRequestEscrow.AnotherClaim.selector;
        vm.prank(PROVER);
        assertReverts(address(settlement), _calldata(verifier, ids, requestId), expected, "in the clear");
        vm.prank(PROVER);
        assertReverts(address(settlement), _words(78, answer, hiding, requestId), expected, "another prompt");
        vm.prank(PROVER);
        (bool ok,) = address(settlement).call(_words(77, answer, hiding, requestId));
        assertTrue(ok, "settle");
        assertEq(settlement.creditOf(PROVER), 1 ether, "reward");
        assertTrue(settlement.isSettled(claimId), "settled");
    }
}
