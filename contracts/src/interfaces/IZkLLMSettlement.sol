// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Settled answers of one language model
/// @notice A claim says: the model with MODEL_ID, reading the token ids x_0..x_(T-K), answers with the K ids
/// x_(T-K+1)..x_T, each the argmax of the model's logits (the lowest id wins ties).
///
/// Its id is `keccak256(abi.encode(bytes32 modelId, uint256 k, uint16[] ids))` with ids = x_0..x_T, without
/// padding: one claim has one id, whatever the proof or the shape that it was proved with.
interface IZkLLMSettlement {
    /// @notice An answer was proved and its text shown to be the tokens' bytes.
    /// @param claimId The claim.
    /// @param settler Who submitted the proof. No one else could have: the proof is bound to this address.
    /// @param promptDigest keccak256(abi.encodePacked(uint16[] prompt)) of the prompt x_0..x_(T-K).
    /// @param requestId What the settler answers to; free, and bound into the proof.
    /// @param tokenIds The answer's token ids.
    /// @param text The answer's bytes. Tokens are bytes, and need not be valid UTF-8.
    event Settled(
        bytes32 indexed claimId,
        address indexed settler,
        bytes32 indexed promptDigest,
        bytes32 requestId,
        uint16[] tokenIds,
        bytes text
    );

    /// @notice Calldata is not the ABI encoding of its own arguments, or a length is not this settlement's.
    error InvalidCalldata();
    /// @notice The statement's length T is not in K..N.
    error InvalidLength(uint256 T);
    /// @notice The claim is settled; whoever wants to rely on it can.
    error AlreadySettled(bytes32 claimId);
    /// @notice The bytes given for an answered token are not the vocabulary's.
    /// @param index Position of the token in the answer.
    error InvalidVocabularyProof(uint256 index);
    /// @notice No such claim was settled.
    error NotSettled(bytes32 claimId);
    /// @notice The answer has fewer tokens.
    error NoSuchToken(uint256 index);

    /// @notice Settles an answer: verifies the proof and the bytes of the answered tokens, and stores both.
    /// @param requestId Free; part of the context that the proof was made for.
    /// @param words The statement, as the verifier takes it.
    /// @param proof The proof, made for the context keccak256(abi.encode(block.chainid, address(this), msg.sender,
    /// requestId)).
    /// @param siblings Merkle paths of the answered tokens in the vocabulary, bottom up, one after another.
    /// @param tokens Bytes of the answered tokens.
    /// @return claimId The settled claim.
    function settle(
        bytes32 requestId,
        uint256[] calldata words,
        uint256[] calldata proof,
        bytes32[] calldata siblings,
        bytes[] calldata tokens
    ) external returns (bytes32 claimId);

    /// @notice Whether a claim is settled.
    function isSettled(bytes32 claimId) external view returns (bool);

    /// @notice An answered token of a settled claim.
    /// @param index Position in the answer, from 0.
    /// @return id The token's id.
    /// @return text The token's bytes.
    function tokenAt(bytes32 claimId, uint256 index) external view returns (uint16 id, bytes memory text);

    /// @notice The answer of a settled claim: the bytes of its tokens, concatenated.
    function textOf(bytes32 claimId) external view returns (bytes memory text);

    /// @notice The id of the claim that this model, after the ids before the last K, answers with the last K.
    /// @param ids x_0..x_T: prompt and answer.
    function claimIdOf(uint16[] calldata ids) external view returns (bytes32 claimId);

    /// @notice The verifier of the proofs.
    function VERIFIER() external view returns (address);

    /// @notice The model whose answers are settled here.
    function MODEL_ID() external view returns (bytes32);

    /// @notice Root of the vocabulary's Merkle tree.
    function VOCABULARY_ROOT() external view returns (bytes32);

    /// @notice Tokens of an answer.
    function K() external view returns (uint256);

    /// @notice Most positions of a statement: prompt and answer have at most N + 1 ids.
    function N() external view returns (uint256);
}
