// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IZkLLMSettlement} from "../interfaces/IZkLLMSettlement.sol";
import {Claims} from "../libraries/Claims.sol";
import {IERC7007} from "./interfaces/IERC7007.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {Base64} from "@openzeppelin/contracts/utils/Base64.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

/// @title Tokens of a model's settled answers, ERC-7007
/// @notice A collection is of one model and one length of answers. A prompt is its token ids, a 32-byte word for each
/// (abi.encodePacked of uint32[]), so that its keccak256, which the standard takes for the token's id, is the question's
/// `promptDigest`. Whoever commits to a prompt first and then reveals it has its token; its content is added once the
/// answer is settled, by anybody, since there is one answer only.
/// @dev The proof was verified when the answer was settled, so `proof` is empty. What this does not promise is in
/// docs/standards.md.
contract AnswerToken is IERC7007, ERC721 {
    /// @notice Where answers are settled. Its owner says which verifiers count.
    IZkLLMSettlement public immutable SETTLEMENT;
    /// @notice The model whose answers these are.
    bytes32 public immutable MODEL_ID;
    /// @notice Tokens of an answer.
    uint256 public immutable K;
    /// @notice Seconds from a commitment to the moment from which it can be revealed: so long a revealed prompt has to
    /// stay out of all blocks before somebody who saw it can mint it instead.
    uint256 public constant COMMITMENT_AGE = 60;

    /// @notice When a commitment was made, in seconds; 0 for never.
    mapping(bytes32 commitment => uint256) public committedAt;
    /// @notice Whether a token has its content.
    mapping(uint256 tokenId => bool) public hasAigcData;

    /// @notice Somebody committed to a prompt.
    event Committed(bytes32 indexed commitment);

    /// @notice The commitment was made before; its age counts from then.
    error AlreadyCommitted(bytes32 commitment);
    /// @notice The caller did not commit to this prompt with this salt, or less than `COMMITMENT_AGE` ago.
    error NotCommitted(bytes32 commitment);
    /// @notice The token is that of another prompt.
    error AnotherPrompt(uint256 tokenId);
    /// @notice The token has its content, which is final.
    error AlreadyAdded(uint256 tokenId);
    /// @notice The content is not the settled answer to the prompt, or a proof was given that nobody would verify.
    error NotTheAnswer(uint256 tokenId);

    /// @param name_ The collection's name.
    /// @param symbol_ The collection's symbol.
    /// @param settlement Where answers are settled.
    /// @param modelId The model whose answers these are.
    /// @param k Tokens of an answer.
    constructor(
        string memory name_,
        string memory symbol_,
        IZkLLMSettlement settlement,
        bytes32 modelId,
        uint256 k
    ) ERC721(name_, symbol_) {
        (SETTLEMENT, MODEL_ID, K) = (settlement, modelId, k);
    }

    // ------------------------------------------------------------------------------------ minting

    /// @notice The commitment to a prompt: `owner`, who will have the token, and a secret salt.
    function commitmentOf(address owner, bytes calldata prompt, bytes32 salt) public pure returns (bytes32) {
        return keccak256(abi.encode(owner, keccak256(prompt), salt));
    }

    /// @notice Commits to a prompt without telling it.
    function commit(bytes32 commitment) external {
        if (committedAt[commitment] != 0) revert AlreadyCommitted(commitment);
        committedAt[commitment] = block.timestamp;
        emit Committed(commitment);
    }

    /// @notice Mints the prompt's token to the caller, who committed to it. A prompt has one token, whoever is first.
    function mint(bytes calldata prompt, bytes32 salt) external returns (uint256 tokenId) {
        bytes32 commitment = commitmentOf(msg.sender, prompt, salt);
        uint256 since = committedAt[commitment];
        if (since == 0 || block.timestamp < since + COMMITMENT_AGE) revert NotCommitted(commitment);
        tokenId = _tokenOf(prompt);
        _mint(msg.sender, tokenId);
    }

    // ------------------------------------------------------------------------------------ content

    /// @inheritdoc IERC7007
    function addAigcData(
        uint256 tokenId,
        bytes calldata prompt,
        bytes calldata aigcData,
        bytes calldata proof
    ) external {
        _requireOwned(tokenId);
        if (tokenId != _tokenOf(prompt)) revert AnotherPrompt(tokenId);
        if (hasAigcData[tokenId]) revert AlreadyAdded(tokenId);
        if (!verify(prompt, aigcData, proof)) revert NotTheAnswer(tokenId);
        hasAigcData[tokenId] = true;
        emit AigcData(tokenId, prompt, aigcData, proof);
    }

    /// @inheritdoc IERC7007
    /// @dev True where the settlement, which verified the proof, has this answer. `proof` has to be empty: one that
    /// nobody looks at must not pass for one that was verified.
    function verify(bytes calldata prompt, bytes calldata aigcData, bytes calldata proof)
        public
        view
        returns (bool)
    {
        bytes32 claimId = _claimOf(_tokenOf(prompt));
        return proof.length == 0 && SETTLEMENT.isSettled(claimId)
            && keccak256(SETTLEMENT.textOf(claimId)) == keccak256(aigcData);
    }

    /// @notice The standard's metadata, as a data URI. Content and name are in Base64 and hexadecimal: an answer's bytes
    /// are nobody's to trust.
    function tokenURI(uint256 tokenId) public view override returns (string memory) {
        _requireOwned(tokenId);
        string memory digest = Strings.toHexString(tokenId, 32);
        bytes memory json = abi.encodePacked(
            '{"name":"Answer to ',
            digest,
            '","description":"What the model ',
            Strings.toHexString(uint256(MODEL_ID), 32),
            ' answers to the prompt of this digest","prompt":"',
            digest,
            '","aigc_type":"text","proof_type":"validity"'
        );
        if (hasAigcData[tokenId]) {
            string memory text = Base64.encode(SETTLEMENT.textOf(_claimOf(tokenId)));
            json = abi.encodePacked(json, ',"aigc_data":"data:text/plain;base64,', text, '"');
        }
        return string.concat("data:application/json;base64,", Base64.encode(bytes.concat(json, "}")));
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) public view override(ERC721, IERC165) returns (bool) {
        return interfaceId == type(IERC7007).interfaceId || super.supportsInterface(interfaceId);
    }

    function _tokenOf(bytes calldata prompt) private pure returns (uint256) {
        return uint256(keccak256(prompt));
    }

    function _claimOf(uint256 tokenId) private view returns (bytes32) {
        return Claims.idOf(MODEL_ID, K, bytes32(tokenId));
    }
}
