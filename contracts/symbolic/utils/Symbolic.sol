// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Vm} from "../../test/utils/Vm.sol";

/// @notice What Halmos adds to the cheat codes: values that stand for all values.
interface Svm {
    /// @dev Storage that was not written yet may hold anything from here on.
    function enableSymbolicStorage(address account) external;
    function createAddress(string calldata name) external returns (address);
    function createBytes(uint256 size, string calldata name) external returns (bytes memory);
    function createBytes32(string calldata name) external returns (bytes32);
    function createUint(uint256 bits, string calldata name) external returns (uint256);
    function createUint256(string calldata name) external returns (uint256);
}

Svm constant svm = Svm(address(uint160(uint256(keccak256("svm cheat code")))));
Vm constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
