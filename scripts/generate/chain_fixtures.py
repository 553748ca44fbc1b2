"""Writes contracts/test/fixtures/*.json and *.vk.json: honest proofs, each made for a settlement, and
batch.json: what is left of some of them for one pairing.

    python -m scripts.generate.chain_fixtures

A toy inner protocol (testkit/toy.py) under the real outer proof, so that the contracts' tests have real
proofs with known contexts, vocabularies and answers. Deterministic.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scripts import ROOT
from testkit import toy
from zkllm.field import R
from zkllm.hashing import keccak256
from zkllm.kernels.native import NATIVE
from zkllm.model.vocabulary import VocabularyTree
from zkllm.outer.batch import batch_weight, check_batch, encode_equation
from zkllm.outer.keys import VERSION
from zkllm.outer.setup import KeyFields, setup_outer
from zkllm.outer.transcript import decode_body, statement_digest
from zkllm.outer.verifier import Equation, draw_challenges, equation, verify
from zkllm.pcs.development import development_g1_tau
from zkllm.pcs.srs import Srs, development_srs, srs_powers_needed
from zkllm.sealed import seal
from zkllm.statement import Context, SealedStatement, Statement, num_words, request_id

FIXTURES = ROOT / "contracts/test/fixtures"
SALT = bytes([7] * 32)  # of the requests that are answered; "single" answers none
REQUESTER = bytes.fromhex("a11ce0" * 6 + "a11c")


PROVER = bytes.fromhex("5e4d" * 10)
SETTLEMENT = bytes.fromhex("5e771e" * 6 + "5e77")


@dataclass(frozen=True)
class Case:
    """A shape of a toy model."""

    N: int
    k: int
    mu: int
    num_fixed: int
    num_witness: int
    tokens: dict[int, bytes]
    """Bytes of the ids that are named; the others are b"<id>"."""
    vocab_size: int
    seed: int
    model: bytes = b"the model of the contracts' tests"
    sealed: bool = False


@dataclass(frozen=True)
class Answer:
    """A proof to make: of which case, of what, for whom."""

    case: str
    ids: tuple[int, ...]
    context: Context
    prompt_salt: int | None = None  # of a sealed prompt


CASES = {
    # one short token of a vocabulary of odd size
    "single": Case(
        N=16,
        k=1,
        mu=6,
        num_fixed=2,
        num_witness=2,
        tokens={77: b" magic"},
        vocab_size=301,
        seed=11,
    ),
    # three tokens, one empty and one that is not UTF-8, of a longer shape, padded, and a vocabulary of more
    # than 2^16; rows = 2 b
    "multi": Case(
        N=40,
        k=3,
        mu=7,
        num_fixed=3,
        num_witness=1,
        tokens={2: b"", 69_999: b"\xf0\x9f\xff", 700: b" a token whose bytes need more than a slot"},
        vocab_size=70_000,
        seed=12,
    ),
    # of another model, with another b
    "wide": Case(
        N=16,
        k=2,
        mu=8,
        num_fixed=1,
        num_witness=1,
        tokens={5: b" wide", 6: b"r"},
        vocab_size=8,
        seed=13,
        model=b"another model of the contracts' tests",
    ),
    # a sealed prompt and an answer of more ids than a word holds
    "sealed": Case(
        N=24,
        k=11,
        mu=6,
        num_fixed=2,
        num_witness=1,
        tokens={90: b" eleven"},
        vocab_size=301,
        seed=14,
        sealed=True,
    ),
}
ANSWERS = {
    # full length
    "single": Answer(
        "single",
        (83, 12, 7, 299, 300, 41, 0, 5, 6, 90, 17, 211, 4, 33, 150, 2, 77),
        Context(31337, SETTLEMENT, PROVER),
    ),
    # padded
    "multi": Answer(
        "multi",
        (9, 8, 69_999, 65, 3, 65_535, 65_536, 2, 69_999, 700),
        Context(10, bytes.fromhex("c0ffee" * 6 + "c0ff"), REQUESTER, request_id(REQUESTER, SALT)),
    ),
    # for one batch with "single"
    "second": Answer("single", (1, 2, 3), Context(31337, SETTLEMENT, PROVER)),
    "third": Answer("single", (4, 5, 77), Context(31337, SETTLEMENT, PROVER, request_id(PROVER, SALT))),
    "wide": Answer("wide", (3, 4, 5, 6), Context(31337, SETTLEMENT, PROVER)),
    "veiled": Answer("sealed", (3, *range(90, 101)), Context(31337, SETTLEMENT, PROVER), prompt_salt=5),
    "sealed": Answer(
        "sealed",
        (5, 6, 300, *range(90, 101)),
        Context(31337, bytes.fromhex("5ea1ed" * 6 + "5ea1"), REQUESTER, request_id(REQUESTER, SALT)),
        prompt_salt=R - 2,
    ),
}
BATCH = ("single", "second", "third", "wide", "veiled")


class Model:
    """A case with its keys, and its proofs."""

    def __init__(self, case: Case, srs_of: Callable[[int], Srs] = development_srs):
        """`srs_of`: with 2^n powers."""
        self.case = case
        self.model_id = keccak256(case.model)
        self.tree = VocabularyTree([case.tokens.get(i, b"<%d>" % i) for i in range(case.vocab_size)])
        fields: KeyFields = {
            "version": VERSION,
            "N": case.N,
            "k": case.k,
            "sealed": case.sealed,
            "vocab_size": case.vocab_size,
            "pad_id": 0,
            "n_ctx": case.N,
            "model_id": self.model_id,
            "config_digest": keccak256(b"config"),
            "vocabulary_root": self.tree.root,
        }
        # the toy's circuit takes as many words as the shape has
        sizes = (case.mu, case.num_fixed, case.num_witness)
        words = num_words(case.N, case.k, case.sealed)
        self._toy = toy.Toy.random(*sizes, seed=case.seed, N=case.N, words=words)
        circuit = self._toy.circuit()
        self._srs = srs_of((srs_powers_needed(circuit.log2_size, case.mu) - 1).bit_length())
        commitments = [self._srs.commit(NATIVE.from_list(table)) for table in self._toy.tables]
        fixed, self._witness = commitments[: case.num_fixed], commitments[case.num_fixed :]
        self._pk, self.vk = setup_outer(circuit, self._srs, NATIVE, fixed, case.num_witness, case.mu, fields)

    def prove(self, answer: Answer) -> Made:
        case = self.case
        statement = Statement(self.model_id, case.k, answer.ids)
        statement.check(N=case.N, k=case.k, vocab_size=case.vocab_size, n_ctx=case.N)
        public: Statement | SealedStatement = statement
        words, context = statement.words(case.N, 0), answer.context.digest()
        if answer.prompt_salt is not None:
            P = seal(answer.prompt_salt, statement.prompt)
            public = SealedStatement(self.model_id, case.k, P, statement.answer)
            words = public.words()
        body = toy.Instance(self._toy, self._srs, self._pk, words, context, self._witness).prove()
        verify(self.vk, context, words, body)
        return Made(self, answer, public, words, body)


@dataclass(frozen=True)
class Made:
    """A proof with everything around it."""

    model: Model
    answer: Answer
    statement: Statement | SealedStatement  # what is public of it
    words: list[int]
    body: bytes

    @property
    def settle_arguments(self) -> tuple[list[int], list[int], list[bytes], list[bytes]]:
        """words, proof, siblings and tokens, as `settle` takes them."""
        proof = [int.from_bytes(self.body[i : i + 32], "big") for i in range(0, len(self.body), 32)]
        tree, answered = self.model.tree, self.statement.answer
        return self.words, proof, tree.multiproof(answered), [tree.tokens[i] for i in sorted(set(answered))]

    def fixture(self) -> dict[str, Any]:
        case, vk, tree, context = self.model.case, self.model.vk, self.model.tree, self.answer.context
        words, proof, siblings, tokens = self.settle_arguments
        return {
            "verifierId": "0x" + vk.verifier_id.hex(),
            "modelId": "0x" + self.model.model_id.hex(),
            "vocabularyRoot": "0x" + tree.root.hex(),
            "vocabularySize": case.vocab_size,
            "N": case.N,
            "k": case.k,
            "sealed": case.sealed,
            "fixedColumns": case.num_fixed,
            "witnessColumns": case.num_witness,
            "chainId": context.chain_id,
            "settlement": "0x" + context.contract.hex(),
            "sender": "0x" + context.sender.hex(),
            "requestId": "0x" + context.request_id.hex(),
            "salt": "0x" + (SALT if any(context.request_id) else bytes(32)).hex(),
            "context": "0x" + context.digest().hex(),
            "words": [hex32(w) for w in words],
            "proof": [hex32(w) for w in proof],
            "ids": list(self.answer.ids),
            "claimId": "0x" + self.statement.claim_id().hex(),
            "text": "0x" + b"".join(tree.tokens[i] for i in self.statement.answer).hex(),
            "tokens": ["0x" + token.hex() for token in tokens],
            "siblings": ["0x" + sibling.hex() for sibling in siblings],
        }

    def equation(self) -> Equation:
        return equation(self.model.vk, self.answer.context.digest(), self.words, self.body)


def hex32(x: int) -> str:
    return f"0x{x:064x}"


def batch_fixture(made: dict[str, Made]) -> dict[str, Any]:
    """The words of each equation and their weight, as Python computes them; z of each proof and [tau]_1, with
    which false proofs can be made that cancel one another."""
    equations = {name: made[name].equation() for name in BATCH}
    check_batch(list(equations.values()))
    encoded = {name: encode_equation(e) for name, e in equations.items()}
    vk = made[BATCH[0]].model.vk
    assert vk.srs_kind == "development"
    return {
        "equations": {
            name: ["0x" + data[i : i + 32].hex() for i in range(0, len(data), 32)]
            for name, data in encoded.items()
        },
        "weight": hex32(batch_weight(list(equations.values()))),
        "z": [hex32(challenges_of(made[name])["z"]) for name in BATCH],
        "tau": ["0x" + development_g1_tau()[i : i + 32].hex() for i in (0, 32)],
    }


def challenges_of(made: Made) -> dict[str, int]:
    vk = made.model.vk
    witness, scalars, points = decode_body(made.body, vk.num_witness_columns)
    digest = statement_digest(vk.verifier_id, made.answer.context.digest(), made.words, witness)
    return draw_challenges(vk, digest, {**scalars, **points})


def main() -> int:
    FIXTURES.mkdir(exist_ok=True)
    models = {name: Model(case) for name, case in CASES.items()}
    made = {name: models[answer.case].prove(answer) for name, answer in ANSWERS.items()}
    for name, model in models.items():
        (FIXTURES / f"{name}.vk.json").write_text(model.vk.to_json())
    for name, proof in made.items():
        (FIXTURES / f"{name}.json").write_text(json.dumps(proof.fixture(), indent=2) + "\n")
    (FIXTURES / "batch.json").write_text(json.dumps(batch_fixture(made), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
