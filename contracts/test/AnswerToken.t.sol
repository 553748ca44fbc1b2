// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {AnswerToken} from "../src/adapters/AnswerToken.sol";
import {IERC7007} from "../src/adapters/interfaces/IERC7007.sol";
import {MockedSettlement} from "./utils/MockedSettlement.sol";
import {vm} from "./utils/Vm.sol";
import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Base64} from "@openzeppelin/contracts/utils/Base64.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";

/// @notice ERC-7007: tokens of prompts, to whom committed first, with the settled answer as their content.
contract AnswerTokenTest is MockedSettlement {
    address private constant MINTER = address(0x3137e2);
    bytes32 private constant SALT = bytes32(uint256(9));
    /// @dev Execution, all that is touched cold.
    uint256 private constant MAX_MINT_GAS = 90_000;
    uint256 private constant MAX_ADD_GAS = 60_000;
    AnswerToken private token;
    uint32[] private ids;
    bytes private prompt;
    bytes private answer;
    uint256 private id;

    function setUp() public override {
        super.setUp();
        vm.warp(1_800_000_000);
        token = new AnswerToken("Answers", "ANS", settlement, MODEL, 1);
        ids = _ids(1, 9);
        prompt = abi.encodePacked(_prompt(ids, 1));
        answer = vocabulary[ids[8]];
        id = uint256(keccak256(prompt));
    }

    function _commit(address owner) private {
        token.commit(token.commitmentOf(owner, prompt, SALT));
    }

    function _mint() private {
        _commit(MINTER);
        vm.warp(block.timestamp + token.COMMITMENT_AGE());
        vm.prank(MINTER);
        assertEq(token.mint(prompt, SALT), id, "token id");
    }

    function _adding(uint256 tokenId, bytes memory prompt_, bytes memory data, bytes memory proof)
        private
        pure
        returns (bytes memory)
    {
        return abi.encodeCall(IERC7007.addAigcData, (tokenId, prompt_, data, proof));
    }

    function _refuse(bytes memory data, bytes4 expected, string memory what) private {
        assertReverts(address(token), data, expected, what);
    }

    // -------------------------------------------------------------------------------------- minting

    function test_whoCommittedMints() external {
        assertEq(
            token.commitmentOf(MINTER, prompt, SALT),
            keccak256(abi.encode(MINTER, keccak256(prompt), SALT)),
            "commitment"
        );
        bytes memory minting = abi.encodeCall(AnswerToken.mint, (prompt, SALT));
        bytes4 notCommitted = AnswerToken.NotCommitted.selector;
        vm.prank(MINTER);
        _refuse(minting, notCommitted, "without a commitment");
        bytes32 commitment = token.commitmentOf(MINTER, prompt, SALT);
        vm.expectEmit(true, true, true, true, address(token));
        emit AnswerToken.Committed(commitment);
        token.commit(commitment);
        assertEq(token.committedAt(commitment), block.timestamp, "time");
        _refuse(
            abi.encodeCall(AnswerToken.commit, (commitment)), AnswerToken.AlreadyCommitted.selector, "again"
        );
        vm.warp(block.timestamp + 59);
        vm.prank(MINTER);
        _refuse(minting, notCommitted, "a second early");
        vm.warp(block.timestamp + 1);
        _refuse(minting, notCommitted, "by another");
        vm.prank(MINTER);
        _refuse(abi.encodeCall(AnswerToken.mint, (prompt, bytes32(0))), notCommitted, "another salt");
        bytes memory other = abi.encodePacked(_prompt(ids, 2));
        vm.prank(MINTER);
        _refuse(abi.encodeCall(AnswerToken.mint, (other, SALT)), notCommitted, "another prompt");
        vm.prank(MINTER);
        token.mint(prompt, SALT);
        assertEq(uint160(token.ownerOf(id)), uint160(MINTER), "owner");
        vm.prank(MINTER);
        _refuse(minting, IERC721Errors.ERC721InvalidSender.selector, "twice");
    }

    /// @dev Whoever sees a prompt revealed, or its commitment, is too late.
    function test_copiedCommitmentsGainNothing() external {
        _commit(MINTER);
        vm.warp(block.timestamp + token.COMMITMENT_AGE());
        _commit(address(this)); // having seen the minting transaction
        bytes memory minting = abi.encodeCall(AnswerToken.mint, (prompt, SALT));
        _refuse(minting, AnswerToken.NotCommitted.selector, "too young");
        vm.prank(MINTER);
        token.mint(prompt, SALT);
        vm.warp(block.timestamp + token.COMMITMENT_AGE());
        _refuse(minting, IERC721Errors.ERC721InvalidSender.selector, "the token is minted");
    }

    // -------------------------------------------------------------------------------------- content

    function test_theSettledAnswerIsVerified() external {
        assertTrue(!token.verify(prompt, answer, ""), "not settled");
        _settle(ids, 0);
        assertTrue(token.verify(prompt, answer, ""), "settled");
        assertTrue(!token.verify(prompt, bytes.concat(answer, "!"), ""), "another answer");
        assertTrue(!token.verify(prompt, "", ""), "no answer");
        assertTrue(!token.verify(abi.encodePacked(_prompt(ids, 2)), answer, ""), "another prompt");
        assertTrue(!token.verify(prompt, answer, hex"00"), "a proof that nobody looks at");
        AnswerToken other = new AnswerToken("", "", settlement, keccak256("another model"), 1);
        assertTrue(!other.verify(prompt, answer, ""), "another model");
        other = new AnswerToken("", "", settlement, MODEL, 2);
        assertTrue(!other.verify(prompt, answer, ""), "answers of another length");
    }

    function test_contentIsAddedOnce() external {
        _settle(ids, 0);
        _refuse(_adding(id, prompt, answer, ""), IERC721Errors.ERC721NonexistentToken.selector, "not minted");
        _mint();
        bytes4 notIt = AnswerToken.NotTheAnswer.selector;
        _refuse(_adding(id, prompt, bytes.concat(answer, "!"), ""), notIt, "another answer");
        _refuse(_adding(id, prompt, answer, hex"00"), notIt, "a proof");
        bytes memory other = abi.encodePacked(_prompt(ids, 2));
        _refuse(_adding(id, other, answer, ""), AnswerToken.AnotherPrompt.selector, "another prompt");

        vm.expectEmit(true, true, true, true, address(token));
        emit IERC7007.AigcData(id, prompt, answer, "");
        vm.prank(address(0xabc)); // anybody
        token.addAigcData(id, prompt, answer, "");
        assertTrue(token.hasAigcData(id), "added");
        _refuse(_adding(id, prompt, answer, ""), AnswerToken.AlreadyAdded.selector, "twice");
    }

    function test_contentWaitsForTheAnswer() external {
        _mint();
        _refuse(_adding(id, prompt, answer, ""), AnswerToken.NotTheAnswer.selector, "not settled");
        _settle(ids, 0);
        token.addAigcData(id, prompt, answer, "");
    }

    /// @dev The answer here is no valid UTF-8: the document is JSON all the same.
    function test_metadata() external {
        _refuse(
            abi.encodeCall(token.tokenURI, (id)), IERC721Errors.ERC721NonexistentToken.selector, "not minted"
        );
        _mint();
        string memory digest = Strings.toHexString(id, 32);
        string memory head = string.concat(
            '{"name":"Answer to ',
            digest,
            '","description":"What the model ',
            Strings.toHexString(uint256(MODEL), 32),
            ' answers to the prompt of this digest","prompt":"',
            digest,
            '","aigc_type":"text","proof_type":"validity"'
        );
        _hasUri(string.concat(head, "}"), "without content");
        _settle(ids, 0);
        _hasUri(string.concat(head, "}"), "settled, not added");
        token.addAigcData(id, prompt, answer, "");
        string memory content = string.concat("data:text/plain;base64,", Base64.encode(answer));
        _hasUri(string.concat(head, ',"aigc_data":"', content, '"}'), "with content");
    }

    function _hasUri(string memory json, string memory what) private view {
        string memory uri = string.concat("data:application/json;base64,", Base64.encode(bytes(json)));
        assertEq(bytes(token.tokenURI(id)), bytes(uri), what);
    }

    // ------------------------------------------------------------------------------------- the rest

    function test_interfaces() external view {
        assertTrue(token.supportsInterface(0x702c55a6), "ERC-7007");
        assertTrue(token.supportsInterface(0x80ac58cd), "ERC-721");
        assertTrue(token.supportsInterface(0x5b5e139f), "ERC-721 metadata");
        assertTrue(token.supportsInterface(0x01ffc9a7), "ERC-165");
        assertTrue(!token.supportsInterface(0xffffffff), "nothing else");
        assertTrue(!token.supportsInterface(0xfa1a557a), "not the enumerable extension");
        assertTrue(!token.supportsInterface(0x3f37dce2), "not the updatable extension");
    }

    function test_gas() external {
        _settle(ids, 0);
        _commit(MINTER);
        vm.warp(block.timestamp + token.COMMITMENT_AGE());
        vm.cool(address(token));
        vm.prank(MINTER);
        uint256 minted = gasleft();
        token.mint(prompt, SALT);
        minted -= gasleft();
        emit log_named_uint("ERC-7007: gas of mint", minted);
        assertTrue(minted < MAX_MINT_GAS, "mint");
        vm.cool(address(token));
        vm.cool(address(settlement));
        uint256 added = gasleft();
        token.addAigcData(id, prompt, answer, "");
        added -= gasleft();
        emit log_named_uint("ERC-7007: gas of addAigcData", added);
        assertTrue(added < MAX_ADD_GAS, "addAigcData");
    }
}
