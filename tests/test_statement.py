"""Statements: limits, words, identifiers; and contexts."""

import pytest
from eth_abi import encode
from hypothesis import given
from hypothesis import strategies as st

from zkllm.errors import ProofError, StatementError
from zkllm.field import R
from zkllm.hashing import keccak256
from zkllm.proof import Proof
from zkllm.shape_id import ShapeId
from zkllm.statement import (
    Context,
    SealedStatement,
    Statement,
    claim_id,
    num_words,
    pack_words,
    prompt_digest,
    request_id,
    sealed_claim_id,
    unpack_sealed_words,
    unpack_words,
)

MODEL = bytes(range(32))
LIMITS = dict(N=16, k=1, vocab_size=300, n_ctx=32)


def test_keccak_is_ethereums():
    assert keccak256().hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak256(b"ab", b"c") == keccak256(b"abc")


@given(st.integers(1, 40), st.data())
def test_words_round_trip(N, data):
    T = data.draw(st.integers(1, N))
    ids = data.draw(st.lists(st.integers(0, (1 << 24) - 1), min_size=N + 1, max_size=N + 1))
    words = pack_words(T, ids, N)
    assert len(words) == num_words(N, 1, False) == -(-(N + 2) // 10)
    assert all(w < 1 << 240 for w in words)
    assert unpack_words(words, N) == (T, ids)


def test_first_limb_is_the_most_significant():
    assert pack_words(3, [7] * 9, 8) == [int("000003" + "000007" * 9, 16)]
    assert pack_words(3, [7] * 10, 9)[1] == 7 << 216


@pytest.mark.parametrize("words", [[1 << 240, 0], [0], [0, 0, 0], [0, 1]])
def test_words_that_are_no_encoding_are_refused(words):
    with pytest.raises(StatementError):
        unpack_words(words, 16)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (Statement(MODEL, 1, (1,)), "1 <= k <= T"),
        (Statement(MODEL, 1, tuple([1] * 18)), "1 <= k <= T"),
        (Statement(MODEL, 2, (1, 2, 3)), "certifies 2"),
        (Statement(MODEL, 1, (1, 300)), "not below the vocabulary"),
        (Statement(MODEL, 1, (-1, 3)), "not below the vocabulary"),
        (Statement(b"", 1, (1, 3)), "32 bytes"),
    ],
)
def test_limits(statement, message):
    with pytest.raises(StatementError, match=message):
        statement.check(**LIMITS)


def test_a_shape_has_no_more_rows_than_the_context() -> None:
    statement = Statement(MODEL, 1, (1, 2))
    statement.check(**LIMITS | {"n_ctx": 16})
    with pytest.raises(StatementError, match="N <= n_ctx"):
        statement.check(**LIMITS | {"n_ctx": 15})


def test_a_proof_file_has_less_than_65536_rows() -> None:
    def file(N: int) -> bytes:
        words = pack_words(1, [0] * (N + 1), N)
        return Proof(bytes(32), False, Context(), N, 1, False, tuple(words), b"").to_bytes()

    most = (1 << 16) - 1
    assert Proof.from_bytes(file(most)).shape == ShapeId(most, 1)
    with pytest.raises(ProofError, match=r"need 1 <= k <= N < 2\^16, got k=1 N=65536"):
        Proof.from_bytes(file(most + 1))


def test_padding_and_claim_id():
    statement = Statement(MODEL, 1, (5, 6, 7))
    statement.check(**LIMITS)
    assert statement.padded_ids(4, 9) == [5, 6, 7, 9, 9]
    packed = b"".join(x.to_bytes(32, "big") for x in (5, 6))  # encodePacked pads the elements of an array
    assert prompt_digest((5, 6)) == keccak256(packed)
    expected = keccak256(encode(["bytes32", "uint256", "bytes32"], [MODEL, 1, keccak256(packed)]))
    assert statement.claim_id() == claim_id(MODEL, 1, prompt_digest((5, 6))) == expected
    assert Statement(MODEL, 1, (5, 6, 8)).claim_id() == expected  # whatever the answer
    assert Statement(MODEL, 2, (5, 6, 7, 8)).claim_id() != expected


def test_sealed_claim_ids_and_words() -> None:
    statement = SealedStatement(MODEL, 2, R - 1, (7, 1 << 23))
    tag = keccak256(b"zkllm.v2.sealed claim")
    expected = keccak256(encode(["bytes32", "bytes32", "uint256", "uint256"], [tag, MODEL, 2, R - 1]))
    assert statement.claim_id() == sealed_claim_id(MODEL, 2, R - 1) == expected
    assert statement.words() == [R - 1, 7 << 216 | 1 << 215]
    assert unpack_sealed_words(statement.words(), 2) == (R - 1, [7, 1 << 23])
    assert len(SealedStatement(MODEL, 11, 0, (1,) * 11).words()) == num_words(30, 11, True) == 3
    for beyond in (-1, R, R + 5):
        with pytest.raises(StatementError, match="below r"):
            sealed_claim_id(MODEL, 2, beyond)
        with pytest.raises(StatementError, match="below r"):
            unpack_sealed_words([beyond, 0], 2)
    for words in ([], [5], [5, 1 << 240], [5, 1], [5, 0, 0]):
        with pytest.raises(StatementError):
            unpack_sealed_words(words, 2)


def test_request_ids_are_abi_encoded():
    requester, salt = bytes([1] * 20), bytes([2] * 32)
    expected = keccak256(encode(["address", "bytes32"], ["0x" + requester.hex(), salt]))
    assert request_id(requester, salt) == expected


def test_context_digest_is_abi_encoded():
    contract, sender, request = bytes([1] * 20), bytes([2] * 20), bytes([3] * 32)
    context = Context(31337, contract, sender, request)
    expected = keccak256(
        encode(
            ["uint256", "address", "address", "bytes32"],
            [31337, "0x" + contract.hex(), "0x" + sender.hex(), request],
        )
    )
    assert context.digest() == expected
    assert Context().digest() == bytes(32)
    with pytest.raises(StatementError):
        Context(contract=b"short")
