"""The generated contract and the Python verifier accept and reject the same proofs, for matching reasons."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from functools import cache

import pytest

from tests.chain.evm import ROOT, Evm, running_anvil
from zkllm.errors import ProofError
from zkllm.hashing import keccak256
from zkllm.outer.keys import VerifyingKey
from zkllm.outer.verifier import verify
from zkllm.settle.contracts import verifier_artifact

pytestmark = pytest.mark.slow

VERIFY = keccak256(b"verify(bytes32,uint256[],uint256[])")[:4]
ADDRESS = "0x00000000000000000000000000000000c0ffee00"

ERRORS_OF_CHECK = {
    "inverse": {"InverseMismatch"},
    "canonical scalar": {"ScalarOutOfRange"},
    "canonical point": {"InvalidPoint"},
    "point on curve": {"InvalidPoint"},
    "pairing": {"PairingFailed"},
    "length": {"InvalidCalldata", "decoder"},
    # the contract leaves the statement's limits to the circuit: another statement has other challenges
    "statement": {"InverseMismatch", "WordOutOfRange", "InvalidCalldata", "decoder"},
}
NAMES = {
    keccak256(f"{name}()".encode())[:4]: name
    for name in (
        *("InvalidCalldata", "WordOutOfRange", "ScalarOutOfRange", "InvalidPoint"),
        *("InverseMismatch", "PrecompileFailed", "PairingFailed"),
    )
} | {b"": "decoder"}
"""What a revert says; Solidity's own decoder says nothing."""


def encode_verify(context: bytes, words: list[int], body: bytes) -> bytes:
    """Calldata of verify(context, words, proof); a body of no whole number of words stays as it is."""
    integer = lambda x: x.to_bytes(32, "big")
    return b"".join(
        [
            VERIFY + context + integer(96) + integer(128 + 32 * len(words)),
            integer(len(words)) + b"".join(map(integer, words)),
            integer(len(body) // 32) + body,
        ]
    )


@cache
def compiled(name: str) -> tuple[dict, VerifyingKey, bytes]:
    """(vector, its key, code of its contract)."""
    data = json.loads((ROOT / f"tests/vectors/outer/{name}.json").read_text())
    vk = VerifyingKey.from_json(json.dumps(data["vk"], indent=1, sort_keys=True) + "\n")
    return data, vk, verifier_artifact(vk).deployed


class Vector:
    """One file of tests/vectors/outer with its contract on the EVM."""

    def __init__(self, name: str, evm: Evm):
        data, self.vk, code = compiled(name)
        self.context = bytes.fromhex(data["context"])
        self.words = [int(w, 16) for w in data["words"]]
        self.body = bytes.fromhex(data["body"])
        self.invalid = data["invalid"]
        self.evm = evm
        evm.place(ADDRESS, code)

    def damaged(self, case: dict) -> tuple[bytes, list[int], bytes]:
        context = bytes.fromhex(case["context"]) if "context" in case else self.context
        words = [int(w, 16) for w in case["words"]] if "words" in case else self.words
        body = bytes.fromhex(case["body"]) if "body" in case else self.body
        if "offset" in case:
            patch = bytes.fromhex(case["bytes"])
            body = body[: case["offset"]] + patch + body[case["offset"] + len(patch) :]
        return context, words, body

    def on_evm(self, inputs: list[tuple[bytes, list[int], bytes]]) -> list[str | None]:
        """For each input: None if the contract accepts it, else the name of its error."""
        reverts = self.evm.calls(ADDRESS, [encode_verify(*one) for one in inputs])
        return [None if data is None else NAMES[data] for data in reverts]


@pytest.fixture(scope="module", params=["osaka", "prague"])
def evm(request: pytest.FixtureRequest) -> Iterator[Evm]:
    with running_anvil(request.param) as running:
        yield running


@pytest.fixture(params=["square", "oblong", "long"])
def vector(request: pytest.FixtureRequest, evm: Evm) -> Vector:
    return Vector(request.param, evm)


def test_honest_proof(vector: Vector) -> None:
    verify(vector.vk, vector.context, vector.words, vector.body)
    assert vector.on_evm([(vector.context, vector.words, vector.body)]) == [None]


def test_damaged_proofs(vector: Vector) -> None:
    """The Python side of these is tests/outer: here the contract must give the matching error."""
    errors = vector.on_evm([vector.damaged(case) for case in vector.invalid])
    assert len(errors) > 150
    for case, error in zip(vector.invalid, errors, strict=True):
        assert error in ERRORS_OF_CHECK[case["check"]], (case["name"], case["check"], error)


def test_random_damage(vector: Vector) -> None:
    """Seeded: bits, bytes, words and pieces of statement and proof."""
    rng = random.Random(20261124)
    inputs = []
    for _ in range(200):
        context, words, body = vector.context, list(vector.words), bytearray(vector.body)
        kind = rng.randrange(4)
        if kind == 0:
            bit = rng.randrange(8 * len(body))
            body[bit // 8] ^= 1 << bit % 8
        elif kind == 1:
            start = 32 * rng.randrange(len(body) // 32)
            body[start : start + 32] = rng.randbytes(32)
        elif kind == 2:
            source, target = (32 * rng.randrange(len(body) // 32) for _ in range(2))
            body[target : target + 32] = body[source : source + 32]
        else:
            words[rng.randrange(len(words))] ^= 1 << rng.randrange(240)
        if (words, bytes(body)) != (vector.words, vector.body):
            inputs.append((context, words, bytes(body)))
    for (context, words, body), error in zip(inputs, vector.on_evm(inputs), strict=True):
        with pytest.raises(ProofError) as caught:
            verify(vector.vk, context, words, body)
        assert error in ERRORS_OF_CHECK[str(caught.value).split(":")[0]], (str(caught.value), error)
