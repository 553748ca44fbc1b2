// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ZkLLMVerifier as MultiVerifier} from "../generated/multi/ZkLLMVerifier.sol";
import {ZkLLMVerifier as SealedVerifier} from "../generated/sealed/ZkLLMVerifier.sol";
import {ZkLLMVerifier} from "../generated/single/ZkLLMVerifier.sol";
import {IZkLLMVerifier} from "../src/interfaces/IZkLLMVerifier.sol";
import {Fixture, Fixtures} from "./utils/Fixture.sol";
import {TestBase} from "./utils/TestBase.sol";
import {vm} from "./utils/Vm.sol";

/// @notice Honest proofs, identity, size and gas of generated verifiers.
contract VerifierTest is TestBase {
    using Fixtures for Fixture;

    uint256 private constant MAX_CODE_BYTES = 24_576;
    /// @dev Execution gas of `verify` alone, as a transaction to it would pay besides intrinsic cost and calldata.
    uint256 private constant MAX_VERIFICATION_GAS = 290_000;

    function test_honestProofsAreAccepted() external {
        _accept("single", address(new ZkLLMVerifier()));
        _accept("multi", address(new MultiVerifier()));
        _accept("sealed", address(new SealedVerifier()));
    }

    function _accept(string memory name, address verifier) private {
        Fixture memory f = Fixtures.load(name);
        (bool ok, bytes memory returned) = verifier.staticcall(f.verifyCalldata());
        assertTrue(ok, name);
        assertEq(returned.length, 0, "verify returns nothing");
    }

    function test_proofOfAnotherKeyIsRejected() external {
        Fixture memory f = Fixtures.load("single");
        address other = address(new MultiVerifier());
        assertReverts(
            other, f.verifyCalldata(), ZkLLMVerifier.InvalidCalldata.selector, "another shape's proof"
        );
    }

    function test_identity() external {
        IZkLLMVerifier verifier = IZkLLMVerifier(address(new ZkLLMVerifier()));
        string memory json = vm.readFile("contracts/test/fixtures/single.json");
        assertEq(verifier.VERIFIER_ID(), vm.parseJsonBytes32(json, ".verifierId"), "VERIFIER_ID");
        assertEq(verifier.MODEL_ID(), vm.parseJsonBytes32(json, ".modelId"), "MODEL_ID");
        assertEq(verifier.VOCABULARY_ROOT(), vm.parseJsonBytes32(json, ".vocabularyRoot"), "VOCABULARY_ROOT");
        assertEq(verifier.VOCABULARY_SIZE(), vm.parseJsonUint(json, ".vocabularySize"), "VOCABULARY_SIZE");
        assertEq(verifier.N(), vm.parseJsonUint(json, ".N"), "N");
        assertEq(verifier.K(), vm.parseJsonUint(json, ".k"), "K");
        assertTrue(verifier.DEVELOPMENT_SRS(), "DEVELOPMENT_SRS");
        assertTrue(!verifier.SEALED(), "SEALED");
        assertTrue(IZkLLMVerifier(address(new SealedVerifier())).SEALED(), "sealed");
    }

    function test_developmentSrsRefusesMainnet() external {
        vm.chainId(1);
        vm.expectRevert(abi.encodeWithSelector(ZkLLMVerifier.DevelopmentSrsOnMainnet.selector));
        new ZkLLMVerifier();
        vm.chainId(11_155_111);
        new ZkLLMVerifier();
    }

    function test_sizeAndGas() external {
        address verifier = address(new ZkLLMVerifier());
        bytes memory data = Fixtures.load("single").verifyCalldata();
        assertTrue(verifier.code.length < MAX_CODE_BYTES, "code size");
        assertTrue(address(new MultiVerifier()).code.length < MAX_CODE_BYTES, "code size");

        uint256 before = gasleft();
        (bool ok,) = verifier.staticcall(data);
        uint256 used = before - gasleft();
        assertTrue(ok, "honest proof");
        assertTrue(used < MAX_VERIFICATION_GAS, "verification gas");
        emit log_named_uint("verification gas", used);
        emit log_named_uint("verifier code bytes", verifier.code.length);
    }

    /// @dev Whatever gas a caller provides, a proof is accepted or the call reverts.
    function test_tooLittleGasNeverAcceptsOrLies(uint256 gasLimit) external {
        address verifier = address(new ZkLLMVerifier());
        bytes memory data = Fixtures.load("single").verifyCalldata();
        gasLimit = gasLimit % 240_000;
        (bool ok,) = verifier.staticcall{gas: gasLimit}(data);
        assertTrue(!ok, "accepted without the gas for a pairing");
    }
}
