// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ZkLLMVerifier} from "../generated/single/ZkLLMVerifier.sol";
import {ZkLLMProofVerifier} from "../src/adapters/ZkLLMProofVerifier.sol";
import {IProofVerifier} from "../src/adapters/interfaces/IProofVerifier.sol";
import {IZkLLMSettlement} from "../src/interfaces/IZkLLMSettlement.sol";
import {IZkLLMVerifier} from "../src/interfaces/IZkLLMVerifier.sol";
import {MockZkLLMVerifier} from "../src/mocks/MockZkLLMVerifier.sol";
import {Deployed, Deployments} from "./utils/Deployed.sol";
import {Fixture, Fixtures} from "./utils/Fixture.sol";
import {MockedSettlement} from "./utils/MockedSettlement.sol";
import {TestBase} from "./utils/TestBase.sol";
import {vm} from "./utils/Vm.sol";
import {Vocabulary} from "./utils/Vocabulary.sol";

/// @notice ERC-8274: real proofs of generated verifiers, and each thing that makes one false.
contract ZkLLMProofVerifierTest is TestBase {
    using Fixtures for Fixture;

    /// @dev Execution of `verify` of the single fixture, all that it touches cold.
    uint256 private constant MAX_GAS = 300_000;
    /// @dev Signatures of the standard, xored.
    bytes4 private constant INTERFACE_ID = 0x86761e49;

    struct Case {
        Fixture fixture;
        ZkLLMProofVerifier adapter;
        bytes32 inputHash;
        bytes32 outputHash;
        bytes metadata;
        bytes proof;
    }

    /// @dev The adapter is put where the fixture's proof expects its settlement, and called by whom it expects.
    function _place(Deployed memory d) private returns (Case memory c) {
        c.fixture = d.fixture;
        vm.etch(d.fixture.settlement, address(new ZkLLMProofVerifier()).code);
        c.adapter = ZkLLMProofVerifier(d.fixture.settlement);
        uint256[] memory ids = d.fixture.ids;
        uint256 prompt = ids.length - d.fixture.k;
        c.inputHash = d.fixture.isSealed ? bytes32(d.fixture.words[0]) : _digest(ids, 0, prompt);
        c.outputHash = _digest(ids, prompt, ids.length);
        c.metadata = abi.encode(d.verifier, IZkLLMVerifier(d.verifier).VERIFIER_ID());
        c.proof = _encoded(d.fixture);
    }

    function _digest(uint256[] memory ids, uint256 from, uint256 to) private pure returns (bytes32) {
        bytes memory packed;
        for (uint256 i = from; i < to; ++i) {
            packed = bytes.concat(packed, bytes32(ids[i]));
        }
        return keccak256(packed);
    }

    function _encoded(Fixture memory f) private pure returns (bytes memory) {
        return abi.encode(f.requestId, f.words, f.proof);
    }

    function _verify(Case memory c) private returns (bool) {
        vm.prank(c.fixture.sender);
        return c.adapter.verify(c.inputHash, c.outputHash, c.metadata, c.proof);
    }

    /// @dev False for the caller that the proof was made for, and `check` says why.
    function _refuse(Case memory c, bytes4 why, string memory what) private {
        assertTrue(!_verify(c), what);
        assertReverts(
            address(c.adapter),
            abi.encodeCall(
                ZkLLMProofVerifier.check, (c.fixture.sender, c.inputHash, c.outputHash, c.metadata, c.proof)
            ),
            why,
            what
        );
    }

    // ------------------------------------------------------------------------------------- accepted

    function test_oneToken() external {
        Case memory c = _place(Deployments.single());
        assertTrue(_verify(c), "valid");
        c.adapter.check(c.fixture.sender, c.inputHash, c.outputHash, c.metadata, c.proof);
    }

    function test_severalTokens() external {
        assertTrue(_verify(_place(Deployments.multi())), "valid");
    }

    function test_sealedPrompt() external {
        assertTrue(_verify(_place(Deployments.hidden())), "valid");
    }

    // -------------------------------------------------------------------------------------- refused

    function test_otherHashes() external {
        Case memory c = _place(Deployments.single());
        c.inputHash = bytes32(uint256(c.inputHash) ^ 1);
        _refuse(c, ZkLLMProofVerifier.AnotherInput.selector, "input");
        c.inputHash = bytes32(uint256(c.inputHash) ^ 1);
        c.outputHash = bytes32(uint256(c.outputHash) ^ 1);
        _refuse(c, ZkLLMProofVerifier.AnotherOutput.selector, "output");
        (c.inputHash, c.outputHash) = (bytes32(uint256(c.outputHash) ^ 1), c.inputHash);
        _refuse(c, ZkLLMProofVerifier.AnotherInput.selector, "exchanged");

        c = _place(Deployments.hidden());
        c.inputHash = bytes32(uint256(c.inputHash) ^ 1);
        _refuse(c, ZkLLMProofVerifier.AnotherInput.selector, "sealed input");
        c.inputHash = bytes32(uint256(c.inputHash) ^ 1);
        c.outputHash = bytes32(uint256(c.outputHash) ^ 1);
        _refuse(c, ZkLLMProofVerifier.AnotherOutput.selector, "answer to a sealed prompt");
    }

    /// @dev Hashes that fit the statement, of which the proof is none.
    function test_otherStatements() external {
        Case memory c = _place(Deployments.single());
        c.fixture.words[1] ^= 1 << (24 * (9 - 17 % 10)); // x_16, the answer
        c.fixture.ids[16] ^= 1;
        c.outputHash = _digest(c.fixture.ids, 16, 17);
        c.proof = _encoded(c.fixture);
        _refuse(c, ZkLLMVerifier.InverseMismatch.selector, "another answer");
        c.fixture.words[0] ^= 1 << 192; // x_0
        c.fixture.ids[0] ^= 1;
        c.inputHash = _digest(c.fixture.ids, 0, 16);
        c.proof = _encoded(c.fixture);
        _refuse(c, ZkLLMVerifier.InverseMismatch.selector, "another prompt");
        c.fixture.words[0] = (c.fixture.words[0] << 40) >> 40; // T = 0
        c.proof = _encoded(c.fixture);
        _refuse(c, IZkLLMSettlement.InvalidLength.selector, "a length of no answer");
        c.fixture.words = new uint256[](1);
        c.proof = _encoded(c.fixture);
        _refuse(c, IZkLLMSettlement.InvalidCalldata.selector, "too few words");
        c.fixture.words = new uint256[](3);
        c.proof = _encoded(c.fixture);
        _refuse(c, IZkLLMSettlement.InvalidCalldata.selector, "too many words");
        (c.fixture.words, c.fixture.proof) = (new uint256[](0), new uint256[](0));
        c.proof = _encoded(c.fixture);
        _refuse(c, IZkLLMSettlement.InvalidCalldata.selector, "nothing, in its encoding");
    }

    function test_otherProofs() external {
        Case memory c = _place(Deployments.single());
        Fixture memory f = c.fixture;
        f.proof[f.proof.length - 1] ^= 1;
        c.proof = _encoded(f);
        _refuse(c, ZkLLMVerifier.InverseMismatch.selector, "a changed scalar");
        f.proof[f.proof.length - 1] ^= 1;
        f.proof = new uint256[](f.proof.length);
        c.proof = _encoded(f);
        _refuse(c, ZkLLMVerifier.InverseMismatch.selector, "nothing");
        f.proof = new uint256[](0);
        c.proof = _encoded(f);
        _refuse(c, ZkLLMVerifier.InvalidCalldata.selector, "no fields");
    }

    /// @dev A proof is for one chain, adapter, caller and request.
    function test_otherContexts() external {
        Case memory c = _place(Deployments.single());
        bytes4 why = ZkLLMVerifier.InverseMismatch.selector;
        vm.prank(address(0xbad));
        assertTrue(!c.adapter.verify(c.inputHash, c.outputHash, c.metadata, c.proof), "another caller");
        vm.chainId(c.fixture.chainId + 1);
        _refuse(c, why, "another chain");
        vm.chainId(c.fixture.chainId);
        ZkLLMProofVerifier first = c.adapter;
        c.adapter = new ZkLLMProofVerifier();
        _refuse(c, why, "another adapter");
        c.adapter = first;
        c.fixture.requestId = bytes32(uint256(c.fixture.requestId) ^ 1);
        c.proof = _encoded(c.fixture);
        _refuse(c, why, "another request");
    }

    function test_otherVerifiers() external {
        Case memory c = _place(Deployments.single());
        (address verifier, bytes32 id) = abi.decode(c.metadata, (address, bytes32));
        c.metadata = abi.encode(verifier, uint256(id) ^ 1);
        _refuse(c, ZkLLMProofVerifier.AnotherVerifier.selector, "id");
        c.metadata = abi.encode(address(0xbad), id);
        _refuse(c, 0, "no code");
        c.metadata = abi.encode(uint256(uint160(verifier)) | 1 << 160, id);
        _refuse(c, 0, "no address");
        c.metadata = abi.encodePacked(abi.encode(verifier, id), uint8(0));
        _refuse(c, ZkLLMProofVerifier.InvalidEncoding.selector, "longer");
        c.metadata = abi.encode(verifier);
        _refuse(c, ZkLLMProofVerifier.InvalidEncoding.selector, "shorter");

        Deployed memory d = Deployments.multi();
        c.metadata = abi.encode(d.verifier, IZkLLMVerifier(d.verifier).VERIFIER_ID());
        assertTrue(!_verify(c), "another model's");
    }

    /// @dev Whatever is not abi.encode's own encoding of the three parts, of every length up to the head and more.
    function test_onlyOneEncoding() external {
        Case memory c = _place(Deployments.single());
        bytes memory honest = c.proof;
        bytes4 why = ZkLLMProofVerifier.InvalidEncoding.selector;
        for (uint256 length = 0; length < 0x140; length += 0x10) {
            c.proof = _cut(honest, length);
            _refuse(c, why, "cut");
        }
        c.proof = _cut(honest, 0x9f);
        _refuse(c, why, "a byte less than nothing takes");
        c.proof = _cut(honest, honest.length - 1);
        _refuse(c, why, "a byte less");
        uint256 room = (honest.length - 0xa0) / 0x20;
        c.proof = _claiming(honest, room + 1);
        _refuse(c, why, "a word more than there is room for");
        c.proof = _cut(_claiming(honest, room), honest.length - 1);
        _refuse(c, why, "room for all words but a byte");
        c.proof = bytes.concat(honest, hex"00");
        _refuse(c, why, "a byte more");
        c.proof = bytes.concat(honest, bytes32(0));
        _refuse(c, why, "a word more");
        uint256[4] memory places = [uint256(0x20), 0x40, 0x60, 0xc0];
        for (uint256 i = 0; i < places.length; ++i) {
            for (uint256 bit = 0; bit < 256; bit += i == 2 ? 1 : 15) {
                c.proof = bytes.concat(honest);
                uint256 place = 0x20 + places[i];
                bytes memory changed = c.proof;
                assembly ("memory-safe") {
                    let word := add(changed, place)
                    mstore(word, xor(mload(word), shl(bit, 1)))
                }
                _refuse(c, why, "an offset or a length");
            }
        }
    }

    /// @dev The same, which says that it has so many words.
    function _claiming(bytes memory proof, uint256 numWords) private pure returns (bytes memory changed) {
        changed = bytes.concat(proof);
        assembly ("memory-safe") {
            mstore(add(changed, 0x80), numWords)
        }
    }

    function _cut(bytes memory data, uint256 length) private pure returns (bytes memory part) {
        part = bytes.concat(data);
        assembly ("memory-safe") {
            mstore(part, length)
        }
    }

    /// @dev Whatever gas the caller gives, a valid proof is never found false.
    function test_starvedCallsHaveNoAnswer() external {
        Case memory c = _place(Deployments.single());
        bytes memory data =
            abi.encodeCall(IProofVerifier.verify, (c.inputHash, c.outputHash, c.metadata, c.proof));
        uint256 answered;
        uint256 told;
        for (uint256 given = 10_000; given < 400_000; given += 1_300) {
            vm.prank(c.fixture.sender);
            (bool ok, bytes memory returned) = address(c.adapter).call{gas: given}(data);
            if (ok) {
                assertTrue(abi.decode(returned, (bool)), "found false for want of gas");
                ++answered;
            } else if (returned.length != 0) {
                assertEq(bytes32(bytes4(returned)), bytes32(ZkLLMProofVerifier.NotEnoughGas.selector), "why");
                ++told;
            }
        }
        assertTrue(answered > 20 && told > 20, "both happen");
    }

    // ------------------------------------------------------------------------------------- the rest

    function test_interfaces() external {
        ZkLLMProofVerifier adapter = new ZkLLMProofVerifier();
        bytes4 id = bytes4(keccak256("verify(bytes32,bytes32,bytes,bytes)"))
            ^ bytes4(keccak256("proofSystem()")) ^ bytes4(keccak256("proofProfile()"));
        assertEq(bytes32(id), bytes32(INTERFACE_ID), "as docs/standards.md says");
        assertTrue(adapter.supportsInterface(id), "ERC-8274");
        assertTrue(adapter.supportsInterface(0x01ffc9a7), "ERC-165");
        assertTrue(!adapter.supportsInterface(0xffffffff), "nothing else");
        assertEq(bytes(adapter.proofSystem()), "zk/zkllm", "system");
        bytes32 profile = keccak256(abi.encode("zk/zkllm", keccak256(address(adapter).code)));
        assertEq(adapter.proofProfile(), profile, "profile");
    }

    function test_gas() external {
        Case memory c = _place(Deployments.single());
        (address verifier,) = abi.decode(c.metadata, (address, bytes32));
        vm.cool(verifier);
        vm.cool(address(c.adapter));
        vm.prank(c.fixture.sender);
        uint256 used = gasleft();
        bool valid = c.adapter.verify(c.inputHash, c.outputHash, c.metadata, c.proof);
        used -= gasleft();
        assertTrue(valid, "valid");
        emit log_named_uint("ERC-8274: gas of verify", used);
        assertTrue(used < MAX_GAS, "gas");
    }
}

/// @notice Shapes of which there are no fixtures, by a verifier that takes every proof.
contract ZkLLMProofVerifierShapesTest is MockedSettlement {
    /// @dev Statements of N + 2 limbs, where one limb more or less takes another word and where it takes none.
    function test_statementsHaveTheWordsOfTheirShape() external {
        ZkLLMProofVerifier adapter = new ZkLLMProofVerifier();
        for (uint256 n = 7; n <= 20; ++n) {
            MockZkLLMVerifier v = _verifier(n, 2);
            uint32[] memory ids = _ids(n, n + 1);
            uint256[] memory words = Vocabulary.words(ids, n, PAD);
            assertEq(words.length, n < 9 ? 1 : n < 19 ? 2 : 3, "words of ten limbs");
            assertTrue(_verify(adapter, v, ids, words), "valid");
            assertTrue(!_verify(adapter, v, ids, _resized(words, words.length + 1)), "a word more");
            assertTrue(!_verify(adapter, v, ids, _resized(words, words.length - 1)), "a word less");
        }
    }

    function _verify(
        ZkLLMProofVerifier adapter,
        MockZkLLMVerifier v,
        uint32[] memory ids,
        uint256[] memory words
    ) private view returns (bool) {
        return adapter.verify(
            keccak256(abi.encodePacked(_prompt(ids, 2))),
            keccak256(abi.encodePacked(_answer(ids, 2))),
            abi.encode(v, v.VERIFIER_ID()),
            abi.encode(bytes32(0), words, _proof())
        );
    }

    function _resized(uint256[] memory words, uint256 length)
        private
        pure
        returns (uint256[] memory resized)
    {
        resized = new uint256[](length);
        for (uint256 i = 0; i < length && i < words.length; ++i) {
            resized[i] = words[i];
        }
    }
}
