// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {CodeStorage} from "../src/libraries/CodeStorage.sol";
import {TestBase} from "./utils/TestBase.sol";
import {vm} from "./utils/Vm.sol";

contract CodeStorageTest is TestBase {
    function write(bytes memory data) external returns (address) {
        return CodeStorage.write(data);
    }

    /// @dev Of any length: comes back, and what is in memory around stays.
    function test_whatIsKeptComesBack(bytes memory data) external {
        bytes memory before = bytes.concat(data);
        bytes memory copy = bytes.concat(data);
        bytes memory behind = bytes.concat(data);
        address place = CodeStorage.write(copy);
        assertEq(CodeStorage.read(place), data, "read");
        assertEq(copy, data, "what was written");
        assertEq(before, data, "memory before");
        assertEq(behind, data, "memory behind");
        assertEq(place.code, bytes.concat(hex"00", data), "code");
    }

    function test_theLongest() external {
        bytes memory data = new bytes(CodeStorage.MAX_BYTES);
        data[0] = data[data.length - 1] = 0x5b;
        assertEq(CodeStorage.read(CodeStorage.write(data)), data, "as much as fits");
        data = new bytes(CodeStorage.MAX_BYTES + 1);
        bytes memory call = abi.encodeCall(this.write, (data));
        assertReverts(address(this), call, CodeStorage.TooLong.selector, "one byte more");
    }

    /// @dev Whatever the bytes say as instructions: here, to go away with the caller's ether.
    function test_callsDoNothing() external {
        bytes memory data = hex"33ff";
        address place = CodeStorage.write(data);
        vm.deal(address(this), 1 ether);
        (bool ok, bytes memory returned) = place.call{value: 1}("");
        assertTrue(ok && returned.length == 0, "called");
        (ok,) = place.delegatecall("");
        assertTrue(ok, "delegated to");
        assertEq(place.balance, 1, "what it was sent");
        assertEq(address(this).balance, 1 ether - 1, "what it was not");
        assertEq(CodeStorage.read(place), data, "still there");
    }

    function test_withoutTheGasNothingIsKept() external {
        bytes memory call = abi.encodeCall(this.write, (new bytes(10_000)));
        (bool ok, bytes memory returned) = address(this).call{gas: 1_900_000}(call);
        assertTrue(!ok, "10,000 bytes take 2,000,000 gas");
        assertEq(returned, abi.encodeWithSelector(CodeStorage.NotCreated.selector), "why");
    }
}
