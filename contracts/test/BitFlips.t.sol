// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Deployed, Deployments} from "./utils/Deployed.sol";
import {Fixture, Fixtures} from "./utils/Fixture.sol";
import {TestBase} from "./utils/TestBase.sol";
import {vm} from "./utils/Vm.sol";

/// @notice Every single bit of the calldata matters: of the verifier's and of the settlement's.
contract BitFlipsTest is TestBase {
    using Fixtures for Fixture;

    error BitIgnored(uint256 bit);

    function test_everyBitOfVerify() external {
        Deployed memory d = Deployments.single();
        _flipAll(d.verifier, d.fixture.verifyCalldata(), d.fixture.sender);
        d = Deployments.multi();
        _flipAll(d.verifier, d.fixture.verifyCalldata(), d.fixture.sender);
        d = Deployments.hidden();
        _flipAll(d.verifier, d.fixture.verifyCalldata(), d.fixture.sender);
    }

    function test_everyBitOfSettle() external {
        Deployed memory d = Deployments.single();
        _flipAll(address(d.settlement), d.fixture.settleCalldata(d.verifier), d.fixture.sender);
        d = Deployments.multi();
        _flipAll(address(d.settlement), d.fixture.settleCalldata(d.verifier), d.fixture.sender);
        d = Deployments.hidden();
        _flipAll(address(d.settlement), d.fixture.settleCalldata(d.verifier), d.fixture.sender);
    }

    /// @dev Flips each bit in place, calls, flips it back; at the end the honest calldata must be accepted.
    function _flipAll(address target, bytes memory data, address sender) private {
        vm.startPrank(sender);
        uint256 bits = 8 * data.length;
        for (uint256 bit = 0; bit < bits; ++bit) {
            bytes1 mask = bytes1(uint8(1 << (bit % 8)));
            data[bit / 8] ^= mask;
            bool ok;
            assembly ("memory-safe") {
                ok := call(GAS_CAP, target, 0, add(data, 0x20), mload(data), 0, 0)
            }
            if (ok) revert BitIgnored(bit);
            data[bit / 8] ^= mask;
        }
        (bool accepted,) = target.call(data);
        assertTrue(accepted, "honest calldata");
        vm.stopPrank();
    }
}
