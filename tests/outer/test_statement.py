"""What the outer verifier checks of a statement in the clear: each limit, at the limit and one beyond."""

from dataclasses import replace

import pytest

from zkllm.errors import PackageError, ProofError
from zkllm.field import R
from zkllm.outer.keys import VerifyingKey
from zkllm.outer.verifier import check_words, verify
from zkllm.statement import LIMB_BITS, LIMBS_PER_WORD, num_words, pack_words, sealed_words

N, K, V, PAD = 16, 3, 50, 7


@pytest.fixture
def key(instance) -> VerifyingKey:
    return replace(instance.vk, N=N, k=K, vocab_size=V, pad_id=PAD, num_words=num_words(N, K, False))


def words(T: int, changes: dict[int, int] | None = None) -> list[int]:
    """T ids that are not the pad id after x_0, and padding; some of them changed."""
    ids = [V - 1 if j <= T else PAD for j in range(N + 1)]
    for j, x in (changes or {}).items():
        ids[j] = x
    return pack_words(T, ids, N)


def refused(key: VerifyingKey, given: list[int]) -> str:
    """The check's message; `verify` gives the same, before it looks at the proof."""
    with pytest.raises(ProofError) as error:
        check_words(key, given)
    with pytest.raises(ProofError) as whole:
        verify(key, bytes(32), given, b"")
    assert str(whole.value) == str(error.value)
    return str(error.value)


def test_every_length_from_k_to_n(key):
    for T in range(K, N + 1):
        check_words(key, words(T))
    for T in (0, 1, K - 1, N + 1, (1 << LIMB_BITS) - 1):
        assert refused(key, words(T)) == f"statement: T = {T} is not between k = {K} and N = {N}"


@pytest.mark.parametrize("j", range(N + 1))
def test_ids_are_below_the_vocabularys_size(key, j):
    check_words(key, words(N, {j: V - 1}))
    for beyond in (V, (1 << LIMB_BITS) - 1):
        message = f"statement: id {beyond} is not below the vocabulary's size {V}"
        assert refused(key, words(N, {j: beyond})) == message


@pytest.mark.parametrize("size", [1 << 16, (1 << 16) + 1, 1 << 24])
def test_every_vocabulary_has_its_last_id(key, size):
    key = replace(key, vocab_size=size)
    key.check()
    check_words(key, words(N, {0: size - 1, N: size - 1}))
    if size < 1 << LIMB_BITS:
        message = f"statement: id {size} is not below the vocabulary's size {size}"
        assert refused(key, words(N, {N: size})) == message
    with pytest.raises(PackageError, match="vocab_size"):
        replace(key, vocab_size=(1 << LIMB_BITS) + 1).check()


@pytest.mark.parametrize("T", range(K, N))
def test_every_id_after_the_last_one_is_the_pad_id(key, T):
    for j in range(T + 1, N + 1):
        for other in (0, PAD + 1):
            assert refused(key, words(T, {j: other})) == f"statement: an id after x_T is not the pad id {PAD}"


def test_sealed_statements(key):
    """P below r, ids of the vocabulary, unused limbs 0, and as many words as the shape has."""
    key = replace(key, sealed=True, num_words=num_words(N, K, True))
    key.check()
    answer = [V - 1, 0, PAD]
    for P in (0, 1 << 240, R - 1):
        check_words(key, sealed_words(P, answer))
    for P in (-1, R, R + 1, 2 * R - 1, (1 << 256) - 1):
        assert refused(key, sealed_words(P, answer)) == "statement: expected P, below r"
    for i in range(K):
        ids = [*answer[:i], V, *answer[i + 1 :]]
        message = f"statement: id {V} is not below the vocabulary's size {V}"
        assert refused(key, sealed_words(5, ids)) == message
    honest = sealed_words(5, answer)
    for i in range(LIMBS_PER_WORD - K):
        assert "must be zero" in refused(key, [5, honest[1] + (1 << LIMB_BITS * i)])
    for wrong in ([], honest[:1], [*honest, 0], [5, honest[1] + (1 << 240)]):
        assert refused(key, wrong).startswith("statement: expected")
    assert refused(key, words(N)).startswith("statement: ")
    with pytest.raises(PackageError, match="num_words"):
        replace(key, num_words=num_words(N, K, False) + 1).check()


def test_words_are_packed_one_way(key):
    given = words(N)
    assert refused(key, given[:-1]).startswith(f"statement: expected {len(given)} words")
    assert refused(key, [*given, 0]).startswith("statement: expected")
    for w in range(len(given)):
        for wrong in (given[w] + (1 << LIMB_BITS * LIMBS_PER_WORD), -1):
            assert refused(key, [*given[:w], wrong, *given[w + 1 :]]).startswith("statement: expected")
    used = (N + 2) % LIMBS_PER_WORD
    for i in range(LIMBS_PER_WORD - used):
        message = "statement: limbs after the last id must be zero"
        assert refused(key, [*given[:-1], given[-1] + (1 << LIMB_BITS * i)]) == message
