// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ZkLLMVerifier as MultiVerifier} from "../../generated/multi/ZkLLMVerifier.sol";
import {ZkLLMVerifier as SealedVerifier} from "../../generated/sealed/ZkLLMVerifier.sol";
import {ZkLLMVerifier as SingleVerifier} from "../../generated/single/ZkLLMVerifier.sol";
import {ZkLLMVerifier as WideVerifier} from "../../generated/wide/ZkLLMVerifier.sol";
import {ZkLLMSettlement} from "../../src/ZkLLMSettlement.sol";
import {Fixture, Fixtures} from "./Fixture.sol";
import {vm} from "./Vm.sol";

/// @notice A fixture with its contracts where its proof expects them: chain and settlement's address.
struct Deployed {
    Fixture fixture;
    address verifier;
    ZkLLMSettlement settlement;
}

/// @notice Proofs for one settlement, by one sender: three of one verifier, one of another model's with another b, and
/// one of a sealed prompt.
struct DeployedBatch {
    Fixture[] fixtures;
    address[] verifiers;
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

    function batch() internal returns (DeployedBatch memory d) {
        string[5] memory names = ["single", "second", "third", "wide", "veiled"];
        address first = address(new SingleVerifier());
        d.fixtures = new Fixture[](names.length);
        d.verifiers = new address[](names.length);
        for (uint256 i = 0; i < names.length; ++i) {
            d.fixtures[i] = Fixtures.load(names[i]);
            d.verifiers[i] = first;
        }
        d.verifiers[3] = address(new WideVerifier());
        d.verifiers[4] = address(new SealedVerifier());
        d.settlement = _settlementOf(d.fixtures[0]);
        d.settlement.register(first);
        d.settlement.register(d.verifiers[3]);
        d.settlement.register(d.verifiers[4]);
        for (uint256 i = 0; i < names.length; ++i) {
            _request(d.settlement, d.fixtures[i]);
        }
    }

    function hidden() internal returns (Deployed memory) {
        return _place("sealed", address(new SealedVerifier()));
    }

    function _place(string memory name, address verifier) private returns (Deployed memory d) {
        d.fixture = Fixtures.load(name);
        d.verifier = verifier;
        d.settlement = _settlementOf(d.fixture);
        d.settlement.register(verifier);
        _request(d.settlement, d.fixture);
    }

    /// @dev The settlement is put where the proof expects it.
    function _settlementOf(Fixture memory f) private returns (ZkLLMSettlement settlement) {
        vm.chainId(f.chainId);
        ZkLLMSettlement made = new ZkLLMSettlement(address(this));
        settlement = ZkLLMSettlement(f.settlement);
        vm.etch(f.settlement, address(made).code);
        vm.store(f.settlement, 0, bytes32(uint256(uint160(address(this))))); // the owner
    }

    /// @dev The proof's request, if any, is posted by its sender, with a reward.
    function _request(ZkLLMSettlement settlement, Fixture memory f) private {
        if (f.requestId == 0) return;
        vm.deal(f.sender, REWARD);
        vm.prank(f.sender);
        uint64 deadline = uint64(block.timestamp + 1 days);
        bytes32 posted = f.isSealed
            ? settlement.requestSealed{value: REWARD}(f.modelId, f.words[0], f.k, deadline, f.salt)
            : settlement.request{value: REWARD}(f.modelId, f.prompt(), f.k, deadline, f.salt);
        assert(posted == f.requestId);
    }
}
