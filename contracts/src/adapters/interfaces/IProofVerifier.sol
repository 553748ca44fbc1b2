// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title The inner layer of ERC-8274 (draft): whether a proof is valid for an input and an output
/// @notice Signatures are the standard's; docs/standards.md names the revision.
interface IProofVerifier {
    /// @notice Whether the proof shows that the input leads to the output.
    /// @param inputHash Commitment to the input, as the implementation defines it.
    /// @param outputHash Commitment to the output, likewise.
    /// @param metadata What stays the same from call to call: which key the proof is verified with.
    /// @param proof Evidence of this one inference.
    function verify(bytes32 inputHash, bytes32 outputHash, bytes calldata metadata, bytes calldata proof)
        external
        returns (bool);

    /// @notice Kind of proof system, "{paradigm}/{variant}".
    function proofSystem() external view returns (string memory);

    /// @notice Which code and configuration verifies, in so far as `metadata` does not say it.
    function proofProfile() external view returns (bytes32);
}
