// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ZkLLMVerifier as MultiVerifier} from "../../generated/multi/ZkLLMVerifier.sol";
import {ZkLLMVerifier as SingleVerifier} from "../../generated/single/ZkLLMVerifier.sol";
import {ZkLLMSettlement} from "../../src/ZkLLMSettlement.sol";
import {IZkLLMVerifier} from "../../src/interfaces/IZkLLMVerifier.sol";
import {Fixture, Fixtures} from "./Fixture.sol";
import {vm} from "./Vm.sol";

/// @notice A fixture with its contracts where its proof expects them: chain and settlement's address.
struct Deployed {
    Fixture fixture;
    address verifier;
    ZkLLMSettlement settlement;
}

library Deployments {
    function single() internal returns (Deployed memory) {
        return _place("single", address(new SingleVerifier()));
    }

    function multi() internal returns (Deployed memory) {
        return _place("multi", address(new MultiVerifier()));
    }

    function _place(string memory name, address verifier) private returns (Deployed memory d) {
        d.fixture = Fixtures.load(name);
        d.verifier = verifier;
        vm.chainId(d.fixture.chainId);
        ZkLLMSettlement made = new ZkLLMSettlement(IZkLLMVerifier(verifier));
        d.settlement = ZkLLMSettlement(d.fixture.settlement);
        vm.etch(address(d.settlement), address(made).code);
    }
}
