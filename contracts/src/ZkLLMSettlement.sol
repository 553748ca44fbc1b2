// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IZkLLMSettlement} from "./interfaces/IZkLLMSettlement.sol";
import {IZkLLMVerifier} from "./interfaces/IZkLLMVerifier.sol";
import {VocabularyProof} from "./libraries/VocabularyProof.sol";

/// @title Settlement of a language model's proved answers
/// @notice Append-only: a claim, once settled, stays. No owner, no upgrade, no ether.
/// @dev A proof is bound to chain, contract, sender and request by its context, so one copied from the mempool is
/// worthless to anybody else. Replay is refused by the claim's id, never by a digest of the proof.
contract ZkLLMSettlement is IZkLLMSettlement {
    /// @inheritdoc IZkLLMSettlement
    address public immutable VERIFIER;
    /// @inheritdoc IZkLLMSettlement
    bytes32 public immutable MODEL_ID;
    /// @inheritdoc IZkLLMSettlement
    bytes32 public immutable VOCABULARY_ROOT;
    /// @inheritdoc IZkLLMSettlement
    uint256 public immutable N;
    /// @inheritdoc IZkLLMSettlement
    uint256 public immutable K;
    /// @dev Depth of the vocabulary's tree.
    uint256 private immutable DEPTH;

    /// @dev Bytes of a token's entry in a record's head: uint16 id, uint16 length of its text.
    uint256 private constant ENTRY_BYTES = 4;
    /// @dev Limbs of 16 bits in a word of the statement.
    uint256 private constant LIMBS_PER_WORD = 15;

    /// @dev Claim id to record: K entries, then the answer's text. An answer of one token and up to 27 bytes takes a
    /// single storage slot.
    mapping(bytes32 claimId => bytes record) private _records;

    /// @param verifier The generated verifier; everything else is read from it.
    constructor(IZkLLMVerifier verifier) {
        VERIFIER = address(verifier);
        MODEL_ID = verifier.MODEL_ID();
        VOCABULARY_ROOT = verifier.VOCABULARY_ROOT();
        DEPTH = VocabularyProof.depthOf(verifier.VOCABULARY_SIZE());
        N = verifier.N();
        K = verifier.K();
    }

    /// @inheritdoc IZkLLMSettlement
    function settle(
        bytes32 requestId,
        uint256[] calldata words,
        uint256[] calldata proof,
        bytes32[] calldata siblings,
        bytes[] calldata tokens
    ) external returns (bytes32 claimId) {
        if (!_isCanonical(words, proof, siblings, tokens)) revert InvalidCalldata();

        bytes32 promptDigest;
        uint16[] memory ids;
        (claimId, promptDigest, ids) = _decodeStatement(words);
        if (_records[claimId].length != 0) revert AlreadySettled(claimId);

        bytes memory record = _checkTokens(ids, siblings, tokens);
        _verify(_context(requestId), words, proof);

        _settled(claimId, promptDigest, requestId, ids, record);
    }

    /// @inheritdoc IZkLLMSettlement
    function isSettled(bytes32 claimId) external view returns (bool) {
        return _records[claimId].length != 0;
    }

    /// @inheritdoc IZkLLMSettlement
    function tokenAt(bytes32 claimId, uint256 index) external view returns (uint16 id, bytes memory text) {
        bytes memory record = _record(claimId);
        if (index >= K) revert NoSuchToken(index);
        uint256 start = ENTRY_BYTES * K;
        for (uint256 i = 0; i < index; ++i) {
            (, uint256 skipped) = _entry(record, i);
            start += skipped;
        }
        uint256 length;
        (id, length) = _entry(record, index);
        text = _slice(record, start, length);
    }

    /// @inheritdoc IZkLLMSettlement
    function textOf(bytes32 claimId) external view returns (bytes memory text) {
        text = _text(_record(claimId));
    }

    /// @inheritdoc IZkLLMSettlement
    function claimIdOf(uint16[] calldata ids) external view returns (bytes32 claimId) {
        return keccak256(abi.encode(MODEL_ID, K, ids));
    }

    // ------------------------------------------------------------------------------------ what is settled

    /// @dev What a proof is bound to besides its statement.
    function _context(bytes32 requestId) private view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), msg.sender, requestId));
    }

    /// @dev Unpacks T and x_0..x_T. That T, the ids and the padding after x_T are those of an admissible statement
    /// is part of what the proof shows; here only T is checked, since it is used before the proof is verified.
    function _decodeStatement(uint256[] calldata words)
        private
        view
        returns (bytes32 claimId, bytes32 promptDigest, uint16[] memory answer)
    {
        uint256 T = words[0] >> 16 * (LIMBS_PER_WORD - 1);
        uint256 k = K;
        if (T < k || T > N) revert InvalidLength(T);
        bytes32 modelId = MODEL_ID;
        assembly ("memory-safe") {
            // abi.encode(modelId, k, ids)
            let start := mload(0x40)
            mstore(start, modelId)
            mstore(add(start, 0x20), k)
            mstore(add(start, 0x40), 0x60)
            mstore(add(start, 0x60), add(T, 1))
            let ids := add(start, 0x80)
            let end := add(ids, shl(5, add(T, 1)))

            // the words without their two top bytes, end to end: two bytes a limb
            let packed := end
            for { let i := 0 } lt(i, words.length) { i := add(i, 1) } {
                mstore(add(packed, mul(30, i)), shl(16, calldataload(add(words.offset, shl(5, i)))))
            }
            mstore(0x40, add(packed, add(0x20, mul(30, words.length))))
            let limb := add(packed, 2) // after T
            for { let id := ids } lt(id, end) { id := add(id, 0x20) } {
                mstore(id, shr(240, mload(limb)))
                limb := add(limb, 2)
            }

            claimId := keccak256(start, sub(end, start))
            answer := sub(end, shl(5, add(k, 1)))
            promptDigest := keccak256(ids, sub(add(answer, 0x20), ids))
            // the prompt's last id makes room for the length of the array of the answer's ids
            mstore(answer, k)
        }
    }

    /// @dev Checks the bytes of the answer's tokens against the vocabulary, and makes the record that is stored.
    function _checkTokens(uint16[] memory ids, bytes32[] calldata siblings, bytes[] calldata tokens)
        private
        view
        returns (bytes memory record)
    {
        bytes32 root = VOCABULARY_ROOT;
        uint256 depth = DEPTH;
        uint256 entry;
        uint256 text;
        assembly ("memory-safe") {
            record := mload(0x40)
            entry := add(record, 0x20)
            text := add(entry, mul(ENTRY_BYTES, mload(ids)))
            // all texts together are shorter than the calldata that they come in
            mstore(0x40, and(add(add(text, sub(calldatasize(), tokens.offset)), 0x3f), not(0x1f)))
            mstore(record, 0)
        }
        for (uint256 i = 0; i < ids.length; ++i) {
            bytes calldata token = tokens[i];
            bytes32[] calldata path;
            uint256 id = ids[i];
            assembly ("memory-safe") {
                path.offset := add(siblings.offset, shl(5, mul(i, depth)))
                path.length := depth
            }
            if (VocabularyProof.rootOf(id, token, path) != root) revert InvalidVocabularyProof(i);
            assembly ("memory-safe") {
                // the entry ends a word whose other bytes stay
                let word := sub(entry, 0x1c)
                mstore(word, or(shl(32, shr(32, mload(word))), or(shl(16, id), token.length)))
                entry := add(entry, ENTRY_BYTES)
                calldatacopy(text, token.offset, token.length)
                text := add(text, token.length)
            }
        }
        assembly ("memory-safe") {
            mstore(text, 0) // the padding of the last word
            mstore(record, sub(text, add(record, 0x20)))
        }
    }

    /// @dev `VERIFIER.verify(context, words, proof)`: the two arrays lie in this call's calldata as they must in
    /// that one's, so they are copied at once. The constructor made sure that there is code at VERIFIER, and a
    /// generated verifier cannot go away.
    function _verify(bytes32 context, uint256[] calldata words, uint256[] calldata proof) private view {
        address verifier = VERIFIER;
        bytes4 selector = IZkLLMVerifier.verify.selector;
        assembly ("memory-safe") {
            let data := mload(0x40)
            mstore(data, selector)
            mstore(add(data, 0x04), context)
            mstore(add(data, 0x24), 0x60)
            mstore(add(data, 0x44), add(0x80, shl(5, words.length)))
            let size := add(0x40, shl(5, add(words.length, proof.length)))
            calldatacopy(add(data, 0x64), sub(words.offset, 0x20), size)
            if iszero(staticcall(gas(), verifier, data, add(0x64, size), 0, 0)) {
                returndatacopy(data, 0, returndatasize())
                revert(data, returndatasize())
            }
        }
    }

    // ------------------------------------------------------------------------------------------ records

    function _settled(
        bytes32 claimId,
        bytes32 promptDigest,
        bytes32 requestId,
        uint16[] memory ids,
        bytes memory record
    ) private {
        _store(_records[claimId], record);
        emit Settled(claimId, msg.sender, promptDigest, requestId, ids, _text(record));
    }

    /// @dev `slot = record`, without the work that Solidity does for what the slot held before: it is empty.
    function _store(bytes storage slot, bytes memory record) private {
        uint256 length = record.length;
        if (length < 32) {
            assembly ("memory-safe") {
                sstore(slot.slot, or(mload(add(record, 0x20)), shl(1, length)))
            }
        } else {
            assembly ("memory-safe") {
                sstore(slot.slot, add(shl(1, length), 1))
                mstore(0x00, slot.slot)
                let target := keccak256(0x00, 0x20)
                for { let i := 0 } lt(i, length) { i := add(i, 0x20) } {
                    sstore(add(target, shr(5, i)), mload(add(add(record, 0x20), i)))
                }
            }
        }
    }

    function _record(bytes32 claimId) private view returns (bytes memory record) {
        record = _records[claimId];
        if (record.length == 0) revert NotSettled(claimId);
    }

    /// @dev Id and length of the text of the answer's token `index`.
    function _entry(bytes memory record, uint256 index) private pure returns (uint16 id, uint256 length) {
        uint256 head;
        assembly ("memory-safe") {
            head := shr(224, mload(add(add(record, 0x20), mul(ENTRY_BYTES, index))))
        }
        id = uint16(head >> 16);
        length = uint16(head);
    }

    function _text(bytes memory record) private view returns (bytes memory) {
        uint256 start = ENTRY_BYTES * K;
        return _slice(record, start, record.length - start);
    }

    /// @dev Bytes start..start + length - 1; the caller keeps them inside of `data`.
    function _slice(bytes memory data, uint256 start, uint256 length)
        private
        pure
        returns (bytes memory part)
    {
        part = new bytes(length);
        assembly ("memory-safe") {
            mcopy(add(part, 0x20), add(add(data, 0x20), start), length)
        }
    }

    // ------------------------------------------------------------------------------------------ calldata

    /// @dev Whether the calldata is what the ABI encoder makes of the arguments (everything in order, without gaps,
    /// zero padding, nothing after the end), and the lengths are those of this model and shape. The verifier checks
    /// the proof's length, and that the words and the proof are canonical themselves.
    function _isCanonical(
        uint256[] calldata words,
        uint256[] calldata proof,
        bytes32[] calldata siblings,
        bytes[] calldata tokens
    ) private view returns (bool valid) {
        uint256 k = K;
        valid = words.length == (N + 1 + LIMBS_PER_WORD) / LIMBS_PER_WORD && siblings.length == k * DEPTH
            && tokens.length == k;
        assembly ("memory-safe") {
            let position := 0xc4 // selector, five words of head, length of `words`
            valid := and(valid, eq(words.offset, position))
            position := add(add(position, shl(5, words.length)), 0x20)
            valid := and(valid, eq(proof.offset, position))
            position := add(add(position, shl(5, proof.length)), 0x20)
            valid := and(valid, eq(siblings.offset, position))
            position := add(add(position, shl(5, siblings.length)), 0x20)
            valid := and(valid, eq(tokens.offset, position))
        }
        if (!valid) return false;

        uint256 end;
        assembly ("memory-safe") {
            end := add(tokens.offset, shl(5, k))
        }
        for (uint256 i = 0; i < k; ++i) {
            bytes calldata token = tokens[i];
            assembly ("memory-safe") {
                valid := and(valid, and(eq(token.offset, add(end, 0x20)), lt(token.length, 0x10000)))
                // bits of the last word after the text: none where the text fills it
                let rest := and(token.length, 0x1f)
                end := add(token.offset, token.length)
                if rest {
                    valid := and(valid, iszero(shl(shl(3, rest), calldataload(sub(end, rest)))))
                    end := add(end, sub(0x20, rest))
                }
            }
        }
        assembly ("memory-safe") {
            valid := and(valid, eq(calldatasize(), end))
        }
    }
}
