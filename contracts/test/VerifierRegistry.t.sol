// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ZkLLMSettlement} from "../src/ZkLLMSettlement.sol";
import {IVerifierRegistry} from "../src/interfaces/IVerifierRegistry.sol";
import {MockZkLLMVerifier} from "../src/mocks/MockZkLLMVerifier.sol";
import {MockedSettlement} from "./utils/MockedSettlement.sol";
import {vm} from "./utils/Vm.sol";
import {Vocabulary} from "./utils/Vocabulary.sol";
import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";

/// @notice The registry: append-only, with an owner who can add and freeze and nothing else.
contract VerifierRegistryTest is MockedSettlement {
    address private constant STRANGER = address(0xbad);
    address private constant HEIR = address(0xe1);

    function test_verifiersByModelAndLength() external {
        MockZkLLMVerifier longer = _register(LENGTH + 10, 1);
        MockZkLLMVerifier several = _register(LENGTH, 2);
        address[] memory all = settlement.verifiersOf(MODEL);
        assertEq(all.length, 3, "all");
        assertTrue(
            all[0] == address(verifier) && all[1] == address(longer) && all[2] == address(several), "in order"
        );
        assertTrue(settlement.verifierOf(MODEL, LENGTH, 1, false) == address(verifier), "N, 1");
        assertTrue(settlement.verifierOf(MODEL, LENGTH + 10, 1, false) == address(longer), "N + 10, 1");
        assertTrue(settlement.verifierOf(MODEL, LENGTH, 2, false) == address(several), "N, 2");
        bytes memory data = abi.encodeCall(settlement.verifierOf, (MODEL, LENGTH + 1, 1, false));
        assertReverts(address(settlement), data, IVerifierRegistry.UnknownShape.selector, "no such shape");
        data = abi.encodeCall(settlement.verifierOf, (keccak256("another"), LENGTH, 1, false));
        assertReverts(address(settlement), data, IVerifierRegistry.UnknownShape.selector, "no such model");
    }

    /// @dev The same N and k with sealed prompts is a shape of its own.
    function test_verifiersOfSealedPrompts() external {
        bytes memory data = abi.encodeCall(settlement.verifierOf, (MODEL, LENGTH, 1, true));
        assertReverts(address(settlement), data, IVerifierRegistry.UnknownShape.selector, "none is sealed");
        MockZkLLMVerifier v = _sealedVerifier(LENGTH, 1);
        settlement.register(address(v));
        assertTrue(settlement.verifierOf(MODEL, LENGTH, 1, true) == address(v), "sealed");
        assertTrue(settlement.verifierOf(MODEL, LENGTH, 1, false) == address(verifier), "not sealed");
        data = abi.encodeCall(settlement.register, (address(_sealedVerifier(LENGTH, 1))));
        assertReverts(address(settlement), data, IVerifierRegistry.ShapeTaken.selector, "the same shape");
    }

    /// @dev What is said of the prompt is a boolean, or it is no verifier's answer.
    function test_sealedOrNot() external {
        for (uint256 word = 2; word < 6; ++word) {
            Hesitant hesitant = new Hesitant(word == 5 ? type(uint256).max : word);
            bytes memory data = abi.encodeCall(settlement.register, (address(hesitant)));
            assertReverts(address(settlement), data, IVerifierRegistry.NotAVerifier.selector, "no boolean");
        }
        settlement.register(address(new Hesitant(1)));
    }

    function test_nothingIsReplaced() external {
        bytes memory again = abi.encodeCall(settlement.register, (address(verifier)));
        assertReverts(address(settlement), again, IVerifierRegistry.AlreadyRegistered.selector, "again");
        bytes memory twin = abi.encodeCall(settlement.register, (address(_verifier(LENGTH, 1))));
        assertReverts(address(settlement), twin, IVerifierRegistry.ShapeTaken.selector, "the same shape");
        settlement.freeze(address(verifier));
        assertReverts(
            address(settlement), again, IVerifierRegistry.AlreadyRegistered.selector, "frozen, again"
        );
        assertReverts(address(settlement), twin, IVerifierRegistry.ShapeTaken.selector, "frozen, another");
    }

    function test_onlyVerifiers() external {
        bytes memory data = abi.encodeCall(settlement.register, (STRANGER));
        assertReverts(address(settlement), data, IVerifierRegistry.NotAVerifier.selector, "no code");
        data = abi.encodeCall(settlement.register, (address(settlement)));
        bytes4 expected = IVerifierRegistry.NotAVerifier.selector;
        assertReverts(address(settlement), data, expected, "code that says nothing about itself");
        data = abi.encodeCall(settlement.register, (address(new Mumbler())));
        assertReverts(address(settlement), data, expected, "code that says too little");
    }

    /// @dev A development verifier cannot be made on chain id 1, so it is brought there.
    function test_developmentSrsIsRefusedOnMainnet() external {
        bytes memory data = abi.encodeCall(settlement.register, (address(_verifier(LENGTH, 3))));
        vm.chainId(1);
        bytes4 expected = IVerifierRegistry.DevelopmentSrsOnMainnet.selector;
        assertReverts(address(settlement), data, expected, "development SRS");
    }

    function test_frozenVerifiersSettleNothingMore() external {
        uint32[] memory ids = _ids(1, 9);
        _settle(ids, 0);
        settlement.freeze(address(verifier));
        assertTrue(settlement.statusOf(address(verifier)) == IVerifierRegistry.Status.Frozen, "status");
        bytes4 expected = IVerifierRegistry.FrozenVerifier.selector;
        assertReverts(address(settlement), _calldata(verifier, _ids(2, 9), 0), expected, "settle");
        bytes memory data = abi.encodeCall(settlement.verifierOf, (MODEL, LENGTH, 1, false));
        assertReverts(address(settlement), data, expected, "verifierOf");
        data = abi.encodeCall(settlement.freeze, (address(verifier)));
        assertReverts(address(settlement), data, expected, "freeze again");
        assertTrue(settlement.isSettled(_claimId(ids, 1)), "what is settled stays");
    }

    /// @dev Neither under another model's name, nor with another vocabulary or shape than it was registered with.
    function test_verifiersKeepToWhatTheyWereRegisteredFor() external {
        Chameleon liar = new Chameleon(MODEL, Vocabulary.root(vocabulary), SIZE, LENGTH, 2);
        settlement.register(address(liar));
        bytes4 changed = IVerifierRegistry.ParametersChanged.selector;
        bytes memory data = _calldata(MockZkLLMVerifier(address(liar)), _ids(1, 9), 0);
        for (uint256 i = 1; i <= 6; ++i) {
            liar.change(i);
            assertReverts(address(settlement), data, changed, "changed");
        }
        liar.change(0);
        (bool ok,) = address(settlement).call(data);
        assertTrue(ok, "as it was registered");
    }

    function test_unregisteredVerifiersSettleNothing() external {
        MockZkLLMVerifier other = _verifier(LENGTH, 2);
        bytes4 expected = IVerifierRegistry.UnknownVerifier.selector;
        assertReverts(address(settlement), _calldata(other, _ids(1, 9), 0), expected, "settle");
        bytes memory data = abi.encodeCall(settlement.freeze, (address(other)));
        assertReverts(address(settlement), data, expected, "freeze");
    }

    function test_onlyTheOwner() external {
        address other = address(_verifier(LENGTH, 2));
        bytes[4] memory calls = [
            abi.encodeCall(settlement.register, (other)),
            abi.encodeCall(settlement.freeze, (address(verifier))),
            abi.encodeCall(settlement.transferOwnership, (STRANGER)),
            abi.encodeCall(settlement.renounceOwnership, ())
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(STRANGER);
            assertReverts(
                address(settlement), calls[i], Ownable.OwnableUnauthorizedAccount.selector, "stranger"
            );
        }
    }

    function test_ownershipIsOfferedAndAccepted() external {
        settlement.transferOwnership(HEIR);
        assertTrue(settlement.owner() == address(this), "not yet");
        bytes memory accept = abi.encodeCall(settlement.acceptOwnership, ());
        vm.prank(STRANGER);
        assertReverts(address(settlement), accept, Ownable.OwnableUnauthorizedAccount.selector, "stranger");
        vm.prank(HEIR);
        settlement.acceptOwnership();
        assertTrue(settlement.owner() == HEIR && settlement.pendingOwner() == address(0), "accepted");
        assertTrue(settlement.INITIAL_OWNER() == address(this), "the first owner, whoever is it now");
        bytes memory data = abi.encodeCall(settlement.freeze, (address(verifier)));
        assertReverts(
            address(settlement), data, Ownable.OwnableUnauthorizedAccount.selector, "the former owner"
        );
        vm.prank(HEIR);
        assertReverts(
            address(settlement), accept, Ownable.OwnableUnauthorizedAccount.selector, "accepted before"
        );
    }

    function test_offersCanBeTakenBack() external {
        settlement.transferOwnership(HEIR);
        settlement.transferOwnership(address(0));
        assertTrue(settlement.pendingOwner() == address(0), "taken back");
        bytes memory accept = abi.encodeCall(settlement.acceptOwnership, ());
        vm.prank(HEIR);
        assertReverts(address(settlement), accept, Ownable.OwnableUnauthorizedAccount.selector, "too late");
        assertTrue(settlement.owner() == address(this), "still the owner");
    }

    function test_everyChangeOfTheOwnerIsAnnounced() external {
        vm.expectEmit(true, true, true, true, address(settlement));
        emit Ownable2Step.OwnershipTransferStarted(address(this), HEIR);
        settlement.transferOwnership(HEIR);
        vm.expectEmit(true, true, true, true, address(settlement));
        emit Ownable.OwnershipTransferred(address(this), HEIR);
        vm.prank(HEIR);
        settlement.acceptOwnership();
        vm.expectEmit(true, true, true, true, address(settlement));
        emit Ownable.OwnershipTransferred(HEIR, address(0));
        vm.prank(HEIR);
        settlement.renounceOwnership();
    }

    function test_nobodyIsNoFirstOwner() external {
        try new ZkLLMSettlement(address(0)) {
            revert WasAccepted("no owner");
        } catch (bytes memory reason) {
            assertTrue(bytes4(reason) == Ownable.OwnableInvalidOwner.selector, "no owner");
        }
    }

    function test_renouncedRegistriesAreClosed() external {
        settlement.transferOwnership(HEIR);
        settlement.renounceOwnership();
        vm.prank(HEIR);
        bytes memory data = abi.encodeCall(settlement.acceptOwnership, ());
        assertReverts(
            address(settlement), data, Ownable.OwnableUnauthorizedAccount.selector, "the offer is gone"
        );
        data = abi.encodeCall(settlement.register, (address(_verifier(LENGTH, 2))));
        assertReverts(
            address(settlement), data, Ownable.OwnableUnauthorizedAccount.selector, "the former owner"
        );
        _settle(_ids(1, 9), 0);
    }
}

/// @notice Says five of the six words.
contract Mumbler {
    bool public constant DEVELOPMENT_SRS = true;

    function parameters() external pure returns (bytes32, bytes32, uint256, uint256, uint256) {
        return (0, 0, 1, 1, 1);
    }
}

/// @notice Says any word of whether prompts are sealed.
contract Hesitant {
    bool public constant DEVELOPMENT_SRS = true;
    uint256 private immutable _WORD;

    constructor(uint256 word) {
        _WORD = word;
    }

    function parameters() external view returns (bytes32, bytes32, uint256, uint256, uint256, uint256) {
        return (0, 0, 1, 1, 1, _WORD);
    }
}

/// @notice A verifier that accepts everything, and says something else about itself whenever it likes.
contract Chameleon {
    bool public constant DEVELOPMENT_SRS = true;
    bytes32 private immutable _MODEL;
    bytes32 private immutable _ROOT;
    uint256 private immutable _SIZE;
    uint256 public immutable N;
    uint256 public immutable K;
    uint256 private _changed;

    constructor(bytes32 modelId, bytes32 root, uint256 size, uint256 n, uint256 k) {
        _MODEL = modelId;
        _ROOT = root;
        _SIZE = size;
        N = n;
        K = k;
    }

    function change(uint256 field) external {
        _changed = field;
    }

    function verify(bytes32, uint256[] calldata, uint256[] calldata) external view {}

    function parameters() external view returns (bytes32, bytes32, uint256, uint256, uint256, bool) {
        uint256 i = _changed;
        return (
            i == 1 ? keccak256("another") : _MODEL,
            i == 2 ? keccak256("root") : _ROOT,
            i == 3 ? _SIZE + 1 : _SIZE,
            i == 4 ? N - 1 : N,
            i == 5 ? K - 1 : K,
            i == 6
        );
    }
}
