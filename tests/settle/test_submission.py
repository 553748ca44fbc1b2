"""A proof as the arguments of `settle`."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from zkllm.errors import SettlementError
from zkllm.model.vocabulary import VocabularyTree
from zkllm.proof import Proof
from zkllm.settle.submission import MAX_RECORD_BYTES, record_bytes, settle_arguments
from zkllm.statement import Context, pack_words

LONGEST = MAX_RECORD_BYTES - record_bytes([b"", b"short"])
TOKENS = [bytes(LONGEST), bytes(LONGEST + 1), b"short"]
KEY = SimpleNamespace(vocabulary_root=VocabularyTree(TOKENS).root, vocab_size=len(TOKENS))


def arguments(ids: tuple[int, ...], k: int):
    T = len(ids) - 1
    words = tuple(pack_words(T, [*ids, 0], T + 1))
    proof = Proof(bytes(32), True, Context(), T + 1, k, False, words, bytes(32))
    return settle_arguments(proof, KEY, TOKENS)


def test_an_answer_has_at_most_the_bytes_that_the_contract_keeps() -> None:
    """The contract's own bound is tested by `Settlement.t.sol`."""
    for answer in ((0,), (0, 2), (2, 0)):
        *_, texts = arguments((1, *answer), len(answer))
        assert texts == [TOKENS[i] for i in sorted(set(answer))]
    for answer in ((1, 2), (2, 1), (2, 0, 2)):
        with pytest.raises(SettlementError, match=r"tokens take 24,5\d\d bytes to record; .* up to 24,575"):
            arguments((2, *answer), len(answer))


def test_an_answer_has_the_siblings_that_complete_its_paths() -> None:
    tree = VocabularyTree(TOKENS)
    for answer in ((0,), (2,), (0, 2), (2, 2)):
        _, _, siblings, _ = arguments((1, *answer), len(answer))
        assert siblings == tree.multiproof(answer)
    with pytest.raises(IndexError, match=r"token ids 0..3 are not all below 3"):
        tree.multiproof((0, 3))
