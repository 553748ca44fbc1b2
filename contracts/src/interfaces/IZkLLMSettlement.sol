// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IRequestEscrow} from "./IRequestEscrow.sol";
import {IVerifierRegistry} from "./IVerifierRegistry.sol";

/// @notice An answer to settle: the arguments of `IZkLLMSettlement.settle`.
struct Settlement {
    address verifier;
    bytes32 requestId;
    uint256[] words;
    uint256[] proof;
    bytes32[] siblings;
    bytes[] tokens;
}

/// @title Settled answers of language models
/// @notice A claim says: the model `modelId`, reading the token ids x_0..x_(T-K), answers with the K ids
/// x_(T-K+1)..x_T, each the argmax of the model's logits (the lowest id wins ties).
///
/// Its id is that of the question, keccak256(abi.encode(bytes32 modelId, uint256 k, bytes32 promptDigest)) with
/// promptDigest = keccak256(abi.encodePacked(uint32[] x_0..x_(T-K))): one question has one answer, whatever the
/// proof or the shape that it was proved with, so whoever knows the prompt can read it.
///
/// Where the prompt is sealed, P stands for it, a commitment to the prompt and a secret salt: the id is then
/// keccak256(abi.encode(keccak256("zkllm.v2.sealed claim"), modelId, k, P)), and the prompt is not told.
interface IZkLLMSettlement is IVerifierRegistry, IRequestEscrow {
    /// @notice An answer was proved and its text shown to be the tokens' bytes. Their ids are what `tokensOf` returns;
    /// the request that it answers, if any, is named by `Fulfilled`.
    /// @param claimId The claim.
    /// @param modelId The model that answers.
    /// @param settler Who submitted the proof. No one else could have: the proof is bound to this address.
    /// @param promptDigest Digest of the prompt, or P where it is sealed.
    /// @param text The answer's bytes. Tokens are bytes, and need not be valid UTF-8.
    event Settled(
        bytes32 indexed claimId,
        bytes32 indexed modelId,
        address indexed settler,
        bytes32 promptDigest,
        bytes text
    );

    /// @notice Calldata is not the ABI encoding of its own arguments, or a length is not this shape's.
    error InvalidCalldata();
    /// @notice The statement's length T is not in K..N.
    error InvalidLength(uint256 T);
    /// @notice The claim is settled, or twice in one batch; whoever wants to rely on it can.
    error AlreadySettled(bytes32 claimId);
    /// @notice A batch is empty, or all of its claims were settled before.
    error NothingToSettle();
    /// @notice The bytes given for the answered tokens are not the vocabulary's.
    error InvalidVocabularyProof();
    /// @notice No such claim was settled.
    error NotSettled(bytes32 claimId);
    /// @notice The answer has fewer tokens.
    error NoSuchToken(uint256 index);

    /// @notice Settles an answer: verifies the proof and the bytes of the answered tokens, and stores both.
    /// @param verifier A registered verifier: it stands for model, N and K.
    /// @param requestId The open request that this answers, whose reward is credited to the caller; 0 for none. Part
    /// of the context that the proof was made for.
    /// @param words The statement, as the verifier takes it.
    /// @param proof The proof, made for the context keccak256(abi.encode(block.chainid, address(this), msg.sender,
    /// requestId)).
    /// @param siblings Nodes of the vocabulary's tree that complete the paths of the answered tokens: level by level
    /// from the leaves, in the order of the ids, each that cannot be computed.
    /// @param tokens Bytes of the answered tokens: once for each different id, in ascending order of the ids.
    /// @return claimId The settled claim.
    function settle(
        address verifier,
        bytes32 requestId,
        uint256[] calldata words,
        uint256[] calldata proof,
        bytes32[] calldata siblings,
        bytes[] calldata tokens
    ) external returns (bytes32 claimId);

    /// @notice Settles several answers as `settle` does, with one pairing for all of their proofs. They may be of
    /// different models and shapes, whose verifiers share their structured reference string. All or nothing, but for
    /// claims that were settled before: those are passed over, with their requests, and their proofs not looked at.
    /// @return claimIds The settled claims, in order; 0 for one that was passed over.
    function settleMany(Settlement[] calldata settlements) external returns (bytes32[] memory claimIds);

    /// @notice Whether a claim is settled.
    function isSettled(bytes32 claimId) external view returns (bool);

    /// @notice An answered token of a settled claim.
    /// @param index Position in the answer, from 0.
    /// @return id The token's id.
    /// @return text The token's bytes.
    function tokenAt(bytes32 claimId, uint256 index) external view returns (uint32 id, bytes memory text);

    /// @notice The token ids of a settled answer.
    function tokensOf(bytes32 claimId) external view returns (uint32[] memory ids);

    /// @notice The answer of a settled claim: the bytes of its tokens, concatenated.
    function textOf(bytes32 claimId) external view returns (bytes memory text);

    /// @notice The id of the claim about what this model answers to a prompt with k tokens.
    function claimIdOf(bytes32 modelId, uint256 k, uint32[] calldata prompt)
        external
        pure
        returns (bytes32 claimId);

    /// @notice The same where the prompt is sealed. P has to be below r.
    function sealedClaimIdOf(bytes32 modelId, uint256 k, uint256 sealedPrompt)
        external
        pure
        returns (bytes32 claimId);
}
