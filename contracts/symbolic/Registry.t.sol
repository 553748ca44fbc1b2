// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ZkLLMSettlement} from "../src/ZkLLMSettlement.sol";
import {IVerifierRegistry} from "../src/interfaces/IVerifierRegistry.sol";
import {MockZkLLMVerifier} from "../src/mocks/MockZkLLMVerifier.sol";
import {svm, vm} from "./utils/Symbolic.sol";

/// @notice The registry: one call, by anybody, with any arguments, in any state. By induction over the calls it is
/// append-only, frozen verifiers stay frozen, and only who the ownership was offered to gets it.
contract RegistryCheck {
    ZkLLMSettlement private settlement;
    MockZkLLMVerifier private verifier;
    bytes32 private model;
    uint256 private n;
    uint256 private k;
    bool private isSealed;

    function setUp() external {
        settlement = new ZkLLMSettlement(svm.createAddress("owner"));
        (model, n, k) = (svm.createBytes32("model"), svm.createUint256("n"), svm.createUint256("k"));
        isSealed = svm.createUint(1, "isSealed") == 1;
        verifier = new MockZkLLMVerifier(
            model, svm.createBytes32("vocabularyRoot"), svm.createUint256("vocabularySize"), n, k, isSealed
        );
        svm.enableSymbolicStorage(address(settlement));
    }

    /// @dev Any call that is not a view; `verifier` or another address where one is asked for.
    function _call(uint256 which, address argument) private returns (address caller, bool ok) {
        caller = svm.createAddress("caller");
        bytes memory data;
        if (which == 0) data = abi.encodeCall(settlement.register, (address(verifier)));
        else if (which == 1) data = abi.encodeCall(settlement.freeze, (argument));
        else if (which == 2) data = abi.encodeCall(settlement.transferOwnership, (argument));
        else if (which == 3) data = abi.encodeCall(settlement.acceptOwnership, ());
        else if (which == 4) data = abi.encodeCall(settlement.renounceOwnership, ());
        else if (which == 5) data = abi.encodeCall(settlement.reclaim, (svm.createBytes32("requestId")));
        else data = abi.encodeCall(settlement.withdraw, (payable(argument)));
        vm.prank(caller);
        (ok,) = address(settlement).call(data);
    }

    /// @dev Unknown -> Active by the owner's `register`, Active -> Frozen by the owner's `freeze`, and nothing else.
    function check_statusOnlyMovesForward(uint256 which, address argument, address any) external {
        IVerifierRegistry.Status before = settlement.statusOf(any);
        address owner = settlement.owner();
        (address caller,) = _call(which, argument);
        IVerifierRegistry.Status status = settlement.statusOf(any);
        if (status == before) return;
        assert(caller == owner);
        if (before == IVerifierRegistry.Status.Unknown) {
            assert(which == 0 && any == address(verifier) && status == IVerifierRegistry.Status.Active);
        } else {
            assert(before == IVerifierRegistry.Status.Active && status == IVerifierRegistry.Status.Frozen);
            assert(which == 1 && any == argument);
        }
    }

    /// @dev The verifier of a shape is never replaced: it can only be frozen.
    function check_shapesAreNeverReplaced(
        uint256 which,
        address argument,
        bytes32 m,
        uint256 n_,
        uint256 k_,
        bool isSealed_
    ) external {
        address before = settlement.verifierOf(m, n_, k_, isSealed_); // there is an active one
        _call(which, argument);
        try settlement.verifierOf(m, n_, k_, isSealed_) returns (address verifier_) {
            assert(verifier_ == before);
        } catch {
            assert(which == 1 && argument == before);
            assert(settlement.statusOf(before) == IVerifierRegistry.Status.Frozen);
        }
    }

    /// @dev A frozen verifier settles nothing and is not registered again, whatever it says about itself.
    function check_frozenStaysFrozen(uint256 which, address argument) external {
        vm.assume(settlement.statusOf(address(verifier)) == IVerifierRegistry.Status.Frozen);
        (, bool ok) = _call(which, argument);
        assert(which != 0 || !ok);
        assert(settlement.statusOf(address(verifier)) == IVerifierRegistry.Status.Frozen);
    }

    function check_ownershipIsAccepted(uint256 which, address argument) external {
        address owner = settlement.owner();
        address pending = settlement.pendingOwner();
        (address caller,) = _call(which, argument);
        if (settlement.owner() != owner) {
            assert(
                (which == 3 && caller == pending && settlement.owner() == pending)
                    || (which == 4 && caller == owner && settlement.owner() == address(0))
            );
            assert(settlement.pendingOwner() == address(0));
        } else if (settlement.pendingOwner() != pending) {
            assert(caller == owner || (which == 3 && caller == pending));
        }
    }

    /// @dev Registered, and found, under what it says about itself.
    function check_registered() external {
        vm.prank(settlement.owner());
        settlement.register(address(verifier));
        assert(settlement.statusOf(address(verifier)) == IVerifierRegistry.Status.Active);
        assert(settlement.verifierOf(model, n, k, isSealed) == address(verifier));
    }

    /// @dev On chain id 1, no verifier that says that its SRS is a development one.
    function check_developmentSrs() external {
        vm.chainId(1);
        vm.prank(settlement.owner());
        (bool ok,) = address(settlement).call(abi.encodeCall(settlement.register, (address(verifier))));
        assert(!ok);
    }
}
