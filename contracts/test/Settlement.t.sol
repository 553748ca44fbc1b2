// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ZkLLMSettlement} from "../src/ZkLLMSettlement.sol";
import {IZkLLMSettlement} from "../src/interfaces/IZkLLMSettlement.sol";
import {MockZkLLMVerifier} from "../src/mocks/MockZkLLMVerifier.sol";
import {MockedSettlement} from "./utils/MockedSettlement.sol";
import {vm} from "./utils/Vm.sol";
import {Vocabulary} from "./utils/Vocabulary.sol";

/// @notice The settlement's own duties, with a mock verifier: encoding, claim ids, vocabulary, storage, replay.
contract SettlementTest is MockedSettlement {
    // ------------------------------------------------------------------------------------- settling

    /// @dev Every length, several k: claim id, stored ids and bytes, event, and the view functions.
    function test_settledClaimsCanBeRead(uint256 seed) external {
        uint256 k = 1 + seed % 4;
        MockZkLLMVerifier v = k == 1 ? verifier : _register(LENGTH, k);
        uint16[] memory ids = _ids(seed, k + 1 + (seed >> 8) % (LENGTH - k + 1));
        uint16[] memory answer = _answer(ids, k);
        bytes32 claimId = _claimId(ids, k);
        v.setExpectedContext(keccak256(abi.encode(block.chainid, address(settlement), address(this), 0)));

        bytes memory text;
        for (uint256 i = 0; i < k; ++i) {
            text = bytes.concat(text, vocabulary[answer[i]]);
        }

        assertTrue(!settlement.isSettled(claimId), "not settled yet");
        bytes32 promptDigest = keccak256(abi.encodePacked(_prompt(ids, k)));
        vm.expectEmit(true, true, true, true, address(settlement));
        emit IZkLLMSettlement.Settled(claimId, MODEL, address(this), promptDigest, text);
        (bool ok, bytes memory returned) = address(settlement).call(_calldata(v, ids, 0));
        assertTrue(ok, "settle");
        assertEq(abi.decode(returned, (bytes32)), claimId, "claim id");

        assertTrue(settlement.isSettled(claimId), "settled");
        assertEq(settlement.claimIdOf(MODEL, k, _prompt(ids, k)), claimId, "claimIdOf");
        assertEq(settlement.textOf(claimId), text, "textOf");
        assertEq(abi.encode(settlement.tokensOf(claimId)), abi.encode(answer), "tokensOf");
        for (uint256 i = 0; i < k; ++i) {
            (uint16 id, bytes memory tokenText) = settlement.tokenAt(claimId, i);
            assertEq(id, answer[i], "token id");
            assertEq(tokenText, vocabulary[answer[i]], "token text");
        }
        bytes memory beyond = abi.encodeCall(settlement.tokenAt, (claimId, k));
        assertReverts(address(settlement), beyond, IZkLLMSettlement.NoSuchToken.selector, "beyond the answer");
    }

    function test_unsettledClaimsCannotBeRead(bytes32 claimId) external {
        assertTrue(!settlement.isSettled(claimId), "isSettled");
        bytes4 expected = IZkLLMSettlement.NotSettled.selector;
        assertReverts(address(settlement), abi.encodeCall(settlement.textOf, (claimId)), expected, "textOf");
        assertReverts(
            address(settlement), abi.encodeCall(settlement.tokenAt, (claimId, 0)), expected, "tokenAt"
        );
    }

    /// @dev Another proof, sender, request or answer does not settle a claim twice.
    function test_replayIsRefused() external {
        uint16[] memory ids = _ids(1, 9);
        _settle(ids, 0);
        bytes4 expected = IZkLLMSettlement.AlreadySettled.selector;
        bytes memory data = _calldata(verifier, ids, 0);
        assertReverts(address(settlement), data, expected, "same calldata");
        vm.prank(address(0xbeef));
        assertReverts(address(settlement), data, expected, "another sender");
        data = _calldata(verifier, ids, bytes32(uint256(1)));
        assertReverts(address(settlement), data, expected, "another request");
        data = _calldata(_register(LENGTH + 40, 1), ids, 0);
        assertReverts(address(settlement), data, expected, "another shape of the same model");
        ids[8] = uint16((ids[8] + 1) % SIZE);
        data = _calldata(verifier, ids, 0);
        assertReverts(address(settlement), data, expected, "another answer to the same question");
    }

    // ------------------------------------------------------------------------------------- refusing

    function test_verifierDecides() external {
        verifier.setAccepting(false);
        bytes memory data = _calldata(verifier, _ids(1, 9), 0);
        assertReverts(address(settlement), data, MockZkLLMVerifier.Rejected.selector, "rejected proof");
    }

    function test_contextBindsChainContractSenderAndRequest() external {
        uint16[] memory ids = _ids(1, 9);
        uint64 deadline = uint64(block.timestamp + 1);
        bytes32 requestId = settlement.request(MODEL, _prompt(ids, 1), 1, deadline, 0);
        bytes memory data = _calldata(verifier, ids, requestId);
        verifier.setExpectedContext(
            keccak256(abi.encode(block.chainid, address(settlement), address(this), requestId))
        );
        bytes4 expected = MockZkLLMVerifier.Rejected.selector;
        assertReverts(address(settlement), _calldata(verifier, ids, 0), expected, "another request");
        vm.prank(address(0xbeef));
        assertReverts(address(settlement), data, expected, "another sender");
        ZkLLMSettlement twin = new ZkLLMSettlement(address(this));
        twin.register(address(verifier));
        assertReverts(address(twin), data, expected, "another contract");
        uint256 chain = block.chainid;
        vm.chainId(chain + 1);
        assertReverts(address(settlement), data, expected, "another chain");
        vm.chainId(chain);
        (bool ok,) = address(settlement).call(data);
        assertTrue(ok, "the context it was made for");
    }

    function test_lengthsOutOfRange() external {
        MockZkLLMVerifier v = _register(LENGTH, 3);
        uint256[5] memory lengths = [uint256(0), 1, 2, LENGTH + 1, type(uint16).max];
        for (uint256 i = 0; i < lengths.length; ++i) {
            uint16[] memory ids = _ids(i, 9);
            uint16[] memory answer = _answer(ids, 3);
            uint256[] memory words = Vocabulary.words(ids, LENGTH, PAD);
            words[0] = (words[0] & (type(uint256).max >> 32)) | (lengths[i] << 224);
            bytes memory data = _encode(
                v, words, Vocabulary.siblings(vocabulary, answer), Vocabulary.texts(vocabulary, answer)
            );
            assertReverts(address(settlement), data, IZkLLMSettlement.InvalidLength.selector, "T");
        }
    }

    function _encode(
        MockZkLLMVerifier v,
        uint256[] memory words,
        bytes32[] memory siblings,
        bytes[] memory texts
    ) private pure returns (bytes memory) {
        return abi.encodeCall(
            IZkLLMSettlement.settle, (address(v), bytes32(0), words, _proof(), siblings, texts)
        );
    }

    function test_wrongTokens() external {
        uint16[] memory ids = _ids(1, 9);
        uint16[] memory answer = _answer(ids, 1);
        bytes[] memory texts = Vocabulary.texts(vocabulary, answer);
        uint256[] memory words = Vocabulary.words(ids, LENGTH, PAD);
        bytes32[] memory path = Vocabulary.siblings(vocabulary, answer);
        bytes4 expected = IZkLLMSettlement.InvalidVocabularyProof.selector;

        bytes[] memory wrong = new bytes[](1);
        wrong[0] = bytes.concat(texts[0], hex"00");
        _refuse(words, path, wrong, expected, "a byte more");
        wrong[0] = vocabulary[(answer[0] + 1) % SIZE];
        _refuse(words, path, wrong, expected, "another token's bytes");

        uint16[] memory neighbour = new uint16[](1);
        neighbour[0] = uint16((answer[0] + 1) % SIZE);
        bytes32[] memory wrongPath = Vocabulary.siblings(vocabulary, neighbour);
        _refuse(words, wrongPath, texts, expected, "another token's path");
        _refuse(words, wrongPath, wrong, expected, "another token altogether");
        for (uint256 i = 0; i < path.length; ++i) {
            wrongPath = Vocabulary.siblings(vocabulary, answer);
            wrongPath[i] ^= bytes32(uint256(1) << i);
            _refuse(words, wrongPath, texts, expected, "a bit of a sibling");
        }
    }

    function test_tokensOfALongerAnswer() external {
        MockZkLLMVerifier v = _register(LENGTH, 3);
        uint16[] memory ids = _ids(1, 9);
        (ids[6], ids[7], ids[8]) = (9, 4, 9); // one twice, not in order
        uint16[] memory answer = _answer(ids, 3);
        uint256[] memory words = Vocabulary.words(ids, LENGTH, PAD);
        bytes32[] memory siblings = Vocabulary.siblings(vocabulary, answer);
        bytes[] memory texts = Vocabulary.texts(vocabulary, answer);
        bytes4 expected = IZkLLMSettlement.InvalidVocabularyProof.selector;

        bytes[] memory wrong = new bytes[](2);
        (wrong[0], wrong[1]) = (texts[1], texts[0]);
        assertReverts(address(settlement), _encode(v, words, siblings, wrong), expected, "in another order");
        wrong = new bytes[](3);
        (wrong[0], wrong[1], wrong[2]) = (texts[1], texts[0], texts[1]);
        expected = IZkLLMSettlement.InvalidCalldata.selector;
        assertReverts(address(settlement), _encode(v, words, siblings, wrong), expected, "one twice");

        (bool ok,) = address(settlement).call(_encode(v, words, siblings, texts));
        assertTrue(ok, "each once, in order");
        bytes memory text = bytes.concat(texts[1], texts[0], texts[1]);
        assertEq(settlement.textOf(_claimId(ids, 3)), text, "text in the answer's order");
    }

    function test_wrongCounts() external {
        uint16[] memory ids = _ids(1, 9);
        uint16[] memory answer = _answer(ids, 1);
        uint256[] memory words = Vocabulary.words(ids, LENGTH, PAD);
        bytes32[] memory path = Vocabulary.siblings(vocabulary, answer);
        bytes[] memory texts = Vocabulary.texts(vocabulary, answer);
        bytes4 expected = IZkLLMSettlement.InvalidCalldata.selector;
        _refuse(new uint256[](0), path, texts, expected, "no words");
        _refuse(new uint256[](words.length + 1), path, texts, expected, "a word more");
        _refuse(words, path, new bytes[](0), expected, "no token");
        _refuse(words, path, new bytes[](2), expected, "two tokens");
        expected = IZkLLMSettlement.InvalidVocabularyProof.selector;
        _refuse(words, new bytes32[](path.length + 1), texts, expected, "a longer path");
        _refuse(words, new bytes32[](path.length - 1), texts, expected, "a shorter path");
    }

    function _refuse(
        uint256[] memory words,
        bytes32[] memory path,
        bytes[] memory texts,
        bytes4 expected,
        string memory what
    ) private {
        assertReverts(address(settlement), _encode(verifier, words, path, texts), expected, what);
    }

    // ------------------------------------------------------------------------------------- encoding

    function test_trailingBytes(uint8 count) external {
        bytes memory data = _calldata(verifier, _ids(1, 9), 0);
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
            bytes memory data = _calldata(verifier, ids, 0);
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
        bytes memory honest = _calldata(verifier, ids, 0);
        uint256 words = 0xc4;
        uint256 proof = words + 32 * 4;
        uint256 siblings = proof + 32 * 4;
        uint256 tokens = siblings + 32 * 7;
        uint256[10] memory at =
            [uint256(68), 100, 132, 164, words, proof, siblings, tokens, tokens + 32, tokens + 64];
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

    /// @dev One slot for a token of up to 25 bytes: a second settlement costs one cold, zero to non-zero store.
    function test_shortAnswersTakeOneSlot() external {
        _gasOf(_ids(2, 9)); // the mock is warm from here on
        uint16[] memory ids = _ids(1, 9);
        ids[8] = 25;
        uint256 short = _gasOf(ids);
        ids = _ids(3, 9);
        ids[8] = 26;
        uint256 long = _gasOf(ids);
        assertTrue(long > short + 20_000, "26 bytes take more slots");
        assertTrue(short < 22_100 + 25_000, "25 bytes take one");
    }

    function _gasOf(uint16[] memory ids) private returns (uint256 used) {
        bytes memory data = _calldata(verifier, ids, 0);
        vm.cool(address(settlement));
        used = gasleft();
        (bool ok,) = address(settlement).call(data);
        used -= gasleft();
        assertTrue(ok, "settle");
    }
}
