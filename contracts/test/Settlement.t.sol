// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ZkLLMSettlement} from "../src/ZkLLMSettlement.sol";
import {IZkLLMSettlement} from "../src/interfaces/IZkLLMSettlement.sol";
import {CodeStorage} from "../src/libraries/CodeStorage.sol";
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
        uint32[] memory ids = _ids(seed, k + 1 + (seed >> 8) % (LENGTH - k + 1));
        uint32[] memory answer = _answer(ids, k);
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
            (uint32 id, bytes memory tokenText) = settlement.tokenAt(claimId, i);
            assertEq(id, answer[i], "token id");
            assertEq(tokenText, vocabulary[answer[i]], "token text");
        }
        bytes memory beyond = abi.encodeCall(settlement.tokenAt, (claimId, k));
        assertReverts(address(settlement), beyond, IZkLLMSettlement.NoSuchToken.selector, "beyond the answer");
    }

    /// @dev Ids have 24 bits: the last ones of vocabularies of 2^16, one more, and 2^24 tokens, alone and of two.
    function test_idsOfEveryWidth() external {
        uint24[3] memory lasts = [uint24(0xffff), 0x10000, 0xffffff];
        for (uint256 i = 0; i < lasts.length; ++i) {
            uint256 last = lasts[i];
            bytes32[] memory path = new bytes32[](i == 0 ? 16 : i == 1 ? 17 : 24);
            for (uint256 d = 0; d < path.length; ++d) {
                path[d] = keccak256(abi.encode(i, d));
            }
            bytes memory text = bytes("the last one");
            bytes32 root = _rootOf(last, text, path);
            for (uint256 k = 1; k < 3; ++k) {
                MockZkLLMVerifier v =
                    new MockZkLLMVerifier(keccak256(abi.encode(i)), root, last + 1, LENGTH, k, false);
                settlement.register(address(v));
                uint32[] memory ids = new uint32[](10);
                for (uint256 j = 0; j < ids.length; ++j) {
                    ids[j] = uint32(j < 8 ? last - j : last);
                }
                bytes[] memory texts = new bytes[](1);
                texts[0] = text;
                bytes memory data = _encode(v, Vocabulary.words(ids, LENGTH, PAD), path, texts);
                (bool ok, bytes memory returned) = address(settlement).call(data);
                assertTrue(ok, "settle");
                bytes32 claimId = abi.decode(returned, (bytes32));
                assertEq(settlement.claimIdOf(v.MODEL_ID(), k, _prompt(ids, k)), claimId, "claim id");
                assertEq(abi.encode(settlement.tokensOf(claimId)), abi.encode(_answer(ids, k)), "tokensOf");
                (uint32 id, bytes memory tokenText) = settlement.tokenAt(claimId, k - 1);
                assertEq(id, last, "tokenAt");
                assertEq(tokenText, text, "its text");
            }
        }
    }

    /// @dev What a path leads to, by definition.
    function _rootOf(uint256 id, bytes memory text, bytes32[] memory path)
        private
        pure
        returns (bytes32 node)
    {
        node = keccak256(abi.encodePacked(uint8(0), uint32(id), text));
        for (uint256 d = 0; d < path.length; ++d) {
            (bytes32 left, bytes32 right) = id >> d & 1 == 0 ? (node, path[d]) : (path[d], node);
            node = keccak256(abi.encodePacked(uint8(1), left, right));
        }
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
        uint32[] memory ids = _ids(1, 9);
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
        ids[8] = uint32((ids[8] + 1) % SIZE);
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
        uint32[] memory ids = _ids(1, 9);
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
        uint256[5] memory lengths = [uint256(0), 1, 2, LENGTH + 1, (1 << 24) - 1];
        for (uint256 i = 0; i < lengths.length; ++i) {
            uint32[] memory ids = _ids(i, 9);
            uint32[] memory answer = _answer(ids, 3);
            uint256[] memory words = Vocabulary.words(ids, LENGTH, PAD);
            words[0] = (words[0] & (type(uint256).max >> 40)) | (lengths[i] << 216);
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
        uint32[] memory ids = _ids(1, 9);
        uint32[] memory answer = _answer(ids, 1);
        bytes[] memory texts = Vocabulary.texts(vocabulary, answer);
        uint256[] memory words = Vocabulary.words(ids, LENGTH, PAD);
        bytes32[] memory path = Vocabulary.siblings(vocabulary, answer);
        bytes4 expected = IZkLLMSettlement.InvalidVocabularyProof.selector;

        bytes[] memory wrong = new bytes[](1);
        wrong[0] = bytes.concat(texts[0], hex"00");
        _refuse(words, path, wrong, expected, "a byte more");
        wrong[0] = vocabulary[(answer[0] + 1) % SIZE];
        _refuse(words, path, wrong, expected, "another token's bytes");

        uint32[] memory neighbour = new uint32[](1);
        neighbour[0] = uint32((answer[0] + 1) % SIZE);
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
        uint32[] memory ids = _ids(1, 9);
        (ids[6], ids[7], ids[8]) = (9, 4, 9); // one twice, not in order
        uint32[] memory answer = _answer(ids, 3);
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

    /// @dev The verifier refuses ids beyond the vocabulary, but no text may depend on that alone: an id of the tree and
    /// one beyond it, with any text; the latter alone; and one of the padding between the vocabulary and 2^6.
    function test_idsBeyondTheVocabulary() external {
        MockZkLLMVerifier v = _register(LENGTH, 2);
        uint32[2][7] memory answers = [
            [uint32(3), 67],
            [uint32(67), 3],
            [uint32(36), 70_000],
            [uint32(67), 67],
            [uint32(66), 67],
            [uint32(3), 40],
            [uint32(37), 37]
        ];
        for (uint256 i = 0; i < answers.length; ++i) {
            uint32[] memory ids = _ids(i, 9);
            (ids[7], ids[8]) = (answers[i][0], answers[i][1]);
            _refuseIds(v, ids, "of two");
            _refuseIds(verifier, ids, "alone"); // the last one
        }
    }

    function _refuseIds(MockZkLLMVerifier v, uint32[] memory ids, string memory what) private {
        uint32[] memory distinct = Vocabulary.distinct(_answer(ids, v.K()));
        bytes[] memory texts = new bytes[](distinct.length);
        for (uint256 i = 0; i < texts.length; ++i) {
            texts[i] = distinct[i] < SIZE ? vocabulary[distinct[i]] : bytes("any text");
        }
        bytes32[] memory siblings = Vocabulary.siblings(vocabulary, distinct);
        if (v.K() == 1 && distinct[0] < SIZE) return;
        bytes memory data = _encode(v, Vocabulary.words(ids, v.N(), PAD), siblings, texts);
        assertReverts(address(settlement), data, IZkLLMSettlement.InvalidVocabularyProof.selector, what);
    }

    function test_wrongCounts() external {
        uint32[] memory ids = _ids(1, 9);
        uint32[] memory answer = _answer(ids, 1);
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
            uint32[] memory ids = _ids(length, 9);
            ids[8] = uint32(length);
            bytes memory data = _calldata(verifier, ids, 0);
            uint256 at = bit % (8 * padding);
            data[data.length - 1 - at / 8] ^= bytes1(uint8(1 << (at % 8)));
            assertReverts(address(settlement), data, IZkLLMSettlement.InvalidCalldata.selector, "padding");
        }
    }

    /// @dev The mock accepts every proof, so whatever changes the encoding must be caught by the settlement itself:
    /// each word of the head, each length, each offset, set to anything else.
    function test_offsetsAndLengths(uint256 value) external {
        uint32[] memory ids = _ids(1, 9);
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

    /// @dev The same with every value that could be a place or a length of this calldata.
    function test_everyOffsetAndLength() external {
        uint32[] memory ids = _ids(1, 9);
        ids[8] = 30;
        bytes memory honest = _calldata(verifier, ids, 0);
        uint256[10] memory at = [uint256(68), 100, 132, 164, 196, 324, 452, 676, 708, 740];
        for (uint256 i = 0; i < at.length; ++i) {
            for (uint256 value = 0; value <= honest.length; ++value) {
                if (value > 8 && value % 32 != 0 && value != 29 && value != 31) continue;
                bytes memory data = bytes.concat(honest);
                if (_put(data, at[i], value) == value) continue;
                (bool ok,) = address(settlement).call{gas: GAS_CAP}(data);
                assertTrue(!ok, string.concat("place ", vm.toString(at[i]), ": ", vm.toString(value)));
            }
        }
        (bool accepted,) = address(settlement).call(honest);
        assertTrue(accepted, "honest");
    }

    /// @dev Each array read from another place that holds the same: nothing but its place is wrong.
    function test_everyArrayHasItsPlace() external {
        uint32[] memory ids = _ids(1, 9);
        uint32[] memory answer = _answer(ids, 1);
        uint256[] memory words = Vocabulary.words(ids, LENGTH, PAD);
        bytes32[] memory path = Vocabulary.siblings(vocabulary, answer);
        bytes[] memory texts = Vocabulary.texts(vocabulary, answer);
        uint256[] memory asPath = new uint256[](path.length);
        for (uint256 i = 0; i < path.length; ++i) {
            asPath[i] = uint256(path[i]);
        }
        (uint256 wordsAt, uint256 proofAt, uint256 siblingsAt) = (68, 100, 132);
        bytes memory honest = _encodeProof(words, words, path, texts);
        _refuseMoved(honest, wordsAt, proofAt, "words in the proof's place");
        _refuseMoved(honest, proofAt, wordsAt, "proof in the words' place");
        honest = _encodeProof(words, asPath, path, texts);
        _refuseMoved(honest, siblingsAt, proofAt, "siblings in the proof's place");
        _refuseMoved(honest, proofAt, siblingsAt, "proof in the siblings' place");
        (bool accepted,) = address(settlement).call(honest);
        assertTrue(accepted, "honest");
    }

    function _encodeProof(
        uint256[] memory words,
        uint256[] memory proof,
        bytes32[] memory path,
        bytes[] memory texts
    ) private view returns (bytes memory) {
        return abi.encodeCall(
            IZkLLMSettlement.settle, (address(verifier), bytes32(0), words, proof, path, texts)
        );
    }

    /// @dev The offset at `place` replaced by the one at `source`.
    function _refuseMoved(bytes memory honest, uint256 place, uint256 source, string memory what) private {
        bytes memory data = bytes.concat(honest);
        _put(data, place, _put(bytes.concat(honest), source, 0));
        assertReverts(address(settlement), data, IZkLLMSettlement.InvalidCalldata.selector, what);
    }

    /// @dev Writes a word at a place of the calldata; returns what was there.
    function _put(bytes memory data, uint256 place, uint256 value) private pure returns (uint256 old) {
        assembly ("memory-safe") {
            let target := add(add(data, 0x20), place)
            old := mload(target)
            mstore(target, value)
        }
    }

    /// @dev A word before each array, with the offsets of what follows moved by it: the arguments stay the same.
    function test_gapsBetweenArrays() external {
        uint32[] memory ids = _ids(1, 9);
        bytes memory honest = _calldata(verifier, ids, 0);
        uint256[4] memory lengthAt = [uint256(196), 324, 452, 676];
        for (uint256 array = 0; array < 4; ++array) {
            bytes memory data = new bytes(honest.length + 32);
            for (uint256 i = 0; i < honest.length; ++i) {
                data[i < lengthAt[array] ? i : i + 32] = honest[i];
            }
            for (uint256 i = array; i < 4; ++i) {
                _put(data, 68 + 32 * i, lengthAt[i] - 4 + 32);
            }
            string memory what = string.concat("before array ", vm.toString(array));
            assertReverts(address(settlement), data, IZkLLMSettlement.InvalidCalldata.selector, what);
        }
    }

    /// @dev Two ids with the same text, which is given once, or twice in the other order.
    function test_everyTextHasItsPlace() external {
        vocabulary[4] = vocabulary[3];
        MockZkLLMVerifier v = _register(LENGTH, 2);
        uint32[] memory ids = _ids(1, 9);
        (ids[7], ids[8]) = (3, 4);
        bytes memory honest = _calldata(v, ids, 0);
        uint256 first = honest.length - 6 * 32;
        assertEq(_put(bytes.concat(honest), first, 0), 64, "offset of the first text");
        _refuseMoved(honest, first, first + 32, "the second text twice");
        _refuseMoved(honest, first + 32, first, "the first text twice");
        bytes memory swapped = bytes.concat(honest);
        _put(swapped, first, 128);
        _put(swapped, first + 32, 64);
        assertReverts(address(settlement), swapped, IZkLLMSettlement.InvalidCalldata.selector, "swapped");
        (bool accepted,) = address(settlement).call(honest);
        assertTrue(accepted, "honest");
    }

    /// @dev A record has 16 bits for the length of a text, of which one more would run into the id; the code that keeps
    /// it ends sooner.
    function test_textsThatFillTheirLength() external {
        for (uint256 k = 1; k < 3; ++k) {
            uint256 room = CodeStorage.MAX_BYTES - 2 - 5 * k - 5 * (k - 1);
            delete vocabulary;
            vocabulary.push(new bytes(room));
            vocabulary.push(new bytes(65_536));
            vocabulary.push("short");
            vocabulary.push(new bytes(room + 1));
            vocabulary.push(new bytes(65_535));
            vocabulary[0][room - 1] = "x";
            bytes32 root = Vocabulary.root(vocabulary);
            MockZkLLMVerifier v = new MockZkLLMVerifier(MODEL, root, 5, LENGTH + 1, k, false);
            settlement.register(address(v));
            uint32[] memory ids = new uint32[](k + 1);
            (ids[0], ids[k - 1], ids[k]) = (2, 2, 1);
            bytes memory data = _calldata(v, ids, 0);
            assertReverts(address(settlement), data, IZkLLMSettlement.InvalidCalldata.selector, "2^16 bytes");
            for (uint32 id = 3; id < 5; ++id) {
                ids[k] = id;
                data = _calldata(v, ids, 0);
                assertReverts(address(settlement), data, CodeStorage.TooLong.selector, "no room");
            }
            ids[k] = 0;
            (bool ok,) = address(settlement).call(_calldata(v, ids, 0));
            assertTrue(ok, "all the room");
            (uint32 settledId, bytes memory text) = settlement.tokenAt(_claimId(ids, k), k - 1);
            assertEq(settledId, 0, "id");
            assertEq(text, vocabulary[0], "text");
        }
    }

    // ---------------------------------------------------------------------------------------- storage

    /// @dev One slot for a token of up to 24 bytes: a second settlement costs one cold, zero to non-zero store. Longer
    /// answers take a contract besides.
    function test_shortAnswersTakeOneSlot() external {
        _gasOf(_ids(2, 9)); // the mock is warm from here on
        uint32[] memory ids = _ids(1, 9);
        ids[8] = 24;
        uint256 short = _gasOf(ids);
        ids = _ids(3, 9);
        ids[8] = 25;
        uint256 long = _gasOf(ids);
        assertTrue(long > short + 32_000, "25 bytes take a contract");
        assertTrue(short < 22_100 + 25_000, "24 bytes take one");
    }

    function _gasOf(uint32[] memory ids) private returns (uint256 used) {
        bytes memory data = _calldata(verifier, ids, 0);
        vm.cool(address(settlement));
        used = gasleft();
        (bool ok,) = address(settlement).call(data);
        used -= gasleft();
        assertTrue(ok, "settle");
    }
}
