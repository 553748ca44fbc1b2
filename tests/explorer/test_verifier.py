"""The page's verifier beside the Python one, on proofs that no honest prover makes; its vectors are those
of the Python verifier too (explorer/test/unit/verify.test.js). And the settlement's address, as both
compute it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from testkit.damage import damaged_elements
from testkit.toy import Instance, Toy
from tests.outer.unusual import ByHand, Filled, of_zeros
from zkllm.errors import PackageError, ProofError
from zkllm.files import canonical_json
from zkllm.limits import MAX_CIRCUIT_LOG2, MAX_MU, MAX_POSITIONS, MAX_VOCABULARY
from zkllm.outer.keys import VerifyingKey
from zkllm.outer.verifier import verify
from zkllm.settle.settlement import settlement_address

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "explorer/test/tools/answer.js"


def answers(questions: list[dict[str, Any]]) -> list[Any]:
    """The page's code in Node, on one question after the other."""
    given = "".join(json.dumps(question) + "\n" for question in questions)
    done = subprocess.run(["node", str(TOOL)], input=given, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def question(instance: Instance, body: bytes) -> dict[str, Any]:
    return {
        "proof": {
            "vk": json.loads(instance.vk.to_json()),
            "context": "0x" + instance.context.hex(),
            "words": [hex(word) for word in instance.words],
            "body": "0x" + body.hex(),
        }
    }


def refusal(instance: Instance, body: bytes) -> str | None:
    """The check that the Python verifier names."""
    try:
        verify(instance.vk, instance.context, instance.words, body)
    except ProofError as error:
        return str(error).split(":")[0]
    return None


@pytest.mark.slow
@pytest.mark.parametrize("prover", [ByHand, Filled])
def test_proofs_that_are_valid_though_unusual_are_accepted(prover: type[ByHand]) -> None:
    instance = Instance.make(Toy.random())
    assert answers([question(instance, instance.prove(prover=prover))]) == [None]


@pytest.mark.slow
def test_commitments_may_be_infinity_and_nothing_else_will_do() -> None:
    instance = of_zeros(Toy.random())
    body = instance.prove()
    bodies = [body, *(damaged for _, damaged in damaged_elements(instance.vk, body) if damaged != body)]
    found = answers([question(instance, one) for one in bodies])
    assert found[0] is None and len(found) > 150 and None not in found[1:]
    some = range(1, len(bodies), 12)  # Python takes a second for a pairing
    assert [found[i] for i in some] == [refusal(instance, bodies[i]) for i in some]


def test_keys_are_taken_and_refused_alike() -> None:
    """At every bound, and one beyond."""
    good = json.loads((ROOT / "contracts/test/fixtures/single.vk.json").read_text())
    top = (1 << 32) - 1
    changes: list[dict[str, Any]] = [{}]
    changes += [{"mu": mu, "b_log2": 1} for mu in (1, 2, MAX_MU, MAX_MU + 1)]
    changes += [{"n_log2": n} for n in (1, 4, 5, MAX_CIRCUIT_LOG2, MAX_CIRCUIT_LOG2 + 1, 28, 29)]
    changes += [{"b_log2": b} for b in (0, good["mu"] - 1, good["mu"])]
    changes += [{"n_ctx": n} for n in (good["N"] - 1, MAX_POSITIONS, MAX_POSITIONS + 1)]
    changes += [{"k": k} for k in (0, 1, good["N"], good["N"] + 1)]
    changes += [{"vocab_size": size} for size in (MAX_VOCABULARY, MAX_VOCABULARY + 1)]
    changes += [{"pad_id": i} for i in (good["vocab_size"] - 1, good["vocab_size"])]
    changes += [{"num_witness_columns": n} for n in (0, 1, 256, 257)]
    changes += [{"fixed_commitments": good["fixed_commitments"][:1] * n} for n in (0, 1, 256, 257)]
    changes += [{"version": v} for v in (1, 3, top, top + 1, -1, 2.5, True)]
    changes += [{"sealed": s, "num_words": n} for s in (True, False, 1) for n in (1, 2, 3)]
    changes += [{"srs_kind": kind} for kind in ("ceremony", "development", "other")]
    changes += [{name: "0" * 64} for name in ("model_id", "srs_digest")] + [{"config_digest": "00"}]
    keys = [good | change for change in changes]
    expected: list[str | None] = []
    for key in keys:
        try:
            expected.append("0x" + VerifyingKey.from_json(canonical_json(key).decode()).verifier_id.hex())
        except PackageError:
            expected.append(None)
    assert answers([{"key": key} for key in keys]) == expected
    assert 15 < expected.count(None) < len(expected) - 15


def test_the_settlement_s_address_is_the_same_in_both() -> None:
    owners = [bytes([i] * 20) for i in (0, 1, 0xFF)]
    found = answers([{"settlement": "0x" + owner.hex()} for owner in owners])
    assert found == ["0x" + settlement_address(owner).hex() for owner in owners]
