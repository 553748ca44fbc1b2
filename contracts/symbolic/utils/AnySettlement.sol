// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ZkLLMSettlement} from "../../src/ZkLLMSettlement.sol";
import {IRequestEscrow} from "../../src/interfaces/IRequestEscrow.sol";
import {IZkLLMSettlement} from "../../src/interfaces/IZkLLMSettlement.sol";
import {MockZkLLMVerifier} from "../../src/mocks/MockZkLLMVerifier.sol";
import {svm, vm} from "./Symbolic.sol";

/// @notice The settlement contract in any state: time, balance, requests, credits and claims are arbitrary, whether
/// or not calls can lead there, so that what holds for one call holds for each of any sequence.
/// @dev Only owner and registry are concrete: one active verifier, of any model, whose vocabulary has one token of
/// any id and of `TEXT` arbitrary bytes. It accepts every proof: what a proof shows is not the subject here.
abstract contract AnySettlement {
    address internal constant OWNER = address(0x0ae7);
    uint256 internal constant TEXT = 3;
    /// @dev More ether than there is; keeps sums apart from their overflow, which reverts.
    uint256 internal constant MUCH = 1 << 128;

    ZkLLMSettlement internal settlement;
    MockZkLLMVerifier internal verifier;
    bytes32 internal model;
    uint32 internal token;
    bytes internal text;

    function setUp() public virtual {
        model = svm.createBytes32("model");
        token = uint32(svm.createUint(24, "token"));
        text = svm.createBytes(TEXT, "text");
        settlement = new ZkLLMSettlement(OWNER);
        // 8 positions: a statement is one word
        verifier = new MockZkLLMVerifier(
            model, keccak256(abi.encodePacked(uint8(0), uint32(token), text)), 1, 8, 1, false
        );
        vm.prank(OWNER);
        settlement.register(address(verifier));
        svm.enableSymbolicStorage(address(settlement));
        uint256 balance = svm.createUint256("balance");
        vm.assume(balance < MUCH);
        vm.deal(address(settlement), balance);
        uint256 time = svm.createUint(64, "time");
        vm.warp(time);
    }

    /// @dev Any account but the settlement, which calls nobody in its own name but recipients of ether.
    function _any(string memory name) internal returns (address account) {
        account = svm.createAddress(name);
        vm.assume(account != address(settlement));
    }

    /// @dev Calldata that answers the prompt of one id, `asked`, with `token`, in the name of `requestId`.
    function _settling(uint24 asked, bytes32 requestId) internal view returns (bytes memory) {
        uint256[] memory words = new uint256[](1);
        words[0] = (1 << 216) | (uint256(asked) << 192) | (uint256(token) << 168);
        bytes[] memory tokens = new bytes[](1);
        tokens[0] = text;
        return abi.encodeCall(
            IZkLLMSettlement.settle,
            (address(verifier), requestId, words, new uint256[](0), new bytes32[](0), tokens)
        );
    }

    function _claimOf(uint24 asked) internal view returns (bytes32) {
        return keccak256(abi.encode(model, 1, keccak256(abi.encode(asked))));
    }

    /// @dev What is owed for a request: its reward while it is open.
    function _owed(IRequestEscrow.Request memory r) internal pure returns (uint256) {
        return r.state == IRequestEscrow.State.Open ? r.reward : 0;
    }

    function _digest(IRequestEscrow.Request memory r) internal pure returns (bytes32) {
        return keccak256(abi.encode(r));
    }
}
