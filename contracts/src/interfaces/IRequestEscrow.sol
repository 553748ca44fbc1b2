// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Requests for answers, with a reward for whoever proves one
/// @notice A request names a claim: a model, a prompt (or its digest alone) and a number of tokens. Whoever settles
/// the claim in the name of the request, before its deadline, is credited with the reward. If the claim is settled
/// in any other way, or the deadline passes, the requester gets the reward back. Nobody can cancel before the
/// deadline, but a reward is a prize for the first, not an order: whoever settles the claim before the prover does, with
/// another request or none, the requester himself too, leaves the prover without it, and so does the registry's owner by
/// freezing the verifier. Credits are withdrawn by their owner (pull payments): a contract that posts requests has to be
/// able to call `withdraw`, or what comes back to it stays here.
interface IRequestEscrow {
    enum State {
        None,
        Open,
        Closed
    }

    struct Request {
        address requester;
        uint64 deadline;
        State state;
        bytes32 claimId;
        uint256 reward;
    }

    /// @notice A request was posted. `prompt` is empty where only its digest was given, or it is sealed.
    event Requested(
        bytes32 indexed requestId,
        bytes32 indexed claimId,
        address indexed requester,
        bytes32 modelId,
        uint256 k,
        uint256 reward,
        uint256 deadline,
        uint32[] prompt
    );
    /// @notice The request's claim was settled by `prover` in its name: the reward is his.
    event Fulfilled(
        bytes32 indexed requestId, bytes32 indexed claimId, address indexed prover, uint256 reward
    );
    /// @notice The reward went back to the requester: the claim was settled in another way, or the time is over.
    event Returned(bytes32 indexed requestId, bytes32 indexed claimId, uint256 reward);
    /// @notice A credit was paid out.
    event Withdrawn(address indexed owner, address indexed recipient, uint256 amount);

    /// @notice The requester has used this salt.
    error RequestExists(bytes32 requestId);
    /// @notice The deadline is not in the future, or further away than MAX_DURATION.
    error InvalidDeadline(uint256 deadline);
    /// @notice A prompt has at least one id, an answer at least one token.
    error InvalidRequest();
    /// @notice A sealed prompt is below r, the order of BN254's groups.
    error InvalidSealedPrompt(uint256 sealedPrompt);
    /// @notice No such request was posted.
    error UnknownRequest(bytes32 requestId);
    /// @notice The request was fulfilled, or its reward went back.
    error RequestClosed(bytes32 requestId);
    /// @notice The deadline has passed.
    error RequestExpired(bytes32 requestId);
    /// @notice The request asks for another claim than the one that was proved.
    error AnotherClaim(bytes32 requestId, bytes32 claimId);
    /// @notice The request is open, its deadline has not passed, and its claim is not settled.
    error StillOpen(bytes32 requestId);
    /// @notice The caller has no credit.
    error NothingToWithdraw();
    /// @notice The recipient refused the ether; the credit stays.
    error TransferFailed();

    /// @notice Asks for the answer to a prompt; the ether sent along is the reward. If the claim is settled already,
    /// it is answered at once: the reward is credited to the requester, and the answer can be read.
    /// @param prompt x_0..x_(T-K): the prompt's token ids.
    /// @param k Tokens of the answer.
    /// @param deadline Last second in which the request can be fulfilled.
    /// @param salt Makes the requester's requests different.
    function request(bytes32 modelId, uint32[] calldata prompt, uint256 k, uint64 deadline, bytes32 salt)
        external
        payable
        returns (bytes32 requestId);

    /// @notice The same where only the prompt's digest is given: keccak256(abi.encodePacked(uint32[] prompt)).
    function requestDigest(bytes32 modelId, bytes32 promptDigest, uint256 k, uint64 deadline, bytes32 salt)
        external
        payable
        returns (bytes32 requestId);

    /// @notice The same where the prompt is sealed: nobody can tell which it is without the salt that it was sealed
    /// with, and proofs do not tell either. Whoever is to answer has to be given prompt and salt in another way.
    /// @param sealedPrompt P of docs/protocol.md, below r.
    /// @param salt Makes the requester's requests different, as above; not the one that the prompt was sealed with, which
    /// is secret.
    function requestSealed(bytes32 modelId, uint256 sealedPrompt, uint256 k, uint64 deadline, bytes32 salt)
        external
        payable
        returns (bytes32 requestId);

    /// @notice Gives the reward of an open request back to its requester once the deadline has passed, or the claim
    /// was settled without it. Anybody may call it.
    function reclaim(bytes32 requestId) external;

    /// @notice Pays the caller's credit out.
    function withdraw(address payable recipient) external;

    /// @notice Ether that `account` can withdraw.
    function creditOf(address account) external view returns (uint256);

    /// @notice A request as it was posted, and its state.
    function requestOf(bytes32 requestId) external view returns (Request memory);

    /// @notice keccak256(abi.encode(requester, salt)).
    function requestIdOf(address requester, bytes32 salt) external pure returns (bytes32 requestId);

    /// @notice Longest time to a deadline, in seconds.
    function MAX_DURATION() external view returns (uint256);
}
