// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {vm} from "./Vm.sol";

/// @notice Assertions that say what they compared.
abstract contract TestBase {
    event log_named_uint(string name, uint256 value);

    error NotEqual(string what, bytes32 got, bytes32 expected);
    error BytesDiffer(string what, bytes got, bytes expected);
    error Failed(string what);
    error WasAccepted(string what);
    error WrongError(string what, bytes got, bytes4 expected);

    function assertTrue(bool condition, string memory what) internal pure {
        if (!condition) revert Failed(what);
    }

    function assertEq(uint256 got, uint256 expected, string memory what) internal pure {
        if (got != expected) revert NotEqual(what, bytes32(got), bytes32(expected));
    }

    function assertEq(bytes32 got, bytes32 expected, string memory what) internal pure {
        if (got != expected) revert NotEqual(what, got, expected);
    }

    function assertEq(bytes memory got, bytes memory expected, string memory what) internal pure {
        if (keccak256(got) != keccak256(expected)) revert BytesDiffer(what, got, expected);
    }

    /// @dev The call must revert with exactly this error, whatever its arguments, and within `GAS_CAP`.
    function assertReverts(address target, bytes memory data, bytes4 expected, string memory what) internal {
        (bool ok, bytes memory returned) = target.call{gas: GAS_CAP}(data);
        if (ok) revert WasAccepted(what);
        if (expected == 0) {
            if (returned.length != 0) revert WrongError(what, returned, expected);
        } else if (returned.length < 4 || bytes4(returned) != expected) {
            revert WrongError(what, returned, expected);
        }
    }

    /// @dev Enough for every honest call. A rejection that needed more would be one that burns the caller's gas.
    uint256 internal constant GAS_CAP = 400_000;
}
