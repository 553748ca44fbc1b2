"""What binds the statement: each rule by a lie that it alone notices, told to verifier and circuit.

Advice is what the circuit's prover supplies: the decomposition of ids and T. The words are public.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zkllm.errors import StatementError
from zkllm.field import R
from zkllm.model.tiny import tiny_model
from zkllm.statement import LIMB_BITS, LIMBS_PER_WORD

from .bending import BentProgram, to
from .circuits import unsatisfied
from .harness import Case, generated, prove, verify
from .lying import Lies
from .scene import packed
from .statements import Told, decomposition, of_size, vocabulary

HALF = pow(2, -1, R)
ID, CERTIFIED = "statement: id", "statement: certified id"
SMALL = [-1, 0, 1, 2, HALF]
"""What a prover would put in place of bits."""

C = vocabulary()
V, J, SLOTS, PAD = C.vocab_size, C.vocab_block, C.vocab_slots, C.pad_id
LAST = V - (SLOTS - 1) * J  # ids of the last slot


def told(*ids: int, T: int | None = None, k: int = 1, rows: int = 3) -> Told:
    """A statement of these ids and padding."""
    padded = [*ids, *[PAD] * (rows + 1 - len(ids))]
    return Told(rows, k, len(ids) - 1 if T is None else T, padded)


def tokens(statement: Told) -> list[tuple[str, int, int]]:
    """(name, place in the advice, id) of every id that is decomposed."""
    places, k = statement.places, statement.certified
    answer = statement.ids[statement.T - k + 1 : statement.T + 1]
    return [(ID, places.token(j), x) for j, x in enumerate(statement.ids)] + [
        (CERTIFIED, places.certified_token(i), x) for i, x in enumerate(answer)
    ]


STATEMENTS = [told(6, 0, 3, k=2), told(3, 4, k=1), told(1, 3, 6, 2, k=2)]


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda s: str(s.ids))
def test_nothing_but_the_honest_decomposition_passes(statement: Told) -> None:
    """Every other 0/1 assignment of one id, or of T, is refused."""
    assert statement.refused() == set()
    places = statement.places
    groups = [(at, places.size) for _, at, _ in tokens(statement)]
    for at, size in [*groups, (places.length, statement.rows + 1 - statement.certified)]:
        honest = statement.advice[at : at + size]
        for other in product((0, 1), repeat=size):
            if list(other) != honest:
                assert statement.refused({at: other}), (at, other)


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda s: str(s.ids))
def test_a_slot_is_one_slot_and_no_mixture(statement: Told) -> None:
    """(-1, 2, 0) or (1/2, 0, 1/2): the same sum and the same id, but a mixture of the slots' rows."""
    told_lies = 0
    for name, at, token in tokens(statement):
        slot, index = divmod(token, J)
        honest = tuple(int(s == slot) for s in range(SLOTS))
        for other in product(SMALL, repeat=SLOTS):
            number = sum(s * h for s, h in enumerate(other))
            if other == honest or sum(other) % R != 1 or number % R != slot:
                continue
            beyond = {f"{name}: below V"} if other[-1] and index >= LAST else set()
            assert statement.refused({at: other}) == {f"{name}: bits"} | beyond, (at, other)
            told_lies += 1
    assert told_lies >= len(tokens(statement)), "one at least for each id"


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda s: str(s.ids))
def test_bits_are_bits(statement: Told) -> None:
    """Other digits of the same number."""
    width = statement.places.size - SLOTS
    for name, at, token in tokens(statement):
        honest = decomposition(C, token)[SLOTS:]
        for other in product(SMALL, repeat=width):
            number = sum(b << width - 1 - i for i, b in enumerate(other))
            if number % R == token % J and list(other) != honest:
                refused = statement.refused({at + SLOTS: other})
                assert f"{name}: bits" in refused, (at, other)
                assert not refused & {"statement: words", CERTIFIED, f"{name}: one slot"}


def test_an_id_has_a_slot() -> None:
    """No slot at all is number 0, too."""
    statement = told(2, 6, 0, k=2)
    for name, at, token in tokens(statement):
        if token < J:
            assert statement.refused({at: [0] * SLOTS}) == {f"{name}: one slot"}


def test_ids_have_one_decomposition() -> None:
    """id = slot J + v' with v' = J, .. would read a row of the next slot's packed embedding."""
    statement = told(3, 3, 6, k=2)
    for name, at, token in tokens(statement):
        slot, index = divmod(token, J)
        if slot and index + J < 1 << statement.places.size - SLOTS:
            low, high = decomposition(C, token - J)[:SLOTS], index + J
            lie = [*low, *(high >> i & 1 for i in reversed(range(statement.places.size - SLOTS)))]
            assert statement.refused({at: lie}) == {f"{name}: below J"}


@pytest.mark.parametrize("beyond", range(V, SLOTS * J))
def test_ids_are_below_v(beyond: int) -> None:
    statement = told(6, 0, 3, k=2)
    for j in range(statement.T + 1):
        ids = list(statement.ids)
        ids[j] = beyond
        certified = {f"{CERTIFIED}: below V"} if j > statement.T - statement.certified else set()
        assert replace(statement, ids=ids).refused() == {f"{ID}: below V"} | certified


@pytest.mark.parametrize("size", [1 << 16, (1 << 16) + 1, 1 << 24])
def test_every_vocabulary_has_its_last_id(size: int) -> None:
    """Ids have 24 bits, whatever the vocabulary's size."""
    config = of_size(size)
    honest = Told(2, 1, 2, [size - 1, 0, size - 1], config)
    assert honest.refused() == set()
    assert config.vocab_block * config.vocab_slots > size, "the last slot has room for one more"
    if size < 1 << LIMB_BITS:
        beyond = replace(honest, ids=[size, 0, size - 1])
        assert beyond.refused() == {f"{ID}: below V"}
        assert replace(honest, ids=[0, 0, size]).refused() == {f"{ID}: below V", f"{CERTIFIED}: below V"}
    else:
        with pytest.raises(StatementError, match="24 bits"):
            replace(honest, ids=[size, 0, 0]).refused()
        # its limb would carry into the one above
        advice = {honest.places.token(0): decomposition(config, size)}
        assert honest.refused(advice) == {f"{ID}: below V", "statement: words"}


def test_t_is_one_length() -> None:
    """Sums of bits that are 1 or of the right number, not both; mixtures of lengths that are both. All ids
    are the pad id, so that nothing else depends on T."""
    for rows, k, T in ((4, 1, 2), (4, 2, 3), (5, 1, 3)):
        statement = told(PAD, T=T, k=k, rows=rows)
        honest = [int(t == T) for t in range(k, rows + 1)]
        told_lies = 0
        for other in product(SMALL, repeat=len(honest)):
            number = sum(t * h for t, h in zip(range(k, rows + 1), other, strict=True)) % R
            if list(other) == honest or number != T:
                continue
            assert statement.refused({statement.places.length: other}) == {"statement: T"}, other
            told_lies += 1
        assert told_lies > 5
        for wrong in range(k, rows + 1):
            lie = {statement.places.length: [int(t == wrong) for t in range(k, rows + 1)]}
            assert statement.refused(lie) == (set() if wrong == T else {"statement: words"})


@pytest.mark.parametrize("rows, k", [(1, 1), (2, 1), (2, 2), (4, 1), (4, 2), (4, 3)])
def test_every_id_after_x_t_is_the_pad_id(rows: int, k: int) -> None:
    """From the shortest statement, T = k, to the longest."""
    for T in range(k, rows + 1):
        statement = told(*range(1, T + 2), k=k, rows=rows)
        assert statement.refused() == set()
        for j in range(T + 1, rows + 1):
            ids = list(statement.ids)
            ids[j] = (PAD + 1 + j) % V
            assert replace(statement, ids=ids).refused() == {"statement: padding"}, (T, j)


@pytest.mark.parametrize("rows", [2, 8, 9, 18, 19])
def test_every_limb_of_every_word_is_bound(rows: int) -> None:
    """One word, one full word, a word that holds one id; likewise for two words. Unused limbs are 0."""
    statement = told(*(i % V for i in range(rows + 1)), rows=rows)
    assert statement.refused() == set()
    for w in range(len(statement.words)):
        for i in range(LIMBS_PER_WORD):
            words = list(statement.words)
            words[w] += 1 << LIMB_BITS * i
            assert statement.refused(words=words) == {"statement: words"}, (w, i)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_every_certified_id_is_that_of_its_row(k: int) -> None:
    statement = told(1, 6, 3, 5, k=k, rows=4)
    for i in range(k):
        for other in range(V):
            lie = {statement.places.certified_token(i): decomposition(C, other)}
            own = statement.ids[statement.T - k + 1 + i]
            assert statement.refused(lie) == (set() if other == own else {CERTIFIED}), (i, other)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_what_fires_is_what_is_false(data: st.DataObject) -> None:
    """Any statement, decomposed honestly and packed into its words."""
    rows = data.draw(st.integers(1, 5))
    k = data.draw(st.integers(1, rows))
    T = data.draw(st.integers(k, rows))
    ids = [data.draw(st.integers(0, SLOTS * J - 1)) for _ in range(T + 1)]
    padding = [data.draw(st.sampled_from([PAD, PAD, PAD, PAD + 1])) for _ in range(rows - T)]
    expected = {
        *([f"{ID}: below V"] if max(ids) >= V else []),
        *([f"{CERTIFIED}: below V"] if max(ids[T - k + 1 :]) >= V else []),
        *(["statement: padding"] if any(x != PAD for x in padding) else []),
    }
    assert Told(rows, k, T, [*ids, *padding]).refused() == expected


# ---- whole proofs of false statements: nothing else would refuse them


@pytest.mark.parametrize("token_slot, mixture", [(2, (-1, 2, 0)), (1, (HALF, 0, HALF))])
def test_a_mixture_of_embeddings_proved_in_full(token_slot: int, mixture: tuple[int, ...]) -> None:
    """Row 0 reads a mixture of three rows under one id; all that follows from it is computed honestly."""
    scene = packed()
    case, c = scene.case, scene.case.model.config
    ids, index = list(case.ids), case.ids[0] % c.vocab_block
    ids[0] = token_slot * c.vocab_block + index
    rows = [case.model.wte[s * c.vocab_block + index].astype(int) for s in range(c.vocab_slots)]
    twice = [h if h != HALF else 1 for h in mixture]
    scale = c.wte_shift - (HALF in mixture)
    bends = {
        ("x0", 0, j): to(
            (sum(h * int(row[j]) for h, row in zip(twice, rows, strict=True)) << scale)
            + (int(case.model.wpe[0, j]) << c.wpe_shift)
        )
        for j in range(c.width)
    }
    traced = _answered(case, ids, lambda ids: case.trace(bends, ids=ids))
    lies = Lies(advice=dict(enumerate(mixture)))
    proof = prove(case, case.tensors(traced.values), ids=traced.ids, lies=lies)
    assert verify(case, proof, lies=lies).failed == ["statement: id: bits"] == unsatisfied(case, proof)


def _answered(case: Case, ids: list[int], trace) -> BentProgram:
    """The run on ids whose certified tokens are the answers that it gives, one after another."""
    for i in range(case.certified):
        logits = trace(ids).logits[i]
        ids[case.T - case.certified + 1 + i] = logits.index(max(logits))
    return trace(ids)


def test_the_shortest_statement_proved_with_an_id_after_it() -> None:
    """T = k: the first id that can be padding."""
    sizes = dict(n_layer=1, n_head=1, head_dim=2, d_inner=2, vocab_size=3, n_ctx=3, mu=8)
    case = generated(tiny_model(1, **sizes), 3, 1, [1])
    assert case.T == case.certified < case.rows
    for j in range(case.T + 1, case.rows + 1):
        ids = list(case.ids)
        ids[j] = PAD + 1
        proof = prove(case, case.tensors(case.trace(ids=ids).values), ids=ids)
        assert verify(case, proof).failed == ["statement: padding"] == unsatisfied(case, proof), j
