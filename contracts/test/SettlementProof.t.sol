// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ZkLLMVerifier} from "../generated/single/ZkLLMVerifier.sol";
import {ZkLLMSettlement} from "../src/ZkLLMSettlement.sol";
import {IZkLLMSettlement} from "../src/interfaces/IZkLLMSettlement.sol";
import {Deployed, Deployments} from "./utils/Deployed.sol";
import {Fixture, Fixtures} from "./utils/Fixture.sol";
import {TestBase} from "./utils/TestBase.sol";
import {vm} from "./utils/Vm.sol";

/// @notice Settlement of real proofs by generated verifiers.
contract SettlementProofTest is TestBase {
    using Fixtures for Fixture;

    /// @dev A whole transaction: intrinsic, calldata and execution.
    uint256 private constant MAX_TRANSACTION_GAS = 370_000;
    uint256 private constant MAX_CALLDATA_BYTES = 3_500;

    function test_singleToken() external {
        _settleAndRead(Deployments.single());
    }

    /// @dev Three tokens: one empty, one that is not UTF-8, one of more than a slot.
    function test_severalTokens() external {
        _settleAndRead(Deployments.multi());
    }

    /// @dev Eleven tokens after a prompt that the chain does not see.
    function test_sealedPrompt() external {
        _settleAndRead(Deployments.hidden());
    }

    function _settleAndRead(Deployed memory d) private {
        Fixture memory f = d.fixture;
        vm.prank(f.sender);
        (bool ok, bytes memory returned) = address(d.settlement).call(f.settleCalldata(d.verifier));
        assertTrue(ok, "settle");
        assertEq(abi.decode(returned, (bytes32)), f.claimId, "claim id as Python computes it");
        assertTrue(d.settlement.isSettled(f.claimId), "settled");
        for (uint256 i = 0; i < f.k; ++i) {
            (uint32 id,) = d.settlement.tokenAt(f.claimId, i);
            assertEq(id, f.ids[f.ids.length - f.k + i], "token id");
        }
        assertEq(d.settlement.textOf(f.claimId), f.text, "text");
        bool requested = f.requestId != 0;
        assertEq(d.settlement.creditOf(f.sender), requested ? Deployments.REWARD : 0, "reward");

        vm.prank(f.sender);
        bytes4 replayed = IZkLLMSettlement.AlreadySettled.selector;
        assertReverts(address(d.settlement), f.settleCalldata(d.verifier), replayed, "replay");
    }

    function test_otherContextsAreRefused() external {
        Deployed memory d = Deployments.single();
        Fixture memory f = d.fixture;
        bytes memory data = f.settleCalldata(d.verifier);
        bytes4 expected = ZkLLMVerifier.InverseMismatch.selector;

        vm.prank(address(0xbad));
        assertReverts(address(d.settlement), data, expected, "another sender");

        vm.chainId(f.chainId + 1);
        vm.prank(f.sender);
        assertReverts(address(d.settlement), data, expected, "another chain");
        vm.chainId(f.chainId);

        ZkLLMSettlement twin = new ZkLLMSettlement(address(this));
        twin.register(d.verifier);
        vm.prank(f.sender);
        assertReverts(address(twin), data, expected, "another contract");

        f.requestId = bytes32(uint256(f.requestId) ^ 1);
        vm.prank(f.sender);
        assertReverts(address(d.settlement), f.settleCalldata(d.verifier), expected, "another request");
    }

    function test_otherStatementsAreRefused() external {
        Deployed memory d = Deployments.single();
        Fixture memory f = d.fixture;
        f.words[0] ^= 1 << 192; // x_0
        vm.prank(f.sender);
        bytes4 expected = ZkLLMVerifier.InverseMismatch.selector;
        assertReverts(address(d.settlement), f.settleCalldata(d.verifier), expected, "another prompt");

        f.words[0] ^= 1 << 192;
        f.words[1] ^= 1 << (24 * (9 - 17 % 10)); // x_16, the answer
        vm.prank(f.sender);
        expected = IZkLLMSettlement.InvalidVocabularyProof.selector;
        assertReverts(address(d.settlement), f.settleCalldata(d.verifier), expected, "another answer");
    }

    function test_otherSealedStatementsAreRefused() external {
        Deployed memory d = Deployments.hidden();
        Fixture memory f = d.fixture;
        f.words[0] ^= 1; // P
        vm.prank(f.sender);
        bytes4 expected = ZkLLMVerifier.InverseMismatch.selector;
        assertReverts(address(d.settlement), f.settleCalldata(d.verifier), expected, "another prompt");

        f.words[0] ^= 1;
        f.words[2] ^= 1 << 216; // the last answered id
        vm.prank(f.sender);
        expected = IZkLLMSettlement.InvalidVocabularyProof.selector;
        assertReverts(address(d.settlement), f.settleCalldata(d.verifier), expected, "another answer");
    }

    function test_transactionCost() external {
        Deployed memory d = Deployments.single();
        bytes memory data = d.fixture.settleCalldata(d.verifier);
        vm.cool(d.verifier);
        vm.cool(address(d.settlement));
        vm.prank(d.fixture.sender);
        uint256 used = gasleft();
        (bool ok,) = address(d.settlement).call(data);
        used -= gasleft();
        assertTrue(ok, "settle");
        used += 21_000;
        for (uint256 i = 0; i < data.length; ++i) {
            used += data[i] == 0 ? 4 : 16;
        }
        emit log_named_uint("settlement transaction gas", used);
        emit log_named_uint("settlement calldata bytes", data.length);
        assertTrue(used < MAX_TRANSACTION_GAS, "transaction gas");
        assertTrue(data.length < MAX_CALLDATA_BYTES, "calldata");
    }
}
