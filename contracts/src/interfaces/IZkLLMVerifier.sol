// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title A verifier of zkLLM proofs, as `python -m verifier_gen` generates it
interface IZkLLMVerifier {
    /// @notice Checks that the model answers with the last K ids of the statement; reverts if the proof is not valid.
    /// @param context What else the proof is bound to: it is hashed into the proof's transcript.
    /// @param words The statement: T and the ids x_0..x_N (the pad id after x_T), 10 limbs of 24 bits a word, the
    /// first limb on top; or the sealed prompt P, then the K answered ids, likewise packed.
    /// @param proof Commitments and scalars, in the order of docs/protocol.md.
    function verify(bytes32 context, uint256[] calldata words, uint256[] calldata proof) external view;

    /// @notice Checks all of a proof but its pairing equation, which the caller checks, together with those of other
    /// proofs; reverts where `verify` would, for the same arguments.
    /// @return state The transcript's last state, which the whole proof and VERIFIER_ID are hashed into.
    /// @return srsDigest Digest of the structured reference string.
    /// @return developmentSrs DEVELOPMENT_SRS.
    /// @return pairs The pairing precompile's input: three pairs. The proof is valid if and only if it holds for them.
    function pairingInput(bytes32 context, uint256[] calldata words, uint256[] calldata proof)
        external
        view
        returns (bytes32 state, bytes32 srsDigest, bool developmentSrs, uint256[18] memory pairs);

    /// @notice What a registry and a settlement need to know, in one call.
    function parameters()
        external
        view
        returns (
            bytes32 modelId,
            bytes32 vocabularyRoot,
            uint256 vocabularySize,
            uint256 n,
            uint256 k,
            bool isSealed
        );

    /// @notice Digest of the whole verifying key: model, shape, SRS and protocol version.
    function VERIFIER_ID() external view returns (bytes32);

    /// @notice Digest of the committed model.
    function MODEL_ID() external view returns (bytes32);

    /// @notice Root of the Merkle tree over the bytes of every token.
    function VOCABULARY_ROOT() external view returns (bytes32);

    /// @notice Number of tokens in the vocabulary.
    function VOCABULARY_SIZE() external view returns (uint256);

    /// @notice Whether anyone can forge proofs because the SRS's secret is public.
    function DEVELOPMENT_SRS() external view returns (bool);

    /// @notice Positions of the shape.
    function N() external view returns (uint256);

    /// @notice Certified tokens of a statement.
    function K() external view returns (uint256);

    /// @notice Whether the prompt of a statement is sealed.
    function SEALED() external view returns (bool);
}
