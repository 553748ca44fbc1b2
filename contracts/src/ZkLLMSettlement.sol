// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {RequestEscrow} from "./base/RequestEscrow.sol";
import {Shape, VerifierRegistry} from "./base/VerifierRegistry.sol";
import {IZkLLMSettlement, Settlement} from "./interfaces/IZkLLMSettlement.sol";
import {IZkLLMVerifier} from "./interfaces/IZkLLMVerifier.sol";
import {Claims} from "./libraries/Claims.sol";
import {CodeStorage} from "./libraries/CodeStorage.sol";
import {PairingBatch} from "./libraries/PairingBatch.sol";
import {Statements} from "./libraries/Statements.sol";
import {VocabularyProof} from "./libraries/VocabularyProof.sol";

/// @dev An answer that is about to be settled; without a record where its question is settled already.
struct Claim {
    bytes32 id;
    bytes32 modelId;
    bytes32 promptDigest;
    bytes text;
    bytes record;
}

/// @title Settlement of language models' proved answers
/// @notice Append-only: a claim, once settled, stays. No upgrade. The owner adds and freezes verifiers; he cannot
/// touch claims, requests or ether.
/// @dev A proof is bound to chain, contract, sender and request by its context, so one copied from the mempool is
/// worthless to anybody else. Replay is refused by the claim's id, never by a digest of the proof.
contract ZkLLMSettlement is IZkLLMSettlement, VerifierRegistry, RequestEscrow {
    /// @dev Bytes of a token's entry in a record's head: uint24 id, uint16 length of its text.
    uint256 private constant ENTRY_BYTES = 5;
    uint256 private constant SELECTOR_BYTES = 4;

    /// @dev Last byte of the head of a record that is kept as code, where those of short ones have its length.
    uint256 private constant AS_CODE = 0xff;

    /// @dev Claim id to the head of its record: uint16 k, k entries, then the answer's text. Of up to 31 bytes (one token
    /// and 24 bytes) it is the head but for the last byte; a longer one is the code at the address that the head begins
    /// with.
    mapping(bytes32 claimId => uint256 head) private _heads;

    /// @param initialOwner Who adds and freezes verifiers.
    constructor(address initialOwner) VerifierRegistry(initialOwner) {}

    /// @inheritdoc IZkLLMSettlement
    function settle(
        address verifier,
        bytes32 requestId,
        uint256[] calldata words,
        uint256[] calldata proof,
        bytes32[] calldata siblings,
        bytes[] calldata tokens
    ) external returns (bytes32 claimId) {
        if (_encodingEnd(SELECTOR_BYTES, words, proof, siblings, tokens) != msg.data.length) {
            revert InvalidCalldata();
        }
        Claim memory claim = _claimOf(_shapeOf(verifier), words, siblings, tokens);
        if (claim.record.length == 0) revert AlreadySettled(claim.id);
        _ask(IZkLLMVerifier.verify.selector, verifier, requestId, words, proof, 0, 0);
        return _settled(requestId, claim);
    }

    /// @inheritdoc IZkLLMSettlement
    function settleMany(Settlement[] calldata settlements) external returns (bytes32[] memory claimIds) {
        if (!_isCanonical(settlements)) revert InvalidCalldata();
        claimIds = new bytes32[](settlements.length);
        uint256[] memory batch = PairingBatch.create(settlements.length);
        for (uint256 i = 0; i < settlements.length; ++i) {
            claimIds[i] = _settleUnlessSettled(settlements[i], batch, claimIds);
        }
        if (PairingBatch.count(batch) == 0) revert NothingToSettle();
        PairingBatch.check(batch);
    }

    /// @inheritdoc IZkLLMSettlement
    function isSettled(bytes32 claimId) external view returns (bool) {
        return _isSettled(claimId);
    }

    /// @inheritdoc IZkLLMSettlement
    function tokenAt(bytes32 claimId, uint256 index) external view returns (uint32 id, bytes memory text) {
        bytes memory record = _record(claimId);
        if (index >= _count(record)) revert NoSuchToken(index);
        uint256 start = _textStart(record);
        for (uint256 i = 0; i < index; ++i) {
            (, uint256 skipped) = _entry(record, i);
            start += skipped;
        }
        uint256 length;
        (id, length) = _entry(record, index);
        text = _slice(record, start, length);
    }

    /// @inheritdoc IZkLLMSettlement
    function tokensOf(bytes32 claimId) external view returns (uint32[] memory ids) {
        bytes memory record = _record(claimId);
        ids = new uint32[](_count(record));
        for (uint256 i = 0; i < ids.length; ++i) {
            (ids[i],) = _entry(record, i);
        }
    }

    /// @inheritdoc IZkLLMSettlement
    function textOf(bytes32 claimId) external view returns (bytes memory text) {
        text = _text(_record(claimId));
    }

    /// @inheritdoc IZkLLMSettlement
    function claimIdOf(bytes32 modelId, uint256 k, uint32[] calldata prompt) external pure returns (bytes32) {
        return Claims.idOf(modelId, k, keccak256(abi.encodePacked(prompt)));
    }

    /// @inheritdoc IZkLLMSettlement
    function sealedClaimIdOf(bytes32 modelId, uint256 k, uint256 sealedPrompt)
        external
        pure
        returns (bytes32)
    {
        return Claims.sealedIdOf(modelId, k, sealedPrompt);
    }

    // ------------------------------------------------------------------------------------ what is settled

    function _isSettled(bytes32 claimId) internal view override returns (bool) {
        return _heads[claimId] != 0;
    }

    /// @dev What the statement claims, with the texts of its tokens: all of it but the proof is checked here.
    function _claimOf(
        Shape memory shape,
        uint256[] calldata words,
        bytes32[] calldata siblings,
        bytes[] calldata tokens
    ) private view returns (Claim memory claim) {
        uint32[] memory answer;
        if (shape.isSealed) {
            if (words.length != 1 + Statements.wordsOf(shape.k)) revert InvalidCalldata();
            claim.promptDigest = bytes32(words[0]);
            claim.id = Claims.sealedIdOf(shape.modelId, shape.k, words[0]);
            answer = Statements.limbsOf(words[1:], 0, shape.k);
        } else {
            if (words.length != Statements.wordsOf(shape.n + 2)) revert InvalidCalldata();
            (claim.promptDigest, answer) = Statements.decode(words, shape.n, shape.k);
            claim.id = Claims.idOf(shape.modelId, shape.k, claim.promptDigest);
        }
        claim.modelId = shape.modelId;
        if (!_isSettled(claim.id)) {
            (claim.record, claim.text) = _checkTokens(shape, answer, siblings, tokens);
        }
    }

    /// @dev One of a batch: all of `settle` but the pairing of its proof, which the batch gets. Nobody but registered
    /// verifiers is called before that is checked, and those cannot write.
    /// @return claimId The claim, or 0 where it was settled before: then its proof is not looked at.
    function _settleUnlessSettled(Settlement calldata one, uint256[] memory batch, bytes32[] memory claimIds)
        private
        returns (bytes32 claimId)
    {
        Claim memory claim = _claimOf(_shapeOf(one.verifier), one.words, one.siblings, one.tokens);
        if (claim.record.length == 0) {
            // settled by others meanwhile, or a moment ago by this batch
            for (uint256 i = 0; i < claimIds.length; ++i) {
                if (claimIds[i] == claim.id) revert AlreadySettled(claim.id);
            }
            return 0;
        }
        _ask(
            IZkLLMVerifier.pairingInput.selector,
            one.verifier,
            one.requestId,
            one.words,
            one.proof,
            PairingBatch.add(batch),
            PairingBatch.EQUATION_BYTES
        );
        return _settled(one.requestId, claim);
    }

    function _settled(bytes32 requestId, Claim memory claim) private returns (bytes32 claimId) {
        claimId = claim.id;
        _heads[claimId] = _stored(claim.record);
        emit Settled(claimId, claim.modelId, msg.sender, claim.promptDigest, claim.text);
        if (requestId != 0) _fulfil(requestId, claimId);
    }

    /// @dev Checks the bytes of the answer's tokens against the vocabulary, and makes the record that is stored.
    /// `tokens` are the texts of the answer's distinct ids in ascending order.
    function _checkTokens(
        Shape memory shape,
        uint32[] memory answer,
        bytes32[] calldata siblings,
        bytes[] calldata tokens
    ) private pure returns (bytes memory record, bytes memory text) {
        bytes32 root;
        bool exact;
        if (answer.length == 1) {
            if (tokens.length != 1) revert InvalidCalldata();
            uint32 id = answer[0];
            (record, text) = _makeRecord(id, tokens[0]);
            root = VocabularyProof.rootOf(id, VocabularyProof.leafOf(id, text), siblings);
            exact = VocabularyProof.isDepthOf(shape.vocabularySize, siblings.length);
        } else {
            uint256[] memory ids = _distinct(answer);
            if (tokens.length != ids.length) revert InvalidCalldata();
            record = _makeRecord(answer, ids, tokens);
            text = _text(record);
            bytes32[] memory leaves = new bytes32[](ids.length);
            for (uint256 i = 0; i < ids.length; ++i) {
                leaves[i] = VocabularyProof.leafOf(ids[i], tokens[i]);
            }
            uint256 depth = VocabularyProof.depthOf(shape.vocabularySize);
            (root, exact) = VocabularyProof.rootOf(ids, leaves, siblings, depth);
        }
        if (!exact || root != shape.vocabularyRoot) revert InvalidVocabularyProof();
    }

    /// @dev The different ids among `answer`, ascending.
    function _distinct(uint32[] memory answer) private pure returns (uint256[] memory ids) {
        ids = new uint256[](answer.length);
        assembly ("memory-safe") {
            let start := add(ids, 0x20)
            let end := start // of those that are in their places
            let place := add(answer, 0x20)
            let last := add(place, shl(5, mload(answer)))
            for {} lt(place, last) { place := add(place, 0x20) } {
                let id := mload(place)
                let at := end
                for {} gt(at, start) { at := sub(at, 0x20) } {
                    if iszero(gt(mload(sub(at, 0x20)), id)) { break }
                }
                if iszero(and(gt(at, start), eq(mload(sub(at, 0x20)), id))) {
                    mcopy(add(at, 0x20), at, sub(end, at))
                    mstore(at, id)
                    end := add(end, 0x20)
                }
            }
            mstore(ids, shr(5, sub(end, start)))
        }
    }

    /// @dev Calls `verify` or `pairingInput` of the verifier, by its selector, with (context, words, proof), the context
    /// being the one that binds the proof to chain, contract, sender and request. The two arrays lie in this call's
    /// calldata as they must in that one's, so they are copied at once. The answer, of `size` bytes, goes to `target` in
    /// memory. A registered verifier has code, and a generated one cannot go away.
    function _ask(
        bytes4 selector,
        address verifier,
        bytes32 requestId,
        uint256[] calldata words,
        uint256[] calldata proof,
        uint256 target,
        uint256 size
    ) private view {
        bool answered;
        assembly ("memory-safe") {
            let data := mload(0x40)
            // keccak256(abi.encode(block.chainid, address(this), msg.sender, requestId))
            mstore(data, chainid())
            mstore(add(data, 0x20), address())
            mstore(add(data, 0x40), caller())
            mstore(add(data, 0x60), requestId)
            let context := keccak256(data, 0x80)

            mstore(data, selector)
            mstore(add(data, 0x04), context)
            mstore(add(data, 0x24), 0x60)
            mstore(add(data, 0x44), add(0x80, shl(5, words.length)))
            let length := add(0x40, shl(5, add(words.length, proof.length)))
            calldatacopy(add(data, 0x64), sub(words.offset, 0x20), length)
            if iszero(staticcall(gas(), verifier, data, add(0x64, length), target, size)) {
                returndatacopy(data, 0, returndatasize())
                revert(data, returndatasize())
            }
            answered := iszero(lt(returndatasize(), size))
        }
        if (!answered) revert NotAVerifier(verifier);
    }

    // ------------------------------------------------------------------------------------------ records

    /// @dev k, then id and length of each token's text, then the texts. `ids`: the distinct ids of `tokens`.
    function _makeRecord(uint32[] memory answer, uint256[] memory ids, bytes[] calldata tokens)
        private
        pure
        returns (bytes memory record)
    {
        // of each distinct token where its text is, and of how many bytes; then the same of each answered one
        uint256[] memory texts = new uint256[](ids.length);
        for (uint256 i = 0; i < ids.length; ++i) {
            bytes calldata token = tokens[i];
            assembly ("memory-safe") {
                mstore(add(add(texts, 0x20), shl(5, i)), or(shl(16, token.offset), token.length))
            }
        }
        uint256[] memory answered = new uint256[](answer.length);
        uint256 length = 2 + ENTRY_BYTES * answer.length;
        for (uint256 i = 0; i < answer.length; ++i) {
            answered[i] = texts[_placeOf(answer[i], ids)];
            length += uint16(answered[i]);
        }
        record = new bytes(length);
        _fill(record, answer, answered);
    }

    /// @dev `texts`: of each token of the answer, where its text is in the calldata, times 2^16, and of how many bytes.
    function _fill(bytes memory record, uint32[] memory answer, uint256[] memory texts) private pure {
        assembly ("memory-safe") {
            let entry := add(record, 0x20)
            let end := shl(5, add(mload(answer), 1))
            mstore(entry, shl(240, mload(answer)))
            entry := add(entry, 2)
            let target := add(entry, mul(ENTRY_BYTES, mload(answer)))
            for { let i := 0x20 } lt(i, end) { i := add(i, 0x20) } {
                let text := mload(add(texts, i))
                let size := and(text, 0xffff)
                // the entry ends a word whose other bytes stay
                let word := sub(entry, 0x1b)
                mstore(word, or(shl(40, shr(40, mload(word))), or(shl(16, mload(add(answer, i))), size)))
                entry := add(entry, ENTRY_BYTES)
                calldatacopy(target, shr(16, text), size)
                target := add(target, size)
            }
        }
    }

    /// @dev Where `id` is among `ids`, as it is.
    function _placeOf(uint256 id, uint256[] memory ids) private pure returns (uint256 place) {
        assembly ("memory-safe") {
            let start := add(ids, 0x20)
            let at := start
            for {} sub(mload(at), id) { at := add(at, 0x20) } {}
            place := shr(5, sub(at, start))
        }
    }

    /// @dev The same for an answer of one token, with the text apart.
    function _makeRecord(uint32 id, bytes calldata token)
        private
        pure
        returns (bytes memory record, bytes memory text)
    {
        assembly ("memory-safe") {
            text := mload(0x40)
            mstore(text, token.length)
            calldatacopy(add(text, 0x20), token.offset, token.length)
            record := add(text, and(add(token.length, 0x3f), not(0x1f)))
            mstore(record, add(token.length, 7))
            mstore(add(record, 0x20), shl(200, or(shl(40, 1), or(shl(16, id), token.length))))
            calldatacopy(add(record, 0x27), token.offset, token.length)
            mstore(add(record, add(0x27, token.length)), 0) // what is stored ends in zeros
            mstore(0x40, add(record, and(add(token.length, 0x66), not(0x1f))))
        }
    }

    /// @dev The head that a record is read by; keeps what does not fit into it.
    function _stored(bytes memory record) private returns (uint256 head) {
        uint256 length = record.length;
        if (length > 31) return uint256(bytes32(bytes20(CodeStorage.write(record)))) | AS_CODE;
        assembly ("memory-safe") {
            mstore8(add(record, 0x3f), length) // the last byte of the record's word, which is none of the record's
            head := mload(add(record, 0x20))
        }
    }

    function _record(bytes32 claimId) private view returns (bytes memory record) {
        uint256 head = _heads[claimId];
        if (head == 0) revert NotSettled(claimId);
        uint256 length = uint8(head);
        if (length == AS_CODE) return CodeStorage.read(address(bytes20(bytes32(head))));
        record = new bytes(length);
        assembly ("memory-safe") {
            mstore(add(record, 0x20), shl(8, shr(8, head)))
        }
    }

    /// @dev Tokens of the answer.
    function _count(bytes memory record) private pure returns (uint256 k) {
        assembly ("memory-safe") {
            k := shr(240, mload(add(record, 0x20)))
        }
    }

    /// @dev Id and length of the text of the answer's token `index`.
    function _entry(bytes memory record, uint256 index) private pure returns (uint32 id, uint256 length) {
        uint256 head;
        assembly ("memory-safe") {
            head := shr(216, mload(add(add(record, 0x22), mul(ENTRY_BYTES, index))))
        }
        id = uint32(head >> 16);
        length = uint16(head);
    }

    function _textStart(bytes memory record) private pure returns (uint256) {
        return 2 + ENTRY_BYTES * _count(record);
    }

    function _text(bytes memory record) private pure returns (bytes memory) {
        uint256 start = _textStart(record);
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

    /// @dev Whether the calldata of `settleMany` is what the ABI encoder makes of its argument: the settlements in order,
    /// without gaps, nothing after the end.
    function _isCanonical(Settlement[] calldata settlements) private pure returns (bool) {
        uint256 start;
        assembly ("memory-safe") {
            start := settlements.offset
        }
        if (start != SELECTOR_BYTES + 0x40) return false;
        uint256 end = start + 0x20 * settlements.length;
        for (uint256 i = 0; i < settlements.length; ++i) {
            Settlement calldata one = settlements[i];
            assembly ("memory-safe") {
                start := one
            }
            if (start != end) return false;
            end = _encodingEnd(start, one.words, one.proof, one.siblings, one.tokens);
        }
        return end == msg.data.length;
    }

    /// @dev Where the calldata of a settlement that begins at `position` ends, if it is what the ABI encoder makes of it:
    /// everything in order, without gaps, zero padding; else 0. The verifier checks the proof's length, and that the words
    /// and the proof are canonical themselves.
    function _encodingEnd(
        uint256 position,
        uint256[] calldata words,
        uint256[] calldata proof,
        bytes32[] calldata siblings,
        bytes[] calldata tokens
    ) private pure returns (uint256 end) {
        bool valid;
        assembly ("memory-safe") {
            position := add(position, 0xe0) // six words of head, length of `words`
            valid := eq(words.offset, position)
            position := add(add(position, shl(5, words.length)), 0x20)
            valid := and(valid, eq(proof.offset, position))
            position := add(add(position, shl(5, proof.length)), 0x20)
            valid := and(valid, eq(siblings.offset, position))
            position := add(add(position, shl(5, siblings.length)), 0x20)
            valid := and(valid, eq(tokens.offset, position))
        }
        if (!valid) return 0;

        assembly ("memory-safe") {
            end := add(tokens.offset, shl(5, tokens.length))
            for { let i := 0 } lt(i, tokens.length) { i := add(i, 1) } {
                // the token's length is where its offset, counted from the first offset, says, and that is `end`
                let offset := calldataload(add(tokens.offset, shl(5, i)))
                let length := calldataload(end)
                valid := and(valid, and(eq(add(tokens.offset, offset), end), lt(length, 0x10000)))
                // bits of the last word after the text: none where the text fills it
                let rest := and(length, 0x1f)
                end := add(add(end, 0x20), length)
                if rest {
                    valid := and(valid, iszero(shl(shl(3, rest), calldataload(sub(end, rest)))))
                    end := add(end, sub(0x20, rest))
                }
            }
            end := mul(end, valid)
        }
    }
}
