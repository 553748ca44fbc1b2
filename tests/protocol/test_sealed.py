"""A sealed prompt: circuit and asker agree on P; each lie about it is refused by the check that is named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from zkllm import field
from zkllm.errors import StatementError
from zkllm.field import R
from zkllm.poseidon2 import RATE, permute
from zkllm.protocol.program import InnerStatement
from zkllm.sealed import IV, num_blocks, seal
from zkllm.statement import LIMB_BITS, LIMBS_PER_WORD, pack_limbs, sealed_words

from .statements import Told, decomposition, of_size, protocol, vocabulary

C = vocabulary()
V, PAD = C.vocab_size, C.pad_id
SALT = R - 3
HIDDEN, ANSWER, CERTIFIED = "statement: P", "statement: answer", "statement: certified id"


def told(*ids: int, k: int = 1, rows: int = 3, salt: int = SALT) -> Told:
    """A sealed statement of these ids and padding."""
    return Told(rows, k, len(ids) - 1, [*ids, *[PAD] * (rows + 1 - len(ids))], salt=salt)


def absorbed(elements: Sequence[int], blocks: int | None = None) -> int:
    """Lane 0 after so many blocks, of a sponge on any elements; after all of them by default."""
    state = [0, 0, 0, IV]
    for start in range(0, len(elements), RATE)[:blocks]:
        for lane, x in enumerate(elements[start : start + RATE]):
            state[lane] = (state[lane] + x) % R
        state = permute(state)
    return state[0]


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_circuit_and_asker_agree_on_every_length(rows: int) -> None:
    """Every k and T, from the shortest prompt to the longest."""
    for k in range(1, rows + 1):
        for T in range(k, rows + 1):
            statement = told(*((3 * j + 1) % V for j in range(T + 1)), k=k, rows=rows)
            assert statement.words[0] == seal(SALT, statement.ids[: T - k + 1])
            assert statement.refused() == set(), (k, T)


@pytest.mark.parametrize("length", [1, 8, 9, 10, 18, 19, 20, 21, 29, 30, 48, 49, 50, 51])
@pytest.mark.parametrize("k", [1, 11])
def test_circuit_and_asker_agree_where_words_and_blocks_end(length: int, k: int) -> None:
    """m and 9 ids fill a word; the salt and two words a block, the first time; three words after that."""
    statement = told(*((5 * j + 2) % V for j in range(length + k)), k=k, rows=63)
    assert num_blocks(length) == 1 + (length > 19) + (length > 49)
    assert statement.refused() == set()


def test_ids_of_every_width() -> None:
    config = of_size(1 << LIMB_BITS)
    last = config.vocab_size - 1
    statement = Told(3, 1, 2, [last, 0, last, PAD], config, salt=0)
    assert statement.refused() == set()
    assert statement.words == [seal(0, [last, 0]), last << LIMB_BITS * 9]


def test_p_is_of_salt_and_prompt_alone() -> None:
    """Neither of the answer, nor of k, nor of the rows."""
    prompt = [1, 6, 3]
    of = {
        told(*prompt, *answer, k=len(answer), rows=rows).words[0]
        for answer, rows in (((2,), 3), ((5,), 3), ((2,), 9), ((2, 2), 9), ((0,) * 12, 30))
    }
    assert of == {seal(SALT, prompt)} == {absorbed([SALT, *pack_limbs([3, *prompt])])}
    others = [
        (SALT - 1, prompt),
        (SALT, [1, 6]),
        (SALT, [1, 6, 3, 0]),
        (SALT, [6, 1, 3]),
        (SALT, [0, 1, 6, 3]),
    ]
    assert len({seal(*other) for other in others} - of) == len(others)


@pytest.mark.parametrize("salt", [-1, R, R + SALT])
def test_a_salt_is_a_field_element(salt: int) -> None:
    with pytest.raises(StatementError, match="below r"):
        seal(salt, [1])


def test_a_prompt_has_ids_of_24_bits() -> None:
    for prompt in ([], [1 << LIMB_BITS], [-1]):
        with pytest.raises(StatementError):
            seal(SALT, prompt)
    with pytest.raises(StatementError, match="has a salt"):
        InnerStatement(1, [1, 2]).words(protocol(C, 1, 1, True).shape)


# ---- lies


def test_another_salt() -> None:
    statement = told(1, 6, 3, 2, k=2)
    for other in (0, SALT + 1, 2 * SALT):
        assert statement.refused({statement.places.salt: [other % R]}) == {HIDDEN}


def test_another_p() -> None:
    statement = told(1, 6, 3, 2, k=2)
    P, answer = statement.words
    for other in (P + 1, 0, seal(SALT, [1, 6, 3]), seal(SALT, [6, 1]), seal(SALT + 1, [1, 6])):
        assert statement.refused(words=[other % R, answer]) == {HIDDEN}


@pytest.mark.parametrize("by", [-1, 1])
@pytest.mark.parametrize("length", [2, 18, 19, 48, 49])
def test_m_is_off_by_one(length: int, by: int) -> None:
    """All ids are the pad id, so that nothing but P depends on T; also where m has another block."""
    rows, k = 52, 2
    statement = Told(rows, k, length + k - 1, [PAD] * (rows + 1), salt=SALT)
    moved = [int(t == statement.T + by) for t in range(k, rows + 1)]
    assert statement.refused() == set()
    assert statement.refused({statement.places.length: moved}) == {HIDDEN}


@pytest.mark.parametrize("rows, ids", [(4, (1, 6, 3, 5)), (25, tuple(j % V for j in range(24)))])
def test_every_id_of_the_prompt_is_in_p(rows: int, ids: tuple[int, ...]) -> None:
    statement = told(*ids, k=2, rows=rows)
    for j in range(len(ids) - 2):
        lie = {statement.places.token(j): decomposition(C, (ids[j] + 1) % V)}
        assert statement.refused(lie) == {HIDDEN}, j


def test_the_order_of_ids_and_of_words_is_in_p() -> None:
    prompt = [j % V for j in range(25)]
    statement = told(*prompt, 5, rows=30)
    m, first, second = pack_limbs([25, *prompt])
    assert statement.words[0] == absorbed([SALT, m, first, second])
    wrong = [
        absorbed([SALT, first, m, second]),
        absorbed([SALT, m, second, first]),
        absorbed([m, SALT, first, second]),
        absorbed([SALT, m, first, second], blocks=1),
        absorbed([SALT, m, first, second, 0, 0, 0]),
        absorbed([SALT, *pack_limbs(prompt)]),
        seal(SALT, [prompt[1], prompt[0], *prompt[2:]]),
        seal(SALT, [*prompt[1:], prompt[0]]),
    ]
    assert len({*wrong, statement.words[0]}) == 1 + len(wrong)
    for P in wrong:
        assert statement.refused(words=[P, *statement.words[1:]]) == {HIDDEN}


def test_padding_is_bound_though_p_does_not_depend_on_it() -> None:
    statement = told(1, 6, 3, rows=5)
    for j in (3, 4, 5):
        ids = list(statement.ids)
        ids[j] = PAD + 1
        lied = replace(statement, ids=ids)
        assert lied.words == statement.words
        assert lied.refused() == {"statement: padding"}


def test_ids_of_a_sealed_prompt_are_below_v() -> None:
    """The asker can seal any ids; none beyond the vocabulary is proved."""
    statement = told(1, V, 3)
    assert statement.refused() == {"statement: id: below V"}


@pytest.mark.parametrize("k", [1, 2, 10, 11])
def test_every_answered_id_is_public(k: int) -> None:
    """Each limb of the answer's words, unused ones too; and their order."""
    statement = told(4, *((3 * i + 1) % V for i in range(k)), k=k, rows=k + 1)
    assert statement.refused() == set()
    P, *answer = statement.words
    assert len(answer) == 1 + (k > LIMBS_PER_WORD)
    for w in range(len(answer)):
        for i in range(LIMBS_PER_WORD):
            words = list(answer)
            words[w] += 1 << LIMB_BITS * i
            assert statement.refused(words=[P, *words]) == {ANSWER}, (w, i)
    if len(answer) > 1:
        assert statement.refused(words=[P, *reversed(answer)]) == {ANSWER}


def test_answered_ids_are_those_that_are_proved() -> None:
    """Another id in the word, in its decomposition or in the row is refused by what ties the two."""
    statement = told(1, 6, 3, 5, k=2, rows=4)
    other = [2, 5]
    words = sealed_words(statement.words[0], other)
    places, lie = statement.places, decomposition(C, 2)
    assert statement.refused({places.certified_token(0): lie}, words) == {CERTIFIED}
    assert statement.refused({places.token(2): lie}, statement.words) == {CERTIFIED}
    both = {places.certified_token(0): lie, places.token(2): lie}
    assert statement.refused(both) == {ANSWER}
    assert statement.refused(both, words) == set(), "that is another statement, which is true"


def test_the_circuit_takes_p_modulo_r() -> None:
    """So P + r would be a second name of the same question: verifiers and contracts refuse it."""
    statement = told(1, 6)
    P, answer = statement.words
    assert statement.refused(words=[(P + R) % R, answer]) == set()


def test_sealed_shapes_are_circuits_of_their_own() -> None:
    ivs = {protocol(C, rows, k, s).iv for rows, k in ((2, 1), (2, 2), (3, 1)) for s in (False, True)}
    assert len(ivs) == 6


def test_fresh_salts_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len({field.random_scalar() for _ in range(20)}) == 20
    asked: list[int] = []
    monkeypatch.setattr(field.secrets, "randbelow", lambda bound: asked.append(bound) or 7)
    assert field.random_scalar() == 7 and asked == [R]
