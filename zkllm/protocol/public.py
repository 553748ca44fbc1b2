"""The statement inside the argument: token ids as one-hots and bits, T as a one-hot.

The ids are public, so the verifier evaluates the one-hots itself. In the circuit the same text constrains
them: id = slot J + v' with v' < J and id < V, T from its one-hot, padding after x_T, and the public words: T
and all ids packed, or, of a sealed prompt, P and the answered ids packed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest

from .. import sealed
from ..bits import ceil_log2
from ..poseidon2 import RATE
from ..statement import LIMB_BITS, LIMBS_PER_WORD, num_limb_words
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


def _packed(limbs: Sequence[Scalar]) -> list[Scalar]:
    """The words that hold these limbs."""
    words: list[Scalar] = []
    for w in range(0, len(limbs), LIMBS_PER_WORD):
        packed: Scalar = 0
        for i, limb in enumerate(limbs[w : w + LIMBS_PER_WORD]):
            packed = packed + (1 << LIMB_BITS * (LIMBS_PER_WORD - 1 - i)) * limb
        words.append(packed)
    return words


def _sealed_prompt(
    party: Party, salt: Scalar, tokens: Sequence[TokenId], hot: Mapping[int, Scalar]
) -> Scalar:
    """P of the first m of these tokens, `hot` the one-hot of m over 1, 2, .., len(tokens): `sealed.seal` on a
    schedule that is the shape's. What comes after a block does not change it, so the last one that m ids need
    is what `seal` gives."""
    length: Scalar = 0
    within: Scalar = 1  # [j < m]
    limbs: list[Scalar] = []
    for j, token in enumerate(tokens):
        limbs.append(within * token.value)
        within = within - hot[j + 1]
        length = length + (j + 1) * hot[j + 1]
    absorbed = [salt, *_packed([length, *limbs])]
    state: Sequence[Scalar] = [0, 0, 0, sealed.IV]
    result: Scalar = 0
    for start in range(0, len(absorbed), RATE):
        block = absorbed[start : start + RATE]
        state = party.sponge.permute([s + x for s, x in zip_longest(state, block, fillvalue=0)])
        last: Scalar = 0  # whether it is the prompt's last block
        for m, h in hot.items():
            if sealed.num_blocks(m) == start // RATE + 1:
                last = last + h
        result = result + last * state[0]
    return result


def bind_statement(
    party: Party,
    shape: Shape,
    words: Sequence[Scalar],
    T: int | None,
    ids: Sequence[int] | None,
    salt: int | None = None,
) -> PublicStatement:
    """T, x_0..x_N and a sealed prompt's salt are given where they are known in the clear; `words` are what is
    public."""
    n, k, vocabulary = shape.rows, shape.certified, shape.config.vocabulary
    if len(words) != shape.num_words or (ids is not None and len(ids) != n + 1):
        raise ValueError(f"a statement of {n} rows has {shape.num_words} words and {n + 1} ids")
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
    if shape.sealed:
        prompt_length = {t - k + 1: h for t, h in zip(range(k, n + 1), hot, strict=True)}
        blind = party.advice(lambda: salt or 0)
        P = _sealed_prompt(party, blind, tokens[: n - k + 1], prompt_length)
        party.check("statement: P", P, words[0])
        public, name = [t.value for t in certified], "statement: answer"
    else:
        public, name = [number, *(t.value for t in tokens)], "statement: words"
    for packed, word in zip(_packed(public), words[-num_limb_words(len(public)) :], strict=True):
        party.check(name, packed, word)
    return PublicStatement(tokens, certified, hot, T - k if T is not None else None)
