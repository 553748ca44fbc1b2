// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Pairing equations of several proofs, checked with one pairing
/// @notice Equation i is P_i = 0 for P_i = A_i - tau W'_i - tau^b omega_i C_q,i in the exponent. With rho drawn from all
/// of the equations, sum_i rho^i P_i = 0 says that each P_i is 0, but for (count - 1) / r: a polynomial in rho of that
/// degree whose coefficients rho depends on. Each proof keeps its own omega, which is in its point.
/// @dev A batch is an array of words: TAG, the number of its equations, and for each what `pairingInput` of its verifier
/// returned, at these places:
///      0 transcript's state, 1 SRS digest, 2 whether it is a development SRS,
///      3 A, 5 [1]_2, 9 -W', 11 [tau]_2, 15 -omega C_q, 17 [tau^b]_2.
/// rho is a digest of all of it, of the points too and not only of the states behind them: a verifier that lies about
/// its points cannot choose them after rho, so it lies about its own proof alone.
library PairingBatch {
    /// @notice The proofs were made under different structured reference strings, by their digest, kind, [1]_2 or
    /// [tau]_2: their equations have no common pairing.
    error AnotherSrs();
    /// @notice A curve operation failed, for want of gas, or a verifier returned what is no point.
    error PrecompileFailed();
    /// @notice The pairing equation does not hold: at least one of the proofs is false.
    error PairingFailed();

    uint256 internal constant EQUATION_BYTES = 0x2a0;

    bytes32 internal constant TAG = keccak256("zkllm.v2.batch");
    uint256 private constant R = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001;
    uint256 private constant HEAD_WORDS = 2;
    uint256 private constant EQUATION_WORDS = EQUATION_BYTES / 0x20;

    // byte offsets in an equation
    uint256 private constant SRS = 0x20;
    uint256 private constant SRS_BYTES = 0x40;
    uint256 private constant A = 0x60;
    uint256 private constant ONE = 0xa0;
    uint256 private constant W = 0x120;
    uint256 private constant TAU = 0x160;
    uint256 private constant Q = 0x1e0;
    uint256 private constant TAU_B = 0x220;

    // a pair of the precompile's input: a point of G1, then one of G2
    uint256 private constant PAIR_BYTES = 0xc0;
    uint256 private constant G1_BYTES = 0x40;
    uint256 private constant G2_BYTES = 0x80;

    /// @notice A batch with room for so many equations, and none yet.
    function create(uint256 most) internal pure returns (uint256[] memory batch) {
        batch = new uint256[](HEAD_WORDS + EQUATION_WORDS * most);
        batch[0] = uint256(TAG);
    }

    function count(uint256[] memory batch) internal pure returns (uint256) {
        return batch[1];
    }

    /// @notice Where in memory the next equation is to be written, which counts from now on.
    function add(uint256[] memory batch) internal pure returns (uint256 place) {
        place = _equation(batch, batch[1]++);
    }

    /// @notice The weight of the equations, from every word of the batch.
    function challenge(uint256[] memory batch) internal pure returns (uint256 rho) {
        uint256 size = (HEAD_WORDS + EQUATION_WORDS * count(batch)) * 0x20;
        assembly ("memory-safe") {
            rho := mod(keccak256(add(batch, 0x20), size), R)
        }
    }

    /// @notice Reverts unless every equation of the batch holds. There is at least one.
    function check(uint256[] memory batch) internal view {
        uint256 equations = count(batch);
        uint256 rho = challenge(batch);
        // sum A with [1]_2, sum -W' with [tau]_2, and for each b sum -omega C_q with [tau^b]_2
        bytes memory pairs = new bytes((2 + equations) * PAIR_BYTES);
        uint256 start;
        assembly ("memory-safe") {
            start := add(pairs, 0x20)
        }
        uint256 end = start + 3 * PAIR_BYTES;
        uint256 first = _equation(batch, 0);
        _copy(start, first + A, end - start);
        uint256 power = 1;
        for (uint256 i = 1; i < equations; ++i) {
            power = mulmod(power, rho, R);
            uint256 equation = _equation(batch, i);
            if (!_equal(equation + SRS, first + SRS, SRS_BYTES)) revert AnotherSrs();
            if (!_equal(equation + ONE, first + ONE, G2_BYTES)) revert AnotherSrs();
            if (!_equal(equation + TAU, first + TAU, G2_BYTES)) revert AnotherSrs();
            _addScaled(start, equation + A, power);
            _addScaled(start + PAIR_BYTES, equation + W, power);
            uint256 pair = start + 2 * PAIR_BYTES;
            while (pair < end && !_equal(pair + G1_BYTES, equation + TAU_B, G2_BYTES)) {
                pair += PAIR_BYTES;
            }
            if (pair == end) {
                // the first of its b; the sum is infinity, (0, 0), so far
                _copy(pair + G1_BYTES, equation + TAU_B, G2_BYTES);
                end += PAIR_BYTES;
            }
            _addScaled(pair, equation + Q, power);
        }
        if (!_pairingHolds(start, end - start)) revert PairingFailed();
    }

    function _equation(uint256[] memory batch, uint256 i) private pure returns (uint256 place) {
        uint256 word = 1 + HEAD_WORDS + EQUATION_WORDS * i; // after the array's length
        assembly ("memory-safe") {
            place := add(batch, shl(5, word))
        }
    }

    function _copy(uint256 target, uint256 source, uint256 size) private pure {
        assembly ("memory-safe") {
            mcopy(target, source, size)
        }
    }

    function _equal(uint256 a, uint256 b, uint256 size) private pure returns (bool equal) {
        assembly ("memory-safe") {
            equal := eq(keccak256(a, size), keccak256(b, size))
        }
    }

    /// @dev The point at `sum` += scalar * the one at `point`.
    function _addScaled(uint256 sum, uint256 point, uint256 scalar) private view {
        bool ok;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mcopy(free, point, G1_BYTES)
            mstore(add(free, G1_BYTES), scalar)
            ok := staticcall(gas(), 0x07, free, add(G1_BYTES, 0x20), free, G1_BYTES)
            mcopy(add(free, G1_BYTES), sum, G1_BYTES)
            ok := and(staticcall(gas(), 0x06, free, mul(2, G1_BYTES), sum, G1_BYTES), ok)
        }
        if (!ok) revert PrecompileFailed();
    }

    function _pairingHolds(uint256 pairs, uint256 size) private view returns (bool holds) {
        bool ok;
        assembly ("memory-safe") {
            ok := staticcall(gas(), 0x08, pairs, size, 0x00, 0x20)
            holds := eq(mload(0x00), 1)
        }
        if (!ok) revert PrecompileFailed();
    }
}
