// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IZkLLMSettlement, Settlement} from "../../src/interfaces/IZkLLMSettlement.sol";
import {IZkLLMVerifier} from "../../src/interfaces/IZkLLMVerifier.sol";
import {vm} from "./Vm.sol";

/// @notice An honest proof with the context that it was made for; see tests/vectors/README.md.
struct Fixture {
    bytes32 context;
    uint256 chainId;
    address settlement;
    address sender;
    bytes32 requestId;
    bytes32 salt;
    bytes32 modelId;
    uint256[] words;
    uint256[] proof;
    uint256 witnessColumns;
    uint256[] ids;
    uint256 k;
    bool isSealed;
    bytes32 claimId;
    bytes text;
    bytes[] tokens;
    bytes32[] siblings;
}

library Fixtures {
    function load(string memory name) internal view returns (Fixture memory f) {
        string memory json = vm.readFile(string.concat("contracts/test/fixtures/", name, ".json"));
        f.context = vm.parseJsonBytes32(json, ".context");
        f.chainId = vm.parseJsonUint(json, ".chainId");
        f.settlement = vm.parseJsonAddress(json, ".settlement");
        f.sender = vm.parseJsonAddress(json, ".sender");
        f.requestId = vm.parseJsonBytes32(json, ".requestId");
        f.salt = vm.parseJsonBytes32(json, ".salt");
        f.modelId = vm.parseJsonBytes32(json, ".modelId");
        f.words = vm.parseJsonUintArray(json, ".words");
        f.proof = vm.parseJsonUintArray(json, ".proof");
        f.witnessColumns = vm.parseJsonUint(json, ".witnessColumns");
        f.ids = vm.parseJsonUintArray(json, ".ids");
        f.k = vm.parseJsonUint(json, ".k");
        f.isSealed = vm.parseJsonBool(json, ".sealed");
        f.claimId = vm.parseJsonBytes32(json, ".claimId");
        f.text = vm.parseJsonBytes(json, ".text");
        f.tokens = vm.parseJsonBytesArray(json, ".tokens");
        f.siblings = vm.parseJsonBytes32Array(json, ".siblings");
    }

    function verifyCalldata(Fixture memory f) internal pure returns (bytes memory) {
        return abi.encodeCall(IZkLLMVerifier.verify, (f.context, f.words, f.proof));
    }

    function settleCalldata(Fixture memory f, address verifier) internal pure returns (bytes memory) {
        return abi.encodeCall(
            IZkLLMSettlement.settle, (verifier, f.requestId, f.words, f.proof, f.siblings, f.tokens)
        );
    }

    function settlementBy(Fixture memory f, address verifier) internal pure returns (Settlement memory) {
        return Settlement(verifier, f.requestId, f.words, f.proof, f.siblings, f.tokens);
    }

    function prompt(Fixture memory f) internal pure returns (uint32[] memory ids) {
        ids = new uint32[](f.ids.length - f.k);
        for (uint256 i = 0; i < ids.length; ++i) {
            ids[i] = uint32(f.ids[i]);
        }
    }
}

/// @notice Index of each field in the proof, after the witness columns' commitments of two words each.
library ProofWord {
    uint256 internal constant DELTA = 0;
    uint256 internal constant V = 1;
    uint256 internal constant H = 2;
    uint256 internal constant Q = 4;
    uint256 internal constant G = 6;
    uint256 internal constant SD = 8;
    uint256 internal constant P_VALUES = 10;
    uint256 internal constant C1 = 14;
    uint256 internal constant C2 = 16;
    uint256 internal constant EVALUATIONS = 18;
    uint256 internal constant W = 49;
    uint256 internal constant W_PRIME = 51;
    uint256 internal constant INVERSE = 53;
    uint256 internal constant END = 54;
}
