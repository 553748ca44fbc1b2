// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

struct Point {
    uint256 x;
    uint256 y;
}

/// @notice What the tests compute with points of BN254's G1 and scalars.
library Bn254 {
    uint256 internal constant R = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001;

    function generator() internal pure returns (Point memory) {
        return Point(1, 2);
    }

    function plus(Point memory a, Point memory b) internal view returns (Point memory sum) {
        return _point(0x06, abi.encode(a.x, a.y, b.x, b.y));
    }

    function times(Point memory a, uint256 scalar) internal view returns (Point memory) {
        return _point(0x07, abi.encode(a.x, a.y, scalar));
    }

    function negated(Point memory a) internal view returns (Point memory) {
        return times(a, R - 1);
    }

    function inverse(uint256 scalar) internal view returns (uint256) {
        (bool ok, bytes memory returned) =
            address(0x05).staticcall(abi.encode(0x20, 0x20, 0x20, scalar, R - 2, R));
        assert(ok);
        return abi.decode(returned, (uint256));
    }

    function _point(uint160 precompile, bytes memory data) private view returns (Point memory) {
        (bool ok, bytes memory returned) = address(precompile).staticcall(data);
        assert(ok);
        return abi.decode(returned, (Point));
    }
}
