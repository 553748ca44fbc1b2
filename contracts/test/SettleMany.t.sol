// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ZkLLMVerifier} from "../generated/single/ZkLLMVerifier.sol";
import {IRequestEscrow} from "../src/interfaces/IRequestEscrow.sol";
import {IVerifierRegistry} from "../src/interfaces/IVerifierRegistry.sol";
import {IZkLLMSettlement, Settlement} from "../src/interfaces/IZkLLMSettlement.sol";
import {IZkLLMVerifier} from "../src/interfaces/IZkLLMVerifier.sol";
import {PairingBatch} from "../src/libraries/PairingBatch.sol";
import {Bn254, Point} from "./utils/Bn254.sol";
import {DeployedBatch, Deployments} from "./utils/Deployed.sol";
import {EquationVerifier} from "./utils/EquationVerifier.sol";
import {Fixture, Fixtures, ProofWord} from "./utils/Fixture.sol";
import {TestBase} from "./utils/TestBase.sol";
import {vm} from "./utils/Vm.sol";

/// @notice Settlement of several real proofs at once: each is as safe as alone.
contract SettleManyTest is TestBase {
    using Bn254 for Point;
    using Fixtures for Fixture;

    uint256 private constant SINGLE = 0;
    uint256 private constant SECOND = 1;
    uint256 private constant THIRD = 2;
    uint256 private constant WIDE = 3;
    uint256 private constant VEILED = 4;
    uint256 private constant COUNT = 5;
    // words of an equation, as `pairingInput` returns them
    uint256 private constant STATE = 0;
    uint256 private constant SRS_DIGEST = 1;
    uint256 private constant DEVELOPMENT = 2;
    uint256 private constant A = 3;
    uint256 private constant ONE = 5;
    uint256 private constant W = 9;
    uint256 private constant TAU = 11;
    uint256 private constant Q = 15;
    uint256 private constant TAU_B = 17;
    uint256 private constant EQUATION_WORDS = 21;
    /// @dev Execution of a further claim, which alone takes twice that.
    uint256 private constant MAX_FURTHER_GAS = 170_000;

    DeployedBatch private d;

    function setUp() external {
        DeployedBatch memory made = Deployments.batch();
        d.settlement = made.settlement;
        d.verifiers = made.verifiers;
        for (uint256 i = 0; i < made.fixtures.length; ++i) {
            d.fixtures.push(made.fixtures[i]);
        }
    }

    // ---------------------------------------------------------------------------------------- helpers

    function _one(uint256 i) private view returns (Settlement memory) {
        return d.fixtures[i].settlementBy(d.verifiers[i]);
    }

    function _ones(uint256 a, uint256 b) private view returns (Settlement[] memory batch) {
        batch = new Settlement[](2);
        (batch[0], batch[1]) = (_one(a), _one(b));
    }

    function _both(Settlement memory a, Settlement memory b)
        private
        pure
        returns (Settlement[] memory batch)
    {
        batch = new Settlement[](2);
        (batch[0], batch[1]) = (a, b);
    }

    function _call(Settlement[] memory batch) private returns (bool ok, bytes memory returned) {
        vm.prank(d.fixtures[0].sender);
        (ok, returned) =
            address(d.settlement).call{gas: 5_000_000}(abi.encodeCall(IZkLLMSettlement.settleMany, (batch)));
    }

    function _accept(Settlement[] memory batch, string memory what)
        private
        returns (bytes32[] memory claimIds)
    {
        (bool ok, bytes memory returned) = _call(batch);
        assertTrue(ok, what);
        return abi.decode(returned, (bytes32[]));
    }

    function _refuse(Settlement[] memory batch, bytes4 expected, string memory what) private {
        (bool ok, bytes memory returned) = _call(batch);
        if (ok) revert WasAccepted(what);
        if (returned.length < 4 || bytes4(returned) != expected) revert WrongError(what, returned, expected);
    }

    /// @dev What stands for the prompt in the claim's event.
    function _digest(Fixture memory f) private pure returns (bytes32) {
        return f.isSealed ? bytes32(f.words[0]) : keccak256(abi.encodePacked(f.prompt()));
    }

    function _settleAlone(uint256 i) private {
        Fixture memory f = d.fixtures[i];
        vm.prank(f.sender);
        (bool ok,) = address(d.settlement).call(f.settleCalldata(d.verifiers[i]));
        assertTrue(ok, "settled alone");
    }

    function _isSettled(uint256 i) private view returns (bool) {
        return d.settlement.isSettled(d.fixtures[i].claimId);
    }

    /// @dev The words that the verifier of fixture `i` returns for this settlement's proof.
    function _equation(uint256 i, Settlement memory one) private view returns (uint256[] memory words) {
        (bool ok, bytes memory returned) = one.verifier
            .staticcall(
                abi.encodeCall(IZkLLMVerifier.pairingInput, (d.fixtures[i].context, one.words, one.proof))
            );
        assertTrue(ok && returned.length == 32 * EQUATION_WORDS, "pairing input");
        words = new uint256[](EQUATION_WORDS);
        for (uint256 j = 0; j < EQUATION_WORDS; ++j) {
            assembly ("memory-safe") {
                mstore(add(add(words, 0x20), mul(0x20, j)), mload(add(add(returned, 0x20), mul(0x20, j))))
            }
        }
    }

    function _pointAt(uint256[] memory words, uint256 place) private pure returns (Point memory) {
        return Point(words[place], words[place + 1]);
    }

    function _put(uint256[] memory words, uint256 place, Point memory point) private pure {
        (words[place], words[place + 1]) = (point.x, point.y);
    }

    function _putG2(uint256[] memory words, uint256 place, uint256[] memory from, uint256 at) private pure {
        for (uint256 i = 0; i < 4; ++i) {
            words[place + i] = from[at + i];
        }
    }

    /// @dev A proof of which nothing but the pairing is wrong: W', which only omega depends on, is another point. P is
    /// then (z - tau) `shift`.
    function _shifted(uint256 i, Point memory shift) private view returns (Settlement memory one) {
        one = _one(i);
        uint256 at = 2 * d.fixtures[i].witnessColumns + ProofWord.W_PRIME;
        _put(one.proof, at, _pointAt(one.proof, at).plus(shift));
    }

    function _batchFixture() private view returns (string memory) {
        return vm.readFile("contracts/test/fixtures/batch.json");
    }

    /// @dev A verifier of another model, of one registered token, that says this equation.
    function _saying(string memory name, uint256[] memory equation)
        private
        returns (EquationVerifier verifier)
    {
        verifier = new EquationVerifier(name);
        d.settlement.register(address(verifier));
        verifier.say(abi.encodePacked(equation));
    }

    // ---------------------------------------------------------------------------------------- settling

    /// @dev Three proofs of one verifier, one of them for a request, one of another model with another b,
    /// and one of a sealed prompt.
    function test_severalAreSettledAsAlone() external {
        Settlement[] memory batch = new Settlement[](COUNT);
        for (uint256 i = 0; i < COUNT; ++i) {
            batch[i] = _one(i);
            Fixture memory f = d.fixtures[i];
            vm.expectEmit(true, true, true, true, address(d.settlement));
            emit IZkLLMSettlement.Settled(f.claimId, f.modelId, f.sender, _digest(f), f.text);
            if (f.requestId == 0) continue;
            vm.expectEmit(true, true, true, true, address(d.settlement));
            emit IRequestEscrow.Fulfilled(f.requestId, f.claimId, f.sender, Deployments.REWARD);
        }
        bytes32[] memory claimIds = _accept(batch, "all");
        assertEq(claimIds.length, COUNT, "ids");
        for (uint256 i = 0; i < COUNT; ++i) {
            Fixture memory f = d.fixtures[i];
            assertEq(claimIds[i], f.claimId, "claim id");
            assertEq(d.settlement.textOf(f.claimId), f.text, "text");
            assertEq(d.settlement.tokensOf(f.claimId).length, f.k, "tokens");
        }
        assertEq(d.settlement.creditOf(d.fixtures[0].sender), Deployments.REWARD, "reward, once");
    }

    function test_theOrderIsFree() external {
        Settlement[] memory batch = new Settlement[](COUNT);
        for (uint256 i = 0; i < COUNT; ++i) {
            batch[i] = _one(COUNT - 1 - i);
        }
        bytes32[] memory claimIds = _accept(batch, "reversed");
        for (uint256 i = 0; i < COUNT; ++i) {
            assertEq(claimIds[i], d.fixtures[COUNT - 1 - i].claimId, "in the batch's order");
        }
    }

    function test_oneIsABatchToo() external {
        Settlement[] memory batch = new Settlement[](1);
        batch[0] = _one(WIDE);
        assertEq(_accept(batch, "one")[0], d.fixtures[WIDE].claimId, "claim id");
        batch[0] = _shifted(SINGLE, Bn254.generator());
        _refuse(batch, PairingBatch.PairingFailed.selector, "one that is false");
    }

    /// @dev P is the claim's name: another P is another claim, which the proof does not show.
    function test_aSealedPromptIsThatOfItsProof() external {
        Settlement[] memory batch = _ones(SINGLE, VEILED);
        Fixture memory f = d.fixtures[VEILED];
        bytes32 other = d.settlement.sealedClaimIdOf(f.modelId, f.k, f.words[0] + 1);
        ++batch[1].words[0];
        _refuse(batch, ZkLLMVerifier.InverseMismatch.selector, "another sealed prompt");
        assertTrue(!d.settlement.isSettled(other) && !_isSettled(VEILED), "nothing is settled");
        --batch[1].words[0];
        bytes32[] memory claimIds = _accept(batch, "with a sealed prompt");
        assertEq(claimIds[1], d.settlement.sealedClaimIdOf(f.modelId, f.k, f.words[0]), "its own claim");
    }

    /// @dev What a generated verifier leaves, and the weight of it all, as Python computes them.
    function test_equationsAreThoseOfPython() external view {
        string memory json = _batchFixture();
        string[5] memory names = ["single", "second", "third", "wide", "veiled"];
        uint256[] memory batch = PairingBatch.create(COUNT);
        for (uint256 i = 0; i < COUNT; ++i) {
            uint256[] memory expected = vm.parseJsonUintArray(json, string.concat(".equations.", names[i]));
            uint256[] memory words = _equation(i, _one(i));
            assertEq(abi.encode(words), abi.encode(expected), names[i]);
            uint256 place = PairingBatch.add(batch);
            assembly ("memory-safe") {
                mcopy(place, add(words, 0x20), mul(0x20, EQUATION_WORDS))
            }
        }
        assertEq(PairingBatch.challenge(batch), vm.parseJsonUint(json, ".weight"), "weight");
        PairingBatch.check(batch);
    }

    function test_gasOfAFurtherClaim() external {
        Settlement[] memory one = new Settlement[](1);
        one[0] = _one(WIDE);
        uint256 alone = _gasOf(one);
        uint256 two = _gasOf(_ones(SINGLE, SECOND));
        emit log_named_uint("one claim", alone);
        emit log_named_uint("a further claim", two - alone);
        assertTrue(two < alone + MAX_FURTHER_GAS, "gas of a further claim");
    }

    function _gasOf(Settlement[] memory batch) private returns (uint256 used) {
        bytes memory data = abi.encodeCall(IZkLLMSettlement.settleMany, (batch));
        address target = address(d.settlement);
        address sender = d.fixtures[0].sender;
        vm.cool(target);
        vm.cool(batch[0].verifier);
        vm.prank(sender);
        used = gasleft();
        (bool ok,) = target.call(data);
        used -= gasleft();
        assertTrue(ok, "settled");
    }

    // ---------------------------------------------------------------------------------- false proofs

    function test_oneFalseProofSettlesNothing() external {
        Settlement[] memory batch = new Settlement[](COUNT);
        for (uint256 bad = 0; bad < COUNT; ++bad) {
            for (uint256 i = 0; i < COUNT; ++i) {
                batch[i] = i == bad ? _shifted(i, Bn254.generator()) : _one(i);
            }
            _refuse(batch, PairingBatch.PairingFailed.selector, "one false proof");
            for (uint256 i = 0; i < COUNT; ++i) {
                assertTrue(!_isSettled(i), "nothing is settled");
            }
        }
        assertEq(d.settlement.creditOf(d.fixtures[0].sender), 0, "nothing is credited");
    }

    /// @dev Any other lie than the pairing's is met by the verifier itself.
    function test_whatVerifyRefusesIsRefused() external {
        Settlement[] memory batch = _ones(SINGLE, SECOND);
        batch[1].proof[2 * d.fixtures[SECOND].witnessColumns + ProofWord.EVALUATIONS] ^= 1;
        _refuse(batch, ZkLLMVerifier.InverseMismatch.selector, "another evaluation");
        batch = _ones(SINGLE, SECOND);
        batch[1].proof[2 * d.fixtures[SECOND].witnessColumns + ProofWord.DELTA] = Bn254.R;
        _refuse(batch, ZkLLMVerifier.ScalarOutOfRange.selector, "a scalar out of range");
        batch = _ones(SINGLE, SECOND);
        batch[0].words[0] ^= 1 << 208; // x_0
        _refuse(batch, ZkLLMVerifier.InverseMismatch.selector, "another statement");
        batch = _ones(SINGLE, SECOND);
        (batch[0].proof, batch[1].proof) = (batch[1].proof, batch[0].proof);
        _refuse(batch, ZkLLMVerifier.InverseMismatch.selector, "each other's proofs");
    }

    /// @dev Two real proofs, P_i = (z_i - tau)(z_j - tau) and P_j = -(z_i - tau)(z_j - tau), made without knowing tau: with
    /// equal weights they would pass, and with weights that a prover knew before.
    function test_falseProofsThatCancelAreRefused() external {
        bytes4 expected = PairingBatch.PairingFailed.selector;
        _refuse(_cancelling(SINGLE, SECOND, 1), expected, "equal weights");
        Settlement[] memory batch = new Settlement[](3);
        Settlement[] memory pair = _cancelling(SECOND, WIDE, 1);
        (batch[0], batch[1], batch[2]) = (_one(SINGLE), pair[0], pair[1]);
        _refuse(batch, expected, "equal weights from the second on");

        uint256[] memory hashed = new uint256[](2 + EQUATION_WORDS);
        (hashed[0], hashed[1]) = (uint256(PairingBatch.TAG), 2);
        uint256[] memory equation = _equation(SINGLE, _cancelling(SINGLE, SECOND, 1)[0]);
        for (uint256 i = 0; i < EQUATION_WORDS; ++i) {
            hashed[2 + i] = equation[i];
        }
        uint256 rho = uint256(keccak256(abi.encodePacked(hashed))) % Bn254.R;
        _refuse(_cancelling(SINGLE, SECOND, rho), expected, "a weight drawn from the first alone");
    }

    /// @dev P_i + rho P_j = 0.
    function _cancelling(uint256 i, uint256 j, uint256 rho) private view returns (Settlement[] memory) {
        string memory json = _batchFixture();
        uint256[] memory tau = vm.parseJsonUintArray(json, ".tau");
        uint256[] memory z = vm.parseJsonUintArray(json, ".z");
        Point memory minusTau = Point(tau[0], tau[1]).negated();
        Point memory first = Bn254.generator().times(z[i]).plus(minusTau);
        Point memory second = Bn254.generator().times(z[j]).plus(minusTau);
        return _both(_shifted(i, second), _shifted(j, first.times(Bn254.R - Bn254.inverse(rho))));
    }

    /// @dev A verifier that lies about its own proof chooses its points when it knows the other's: if it knew its weight
    /// too, a false proof of the other's model would be settled.
    function test_lyingVerifiersDoNotHelpFalseProofs() external {
        EquationVerifier liar = _saying("liar", new uint256[](0));
        Settlement memory falseOne = _shifted(SINGLE, Bn254.generator());
        uint256[] memory first = _equation(SINGLE, falseOne);
        uint256[] memory lie = _equation(SINGLE, falseOne);
        lie[STATE] = 5;
        uint256 tag = uint256(PairingBatch.TAG);
        uint256[5] memory guesses = [
            1,
            uint256(keccak256(abi.encodePacked(tag, uint256(2), first[STATE], lie[STATE]))), // the states
            uint256(keccak256(abi.encodePacked(tag, first[STATE], lie[STATE]))),
            uint256(keccak256(abi.encodePacked(tag, uint256(2), first))), // the other's equation
            uint256(keccak256(abi.encodePacked(tag, uint256(2), first, lie[STATE])))
        ];
        for (uint256 i = 0; i < guesses.length; ++i) {
            uint256 rho = guesses[i] % Bn254.R;
            for (uint256 place = A; place < EQUATION_WORDS; place += 6) {
                _put(lie, place, _pointAt(first, place).times(Bn254.R - Bn254.inverse(rho)));
            }
            liar.say(abi.encodePacked(lie));
            _refuse(_both(falseOne, liar.settlement()), PairingBatch.PairingFailed.selector, "liar last");
            for (uint256 place = A; place < EQUATION_WORDS; place += 6) {
                _put(lie, place, _pointAt(first, place).times(Bn254.R - rho));
            }
            liar.say(abi.encodePacked(lie));
            _refuse(_both(liar.settlement(), falseOne), PairingBatch.PairingFailed.selector, "liar first");
        }
        // it can lie about its own claim alone
        liar.say(abi.encodePacked(_equation(SECOND, _one(SECOND))));
        _accept(_both(_one(SINGLE), liar.settlement()), "with an equation that holds");
        assertTrue(d.settlement.isSettled(liar.claimId()), "its own");
    }

    /// @dev A verifier's answer that is cut off, or no points.
    function test_answersThatAreNoEquation() external {
        uint256[] memory short = new uint256[](EQUATION_WORDS - 1);
        EquationVerifier verifier = _saying("short", short);
        Settlement[] memory batch = _both(_one(SINGLE), verifier.settlement());
        _refuse(batch, IVerifierRegistry.NotAVerifier.selector, "a word is missing");
        Settlement[] memory alone = new Settlement[](1);
        alone[0] = batch[1];
        uint256[] memory words = _equation(SINGLE, _one(SINGLE));
        for (uint256 place = A; place < EQUATION_WORDS; place += 6) {
            uint256[] memory wrong = _equation(SINGLE, _one(SINGLE));
            wrong[place] ^= 1;
            verifier.say(abi.encodePacked(wrong));
            _refuse(batch, PairingBatch.PrecompileFailed.selector, "not on the curve");
            _refuse(
                _both(batch[1], batch[0]), PairingBatch.PrecompileFailed.selector, "not on the curve, first"
            );
            _refuse(alone, PairingBatch.PrecompileFailed.selector, "not on the curve, alone");
        }
        verifier.say(abi.encodePacked(words));
        _accept(batch, "its equation");
    }

    // ---------------------------------------------------------------------------------- G2 and SRS

    /// @dev The equation e(G, [1]_2) e(-G, point) = 1 with the point in the place of [tau]_2 or [tau^b]_2.
    function _ofGenerator(uint256 place, uint256 minus) private view returns (uint256[] memory words) {
        words = _equation(SINGLE, _one(SINGLE));
        for (uint256 at = A; at < EQUATION_WORDS; at += 6) {
            _put(words, at, Point(0, 0));
        }
        _put(words, place, Bn254.generator());
        _put(words, minus, Bn254.generator().negated());
    }

    /// @dev What is false for its own points of G2 and holds for those of another verifier, who may know the secret
    /// behind them, is not settled beside it, in either order.
    function test_othersPointsOfG2AreNotTaken() external {
        uint256[] memory victims = _ofGenerator(A, W);
        uint256[] memory others = _ofGenerator(A, W);
        _putG2(others, TAU, others, ONE); // tau = 1
        _refuseBeside(victims, others, PairingBatch.AnotherSrs.selector, "[tau]_2");

        others = _ofGenerator(A, W);
        _putG2(others, ONE, others, TAU); // all of the same multiple
        _refuseBeside(victims, others, PairingBatch.AnotherSrs.selector, "[1]_2");

        victims = _ofGenerator(A, Q);
        others = _ofGenerator(A, Q);
        _putG2(others, TAU_B, others, ONE); // tau^b = 1
        _refuseBeside(victims, others, PairingBatch.PairingFailed.selector, "[tau^b]_2");
    }

    function test_srsIsOne() external {
        uint256[] memory honest = _equation(SINGLE, _one(SINGLE));
        uint256[] memory other = _equation(SINGLE, _one(SINGLE));
        other[SRS_DIGEST] ^= 1;
        _refuseBeside(honest, other, PairingBatch.AnotherSrs.selector, "another digest");
        other[SRS_DIGEST] ^= 1;
        other[DEVELOPMENT] ^= 1;
        _refuseBeside(honest, other, PairingBatch.AnotherSrs.selector, "another kind");
    }

    uint256 private _named;

    function _refuseBeside(uint256[] memory a, uint256[] memory b, bytes4 expected, string memory what)
        private
    {
        EquationVerifier first = _saying(vm.toString(++_named), a);
        EquationVerifier second = _saying(vm.toString(++_named), b);
        _refuse(_both(first.settlement(), second.settlement()), expected, what);
        _refuse(_both(second.settlement(), first.settlement()), expected, what);
    }

    /// @dev Pairs of one b are added up wherever they are, and no others.
    function test_eachBHasItsPair() external {
        Settlement[] memory batch = new Settlement[](4);
        (batch[0], batch[1], batch[2], batch[3]) = (_one(SINGLE), _one(WIDE), _one(SECOND), _one(THIRD));
        batch[3] = _shifted(THIRD, Bn254.generator());
        _refuse(batch, PairingBatch.PairingFailed.selector, "false after another b");
        batch[3] = _one(THIRD);
        _accept(batch, "b, another b, b, b");
    }

    // ---------------------------------------------------------------------------------- who and what

    function test_copiesAreRefused() external {
        bytes memory data = abi.encodeCall(IZkLLMSettlement.settleMany, (_ones(SINGLE, SECOND)));
        bytes4 expected = ZkLLMVerifier.InverseMismatch.selector;
        vm.prank(address(0xbad));
        assertReverts(address(d.settlement), data, expected, "another sender");
        vm.chainId(1 + d.fixtures[0].chainId);
        _refuse(_ones(SINGLE, SECOND), expected, "another chain");
    }

    function test_requestsAreThoseOfTheirProofs() external {
        Settlement[] memory batch = _ones(SECOND, THIRD);
        batch[1].requestId = 0;
        _refuse(batch, ZkLLMVerifier.InverseMismatch.selector, "without its request");
        batch = _ones(SECOND, THIRD);
        (batch[0].requestId, batch[1].requestId) = (batch[1].requestId, 0);
        _refuse(batch, ZkLLMVerifier.InverseMismatch.selector, "with another's request");
        vm.warp(block.timestamp + 2 days);
        _refuse(_ones(SECOND, THIRD), IRequestEscrow.RequestExpired.selector, "too late");
        assertTrue(!_isSettled(SECOND), "nothing is settled");
    }

    function test_verifiersAreRegisteredAndNotFrozen() external {
        Settlement[] memory batch = new Settlement[](3);
        (batch[0], batch[1], batch[2]) = (_one(SINGLE), _one(WIDE), _one(SECOND));
        batch[1].verifier = address(new EquationVerifier("nobody's"));
        _refuse(batch, IVerifierRegistry.UnknownVerifier.selector, "not registered");
        batch[1] = _one(WIDE);
        d.settlement.freeze(d.verifiers[WIDE]);
        _refuse(batch, IVerifierRegistry.FrozenVerifier.selector, "frozen, in the middle");
        assertTrue(!_isSettled(SINGLE), "nothing is settled");
    }

    // ---------------------------------------------------------------------------------- settled already

    function test_aClaimTwiceInABatchIsRefused() external {
        _refuse(_ones(SINGLE, SINGLE), IZkLLMSettlement.AlreadySettled.selector, "twice");
        assertTrue(!_isSettled(SINGLE), "nothing is settled");
        Settlement[] memory batch = new Settlement[](3);
        (batch[0], batch[1], batch[2]) = (_one(SINGLE), _one(SECOND), _one(SINGLE));
        _refuse(batch, IZkLLMSettlement.AlreadySettled.selector, "twice, one between");
    }

    /// @dev Those that others settled are passed over, wherever they are; their proofs are not looked at.
    function test_settledClaimsArePassedOver() external {
        _settleAlone(SINGLE);
        _settleAlone(THIRD);
        uint256 credit = d.settlement.creditOf(d.fixtures[THIRD].sender);
        Settlement[] memory batch = new Settlement[](4);
        for (uint256 i = 0; i < 4; ++i) {
            batch[i] = _one(i);
        }
        batch[SINGLE] = _shifted(SINGLE, Bn254.generator());
        batch[THIRD].proof = new uint256[](0);
        bytes32[] memory claimIds = _accept(batch, "two of four");
        assertEq(claimIds[SINGLE], 0, "passed over");
        assertEq(claimIds[SECOND], d.fixtures[SECOND].claimId, "settled");
        assertEq(claimIds[THIRD], 0, "passed over");
        assertEq(claimIds[WIDE], d.fixtures[WIDE].claimId, "settled");
        assertEq(d.settlement.creditOf(d.fixtures[THIRD].sender), credit, "no reward twice");
        assertEq(d.settlement.textOf(d.fixtures[SINGLE].claimId), d.fixtures[SINGLE].text, "as it was");
    }

    /// @dev A false proof is not saved by one that would cancel it and is passed over.
    function test_whatIsPassedOverHelpsNobody() external {
        _settleAlone(SINGLE);
        _refuse(
            _cancelling(SINGLE, SECOND, 1),
            PairingBatch.PairingFailed.selector,
            "a false proof and its counterpart"
        );
        Settlement[] memory batch = _ones(SINGLE, SECOND);
        batch[1] = _shifted(SECOND, Bn254.generator());
        _refuse(batch, PairingBatch.PairingFailed.selector, "a false proof beside what is passed over");
        assertTrue(!_isSettled(SECOND), "not settled");
    }

    function test_nothingToSettleIsAnError() external {
        _refuse(new Settlement[](0), IZkLLMSettlement.NothingToSettle.selector, "empty");
        _settleAlone(SINGLE);
        _settleAlone(SECOND);
        _refuse(_ones(SINGLE, SECOND), IZkLLMSettlement.NothingToSettle.selector, "all settled");
        _refuse(
            _ones(SINGLE, SINGLE), IZkLLMSettlement.NothingToSettle.selector, "one that is settled, twice"
        );
    }

    // ---------------------------------------------------------------------------------- calldata

    /// @dev Any word of the calldata's frame, one more or one less; and anything after the end.
    function test_calldataHasOneEncoding() external {
        bytes memory data = abi.encodeCall(IZkLLMSettlement.settleMany, (_ones(SINGLE, SECOND)));
        _refuseData(abi.encodePacked(data, uint256(0)), "a word more");
        _refuseData(abi.encodePacked(data, uint8(0)), "a byte more");
        _refuseData(_withGap(data, 0x24, 4), "a gap before the array");
        _refuseData(_withGap(data, 0x44 + _wordAt(data, 0x64), 0x64), "a gap between two settlements");
        uint256 first = _wordAt(data, 0x44) + 0x44;
        uint256 second = _wordAt(data, 0x64) + 0x44;
        uint256[11] memory frame = [
            4,
            0x44,
            0x64,
            first + 0x40,
            first + 0x60,
            first + 0x80,
            first + 0xa0,
            second + 0x40,
            second + 0x60,
            second + 0x80,
            second + 0xa0
        ];
        for (uint256 i = 0; i < frame.length; ++i) {
            uint256 word = _wordAt(data, frame[i]);
            _setWord(data, frame[i], word + 0x20);
            _refuseFrame(data);
            _setWord(data, frame[i], word - 0x20);
            _refuseFrame(data);
            _setWord(data, frame[i], word);
        }
        _setWord(data, first, _wordAt(data, first) | (1 << 160)); // above the verifier's address
        _refuseFrame(data);
        _setWord(data, first, _wordAt(data, first) ^ (1 << 160));
        vm.prank(d.fixtures[0].sender);
        (bool ok,) = address(d.settlement).call(data);
        assertTrue(ok, "as it was");
    }

    function _refuseData(bytes memory data, string memory what) private {
        vm.prank(d.fixtures[0].sender);
        assertReverts(address(d.settlement), data, IZkLLMSettlement.InvalidCalldata.selector, what);
    }

    /// @dev By Solidity's decoder, with no reason, or by ours.
    function _refuseFrame(bytes memory data) private {
        vm.prank(d.fixtures[0].sender);
        (bool ok, bytes memory returned) = address(d.settlement).call(data);
        if (ok) revert WasAccepted("another frame");
        assertTrue(
            returned.length == 0 || bytes4(returned) == IZkLLMSettlement.InvalidCalldata.selector,
            "the decoder"
        );
    }

    /// @dev A word more at `at`, which the offset at `offset` is told of.
    function _withGap(bytes memory data, uint256 at, uint256 offset) private pure returns (bytes memory out) {
        bytes memory before = new bytes(at);
        bytes memory rest = new bytes(data.length - at);
        assembly ("memory-safe") {
            mcopy(add(before, 0x20), add(data, 0x20), at)
            mcopy(add(rest, 0x20), add(add(data, 0x20), at), mload(rest))
        }
        out = abi.encodePacked(before, uint256(0), rest);
        _setWord(out, offset, _wordAt(out, offset) + 0x20);
    }

    function _wordAt(bytes memory data, uint256 at) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(data, 0x20), at))
        }
    }

    function _setWord(bytes memory data, uint256 at, uint256 word) private pure {
        assembly ("memory-safe") {
            mstore(add(add(data, 0x20), at), word)
        }
    }
}
