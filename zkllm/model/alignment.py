"""How ids lie in the text that they were made from: what of it they do not stand for.

What is proved is ids, and a prompt is the bytes that its ids stand for. Of a text three things may be
missing there, none of them silently: white space that an added token takes beside itself (`lstrip`,
`rstrip`), the space before one that is looked for in the normalised text (`normalized`) with a space put in
front, and what a vocabulary cannot write, by which a text is refused.

Which text an added token is found in, and what it takes, is the tokenizers library's doing
(`AddedVocabulary::extract_and_normalize`): tokens that are not `normalized` first, in the text as it is, and
the others in each part between them, after the normalizer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zkllm.files import JsonObject
from zkllm.model.pipeline import SPACE, Pipeline, Prefix

WHITE = (*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F,
         0x3000)  # fmt: skip
"""Code points of Unicode's White_Space, as Rust's regular expressions and char::is_whitespace have them.
Python's str.isspace has four more."""

_WHITE = re.compile(b"|".join(re.escape(chr(c).encode()) for c in WHITE))
_NO_SPACE = re.compile(b"|".join(re.escape(chr(c).encode()) for c in WHITE if c != 0x20))


@dataclass(frozen=True)
class Beside:
    """An added token's part in a text. `written`: what it is found as, in the text as tokens can tell it."""

    written: bytes
    left: bool = False
    right: bool = False
    prefixed: bool = False  # it is found with a space in front, which is no part of what its id stands for
    spaces: bool = True  # whether spaces are still spaces in the text that it is found in

    @classmethod
    def of(cls, token: JsonObject, data: bytes, pipeline: Pipeline) -> Beside:
        """Of an entry of tokenizer.json whose id stands for `data`."""
        normalized = bool(token.get("normalized"))
        prefixed = normalized and pipeline.prefix is Prefix.ALWAYS
        written = b" " + data if prefixed else data
        sides = bool(token.get("lstrip")), bool(token.get("rstrip"))
        return cls(written, *sides, prefixed, not (normalized and pipeline.replaced))


@dataclass(frozen=True)
class Alignment:
    """`lost`: the byte of the text from which on the ids do not stand for it; None where they do.
    `swallowed`: how many characters of white space added tokens have taken."""

    lost: int | None
    swallowed: int = 0


def align(
    ids: Sequence[int], text: str, tokens: Sequence[bytes], added: Mapping[int, Beside], pipeline: Pipeline
) -> Alignment:
    """`tokens`: what every id stands for. `added`: the ids of added tokens. A tokenizer with a prefix space
    puts one at the beginning, and most of them behind each added token."""
    data = pipeline.canonical(text).encode("utf-8")
    signs = _signs(text, pipeline) if any(a.left or a.right for a in added.values()) else frozenset()
    # place in `data` -> what was swallowed before it: added tokens may begin with white space themselves, and
    # then only what follows tells how much of it was taken
    reached, section = {0: 0}, True
    before: Beside | None = None
    for i in ids:
        own, following = added.get(i), dict[int, int]()
        for place, swallowed in reached.items():
            ends = _white(data, place, signs, before, own)
            for taken in range(len(ends)) if own is not None else [len(ends) - 1]:
                token = _found_as(i, ends[taken], data, section, tokens, own, pipeline.prefix)
                if data.startswith(token, ends[taken]):
                    more = taken + (0 if own is None else len(token) - len(tokens[i]))
                    end = ends[taken] + len(token)
                    following[end] = min(swallowed + more, following.get(end, swallowed + more))
        if not following:
            place = min(reached)
            return Alignment(place if own is not None else _white(data, place, signs, before, None)[-1])
        section = own is not None and not own.prefixed and pipeline.prefix is not Prefix.FIRST
        reached, before = following, own
    finally_reached = {place: _white(data, place, signs, before, None) for place in reached}
    for place, ends in finally_reached.items():
        if ends[-1] == len(data):
            return Alignment(None, reached[place] + len(ends) - 1)
    return Alignment(max(ends[-1] for ends in finally_reached.values()))


def _found_as(
    i: int,
    place: int,
    data: bytes,
    section: bool,
    tokens: Sequence[bytes],
    own: Beside | None,
    prefix: Prefix,
) -> bytes:
    """What a token is in the text: a space that was put in front of it is not."""
    token = tokens[i] if own is None else own.written
    if not section:
        return token
    if own is not None:
        return token.removeprefix(b" ") if own.prefixed else token
    if prefix is Prefix.ALWAYS or prefix is not Prefix.NEVER and not data.startswith(b" ", place):
        return token.removeprefix(b" ")
    return token


def _white(
    data: bytes, place: int, signs: frozenset[int], before: Beside | None, after: Beside | None
) -> list[int]:
    """`place`, and the ends of the characters from there on that `before` or `after` would take."""
    takers = [a for a, takes in ((before, before and before.right), (after, after and after.left)) if takes]
    ends = [place]
    if not takers:
        return ends
    pattern = _WHITE if any(taker is not None and taker.spaces for taker in takers) else _NO_SPACE
    while ends[-1] not in signs and (found := pattern.match(data, ends[-1])):
        ends.append(found.end())
    return ends


def _signs(text: str, pipeline: Pipeline) -> frozenset[int]:
    """Bytes of the canonical text at which a space stands for SentencePiece's sign: no white space."""
    if pipeline.byte_level or SPACE not in text:
        return frozenset()
    places, place = [], 0
    for told, written in zip(pipeline.canonical(text), pipeline.form(text), strict=True):
        if written == SPACE:
            places.append(place)
        place += len(told.encode())
    return frozenset(places)
