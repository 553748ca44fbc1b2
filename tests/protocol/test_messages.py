"""Proofs that are changed: messages, lengths, encodings, statements, columns; relations that are left out."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zkllm.errors import ProofError
from zkllm.field import R
from zkllm.ops import attention
from zkllm.protocol import columns as column_module
from zkllm.protocol import program
from zkllm.protocol.layout import pack
from zkllm.protocol.manifest import Manifest
from zkllm.statement import pack_words

from .harness import Case, Proof, named, prove, verify
from .lying import Lies
from .scene import packed, ragged, smallest

pytestmark = pytest.mark.slow

PARTS = {
    "lookups": ("logup", "reduction"),
    "zero-check": ("zero-check", "product sums", "reduction"),
    "product sums": ("product sums", "reduction"),
    "reduction": ("reduction", "opening of column"),
}
SALT = 0
"""The first message: nothing constrains it."""
STRIDES = 6


@pytest.fixture(scope="module")
def small() -> tuple[Case, Proof]:
    case = smallest()
    return case, prove(case, case.tensors(case.trace().values))


@pytest.fixture(scope="module")
def honest() -> tuple[Case, Proof]:
    scene = packed()
    return scene.case, prove(scene.case, scene.case.tensors(scene.values))


@pytest.mark.parametrize("start", range(STRIDES))
def test_each_message_changed(small: tuple[Case, Proof], start: int) -> None:
    case, proof = small
    for i in range(start, len(proof.messages), STRIDES):
        changed = list(proof.messages)
        changed[i] = (changed[i] + 1) % R
        assert not verify(case, proof, messages=changed).accepted, i


@pytest.mark.parametrize("start", range(STRIDES))
def test_each_message_changed_by_a_prover_that_goes_on_honestly(
    small: tuple[Case, Proof], start: int
) -> None:
    """The lie is noticed where it is told, or by the claim that it leads to."""
    case, honest = small
    for i in range(start, len(honest.messages), STRIDES):
        proof = prove(case, honest.data.tensors, lies=Lies({i: lambda x: x + 1}))
        assert len(proof.messages) == len(honest.messages)
        if i == SALT:
            assert verify(case, proof).accepted, "a salt is as good as another"
            continue
        failed = verify(case, proof).failed
        assert failed and all(name.startswith(PARTS[proof.lied_in]) for name in failed), (i, failed)


@pytest.mark.parametrize(
    "change, error",
    [
        (lambda m: m[:-1], "inner proof: too short"),
        (lambda m: [], "inner proof: too short"),
        (lambda m: [*m, 0], "inner proof: too long"),
        (lambda m: [*m[:9], m[9] + R, *m[10:]], "inner proof: scalar out of range"),
        (lambda m: [*m[:9], m[9] - R, *m[10:]], "inner proof: scalar out of range"),
    ],
)
def test_length_and_encoding(small: tuple[Case, Proof], change, error: str) -> None:
    case, proof = small
    assert verify(case, proof, messages=change(proof.messages)).failed == [error]


def test_changed_statements(honest: tuple[Case, Proof]) -> None:
    """The seed binds the statement; the relations do, too, as if it did not."""
    case, proof = honest
    V, T = case.model.config.vocab_size, case.T
    for i in range(len(case.ids)):
        ids = list(case.ids)
        ids[i] = (ids[i] + 1) % V
        assert not verify(case, proof, ids=ids).accepted
        verdict = verify(case, proof, ids=ids, same_seed=True)
        if i > T:
            assert "statement: padding" in verdict.failed
        if i < case.rows or T - case.certified < i <= T:
            assert "reduction" in verdict.failed
    for other in (T - 1, T + 1):
        assert not verify(case, proof, T=other).accepted
        assert not verify(case, proof, T=other, same_seed=True).accepted


def test_statements_outside_the_language(honest: tuple[Case, Proof]) -> None:
    case, proof = honest
    c, k, N = case.model.config, case.certified, case.rows
    for T in (0, k - 1, N + 1):
        assert "statement: T" in verify(case, proof, T=T, same_seed=True).failed
    ids = [c.vocab_slots * c.vocab_block, *case.ids[1:]]
    assert "statement: id: one slot" in verify(case, proof, ids=ids, same_seed=True).failed
    other = ragged()
    V = other.case.model.config.vocab_size  # the last slot is not full: V has a slot, but is not a token
    ids = [V, *other.case.ids[1:]]
    tensors = other.case.tensors(other.values)
    verdict = verify(other.case, prove(other.case, tensors), ids=ids, same_seed=True)
    assert "statement: id: below V" in verdict.failed


def test_words_that_do_not_pack_the_statement(honest: tuple[Case, Proof]) -> None:
    case, proof = honest
    words = pack_words(case.T, case.ids, case.rows)
    assert verify(case, proof, words=[words[0] + 1, *words[1:]]).failed == ["statement: words"]
    with pytest.raises(ValueError):
        verify(case, proof, words=[*words, 0])


def test_a_coefficient_changed_after_the_proof(honest: tuple[Case, Proof]) -> None:
    case, proof = honest
    columns = [list(c) for c in proof.witness_columns]
    columns[0][5] += 1
    first = case.protocol.fixed.num_columns
    assert not verify(case, proof, columns=columns).accepted
    assert verify(case, proof, columns=columns, same_seed=True).failed == [f"opening of column {first}"]


def test_stray_coefficients_are_inert(monkeypatch: pytest.MonkeyPatch) -> None:
    """A coefficient that no tensor owns may hold anything: it has no weight in any relation."""
    case = smallest()
    used = case.protocol.witness.used & ((1 << case.protocol.witness.mu) - 1)
    assert used, "the last column is full"
    genuine, last = column_module.column_slabs, case.protocol.witness.num_columns - 1

    def strayed(layout, tensors, g):
        yield from genuine(layout, tensors, g)
        if layout is case.protocol.witness and g == last:
            for place in (used, (1 << layout.mu) - 1):
                yield place, 1, [0], np.array([[[12345]]])

    monkeypatch.setattr(column_module, "column_slabs", strayed)
    proof = prove(case, case.tensors(case.trace().values))
    assert (
        proof.witness_columns[-1][(1 << case.protocol.witness.mu) - 1] == 12345
        and verify(case, proof).accepted
    )


def test_columns_moved_so_that_the_reduction_still_closes(honest: tuple[Case, Proof]) -> None:
    """sum E_g c_g is unchanged: only the opening can tell."""
    case, proof = honest
    verdict = verify(case, proof)
    assert verdict.result is not None
    first = len(proof.messages) - case.protocol.num_columns
    e0, e1 = (int(e) for e in verdict.result.weights[:2])
    moved = list(proof.messages)
    moved[first], moved[first + 1] = (moved[first] + e1) % R, (moved[first + 1] - e0) % R
    assert verify(case, proof, messages=moved).failed == ["opening of column 0", "opening of column 1"]


def test_the_columns_of_another_model(honest: tuple[Case, Proof]) -> None:
    """The prover's own fixed columns: consistent in themselves, refused by the opening."""
    case, _ = honest
    w = case.model.w_o.copy()
    w[0, 0, 0] += 1
    model = replace(case.model, w_o=w)
    other = Case(model, case.rows, case.certified, case.ids, case.T)
    proof = prove(other, other.tensors(other.trace().values))
    assert verify(other, proof).accepted
    assert (
        all(n.startswith("opening of column") for n in verify(case, proof).failed)
        and verify(case, proof).failed
    )


@pytest.mark.parametrize("index", [i for i, o in enumerate(smallest().protocol.operations) if o.relations])
def test_an_operation_left_out(monkeypatch: pytest.MonkeyPatch, index: int) -> None:
    """Only the static list of relations notices."""
    case = smallest()
    operations = case.protocol.operations
    names, left = operations[index].relations, operations[:index] + operations[index + 1 :]
    monkeypatch.setattr(case.protocol, "operations", left)
    with pytest.raises(ProofError, match="relations missing or repeated") as error:
        prove(case, case.tensors(case.trace().values))
    assert all(name in str(error.value) for name in names)


def test_a_relation_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    case = smallest()
    twice = (*case.protocol.operations, case.protocol.operations[0])
    monkeypatch.setattr(case.protocol, "operations", twice)
    with pytest.raises(ProofError, match="relations missing or repeated"):
        prove(case, case.tensors(case.trace().values))


def test_lookups_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    case = smallest()
    monkeypatch.setattr(program, "logup", lambda party: party.challenge())
    with pytest.raises(ProofError, match="tensors without a claim: exp, gelu.0, mult"):
        prove(case, case.tensors(case.trace().values))


def test_a_virtual_claim_not_discharged(monkeypatch: pytest.MonkeyPatch) -> None:
    case = smallest()
    genuine = attention.Attention.products

    def forgetful(self, run, point):
        kept = dict(run.party.pending)
        instances = genuine(self, run, point)
        run.party.pending["Z"] = kept["Z"]
        return instances

    monkeypatch.setattr(attention.Attention, "products", forgetful)
    with pytest.raises(ProofError, match="undischarged claims on Z"):
        prove(case, case.tensors(case.trace().values))


def test_a_tensor_that_nothing_claims() -> None:
    case = smallest()
    case = Case(case.model, case.rows, case.certified, case.ids, case.T)
    manifest: Manifest = case.protocol.manifest
    manifest.free("spare", "t", note="nothing")
    tensors = case.tensors({**case.trace().values, "spare": np.zeros(case.rows, object)})
    case.protocol.witness = pack(manifest, False, case.model.config.mu)
    with pytest.raises(ProofError, match="tensors without a claim: spare"):
        prove(case, tensors)


def _inert(case: Case, name: str, at: tuple[int, ...]) -> bool:
    """Entries without meaning: causal values above the diagonal, differences at padded ids."""
    spec, c = case.manifest.tensors[name], case.model.config
    if spec.lookup is not None and spec.lookup.causal:
        place = dict(zip(spec.axes, at, strict=True))
        return place["u"] > place["t"]
    return name.startswith("diff") and at[1] * c.vocab_block + at[2] >= c.vocab_size


@pytest.mark.parametrize("name", sorted(t.name for t in ragged().case.manifest.group(False)))
def test_an_entry_of_each_witness_tensor(name: str) -> None:
    """One entry + 1 on the finished witness, the multiplicities of what it then is."""
    scene, generator = ragged(), random.Random(name)
    case = scene.case
    tensors = case.tensors(scene.values)
    sizes = case.manifest.sizes(name)
    while _inert(case, name, at := tuple(generator.randrange(n) for n in sizes)):
        pass
    tensors[name] = tensors[name].astype(object)
    tensors[name][at] += 1
    if not name.startswith("mult."):
        case.count(tensors)
    proof = prove(case, tensors)
    verdict = verify(case, proof)
    names = named(case, proof, verdict)
    assert names and all("<" in n for n in names), "the diagnosis names what is false"


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 4))
def test_random_changes_of_the_witness(seed: int, count: int) -> None:
    """Several entries at once, by little or by much: never accepted, always named."""
    scene, generator = ragged(), random.Random(seed)
    case = scene.case
    tensors = case.tensors(scene.values)
    names = [t.name for t in case.manifest.group(False) if not t.name.startswith("mult.")]
    for name in generator.choices(names, k=count):
        sizes = case.manifest.sizes(name)
        while _inert(case, name, at := tuple(generator.randrange(n) for n in sizes)):
            pass
        tensors[name] = tensors[name].astype(object)
        tensors[name][at] += generator.choice(
            [1, -1, 2, 255, 256, -256, 1 << 40, 1 << 50, generator.randrange(R)]
        )
    case.count(tensors)
    proof = prove(case, tensors)
    found = named(case, proof, verify(case, proof))
    assert found and all("<" in n for n in found)


def test_freedom_of_helper_columns() -> None:
    """Accepted by design: nothing semantic depends on them."""
    scene = ragged()
    case, c = scene.case, scene.case.model.config
    values = {name: array.copy() for name, array in scene.values.items()}
    for name in ("idx", "over", "rem"):
        values[name][0, 0, 0, 1] = 123456789012345678901234567890
    values["diff"][0, c.vocab_size :] = 77
    at = scene.find(
        lambda *at: scene.value("e", *at) == 0 and case.model.exp[scene.value("idx", *at) - 1] == 0
    )
    values["idx"][at] -= 1  # the same distance and the same exponential, 0, by another row of the table
    values["over"][at] += 1
    assert verify(case, prove(case, case.tensors(values))).accepted
