"""The outer proof end to end, on toy inner protocols."""

import json
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from testkit.toy import Instance, Toy
from zkllm.errors import PackageError, ProofError
from zkllm.field import R, root_of_unity
from zkllm.outer.gates import COSET_SHIFTS
from zkllm.outer.keys import VerifyingKey
from zkllm.outer.setup import ProvingKey
from zkllm.outer.transcript import EVALUATIONS, SCHEDULE, body_bytes, body_elements
from zkllm.outer.verifier import verify
from zkllm.proof import Proof
from zkllm.statement import Context

VECTORS = Path(__file__).resolve().parents[1] / "vectors/outer"
VECTOR_NAMES = ("square", "oblong", "long")


@pytest.mark.parametrize(
    "shape",
    [
        dict(mu=2, num_fixed=1, num_witness=1, seed=3),
        dict(mu=5, num_fixed=3, num_witness=2, seed=4),
        dict(mu=9, num_fixed=1, num_witness=4, seed=5),
        dict(mu=4, num_fixed=1, num_witness=1, seed=6, permutations=30),
    ],
)
def test_honest_proofs_are_accepted(shape):
    instance = Instance.make(Toy.random(**shape))
    verify(instance.vk, instance.context, instance.words, instance.prove())


def test_proofs_are_deterministic(instance, body):
    assert instance.prove() == body


def test_body_has_the_published_size_and_order(instance, body):
    assert len(body) == body_bytes(2) == 64 * 2 + 8 * 64 + 38 * 32
    assert len(EVALUATIONS) == 31
    names = [name for name, _ in body_elements(2)]
    assert names[:8] == ["witness0", "witness1", "delta", "v", "h", "q", "g", "SD"]
    assert names[8:14] == ["pc", "pci", "pr", "pri", "C1", "C2"] and names[-3:] == ["W", "W_prime", "inverse"]
    assert [r.challenge for r in SCHEDULE] == [
        *("theta", "alpha", "gamma", "zeta", "beta_p", "gamma_p", "alpha_p", "y", "beta", "z", "omega")
    ]


def test_cosets_of_the_permutation_are_disjoint():
    ratios = [a * pow(b, -1, R) % R for a in COSET_SHIFTS for b in COSET_SHIFTS if a != b]
    assert all(pow(ratio, 1 << 28, R) != 1 for ratio in ratios)
    assert pow(root_of_unity(28), 1 << 27, R) == R - 1


def vector(name):
    data = json.loads((VECTORS / f"{name}.json").read_text())
    key = VerifyingKey.from_json(json.dumps(data["vk"], indent=1, sort_keys=True) + "\n")
    return data, key, [int(w, 16) for w in data["words"]], bytes.fromhex(data["context"])


@pytest.mark.parametrize("name", VECTOR_NAMES)
def test_vectors(name):
    data, key, words, context = vector(name)
    assert key.verifier_id.hex() == data["verifier_id"]
    assert len(words) == key.num_words == {"long": 40}.get(name, 2)
    challenges: dict[str, Any] = {}
    verify(key, context, words, bytes.fromhex(data["body"]), lambda n, x: challenges.update({n: x}))
    assert {n: f"{challenges[n]:064x}" for n in data["challenges"]} == data["challenges"]


@pytest.mark.slow
@pytest.mark.parametrize("name", VECTOR_NAMES)
def test_invalid_vectors_are_rejected_by_the_named_check(name):
    data, key, words, context = vector(name)
    honest = bytes.fromhex(data["body"])
    slow = [case["name"] for case in data["invalid"] if case["check"] == "pairing"]  # half a second each
    for case in data["invalid"]:
        if case["name"] in slow and case["name"] not in slow[VECTOR_NAMES.index(name) :: 4]:
            continue
        damaged = bytes.fromhex(case["body"]) if "body" in case else honest
        if "offset" in case:
            patch = bytes.fromhex(case["bytes"])
            damaged = honest[: case["offset"]] + patch + honest[case["offset"] + len(patch) :]
        case_words = [int(w, 16) for w in case["words"]] if "words" in case else words
        case_context = bytes.fromhex(case["context"]) if "context" in case else context
        with pytest.raises(ProofError, match=f"^{case['check']}:"):
            verify(key, case_context, case_words, damaged)


def test_vectors_are_what_the_prover_makes(instance, body):
    data, key, words, context = vector("square")
    assert (instance.vk, instance.words, instance.context) == (key, words, context)
    assert body.hex() == data["body"]


def test_keys_round_trip(instance, body, tmp_path):
    instance.pk.save(tmp_path / "pk")
    loaded = ProvingKey.load(tmp_path / "pk")
    assert loaded.vk == instance.vk
    assert Instance(**{**instance.__dict__, "pk": loaded}).prove() == body
    instance.vk.save(tmp_path / "vk.json")
    assert VerifyingKey.load(tmp_path / "vk.json") == instance.vk
    data = (tmp_path / "pk").read_bytes()
    (tmp_path / "pk").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(PackageError, match="damaged"):
        ProvingKey.load(tmp_path / "pk")


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("c0"),
        lambda d: d.update(extra=1),
        lambda d: d.update(N="16"),
        lambda d: d.update(N=-1),
        lambda d: d.update(k=17),
        lambda d: d.update(num_words=3),
        lambda d: d.update(c0=d["c0"][:-2] + "00"),
        lambda d: d.update(c0=d["c0"].upper()),
        lambda d: d.update(g2_tau=d["g2_tau"][:-2] + "00"),
        lambda d: d.update(srs_kind="unknown"),
        lambda d: d.update(model_id="00"),
        lambda d: d.update(mu=27),
        lambda d: d.update(fixed_commitments="00"),
        lambda d: d.update(b_log2=0),
        lambda d: d.update(pad_id=50257),
        lambda d: d.update(vocab_size=(1 << 24) + 1),
    ],
)
def test_damaged_verifying_keys_are_refused(instance, change):
    data = json.loads(instance.vk.to_json())
    change(data)
    with pytest.raises(PackageError):
        VerifyingKey.from_json(json.dumps(data, indent=1, sort_keys=True) + "\n")


def test_every_field_of_the_key_is_in_the_verifier_id(instance):
    seen = {instance.vk.verifier_id}
    for name, value in instance.vk.__dict__.items():
        other = value
        if isinstance(value, bytes):
            other = bytes([value[0] ^ 1]) + value[1:]
        elif isinstance(value, int):
            other = value + 1
        elif name == "srs_kind":
            other = "ceremony"
        else:
            other = value[1:]
        seen.add(VerifyingKey(**{**instance.vk.__dict__, name: other}).verifier_id)
    assert len(seen) == 1 + len(instance.vk.__dict__)


def proof_file(instance, context=None) -> Proof:
    context = context or Context()
    shown = Instance(**{**instance.__dict__, "context": context.digest()})
    return Proof(shown.vk.verifier_id, True, context, 16, 1, False, tuple(shown.words), shown.prove())


def test_proof_files_round_trip(instance, tmp_path):
    proof = proof_file(instance, Context(31337, bytes([1] * 20), bytes([2] * 20)))
    proof.verify(instance.vk)
    proof.save(tmp_path / "a.zkllm")
    assert Proof.load(tmp_path / "a.zkllm") == proof
    assert proof.statement(instance.vk).ids == (7454, 3764, 198, 50255, 5536)


def test_every_structural_bit_of_a_proof_file_matters(instance):
    """All that comes before the body: magic, version, flags, key, context, shape, statement and length."""
    proof = proof_file(instance)
    data = proof.to_bytes()
    for position in range(8 * (len(data) - len(proof.body))):
        damaged = bytearray(data)
        damaged[position // 8] ^= 1 << position % 8
        with pytest.raises(ProofError):
            Proof.from_bytes(bytes(damaged)).verify(instance.vk)
    for damaged in (data[:-1], data + b"\0", b"", data[:100], data[:140]):
        with pytest.raises(ProofError):
            Proof.from_bytes(damaged)


def test_flags_are_those_of_the_key(instance):
    """The flags say only what the key says: of the development SRS 1, of a ceremony's 0; 2 more of a sealed
    shape, whose words these are not."""
    proof = proof_file(instance)
    ceremony = replace(instance.vk, srs_kind="ceremony")
    for key, flags in ((instance.vk, 1), (ceremony, 0)):
        data = bytearray(replace(proof, verifier_id=key.verifier_id).to_bytes())
        for said in [*range(4), *(1 << bit for bit in range(2, 16))]:
            data[8:10] = said.to_bytes(2, "big")
            if said in (2, 3):
                with pytest.raises(ProofError, match="^proof file: limbs after the last id must be zero$"):
                    Proof.from_bytes(bytes(data))
            elif said > 1:
                with pytest.raises(ProofError, match=f"^proof file: unknown flags {said:#x}$"):
                    Proof.from_bytes(bytes(data))
            elif said != flags:
                with pytest.raises(ProofError, match="^flags: the proof and the key disagree"):
                    Proof.from_bytes(bytes(data)).verify(key)
    proof.verify(instance.vk)


def test_single_bits_of_a_proof_file_matter(instance):
    """200 seeded bits anywhere in the file; `make fuzz-bits` flips all of them."""
    data = proof_file(instance).to_bytes()
    for position in random.Random(2024).sample(range(8 * len(data)), 200):
        damaged = bytearray(data)
        damaged[position // 8] ^= 1 << position % 8
        with pytest.raises(ProofError):
            Proof.from_bytes(bytes(damaged)).verify(instance.vk)


def test_the_verifier_needs_neither_native_code_nor_numpy():
    blocked = "import sys; [sys.modules.__setitem__(m, None) for m in ('numpy', 'torch', 'zkllm._native')]"
    code = f"{blocked}; import zkllm.proof, zkllm.outer.verifier, zkllm.statement, zkllm.outer.keys"
    subprocess.run([sys.executable, "-c", code], check=True)
