"""The statement inside the argument: token ids as one-hots and bits, T as a one-hot.

The ids are public, so the verifier evaluates the one-hots itself. In the circuit the same text constrains
them: id = slot J + v' with v' < J and id < V, T from its one-hot, padding after x_T, and the packed words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from ..bits import ceil_log2
from ..statement import LIMB_BITS, LIMBS_PER_WORD, num_words
from .algebra import Scalar, less_than_constant
from .forms import Rows
from .party import Party
from .shape import Shape, Vocabulary


@dataclass
class TokenId:
    """An id < V as slot one-hot and bits of v' (MSB first); id = slot J + v'."""

    value: Scalar
    slot: list[Scalar]
    bits: list[Scalar]


@dataclass
class PublicStatement:
    ids: list[TokenId]  # x_0 .. x_N
    certified: list[TokenId]  # x_{T-k+1} .. x_T
    hot: list[Scalar]  # one-hot of T over k, k + 1, .., N
    start: int | None  # T - k, where it is known in the clear

    def certified_rows(self) -> Rows:
        return Rows("i", tuple(self.hot), self.start)


def _equal(a: int, b: int | None) -> int:
    return int(a == b)


def _bit(number: int, place: int) -> int:
    return number >> place & 1


def _token(party: Party, vocabulary: Vocabulary, name: str, value: int | None) -> TokenId:
    """An id with the constraints that make its decomposition unique and put it below V."""
    block, slots = vocabulary.block, vocabulary.slots
    slot_of, index = divmod(value, block) if value is not None else (0, 0)
    width = ceil_log2(block)
    hot = [party.advice(partial(_equal, s, slot_of)) for s in range(slots)]
    bits = [party.advice(partial(_bit, index, i)) for i in reversed(range(width))]
    for b in (*hot, *bits):
        party.check(f"{name}: bits", b * b, b)
    total: Scalar = 0
    for h in hot:
        total = total + h
    party.check(f"{name}: one slot", total, 1)
    party.check(f"{name}: below J", less_than_constant(bits, block), 1)
    party.check(f"{name}: below V", hot[-1] * (1 - less_than_constant(bits, vocabulary.last_block)), 0)
    number: Scalar = 0
    for s, h in enumerate(hot):
        number = number + (s * block) * h
    for i, b in enumerate(reversed(bits)):
        number = number + (1 << i) * b
    return TokenId(number, hot, bits)


def bind_statement(
    party: Party, shape: Shape, words: Sequence[Scalar], T: int | None, ids: Sequence[int] | None
) -> PublicStatement:
    """`words` pack T and `ids`, x_0..x_N, which are given where they are known in the clear."""
    n, k, vocabulary = shape.rows, shape.certified, shape.config.vocabulary
    if len(words) != num_words(n) or (ids is not None and len(ids) != n + 1):
        raise ValueError(f"a statement of {n} rows has {num_words(n)} words and {n + 1} ids")
    tokens = [
        _token(party, vocabulary, "statement: id", ids[j] if ids is not None else None) for j in range(n + 1)
    ]
    hot = [party.advice(partial(_equal, t, T)) for t in range(k, n + 1)]
    total: Scalar = 0
    number: Scalar = 0
    for t, h in zip(range(k, n + 1), hot, strict=True):
        party.check("statement: T", h * h, h)
        total, number = total + h, number + t * h
    party.check("statement: T", total, 1)
    after: Scalar = 0  # [T < j]
    for j in range(k + 1, n + 1):
        after = after + hot[j - 1 - k]
        party.check("statement: padding", after * (tokens[j].value - vocabulary.pad_id), 0)
    limbs = [number, *(t.value for t in tokens)]
    for w, word in enumerate(words):
        packed: Scalar = 0
        for i, limb in enumerate(limbs[w * LIMBS_PER_WORD : (w + 1) * LIMBS_PER_WORD]):
            packed = packed + (1 << LIMB_BITS * (LIMBS_PER_WORD - 1 - i)) * limb
        party.check("statement: words", packed, word)
    clear: Sequence[int | None] = [None] * k
    if ids is not None and T is not None and k <= T <= n:  # else the check on T fires
        clear = ids[T - k + 1 : T + 1]
    certified = []
    for i, known in enumerate(clear):
        token = _token(party, vocabulary, "statement: certified id", known)
        chosen: Scalar = 0
        for shift, h in enumerate(hot):
            chosen = chosen + h * tokens[shift + i + 1].value
        party.check("statement: certified id", token.value, chosen)
        certified.append(token)
    return PublicStatement(tokens, certified, hot, T - k if T is not None else None)
