"""What surrounds the BPE of a tokenizer: normalizer, pre-tokenizer and decoder, as tokenizer.json has them.

Accepted is what keeps the text: every id then stands for fixed bytes, and a text is the concatenation of its
tokens. There are two alphabets in which vocabularies are written:

byte-level      GPT-2's: a character for each byte. The decoder is ByteLevel.
SentencePiece   plain text with \u2581 for the space, and <0xNN> for bytes that no other token has ("byte
                fallback"). The decoder is Replace, ByteFallback, Fuse, and Strip of one space at the
                beginning of a whole text: the bytes of an id do not depend on it.

Three things that a pipeline does to a text are no loss: Unicode's composed form (NFC), \u2581 for spaces,
and a space put in front. Everything else is refused by name.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum
from functools import cache

from zkllm.errors import TokenizerError
from zkllm.files import JsonObject

SPACE = "\u2581"
"""SentencePiece's."""

_FALLBACK = re.compile(r"<0x(\+?[0-9A-Fa-f]{1,2})>")
_KEEPING = ("Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")  # behaviours that lose nothing
_SPLITS = ("Split", "Digits", "Punctuation")
_TO_SPACE = {"pattern": {"String": SPACE}, "content": " "}
_FROM_SPACE = {"pattern": {"String": " "}, "content": SPACE}
_STRIP = {"content": " ", "start": 1, "stop": 0}


class Prefix(Enum):
    """Where a space is put in front of a text, or of a part of it between two added tokens."""

    NEVER = "never"
    FIRST = "first"  # of the text alone, where there is none
    MISSING = "missing"  # of each part, where there is none
    ALWAYS = "always"  # of each part, beside one that is there


@dataclass(frozen=True)
class Pipeline:
    """What a tokenizer does to a text beside cutting it into tokens."""

    byte_level: bool
    prefix: Prefix = Prefix.NEVER
    composed: bool = False  # NFC
    replaced: bool = False  # spaces by SPACE, before added tokens that are `normalized` are looked for

    def canonical(self, text: str) -> str:
        """The text as the tokens can tell it."""
        return self.form(text if self.byte_level else text.replace(SPACE, " "))

    def form(self, text: str) -> str:
        """In Unicode's form of the tokens."""
        return unicodedata.normalize("NFC", text) if self.composed else text

    def piece(self, token: str, source: str) -> bytes:
        """What a token of the vocabulary stands for."""
        if not token:
            raise TokenizerError(f"{source}: a token is empty")
        if not self.byte_level:
            return plain_piece(token, source)
        try:
            return bytes(map(byte_alphabet().__getitem__, token))
        except KeyError as error:
            raise TokenizerError(
                f"{source}: token {token[:40]!r} has {error.args[0]!r}, outside the byte alphabet"
            ) from None

    def added(self, token: str, source: str) -> bytes:
        """What an added token stands for: itself, or what SentencePiece's decoder makes of it."""
        return literal(token, source) if self.byte_level else plain_piece(token, source)


@cache
def byte_alphabet() -> dict[str, int]:
    """GPT-2's printable stand-ins of the 256 bytes."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    alphabet = {chr(b): b for b in printable}
    others = [b for b in range(256) if b not in set(printable)]
    alphabet.update({chr(256 + i): b for i, b in enumerate(others)})
    return alphabet


def literal(token: str, source: str) -> bytes:
    try:
        data = token.encode("utf-8")
    except UnicodeEncodeError:
        raise TokenizerError(f"{source}: an added token is not valid Unicode") from None
    if not data:
        raise TokenizerError(f"{source}: an added token is empty")
    return data


def plain_piece(token: str, source: str) -> bytes:
    """Of a SentencePiece vocabulary."""
    if len(token) == 6 and (byte := _FALLBACK.fullmatch(token)):
        return bytes([int(byte[1], 16)])
    return literal(token.replace(SPACE, " "), source)


def parse_pipeline(data: JsonObject, source: str) -> Pipeline:
    """Raises TokenizerError where the parts of a definition would lose something of a text."""
    try:
        decoders = parts(data.get("decoder"), "decoders")
        normalizers = parts(data.get("normalizer"), "normalizers")
        splits = parts(data.get("pre_tokenizer"), "pretokenizers")
    except (TypeError, KeyError, AttributeError, RecursionError):
        raise TokenizerError(f"{source}: a damaged normalizer, pre-tokenizer or decoder") from None
    if _types(decoders) == ["ByteLevel"]:
        return _byte_level(normalizers, splits, source)
    if not _is_fallback(decoders):
        raise TokenizerError(
            f"{source}: the decoder {_named(decoders)} is refused: only ByteLevel (byte-level BPE), or "
            "Replace, ByteFallback, Fuse and Strip of one space (SentencePiece with byte fallback) are exact"
        )
    return _sentence_piece(normalizers, splits, source)


def parts(value: object, inner: str) -> list[JsonObject]:
    """The members of a sequence, whatever it is nested in."""
    if value is None:
        return []
    if not isinstance(value, dict) or not isinstance(value["type"], str):
        raise TypeError
    if value["type"] != "Sequence":
        return [value]
    return [part for member in value[inner] for part in parts(member, inner)]


def _types(members: list[JsonObject]) -> list[str]:
    return [member["type"] for member in members]


def _named(members: list[JsonObject]) -> str:
    return ", ".join(_types(members))[:80] or "that is not there"


def _has(member: JsonObject, options: JsonObject) -> bool:
    return all(member.get(name) == value for name, value in options.items())


def _is_fallback(decoders: list[JsonObject]) -> bool:
    kinds = _types(decoders)
    if kinds[:3] != ["Replace", "ByteFallback", "Fuse"] or not _has(decoders[0], _TO_SPACE):
        return False
    return kinds[3:] == [] or (kinds[3:] == ["Strip"] and _has(decoders[3], _STRIP))


def _require_keeping(split: JsonObject, source: str) -> None:
    if split["type"] == "Digits":
        return
    if (behavior := split.get("behavior", "Isolated")) not in _KEEPING:
        raise TokenizerError(
            f"{source}: pre-tokenizer {split['type']} with behaviour {str(behavior)[:40]!r} is refused: it "
            f"is none of {', '.join(_KEEPING)}, which lose nothing"
        )


def _is_composing(normalizers: list[JsonObject], rest: tuple[str, ...], source: str) -> bool:
    """Whether NFC is among them; what is neither NFC nor in `rest` is refused."""
    for kind in _types(normalizers):
        if kind not in ("NFC", *rest):
            raise TokenizerError(f"{source}: the normalizer {kind[:40]!r} changes the text and is refused")
    return "NFC" in _types(normalizers)


def _byte_level(normalizers: list[JsonObject], splits: list[JsonObject], source: str) -> Pipeline:
    composed = _is_composing(normalizers, (), source)
    levels = [split for split in splits if split["type"] == "ByteLevel"]
    others = [split for split in splits if split["type"] != "ByteLevel"]
    if len(levels) != 1 or any(split["type"] not in _SPLITS for split in others):
        raise TokenizerError(
            f"{source}: the pre-tokenizer {_named(splits)} is refused: byte-level BPE has ByteLevel once, "
            f"alone or with {', '.join(_SPLITS)}"
        )
    for split in others:
        _require_keeping(split, source)
    spaced = bool(levels[0].get("add_prefix_space", True))
    if spaced and others:
        raise TokenizerError(f"{source}: a ByteLevel that puts a space before every part is refused")
    return Pipeline(True, Prefix.MISSING if spaced else Prefix.NEVER, composed)


def _sentence_piece(normalizers: list[JsonObject], splits: list[JsonObject], source: str) -> Pipeline:
    composed = _is_composing(normalizers, ("Replace", "Prepend"), source)
    prefixes = [n for n in normalizers if n["type"] == "Prepend"]
    if any(n["type"] == "Replace" and not _has(n, _FROM_SPACE) for n in normalizers):
        raise TokenizerError(f"{source}: a normalizer that replaces more than spaces by {SPACE} is refused")
    if len(prefixes) > 1 or any(n.get("prepend") != SPACE for n in prefixes):
        raise TokenizerError(f"{source}: a normalizer that prepends more than one {SPACE} is refused")
    metaspaces = [split for split in splits if split["type"] == "Metaspace"]
    others = [split for split in splits if split["type"] != "Metaspace"]
    if len(metaspaces) > 1 or any(split["type"] not in _SPLITS for split in others):
        raise TokenizerError(
            f"{source}: the pre-tokenizer {_named(splits)} is refused: SentencePiece's has Metaspace at most "
            f"once, alone or with {', '.join(_SPLITS)}"
        )
    for split in others:
        _require_keeping(split, source)
    prefix = Prefix.NEVER if not metaspaces else _metaspace_prefix(metaspaces[0], source)
    if prefix is Prefix.MISSING and others:
        raise TokenizerError(f"{source}: a Metaspace that puts a space before every part is refused")
    replaced = "Replace" in _types(normalizers)
    return Pipeline(False, Prefix.ALWAYS if prefixes else prefix, composed, replaced)


def _metaspace_prefix(split: JsonObject, source: str) -> Prefix:
    if split.get("replacement") != SPACE:
        raise TokenizerError(f"{source}: a Metaspace with another sign than {SPACE} is refused")
    schemes = {"always": Prefix.MISSING, "first": Prefix.FIRST, "never": Prefix.NEVER}
    scheme = str(split.get("prepend_scheme", "always"))
    if scheme not in schemes or type(split.get("add_prefix_space", True)) is not bool:
        raise TokenizerError(f"{source}: a damaged Metaspace")
    return schemes[scheme] if split.get("add_prefix_space", True) else Prefix.NEVER
