// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ZkLLMSettlement} from "../src/ZkLLMSettlement.sol";
import {IZkLLMSettlement} from "../src/interfaces/IZkLLMSettlement.sol";
import {MockZkLLMVerifier} from "../src/mocks/MockZkLLMVerifier.sol";
import {TestBase} from "./utils/TestBase.sol";
import {vm} from "./utils/Vm.sol";
import {Vocabulary} from "./utils/Vocabulary.sol";

/// @notice The settlement's own duties, with a mock verifier: encoding, claim ids, vocabulary, storage, replay.
contract SettlementTest is TestBase {
    uint256 private constant SIZE = 37;
    uint256 private constant LENGTH = 29;
    uint16 private constant PAD = 5;
    bytes32 private constant MODEL = keccak256("a model");

    bytes[] private vocabulary;
    MockZkLLMVerifier private verifier;
    ZkLLMSettlement private settlement;

    function setUp() external {
        for (uint256 i = 0; i < SIZE; ++i) {
            bytes memory token = new bytes(i);
            for (uint256 j = 0; j < i; ++j) {
                token[j] = bytes1(uint8(0xff - i - j)); // hardly ever valid UTF-8
            }
            vocabulary.push(token);
        }
        (verifier, settlement) = _deploy(1);
    }

    function _deploy(uint256 k) private returns (MockZkLLMVerifier v, ZkLLMSettlement s) {
        v = new MockZkLLMVerifier(MODEL, Vocabulary.root(vocabulary), SIZE, LENGTH, k);
        s = new ZkLLMSettlement(v);
    }

    function _ids(uint256 seed, uint256 count) private pure returns (uint16[] memory ids) {
        ids = new uint16[](count);
        for (uint256 i = 0; i < count; ++i) {
            ids[i] = uint16(uint256(keccak256(abi.encode(seed, i))) % SIZE);
        }
    }

    function _answer(uint16[] memory ids, uint256 k) private pure returns (uint16[] memory answer) {
        answer = new uint16[](k);
        for (uint256 i = 0; i < k; ++i) {
            answer[i] = ids[ids.length - k + i];
        }
    }

    function _texts(uint16[] memory answer) private view returns (bytes[] memory texts) {
        texts = new bytes[](answer.length);
        for (uint256 i = 0; i < answer.length; ++i) {
            texts[i] = vocabulary[answer[i]];
        }
    }

    function _proof() private pure returns (uint256[] memory proof) {
        proof = new uint256[](3);
        (proof[0], proof[1], proof[2]) = (11, 12, 13);
    }

    function _calldata(uint16[] memory ids, uint256 k, bytes32 requestId)
        private
        view
        returns (bytes memory)
    {
        uint16[] memory answer = _answer(ids, k);
        return abi.encodeCall(
            IZkLLMSettlement.settle,
            (
                requestId,
                Vocabulary.words(ids, LENGTH, PAD),
                _proof(),
                Vocabulary.paths(vocabulary, answer),
                _texts(answer)
            )
        );
    }

    // ------------------------------------------------------------------------------------- settling

    /// @dev Every length, several k: claim id, stored ids and bytes, event, and the view functions.
    function test_settledClaimsCanBeRead(uint256 seed) external {
        uint256 k = 1 + seed % 4;
        (MockZkLLMVerifier v, ZkLLMSettlement s) = _deploy(k);
        uint16[] memory ids = _ids(seed, k + 1 + (seed >> 8) % (LENGTH - k + 1));
        uint16[] memory answer = _answer(ids, k);
        bytes32 claimId = keccak256(abi.encode(MODEL, k, ids));
        bytes32 requestId = keccak256(abi.encode(seed));
        v.setExpectedContext(keccak256(abi.encode(block.chainid, address(s), address(this), requestId)));

        uint16[] memory prompt = new uint16[](ids.length - k);
        for (uint256 i = 0; i < prompt.length; ++i) {
            prompt[i] = ids[i];
        }
        bytes memory text;
        bytes[] memory texts = _texts(answer);
        for (uint256 i = 0; i < k; ++i) {
            text = bytes.concat(text, texts[i]);
        }

        assertTrue(!s.isSettled(claimId), "not settled yet");
        vm.expectEmit(true, true, true, true, address(s));
        emit IZkLLMSettlement.Settled(
            claimId, address(this), keccak256(abi.encodePacked(prompt)), requestId, answer, text
        );
        (bool ok, bytes memory returned) = address(s).call(_calldata(ids, k, requestId));
        assertTrue(ok, "settle");
        assertEq(abi.decode(returned, (bytes32)), claimId, "claim id");

        assertTrue(s.isSettled(claimId), "settled");
        assertEq(s.claimIdOf(ids), claimId, "claimIdOf");
        assertEq(s.textOf(claimId), text, "textOf");
        for (uint256 i = 0; i < k; ++i) {
            (uint16 id, bytes memory tokenText) = s.tokenAt(claimId, i);
            assertEq(id, answer[i], "token id");
            assertEq(tokenText, texts[i], "token text");
        }
        (ok, returned) = address(s).staticcall(abi.encodeCall(s.tokenAt, (claimId, k)));
        assertTrue(!ok && bytes4(returned) == IZkLLMSettlement.NoSuchToken.selector, "beyond the answer");
    }

    function test_unsettledClaimsCannotBeRead(bytes32 claimId) external {
        assertTrue(!settlement.isSettled(claimId), "isSettled");
        bytes4 expected = IZkLLMSettlement.NotSettled.selector;
        assertReverts(address(settlement), abi.encodeCall(settlement.textOf, (claimId)), expected, "textOf");
        assertReverts(
            address(settlement), abi.encodeCall(settlement.tokenAt, (claimId, 0)), expected, "tokenAt"
        );
    }

    /// @dev Another proof, sender or request does not settle a claim twice.
    function test_replayIsRefused() external {
        uint16[] memory ids = _ids(1, 9);
        (bool ok,) = address(settlement).call(_calldata(ids, 1, 0));
        assertTrue(ok, "first");
        bytes4 expected = IZkLLMSettlement.AlreadySettled.selector;
        assertReverts(address(settlement), _calldata(ids, 1, 0), expected, "same calldata");
        assertReverts(
            address(settlement), _calldata(ids, 1, bytes32(uint256(1))), expected, "another request"
        );
        bytes memory data = _calldata(ids, 1, 0);
        vm.prank(address(0xbeef));
        assertReverts(address(settlement), data, expected, "another sender");
    }

    /// @dev The padding and N are no part of the claim's id: a larger shape of the same model gives the same.
    function test_claimIdIsThatOfTheUnpaddedIds() external {
        uint16[] memory ids = _ids(3, 12);
        MockZkLLMVerifier larger =
            new MockZkLLMVerifier(MODEL, Vocabulary.root(vocabulary), SIZE, LENGTH + 40, 1);
        ZkLLMSettlement other = new ZkLLMSettlement(larger);
        uint16[] memory answer = _answer(ids, 1);
        bytes32 claimId = other.settle(
            0,
            Vocabulary.words(ids, LENGTH + 40, PAD + 1),
            _proof(),
            Vocabulary.paths(vocabulary, answer),
            _texts(answer)
        );
        assertEq(claimId, settlement.claimIdOf(ids), "claim id");
    }

    // ------------------------------------------------------------------------------------- refusing

    function test_verifierDecides() external {
        verifier.setAccepting(false);
        bytes memory data = _calldata(_ids(1, 9), 1, 0);
        assertReverts(address(settlement), data, MockZkLLMVerifier.Rejected.selector, "rejected proof");
    }

    function test_contextBindsChainContractSenderAndRequest() external {
        uint16[] memory ids = _ids(1, 9);
        bytes32 requestId = keccak256("request");
        bytes memory data = _calldata(ids, 1, requestId);
        verifier.setExpectedContext(
            keccak256(abi.encode(block.chainid, address(settlement), address(this), requestId))
        );
        bytes4 expected = MockZkLLMVerifier.Rejected.selector;
        assertReverts(address(settlement), _calldata(ids, 1, 0), expected, "another request");
        vm.prank(address(0xbeef));
        assertReverts(address(settlement), data, expected, "another sender");
        ZkLLMSettlement twin = new ZkLLMSettlement(verifier);
        assertReverts(address(twin), data, expected, "another contract");
        uint256 chain = block.chainid;
        vm.chainId(chain + 1);
        assertReverts(address(settlement), data, expected, "another chain");
        vm.chainId(chain);
        (bool ok,) = address(settlement).call(data);
        assertTrue(ok, "the context it was made for");
    }

    function test_lengthsOutOfRange() external {
        (, ZkLLMSettlement s) = _deploy(3);
        uint256[5] memory lengths = [uint256(0), 1, 2, LENGTH + 1, type(uint16).max];
        for (uint256 i = 0; i < lengths.length; ++i) {
            uint16[] memory ids = _ids(i, 9);
            uint16[] memory answer = _answer(ids, 3);
            uint256[] memory words = Vocabulary.words(ids, LENGTH, PAD);
            words[0] = (words[0] & (type(uint256).max >> 32)) | (lengths[i] << 224);
            bytes memory data = abi.encodeCall(
                s.settle, (0, words, _proof(), Vocabulary.paths(vocabulary, answer), _texts(answer))
            );
            assertReverts(address(s), data, IZkLLMSettlement.InvalidLength.selector, "T");
        }
    }

    function test_wrongTokens() external {
        uint16[] memory ids = _ids(1, 9);
        uint16[] memory answer = _answer(ids, 1);
        bytes[] memory texts = _texts(answer);
        uint256[] memory words = Vocabulary.words(ids, LENGTH, PAD);
        bytes32[] memory path = Vocabulary.paths(vocabulary, answer);
        bytes4 expected = IZkLLMSettlement.InvalidVocabularyProof.selector;

        bytes[] memory wrong = new bytes[](1);
        wrong[0] = bytes.concat(texts[0], hex"00");
        _refuse(words, path, wrong, expected, "a byte more");
        wrong[0] = vocabulary[(answer[0] + 1) % SIZE];
        _refuse(words, path, wrong, expected, "another token's bytes");

        uint16[] memory neighbour = new uint16[](1);
        neighbour[0] = uint16((answer[0] + 1) % SIZE);
        bytes32[] memory wrongPath = Vocabulary.paths(vocabulary, neighbour);
        _refuse(words, wrongPath, texts, expected, "another token's path");
        _refuse(words, wrongPath, wrong, expected, "another token altogether");
        for (uint256 i = 0; i < path.length; ++i) {
            wrongPath = Vocabulary.paths(vocabulary, answer);
            wrongPath[i] ^= bytes32(uint256(1) << i);
            _refuse(words, wrongPath, texts, expected, "a bit of a sibling");
        }
    }

    function test_tokensOfALongerAnswerCannotBeSwapped() external {
        (, ZkLLMSettlement s) = _deploy(2);
        uint16[] memory ids = _ids(1, 9);
        uint16[] memory answer = _answer(ids, 2);
        assertTrue(answer[0] != answer[1], "two tokens");
        (uint16[] memory swapped, bytes[] memory texts) = (new uint16[](2), _texts(answer));
        (swapped[0], swapped[1]) = (answer[1], answer[0]);
        bytes memory data = abi.encodeCall(
            s.settle,
            (
                0,
                Vocabulary.words(ids, LENGTH, PAD),
                _proof(),
                Vocabulary.paths(vocabulary, swapped),
                _texts(swapped)
            )
        );
        assertReverts(address(s), data, IZkLLMSettlement.InvalidVocabularyProof.selector, "swapped");
        data = abi.encodeCall(
            s.settle,
            (0, Vocabulary.words(ids, LENGTH, PAD), _proof(), Vocabulary.paths(vocabulary, answer), texts)
        );
        (bool ok,) = address(s).call(data);
        assertTrue(ok, "in order");
    }

    function test_wrongCounts() external {
        uint16[] memory ids = _ids(1, 9);
        uint16[] memory answer = _answer(ids, 1);
        uint256[] memory words = Vocabulary.words(ids, LENGTH, PAD);
        bytes32[] memory path = Vocabulary.paths(vocabulary, answer);
        bytes[] memory texts = _texts(answer);
        bytes4 expected = IZkLLMSettlement.InvalidCalldata.selector;
        _refuse(new uint256[](0), path, texts, expected, "no words");
        _refuse(new uint256[](words.length + 1), path, texts, expected, "a word more");
        _refuse(words, new bytes32[](path.length + 1), texts, expected, "a longer path");
        _refuse(words, new bytes32[](path.length - 1), texts, expected, "a shorter path");
        _refuse(words, path, new bytes[](0), expected, "no token");
        _refuse(words, path, new bytes[](2), expected, "two tokens");
    }

    function _refuse(
        uint256[] memory words,
        bytes32[] memory path,
        bytes[] memory texts,
        bytes4 expected,
        string memory what
    ) private {
        bytes memory data = abi.encodeCall(settlement.settle, (0, words, _proof(), path, texts));
        assertReverts(address(settlement), data, expected, what);
    }

    // ------------------------------------------------------------------------------------- encoding

    function test_trailingBytes(uint8 count) external {
        bytes memory data = _calldata(_ids(1, 9), 1, 0);
        bytes4 expected = IZkLLMSettlement.InvalidCalldata.selector;
        assertReverts(
            address(settlement), bytes.concat(data, new bytes(uint256(count) + 1)), expected, "more"
        );
    }

    /// @dev Set any bit of the padding after the token's bytes, at every length of a text.
    function test_dirtyPadding(uint256 bit) external {
        for (uint256 length = 1; length < SIZE; ++length) {
            uint256 padding = (32 - length % 32) % 32;
            if (padding == 0) continue;
            uint16[] memory ids = _ids(length, 9);
            ids[8] = uint16(length);
            bytes memory data = _calldata(ids, 1, 0);
            uint256 at = bit % (8 * padding);
            data[data.length - 1 - at / 8] ^= bytes1(uint8(1 << (at % 8)));
            assertReverts(address(settlement), data, IZkLLMSettlement.InvalidCalldata.selector, "padding");
        }
    }

    /// @dev The mock accepts every proof, so whatever changes the encoding must be caught by the settlement itself:
    /// each word of the head, each length, each offset, set to anything else.
    function test_offsetsAndLengths(uint256 value) external {
        uint16[] memory ids = _ids(1, 9);
        ids[8] = 30;
        bytes memory honest = _calldata(ids, 1, 0);
        uint256 words = 0xa4;
        uint256 proof = words + 32 * 4;
        uint256 siblings = proof + 32 * 4;
        uint256 tokens = siblings + 32 * 7;
        uint256[10] memory at =
            [uint256(36), 68, 100, 132, words, proof, siblings, tokens, tokens + 32, tokens + 64];
        for (uint256 i = 0; i < at.length; ++i) {
            for (uint256 j = 0; j < 3; ++j) {
                bytes memory data = bytes.concat(honest);
                uint256 changed;
                assembly {
                    let place := add(add(data, 0x20), mload(add(at, mul(0x20, i))))
                    let old := mload(place)
                    switch j
                    case 0 { changed := value }
                    case 1 { changed := add(old, 1) }
                    default { changed := add(old, 32) }
                    if eq(changed, old) { changed := not(old) }
                    mstore(place, changed)
                }
                (bool ok, bytes memory returned) = address(settlement).call{gas: GAS_CAP}(data);
                assertTrue(!ok, "offset or length changed");
                bool pinned = returned.length == 0
                    || bytes4(returned) == IZkLLMSettlement.InvalidCalldata.selector
                    || bytes4(returned) == IZkLLMSettlement.InvalidVocabularyProof.selector;
                assertTrue(pinned, "offset or length: error");
            }
        }
        (bool accepted,) = address(settlement).call(honest);
        assertTrue(accepted, "honest");
    }

    // ---------------------------------------------------------------------------------------- storage

    /// @dev One slot for a token of up to 27 bytes: a second settlement costs one cold, zero to non-zero store.
    function test_shortAnswersTakeOneSlot() external {
        _gasOf(_ids(2, 9)); // the mock is warm from here on
        uint16[] memory ids = _ids(1, 9);
        ids[8] = 27;
        uint256 short = _gasOf(ids);
        ids[8] = 28;
        uint256 long = _gasOf(ids);
        assertTrue(long > short + 20_000, "28 bytes take more slots");
        assertTrue(short < 22_100 + 20_000, "27 bytes take one");
    }

    function _gasOf(uint16[] memory ids) private returns (uint256 used) {
        bytes memory data = _calldata(ids, 1, 0);
        vm.cool(address(settlement));
        used = gasleft();
        (bool ok,) = address(settlement).call(data);
        used -= gasleft();
        assertTrue(ok, "settle");
    }
}
