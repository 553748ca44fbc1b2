// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Bytes kept as the code of a contract
/// @notice 200 gas a byte and 32,000 for the contract, where storage takes 22,100 for 32 bytes. The code begins with a
/// STOP: it does nothing when called, so it can neither change nor go away.
library CodeStorage {
    /// @dev EIP-170's limit on code, less the STOP.
    uint256 internal constant MAX_BYTES = 0x5fff;
    /// @dev PUSH2 size, DUP1, PUSH1 10, RETURNDATASIZE (0), CODECOPY, RETURNDATASIZE (0), RETURN, and the STOP: returns
    /// what follows its ten bytes, without running it. The size is in bytes 1 and 2.
    uint256 private constant CREATION = 0x610000_80_600a_3d_39_3d_f3_00;
    uint256 private constant SIZE_SHIFT = 64;
    uint256 private constant CREATION_BYTES = 11;

    error TooLong(uint256 length);
    error NotCreated();

    /// @notice Keeps `data`, of up to `MAX_BYTES`. What lies in memory before it is as it was afterwards.
    function write(bytes memory data) internal returns (address place) {
        uint256 length = data.length;
        if (length > MAX_BYTES) revert TooLong(length);
        uint256 head = CREATION | (length + 1) << SIZE_SHIFT;
        assembly ("memory-safe") {
            // the creation code ends the word that holds the length
            mstore(data, head)
            place := create(0, add(data, sub(0x20, CREATION_BYTES)), add(length, CREATION_BYTES))
            mstore(data, length)
        }
        if (place == address(0)) revert NotCreated();
    }

    /// @param place What `write` returned.
    function read(address place) internal view returns (bytes memory data) {
        data = new bytes(place.code.length - 1);
        assembly ("memory-safe") {
            extcodecopy(place, add(data, 0x20), 1, mload(data))
        }
    }
}
