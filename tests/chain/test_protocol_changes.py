"""Another order of messages, challenges and openings gives a contract of that order: its transcript, offsets,
denominators and batch are compared, on the EVM, with the same computed in Python.

The changed protocols prove nothing; they are what the generator must be able to follow.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files

import pytest

from tests.chain.evm import Evm, running_anvil
from tests.chain.test_differential import ADDRESS, compiled, encode_verify
from verifier_gen import VerifierSpec, generate
from verifier_gen.offsets import MemoryLayout, denominator_names
from verifier_gen.openings import _raised
from verifier_gen.standard_json import standard_json
from zkllm.field import R
from zkllm.hashing import keccak256
from zkllm.outer.contract import describe
from zkllm.outer.keys import VerifyingKey
from zkllm.outer.opening import OPENINGS, Opening, denominators, derive, opening_entries, product
from zkllm.outer.transcript import INVERSE, SCHEDULE, Round, body_elements, encode
from zkllm.pcs.bn128 import bn
from zkllm.pcs.curve import G1_GENERATOR, decode_g1, encode_g1, linear_combination_g1
from zkllm.settle.contracts import parse_artifact
from zkllm.settle.solc import compile_standard

Rounds = tuple[Round, ...]
Openings = tuple[Opening, ...]

HARNESS = """
contract Harness is ZkLLMVerifier {
    /// @dev All phases but the pairing; returns the memory that they leave.
    function run(bytes32 context, uint256[] calldata words, uint256[] calldata proof) external view {
        require(_isCanonical(words.length, proof.length), "calldata");
        require(_wordsInRange() && _scalarsInRange(R) && _pointsOnCurve(P), "range");
        _drawChallenges(context, R);
        require(_invertDenominators(R), "inverse");
        _deriveGateQuotient(R);
        _derivePermutationQuotient(R);
        _deriveMercury(R);
        _batchOpenings(R);
        require(_combineCommitments(R), "combine");
        assembly {
            return(0, M_END)
        }
    }
}
"""
RUN = keccak256(b"run(bytes32,uint256[],uint256[])")[:4]


def with_additions() -> tuple[Rounds, Openings]:
    """A commitment with a challenge of its own and a last look at the statement, two messages in rounds that
    have others, a commitment of many polynomials opened at two points, and one opened once."""
    rounds = []
    for r in SCHEDULE:
        if r.challenge == "alpha":
            r = replace(r, scalars=(*r.scalars, "slack"))
        if r.challenge == "beta":
            r = replace(r, scalars=("mask_y", *r.scalars, *(f"many{i}" for i in range(11))))
        rounds.append(r)
        if r.challenge == "zeta":
            rounds.append(Round("eta", points=("mask", "many"), scalars=("blind",)))
    many = tuple(f"many{i}" for i in range(11))
    added = Opening("mask", "y", ("mask_y",), note="the mask"), Opening("many", "y_next", many)
    return tuple(rounds), (*OPENINGS, *added, Opening("many", "zeta", many[:6], inverted=True))


def in_another_order() -> tuple[Rounds, Openings]:
    """Rounds, the messages in them and the openings, all the other way round where the text allows it."""
    theta, alpha, gamma, zeta, beta_p, gamma_p, alpha_p, y, beta, z, omega = SCHEDULE
    turned = [
        replace(r, points=r.points[::-1], scalars=r.scalars[::-1], points_first=not r.points_first)
        for r in (theta, zeta, gamma_p, y, alpha, gamma, beta, beta_p, z, alpha_p, omega)
    ]
    return tuple(turned), OPENINGS[::-1]


CHANGES = {"as it is": lambda: (SCHEDULE, OPENINGS), "more": with_additions, "turned": in_another_order}


def changed(vk: VerifyingKey, rounds: Rounds, openings: Openings) -> VerifierSpec:
    body = tuple(body_elements(vk.num_witness_columns, rounds))
    return replace(describe(vk), rounds=rounds, body=body, openings=openings)


def harness(spec: VerifierSpec) -> bytes:
    source = generate(spec).source.replace(" private ", " internal ") + HARNESS
    return parse_artifact(compile_standard(standard_json({"Harness.sol": source})), "Harness").deployed


def chain(
    vk: VerifyingKey, digest: bytes, rounds: Rounds, messages: dict[str, bytes | int]
) -> dict[str, int]:
    """The challenges, straight from docs/protocol.md, 5.1."""
    state, challenges = vk.verifier_id + digest, {}
    for r in rounds:
        order = (r.points, r.scalars) if r.points_first else (r.scalars, r.points)
        state = keccak256(state + b"".join(encode(messages[name]) for names in order for name in names))
        challenges[r.challenge] = int.from_bytes(state, "big") % R
    return challenges


class Run:
    """Messages at random, with the inverse that fits them; what Python computes of them."""

    def __init__(self, vk: VerifyingKey, rounds: Rounds, openings: Openings, words: list[int]):
        rng = random.Random(20261129)
        layout = body_elements(vk.num_witness_columns, rounds)
        self.messages: dict[str, bytes | int] = {
            name: encode_g1(bn.multiply(bn.G1, rng.randrange(1, R))) if is_point else rng.randrange(R)
            for name, is_point in layout
        }
        self.words, self.context = words, rng.randbytes(32)
        witness = [self.messages[name] for name, _ in layout[: vk.num_witness_columns]]
        statement = [keccak256(b"zkllm.v2.statement"), vk.verifier_id, self.context, *map(encode, words)]
        digest = keccak256(b"".join([*statement, *map(encode, witness)]))
        self.challenges = c = chain(vk, digest, rounds, self.messages)
        self.divisors = denominators(vk.domain, vk.num_public, c, openings)
        self.messages[INVERSE] = pow(product(self.divisors), -1, R)
        self.body = b"".join(encode(self.messages[name]) for name, _ in layout)
        scalars = {name: value for name, value in self.messages.items() if isinstance(value, int)}
        seed = int.from_bytes(digest, "big") >> 8
        derived = derive(vk.domain, words, seed, scalars, c)
        self.weights, self.generator, power = dict.fromkeys((o.commitment for o in openings), 0), 0, 1
        for entry in opening_entries(vk.domain, vk.b_log2, scalars, derived, c, openings):
            s = power * pow(entry.modulus_at(c["z"]), -1, R) % R
            self.weights[entry.commitment] = (self.weights[entry.commitment] + s) % R
            self.generator = (self.generator - s * entry.remainder_at(c["z"])) % R
            power = power * c["beta"] % R
        self.sum = self._sum(vk, witness)

    def _sum(self, vk: VerifyingKey, witness: list[bytes | int]) -> bytes:
        c, omega = self.challenges, self.challenges["omega"]
        points = {name: value for name, value in self.messages.items() if isinstance(value, bytes)}
        points["C0"] = vk.c0
        terms = [(weight, points[name]) for name, weight in self.weights.items()]
        terms += [(-omega, points["g"]), (self.generator, G1_GENERATOR), (-1, points["W"])]
        terms += [(c["z"], points["W_prime"]), (omega * c["alpha"], points["q"])]
        columns = [*vk.fixed_commitments, *map(encode, witness)]
        terms += [(omega * pow(c["theta"], i, R), column) for i, column in enumerate(columns)]
        return encode_g1(linear_combination_g1([(k % R, decode_g1(point)) for k, point in terms]))


@pytest.fixture(scope="module")
def evm() -> Iterator[Evm]:
    with running_anvil() as running:
        yield running


@pytest.mark.parametrize("change", CHANGES)
def test_the_contract_follows_the_protocols_order(evm: Evm, change: str) -> None:
    data, vk, _ = compiled("square")
    rounds, openings = CHANGES[change]()
    run = Run(vk, rounds, openings, [int(w, 16) for w in data["words"]])
    spec = changed(vk, rounds, openings)
    evm.place(ADDRESS, harness(spec))
    memory = evm.result(ADDRESS, RUN + encode_verify(run.context, run.words, run.body)[4:])
    addresses = MemoryLayout.build(spec).addresses
    at = lambda name: int.from_bytes(memory[addresses[name] : addresses[name] + 32], "big")
    assert {name: at(name.upper()) for name in run.challenges} == run.challenges
    vanishing, zeta, *others = run.divisors
    inverses = [pow(d, -1, R) for d in (vanishing, zeta, *others[vk.num_public :])]
    assert [at(f"DEN_{name}") for name in denominator_names(spec)] == inverses
    assert {name: at(f"S_{name.upper()}") for name in run.weights} == run.weights
    assert at("S_ONE") == run.generator
    assert memory[addresses["SUM"] :][:64] == run.sum


def test_powers_of_z() -> None:
    """Exponents add where factors are multiplied."""
    for degree in range(5, 70):
        exponents = {"z": 1, "z2": 2, "z3": 3, "z4": 4, "r": 0}
        for line in _raised(degree):
            code, said = line.removeprefix("power := ").split(" // z^")
            exponents["power"] = eval(code, {"mulmod": lambda a, b, _: a + b}, exponents)
            assert exponents["power"] == int(said)
        assert exponents["power"] == degree


def test_names_must_stay_apart() -> None:
    vk = compiled("square")[1]
    twice = (*SCHEDULE[:-1], replace(SCHEDULE[-1], scalars=("A",)))
    with pytest.raises(ValueError, match="one name in the contract: A"):
        generate(changed(vk, twice, OPENINGS))
    slot = (*SCHEDULE[:-1], replace(SCHEDULE[-1], challenge="sum"))
    with pytest.raises(ValueError, match="the slot M_SUM"):
        generate(changed(vk, slot, OPENINGS))
    apart = (*OPENINGS[1:], OPENINGS[0], OPENINGS[1])
    with pytest.raises(ValueError, match="must follow each other"):
        generate(changed(vk, SCHEDULE, apart))
    with pytest.raises(ValueError, match="neither messages nor challenges: nothing"):
        generate(replace(describe(vk), public_inputs=("seed", "word0", "word1", "nothing")))


NUMBERS = {
    "0": "negates a sum",
    "1": "units of the arithmetic, truth, the main network's chain id",
    "4": "of Poseidon2's external matrix",
    "8": "bits of H that the seed leaves out",
}


def test_the_template_holds_no_place_length_or_order() -> None:
    """Only numbers of the arithmetic; what reads or hashes several messages at once is generated."""
    text = files("verifier_gen").joinpath("Verifier.sol.template").read_text()
    code = re.sub(r"//.*|\$\{\w+\}|^pragma.*", "", text, flags=re.MULTILINE)
    assert set(re.findall(r"(?<!\w)(?:0x[0-9a-fA-F]+|\d+)(?!\w)", code)) == NUMBERS.keys()
    for several in ("calldatacopy", "keccak256", "staticcall", "mload(M_BETA)", "mload(M_DEN_Z1"):
        for allowed in ("let beta := mload(M_BETA)", "staticcall(gas(), , M_PAIRS, PAIRS_BYTES, 0, )"):
            code = code.replace(allowed, "")
        assert several not in code, several
    # in comments too: counts and degrees are the description's
    said = re.findall(r"X\^\d+|\b\d+ (?:evaluations|preprocessed|limbs|entries|denominators)", text)
    assert not said
