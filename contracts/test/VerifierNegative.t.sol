// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ZkLLMVerifier as SealedVerifier} from "../generated/sealed/ZkLLMVerifier.sol";
import {ZkLLMVerifier} from "../generated/single/ZkLLMVerifier.sol";
import {Fixture, Fixtures, ProofWord} from "./utils/Fixture.sol";
import {TestBase} from "./utils/TestBase.sol";
import {vm} from "./utils/Vm.sol";

/// @notice What a verifier must refuse, each with the error that must say so.
contract VerifierNegativeTest is TestBase {
    using Fixtures for Fixture;

    uint256 private constant R =
        21888242871839275222246405745257275088548364400416034343698204186575808495617;
    uint256 private constant P =
        21888242871839275222246405745257275088696311157297823662689037894645226208583;
    uint256 private constant CONTEXT_AT = 4;
    uint256 private constant WORDS_OFFSET_AT = 36;
    uint256 private constant PROOF_OFFSET_AT = 68;
    uint256 private constant WORDS_LENGTH_AT = 100;

    address private verifier;
    Fixture private f;
    /// @dev Index in the proof of the first field after the witness commitments.
    uint256 private body;

    function setUp() external {
        verifier = address(new ZkLLMVerifier());
        f = Fixtures.load("single");
        body = 2 * f.witnessColumns;
        assertEq(f.proof.length, body + ProofWord.END, "fields of the proof");
    }

    // ------------------------------------------------------------------------------------- sealed prompts

    /// @dev P is below r, and every word but P below 2^240: P + r would be P in all that is computed from it.
    function test_wordsOfSealedPrompts() external {
        address hiding = address(new SealedVerifier());
        Fixture memory g = Fixtures.load("sealed");
        uint256 honest = g.words[0];
        assertTrue(honest >> 240 != 0 && g.words.length == 3, "P has all bits of the field");
        bytes4 expected = ZkLLMVerifier.WordOutOfRange.selector;
        uint256[4] memory beyond = [honest + R, R, R + 1, type(uint256).max];
        for (uint256 i = 0; i < beyond.length; ++i) {
            g.words[0] = beyond[i];
            assertReverts(hiding, g.verifyCalldata(), expected, "P");
        }
        g.words[0] = R - 1;
        assertReverts(hiding, g.verifyCalldata(), ZkLLMVerifier.InverseMismatch.selector, "another P");
        g.words[0] = honest;
        for (uint256 bit = 240; bit < 256; ++bit) {
            for (uint256 i = 1; i < 3; ++i) {
                g.words[i] ^= 1 << bit;
                assertReverts(hiding, g.verifyCalldata(), expected, "a bit above the limbs");
                g.words[i] ^= 1 << bit;
            }
        }
        (bool ok,) = hiding.staticcall(g.verifyCalldata());
        assertTrue(ok, "honest");
    }

    // ------------------------------------------------------------------------------------- encoding

    function test_wrongLengths() external {
        bytes memory honest = f.verifyCalldata();
        bytes4 expected = ZkLLMVerifier.InvalidCalldata.selector;
        assertReverts(verifier, bytes.concat(honest, hex"00"), expected, "one byte more");
        assertReverts(verifier, bytes.concat(honest, new bytes(32)), expected, "one word more");
        assertReverts(verifier, _truncated(honest, honest.length - 1), 0, "one byte less");
        assertReverts(verifier, _truncated(honest, honest.length - 32), 0, "one word less");
        assertReverts(verifier, "", 0, "no calldata");
        assertReverts(verifier, _truncated(honest, 4), 0, "the selector alone");
    }

    /// @dev Every length but the honest one: too short fails in Solidity's decoder (no data), the rest in ours.
    function test_anyLength(uint256 length) external {
        bytes memory honest = f.verifyCalldata();
        length = length % (2 * honest.length);
        if (length == honest.length) return;
        bytes4 expected = length < honest.length ? bytes4(0) : ZkLLMVerifier.InvalidCalldata.selector;
        assertReverts(verifier, _resized(honest, length), expected, "length");
    }

    function test_anyArrayLengths(uint256 numWords, uint256 proofWords) external {
        uint256[] memory words = new uint256[](numWords % 8);
        uint256[] memory proof = new uint256[](proofWords % 128);
        if (words.length == f.words.length && proof.length == f.proof.length) return;
        bytes memory data = abi.encodeCall(ZkLLMVerifier.verify, (f.context, words, proof));
        assertReverts(verifier, data, ZkLLMVerifier.InvalidCalldata.selector, "array lengths");
    }

    /// @dev Encodings that Solidity's decoder reads as the honest arguments.
    function test_otherEncodingsOfTheSameArguments() external {
        bytes4 expected = ZkLLMVerifier.InvalidCalldata.selector;
        bytes memory head = abi.encodeWithSelector(ZkLLMVerifier.verify.selector, f.context);
        bytes memory words = abi.encodePacked(f.words.length, f.words);
        bytes memory proof = abi.encodePacked(f.proof.length, f.proof);

        uint256 afterProof = 96 + proof.length;
        bytes memory swapped = bytes.concat(head, abi.encode(afterProof, 96), proof, words);
        assertReverts(verifier, swapped, expected, "arrays in the other order");

        bytes memory gap =
            bytes.concat(head, abi.encode(128, 128 + words.length), new bytes(32), words, proof);
        assertReverts(verifier, gap, expected, "a gap after the head");

        gap = bytes.concat(head, abi.encode(96, 128 + words.length), words, new bytes(32), proof);
        assertReverts(verifier, gap, expected, "a gap between the arrays");
    }

    function test_offsetsAndLengths(uint256 value) external {
        uint256[4] memory positions =
            [WORDS_OFFSET_AT, PROOF_OFFSET_AT, WORDS_LENGTH_AT, WORDS_LENGTH_AT + 32 + 32 * f.words.length];
        for (uint256 i = 0; i < positions.length; ++i) {
            bytes memory data = f.verifyCalldata();
            if (_word(data, positions[i]) == value) continue;
            _setWord(data, positions[i], value);
            (bool ok, bytes memory returned) = verifier.staticcall{gas: GAS_CAP}(data);
            assertTrue(!ok, "offset or length changed");
            bool pinned = returned.length == 0 || bytes4(returned) == ZkLLMVerifier.InvalidCalldata.selector;
            assertTrue(pinned, "offset or length: error");
        }
    }

    /// @dev The same with every value that could be a place or a length of this calldata.
    function test_everyOffsetAndLength() external view {
        uint256 size = f.verifyCalldata().length;
        uint256[4] memory positions =
            [WORDS_OFFSET_AT, PROOF_OFFSET_AT, WORDS_LENGTH_AT, WORDS_LENGTH_AT + 32 + 32 * f.words.length];
        for (uint256 i = 0; i < positions.length; ++i) {
            for (uint256 value = 0; value <= size; ++value) {
                if (value > f.proof.length + 2 && value % 32 != 0) continue;
                bytes memory data = f.verifyCalldata();
                if (_word(data, positions[i]) == value) continue;
                _setWord(data, positions[i], value);
                (bool ok, bytes memory returned) = verifier.staticcall{gas: GAS_CAP}(data);
                assertTrue(!ok, "offset or length changed");
                bool pinned =
                    returned.length == 0 || bytes4(returned) == ZkLLMVerifier.InvalidCalldata.selector;
                assertTrue(pinned, "offset or length: error");
            }
        }
    }

    /// @dev Each array read from another place, wherever the right length can stand before enough words: the context,
    /// the words and the proof are the prover's to choose.
    function test_everyArrayHasItsPlace() external {
        _refuseElsewhere(WORDS_OFFSET_AT, f.words.length);
        _refuseElsewhere(PROOF_OFFSET_AT, f.proof.length);
    }

    function _refuseElsewhere(uint256 offsetAt, uint256 length) private {
        bytes memory honest = f.verifyCalldata();
        for (uint256 place = CONTEXT_AT; place + 32 + 32 * length <= honest.length; place += 32) {
            bytes memory data = bytes.concat(honest);
            if (place == 4 + _word(honest, offsetAt)) continue;
            bool head = place > CONTEXT_AT && place <= WORDS_LENGTH_AT;
            if (head || place == WORDS_LENGTH_AT + 32 + 32 * f.words.length) continue; // offsets and lengths
            _setWord(data, place, length);
            _setWord(data, offsetAt, place - 4);
            string memory what = string.concat("array at ", vm.toString(place));
            assertReverts(verifier, data, ZkLLMVerifier.InvalidCalldata.selector, what);
        }
    }

    // --------------------------------------------------------------------------------------- ranges

    function test_wordsOutOfRange() external {
        for (uint256 i = 0; i < f.words.length; ++i) {
            for (uint256 bit = 240; bit < 256; ++bit) {
                Fixture memory g = f;
                uint256 honest = g.words[i];
                g.words[i] = honest | (1 << bit);
                assertReverts(verifier, g.verifyCalldata(), ZkLLMVerifier.WordOutOfRange.selector, "word");
            }
        }
    }

    /// @dev Each scalar plus r, when that fits, is the same field element: it must not be the same proof.
    function test_scalarsOutOfRange() external {
        bytes4 expected = ZkLLMVerifier.ScalarOutOfRange.selector;
        for (uint256 i = 0; i < ProofWord.END; ++i) {
            if (!_isScalar(i)) continue;
            uint256 honest = f.proof[body + i];
            string memory what = string.concat("scalar at word ", vm.toString(i));
            assertReverts(verifier, _withProofWord(i, R), expected, what);
            assertReverts(verifier, _withProofWord(i, honest + R), expected, what);
            assertReverts(verifier, _withProofWord(i, type(uint256).max), expected, what);
            assertReverts(verifier, _withProofWord(i, R - 1), ZkLLMVerifier.InverseMismatch.selector, what);
            assertReverts(verifier, _withProofWord(i, 0), ZkLLMVerifier.InverseMismatch.selector, what);
        }
    }

    function test_coordinatesOutOfRange() external {
        bytes4 expected = ZkLLMVerifier.InvalidPoint.selector;
        for (uint256 i = 0; i < body + ProofWord.END; ++i) {
            if (i >= body && _isScalar(i - body)) continue;
            string memory what = string.concat("coordinate at word ", vm.toString(i));
            uint256 honest = f.proof[i];
            assertReverts(verifier, _withWord(i, honest + P), expected, what);
            assertReverts(verifier, _withWord(i, P), expected, what);
            assertReverts(verifier, _withWord(i, type(uint256).max), expected, what);
            assertReverts(verifier, _withWord(i, 0), expected, what);
        }
    }

    function test_pointsOffTheCurve(uint256 x, uint256 y) external {
        x = x % P;
        y = y % P;
        if (x == 0 && y == 0) return; // infinity
        if (mulmod(y, y, P) == addmod(mulmod(mulmod(x, x, P), x, P), 3, P)) return;
        for (uint256 i = 0; i < f.witnessColumns + 8; ++i) {
            bytes memory data = _withPoint(_pointAt(i), x, y);
            assertReverts(verifier, data, ZkLLMVerifier.InvalidPoint.selector, "point off the curve");
        }
    }

    /// @dev (p, p), (0, p), (p, 0) are infinity to a careless reader.
    function test_infinityHasOneEncoding() external {
        for (uint256 i = 0; i < f.witnessColumns + 8; ++i) {
            uint256 at = _pointAt(i);
            bytes4 expected = ZkLLMVerifier.InvalidPoint.selector;
            assertReverts(verifier, _withPoint(at, P, P), expected, "(p, p)");
            assertReverts(verifier, _withPoint(at, 0, P), expected, "(0, p)");
            assertReverts(verifier, _withPoint(at, P, 0), expected, "(p, 0)");
            _assertPairingOrInverse(at, _withPoint(at, 0, 0), "infinity");
        }
    }

    // ------------------------------------------------------------------------------------- contents

    /// @dev Another valid point or scalar anywhere: the challenges after it change, and so the denominators.
    function test_everyFieldIsBound() external {
        for (uint256 i = 0; i < f.witnessColumns + 8; ++i) {
            uint256 at = _pointAt(i);
            _assertPairingOrInverse(at, _withPoint(at, 1, 2), "the generator");
            uint256 negated = P - f.proof[at + 1];
            _assertPairingOrInverse(at, _withPoint(at, f.proof[at], negated), "the point negated");
        }
        for (uint256 i = 0; i < ProofWord.END; ++i) {
            if (!_isScalar(i)) continue;
            bytes memory data = _withProofWord(i, addmod(f.proof[body + i], 1, R));
            assertReverts(verifier, data, ZkLLMVerifier.InverseMismatch.selector, "scalar plus one");
        }
    }

    function test_contextIsBound(bytes32 context) external {
        if (context == f.context) return;
        Fixture memory g = f;
        g.context = context;
        assertReverts(verifier, g.verifyCalldata(), ZkLLMVerifier.InverseMismatch.selector, "another context");
    }

    function test_statementIsBound(uint256 word, uint256 value) external {
        Fixture memory g = f;
        word = word % g.words.length;
        value = value >> 16;
        if (g.words[word] == value) return;
        g.words[word] = value;
        assertReverts(
            verifier, g.verifyCalldata(), ZkLLMVerifier.InverseMismatch.selector, "another statement"
        );
    }

    function test_randomProof(uint256 seed) external {
        Fixture memory g = f;
        for (uint256 i = 0; i < g.proof.length; ++i) {
            g.proof[i] = uint256(keccak256(abi.encode(seed, i))) % R;
        }
        assertReverts(verifier, g.verifyCalldata(), ZkLLMVerifier.InvalidPoint.selector, "random proof");
    }

    function test_etherIsRefused() external {
        (bool ok,) = verifier.call{value: 1}(f.verifyCalldata());
        assertTrue(!ok, "verify is not payable");
    }

    // -------------------------------------------------------------------------------------- helpers

    /// @dev W' is the last message before omega, so a changed one reaches the pairing; all others change z.
    function _assertPairingOrInverse(uint256 at, bytes memory data, string memory what) private {
        bytes4 expected = at == body + ProofWord.W_PRIME
            ? ZkLLMVerifier.PairingFailed.selector
            : ZkLLMVerifier.InverseMismatch.selector;
        assertReverts(verifier, data, expected, what);
    }

    function _isScalar(uint256 i) private pure returns (bool) {
        return i < ProofWord.H || (i >= ProofWord.P_VALUES && i < ProofWord.C1)
            || (i >= ProofWord.EVALUATIONS && i < ProofWord.W) || i == ProofWord.INVERSE;
    }

    /// @dev Index in the proof of the i-th point: witness columns, then h, q, g, SD, C1, C2, W, W'.
    function _pointAt(uint256 i) private view returns (uint256) {
        if (i < f.witnessColumns) return 2 * i;
        uint256[8] memory at = [
            ProofWord.H,
            ProofWord.Q,
            ProofWord.G,
            ProofWord.SD,
            ProofWord.C1,
            ProofWord.C2,
            ProofWord.W,
            ProofWord.W_PRIME
        ];
        return body + at[i - f.witnessColumns];
    }

    function _withProofWord(uint256 i, uint256 value) private view returns (bytes memory) {
        return _withWord(body + i, value);
    }

    function _withWord(uint256 i, uint256 value) private view returns (bytes memory) {
        Fixture memory g = f;
        g.proof[i] = value;
        return g.verifyCalldata();
    }

    function _withPoint(uint256 at, uint256 x, uint256 y) private view returns (bytes memory) {
        Fixture memory g = f;
        g.proof[at] = x;
        g.proof[at + 1] = y;
        return g.verifyCalldata();
    }

    function _word(bytes memory data, uint256 at) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(add(data, 0x20), at))
        }
    }

    function _setWord(bytes memory data, uint256 at, uint256 value) private pure {
        assembly ("memory-safe") {
            mstore(add(add(data, 0x20), at), value)
        }
    }

    function _truncated(bytes memory data, uint256 length) private pure returns (bytes memory) {
        return _resized(data, length);
    }

    /// @dev The first `length` bytes, zeros after the end.
    function _resized(bytes memory data, uint256 length) private pure returns (bytes memory out) {
        out = new bytes(length);
        uint256 n = length < data.length ? length : data.length;
        assembly ("memory-safe") {
            mcopy(add(out, 0x20), add(data, 0x20), n)
        }
    }
}
