// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ZkLLMVerifier as MultiVerifier} from "../../generated/multi/ZkLLMVerifier.sol";
import {ZkLLMVerifier as SingleVerifier} from "../../generated/single/ZkLLMVerifier.sol";
import {ZkLLMSettlement} from "../../src/ZkLLMSettlement.sol";
import {Fixture, Fixtures} from "./Fixture.sol";
import {vm} from "./Vm.sol";

/// @notice A fixture with its contracts where its proof expects them: chain and settlement's address.
struct Deployed {
    Fixture fixture;
    address verifier;
    ZkLLMSettlement settlement;
}

library Deployments {
    using Fixtures for Fixture;

    uint256 internal constant REWARD = 1 ether;

    function single() internal returns (Deployed memory) {
        return _place("single", address(new SingleVerifier()));
    }

    function multi() internal returns (Deployed memory) {
        return _place("multi", address(new MultiVerifier()));
    }

    /// @dev The settlement is put where the proof expects it, with the verifier registered and the proof's request
    /// posted by its sender, with a reward.
    function _place(string memory name, address verifier) private returns (Deployed memory d) {
        Fixture memory f = Fixtures.load(name);
        d.fixture = f;
        d.verifier = verifier;
        vm.chainId(f.chainId);
        ZkLLMSettlement made = new ZkLLMSettlement(address(this));
        d.settlement = ZkLLMSettlement(f.settlement);
        vm.etch(f.settlement, address(made).code);
        vm.store(f.settlement, 0, bytes32(uint256(uint160(address(this))))); // the owner
        d.settlement.register(verifier);
        if (f.requestId == 0) return d;
        vm.deal(f.sender, REWARD);
        vm.prank(f.sender);
        bytes32 posted = d.settlement.request{value: REWARD}(
            f.modelId, f.prompt(), f.k, uint64(block.timestamp + 1 days), f.salt
        );
        assert(posted == f.requestId);
    }
}
