"""Writes contracts/test/fixtures/*.json and *.vk.json: honest proofs, each made for a settlement of its own.

    python -m scripts.generate.chain_fixtures

A toy inner protocol (testkit/toy.py) under the real outer proof, so that the contracts' tests have real
proofs with known contexts, vocabularies and answers. Deterministic.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any

from scripts import ROOT
from testkit import toy
from zkllm.hashing import keccak256
from zkllm.kernels.native import NATIVE
from zkllm.model.vocabulary import VocabularyTree
from zkllm.outer.keys import VERSION
from zkllm.outer.setup import KeyFields, setup_outer
from zkllm.outer.verifier import verify
from zkllm.pcs.srs import development_srs, srs_powers_needed
from zkllm.statement import Context, Statement, request_id

FIXTURES = ROOT / "contracts/test/fixtures"
MODEL_ID = keccak256(b"the model of the contracts' tests")
SALT = bytes([7] * 32)  # of the request that "multi" answers; "single" answers none
REQUESTER = bytes.fromhex("a11ce0" * 6 + "a11c")


@dataclass(frozen=True)
class Case:
    N: int
    k: int
    mu: int
    num_fixed: int
    num_witness: int
    ids: tuple[int, ...]
    tokens: dict[int, bytes]
    """Bytes of the ids that are named; the others are b"<id>"."""
    vocab_size: int
    context: Context
    seed: int


CASES = {
    # one short token of a vocabulary of odd size, full length
    "single": Case(
        N=16,
        k=1,
        mu=6,
        num_fixed=2,
        num_witness=2,
        ids=(83, 12, 7, 299, 300, 41, 0, 5, 6, 90, 17, 211, 4, 33, 150, 2, 77),
        tokens={77: b" magic"},
        vocab_size=301,
        context=Context(31337, bytes.fromhex("5e771e" * 6 + "5e77"), bytes.fromhex("5e4d" * 10)),
        seed=11,
    ),
    # three tokens, one empty and one that is not UTF-8, of a longer shape, padded; rows = 2 b
    "multi": Case(
        N=40,
        k=3,
        mu=7,
        num_fixed=3,
        num_witness=1,
        ids=(9, 8, 1023, 65, 3, 513, 512, 2, 1, 700),
        tokens={2: b"", 1: b"\xf0\x9f\xff", 700: b" a token whose bytes need more than a slot"},
        vocab_size=1024,
        context=Context(10, bytes.fromhex("c0ffee" * 6 + "c0ff"), REQUESTER, request_id(REQUESTER, SALT)),
        seed=12,
    ),
}


def fixture(case: Case) -> tuple[dict[str, Any], str]:
    """(fixture, canonical JSON of the verifying key)."""
    tree = VocabularyTree([case.tokens.get(i, b"<%d>" % i) for i in range(case.vocab_size)])
    statement = Statement(MODEL_ID, case.k, case.ids)
    fields: KeyFields = {
        "version": VERSION,
        "N": case.N,
        "k": case.k,
        "vocab_size": case.vocab_size,
        "pad_id": 0,
        "n_ctx": case.N,
        "model_id": MODEL_ID,
        "config_digest": keccak256(b"config"),
        "vocabulary_root": tree.root,
    }
    statement.check(N=case.N, k=case.k, vocab_size=case.vocab_size, n_ctx=case.N)

    # the toy's circuit takes as many words as the shape has
    inner = toy.Toy.random(case.mu, case.num_fixed, case.num_witness, seed=case.seed, N=case.N)
    circuit = inner.circuit()
    srs = development_srs((srs_powers_needed(circuit.log2_size, 1 << case.mu) - 1).bit_length())
    commitments = [srs.commit(NATIVE.from_list(table)) for table in inner.tables]
    fixed, witness = commitments[: case.num_fixed], commitments[case.num_fixed :]
    pk, vk = setup_outer(circuit, srs, NATIVE, fixed, case.num_witness, case.mu, fields)
    words = statement.words(case.N, 0)
    context = case.context.digest()
    body = toy.Instance(inner, srs, pk, words, context, witness).prove()
    verify(vk, context, words, body)

    hex32 = lambda x: f"0x{x:064x}"
    answer = statement.answer
    return {
        "verifierId": "0x" + vk.verifier_id.hex(),
        "modelId": "0x" + MODEL_ID.hex(),
        "vocabularyRoot": "0x" + tree.root.hex(),
        "vocabularySize": case.vocab_size,
        "N": case.N,
        "k": case.k,
        "fixedColumns": case.num_fixed,
        "witnessColumns": case.num_witness,
        "chainId": case.context.chain_id,
        "settlement": "0x" + case.context.contract.hex(),
        "sender": "0x" + case.context.sender.hex(),
        "requestId": "0x" + case.context.request_id.hex(),
        "salt": "0x" + (SALT if any(case.context.request_id) else bytes(32)).hex(),
        "context": "0x" + context.hex(),
        "words": [hex32(w) for w in words],
        "proof": ["0x" + body[i : i + 32].hex() for i in range(0, len(body), 32)],
        "ids": list(case.ids),
        "claimId": "0x" + statement.claim_id().hex(),
        "text": "0x" + b"".join(tree.tokens[i] for i in answer).hex(),
        "tokens": ["0x" + tree.tokens[i].hex() for i in sorted(set(answer))],
        "siblings": ["0x" + sibling.hex() for sibling in tree.multiproof(answer)],
    }, vk.to_json()


def main() -> int:
    FIXTURES.mkdir(exist_ok=True)
    for name, case in CASES.items():
        data, key = fixture(case)
        (FIXTURES / f"{name}.json").write_text(json.dumps(data, indent=2) + "\n")
        (FIXTURES / f"{name}.vk.json").write_text(key)
    return 0


if __name__ == "__main__":
    sys.exit(main())
