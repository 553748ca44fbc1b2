// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IZkLLMSettlement} from "../interfaces/IZkLLMSettlement.sol";
import {IZkLLMVerifier} from "../interfaces/IZkLLMVerifier.sol";
import {Statements} from "../libraries/Statements.sol";
import {IProofVerifier} from "./interfaces/IProofVerifier.sol";
import {ERC165} from "@openzeppelin/contracts/utils/introspection/ERC165.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

/// @title zkLLM proofs for ERC-8274: that a model answers these token ids with those
/// @notice One deployment serves every generated verifier, and keeps nothing. The encodings:
/// - `inputHash`: keccak256(abi.encodePacked(uint32[] prompt)), a word for each token id, which is a claim's
///   `promptDigest`; where the verifier is one of sealed prompts, P.
/// - `outputHash`: the same digest of the answered ids.
/// - `metadata`: abi.encode(address verifier, bytes32 verifierId), a generated verifier and its VERIFIER_ID: the digest
///   of model, shape, SRS and protocol version.
/// - `proof`: abi.encode(bytes32 requestId, uint256[] words, uint256[] proof), the statement and the proof as the
///   verifier takes them. It has to be made for the context keccak256(abi.encode(block.chainid, address(this), caller,
///   requestId)): nobody but this caller, on this chain, can have it verified. The request's id is the caller's to choose
///   and to compare, with a task's id for one; 0 for none.
/// @dev What it does not promise is in docs/standards.md. Whoever chooses `metadata` answers for the verifier's code:
/// compare it with what `python -m verifier_gen` generates.
contract ZkLLMProofVerifier is IProofVerifier, ERC165 {
    string private constant PROOF_SYSTEM = "zk/zkllm";
    /// @dev Of the gas, so much at most is left where any call in `check` ran out of it: each leaves its caller a 64th,
    /// and three deep there are the check, the verifier and a precompile.
    uint256 private constant LEFT_OF_64 = 4;

    /// @notice The metadata is not the encoding of a verifier and its id, or the proof not that of its three parts.
    error InvalidEncoding();
    /// @notice The verifier in the metadata has another id.
    error AnotherVerifier(bytes32 verifierId);
    /// @notice The statement is about another prompt.
    error AnotherInput(bytes32 inputHash);
    /// @notice The statement is about another answer.
    error AnotherOutput(bytes32 outputHash);
    /// @notice Too little gas to tell whether the proof is valid.
    error NotEnoughGas();

    /// @inheritdoc IProofVerifier
    /// @dev False for whatever is wrong; `check` tells what. A caller that gives too little gas gets no answer, so that
    /// nobody can have a valid proof found false by starving it.
    function verify(bytes32 inputHash, bytes32 outputHash, bytes calldata metadata, bytes calldata proof)
        external
        view
        returns (bool)
    {
        uint256 available = gasleft();
        try this.check(msg.sender, inputHash, outputHash, metadata, proof) {
            return true;
        } catch {
            if (gasleft() < available / 64 * LEFT_OF_64) revert NotEnoughGas();
            return false;
        }
    }

    /// @notice Reverts, with the error that says why, where `verify` returns false to `caller`.
    function check(
        address caller,
        bytes32 inputHash,
        bytes32 outputHash,
        bytes calldata metadata,
        bytes calldata proof
    ) external view {
        IZkLLMVerifier verifier = _verifierOf(metadata);
        _checkHashes(verifier, proof, inputHash, outputHash);
        _checkProof(verifier, proof, caller);
    }

    /// @inheritdoc IProofVerifier
    function proofSystem() external pure returns (string memory) {
        return PROOF_SYSTEM;
    }

    /// @inheritdoc IProofVerifier
    /// @dev keccak256(abi.encode(proofSystem(), this contract's code hash)): all else is in the metadata.
    function proofProfile() external view returns (bytes32) {
        return keccak256(abi.encode(PROOF_SYSTEM, address(this).codehash));
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IProofVerifier).interfaceId || super.supportsInterface(interfaceId);
    }

    function _verifierOf(bytes calldata metadata) private view returns (IZkLLMVerifier verifier) {
        if (metadata.length != 0x40) revert InvalidEncoding();
        bytes32 expected;
        (verifier, expected) = abi.decode(metadata, (IZkLLMVerifier, bytes32));
        bytes32 verifierId = verifier.VERIFIER_ID();
        if (verifierId != expected) revert AnotherVerifier(verifierId);
    }

    function _checkHashes(
        IZkLLMVerifier verifier,
        bytes calldata proof,
        bytes32 inputHash,
        bytes32 outputHash
    ) private view {
        (, uint256[] calldata words,) = _partsOf(proof);
        (bytes32 input, uint32[] memory answer) = _read(verifier, words);
        if (input != inputHash) revert AnotherInput(input);
        bytes32 output = keccak256(abi.encodePacked(answer));
        if (output != outputHash) revert AnotherOutput(output);
    }

    function _checkProof(IZkLLMVerifier verifier, bytes calldata proof, address caller) private view {
        (bytes32 requestId, uint256[] calldata words, uint256[] calldata fields) = _partsOf(proof);
        verifier.verify(keccak256(abi.encode(block.chainid, address(this), caller, requestId)), words, fields);
    }

    /// @dev What the statement's words say of prompt and answer. The verifier checks all the rest of them.
    function _read(IZkLLMVerifier verifier, uint256[] calldata words)
        private
        view
        returns (bytes32 input, uint32[] memory answer)
    {
        (,,, uint256 n, uint256 k, bool isSealed) = verifier.parameters();
        uint256 expected = isSealed ? 1 + Statements.wordsOf(k) : Statements.wordsOf(n + 2);
        if (words.length != expected) revert IZkLLMSettlement.InvalidCalldata();
        if (isSealed) return (bytes32(words[0]), Statements.limbsOf(words[1:], 0, k));
        return Statements.decode(words, n, k);
    }

    /// @dev Takes the one encoding that abi.encode makes.
    function _partsOf(bytes calldata proof)
        private
        pure
        returns (bytes32 requestId, uint256[] calldata words, uint256[] calldata fields)
    {
        if (proof.length < 0xa0) revert InvalidEncoding();
        requestId = bytes32(proof);
        uint256 numWords = _wordAt(proof, 0x60);
        if (numWords > (proof.length - 0xa0) / 0x20) revert InvalidEncoding();
        uint256 fieldsAt = 0x80 + 0x20 * numWords;
        uint256 numFields = (proof.length - fieldsAt - 0x20) / 0x20;
        bool canonical = _wordAt(proof, 0x20) == 0x60 && _wordAt(proof, 0x40) == fieldsAt
            && _wordAt(proof, fieldsAt) == numFields && proof.length % 0x20 == 0;
        if (!canonical) revert InvalidEncoding();
        assembly ("memory-safe") {
            words.offset := add(proof.offset, 0x80)
            words.length := numWords
            fields.offset := add(add(proof.offset, fieldsAt), 0x20)
            fields.length := numFields
        }
    }

    function _wordAt(bytes calldata data, uint256 start) private pure returns (uint256) {
        return uint256(bytes32(data[start:]));
    }
}
