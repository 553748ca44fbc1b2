// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IVerifierRegistry} from "../src/interfaces/IVerifierRegistry.sol";
import {AnySettlement} from "./utils/AnySettlement.sol";
import {vm} from "./utils/Symbolic.sol";

/// @notice Claims: one call of `settle` in any state. What the verifier is asked, and what is stored.
contract ClaimsCheck is AnySettlement {
    /// @dev The verifier sees the digest of chain, contract, sender and request, whatever they are: a proof that was
    /// made for any other context is not accepted.
    function check_contextBindsChainContractSenderRequest(
        uint24 asked,
        bytes32 requestId,
        uint64 chain,
        bytes32 context
    ) external {
        address prover = _any("prover");
        vm.assume(context != 0); // the mock's word for any
        vm.chainId(chain);
        verifier.setExpectedContext(context);
        vm.prank(prover);
        (bool ok,) = address(settlement).call(_settling(asked, requestId));
        assert(!ok || context == keccak256(abi.encode(chain, address(settlement), prover, requestId)));
    }

    function check_onlyWhatTheVerifierAccepts(uint24 asked, bytes32 requestId) external {
        verifier.setAccepting(false);
        (bool ok,) = address(settlement).call(_settling(asked, requestId));
        assert(!ok);
    }

    function check_frozenVerifiersSettleNothing(uint24 asked, bytes32 requestId) external {
        vm.prank(OWNER);
        settlement.freeze(address(verifier));
        (bool ok, bytes memory returned) = address(settlement).call(_settling(asked, requestId));
        assert(!ok && bytes4(returned) == IVerifierRegistry.FrozenVerifier.selector);
    }

    /// @dev Settled once, under the id of the question; what is read is the token and its bytes. No other claim
    /// changes.
    function check_settledAsAnswered(uint24 asked, bytes32 requestId, bytes32 other) external {
        bytes32 id = _claimOf(asked);
        vm.assume(other != id);
        bool otherBefore = settlement.isSettled(other);
        bool before = settlement.isSettled(id);
        (bool ok, bytes memory returned) = address(settlement).call(_settling(asked, requestId));
        vm.assume(ok);
        assert(!before && abi.decode(returned, (bytes32)) == id);
        assert(settlement.isSettled(id) && settlement.isSettled(other) == otherBefore);
        uint32[] memory ids = settlement.tokensOf(id);
        assert(ids.length == 1 && ids[0] == token);
        assert(keccak256(settlement.textOf(id)) == keccak256(text));
        (uint32 first, bytes memory firstText) = settlement.tokenAt(id, 0);
        assert(first == token && keccak256(firstText) == keccak256(text));
        (ok,) = address(settlement).call(_settling(asked, 0));
        assert(!ok);
    }

    /// @dev Different questions never share an id (keccak256 is taken to have no collisions).
    function check_idsDoNotCollide(
        bytes32 m1,
        bytes32 m2,
        uint256 k1,
        uint256 k2,
        uint32[] calldata p1,
        uint32[] calldata p2
    ) external view {
        bool same = m1 == m2 && k1 == k2 && keccak256(abi.encode(p1)) == keccak256(abi.encode(p2));
        assert((settlement.claimIdOf(m1, k1, p1) == settlement.claimIdOf(m2, k2, p2)) == same);
    }

    /// @dev Nor do sealed ones, which are apart from all others; P + r names nothing.
    function check_sealedIdsDoNotCollide(
        bytes32 m1,
        bytes32 m2,
        uint256 k1,
        uint256 k2,
        uint256 s1,
        uint256 s2,
        uint32[] calldata p
    ) external view {
        bytes32 id = settlement.sealedClaimIdOf(m1, k1, s1);
        assert((id == settlement.sealedClaimIdOf(m2, k2, s2)) == (m1 == m2 && k1 == k2 && s1 == s2));
        assert(id != settlement.claimIdOf(m2, k2, p));
        assert(s1 < 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001);
    }

    /// @dev Nor do requests of different accounts or salts.
    function check_requestIdsDoNotCollide(address a1, address a2, bytes32 s1, bytes32 s2) external view {
        bool same = a1 == a2 && s1 == s2;
        assert((settlement.requestIdOf(a1, s1) == settlement.requestIdOf(a2, s2)) == same);
    }
}
