"""BPE tokenizers at the level of bytes: each token id stands for fixed bytes.

Those are byte-level BPE (GPT-2's kind) and SentencePiece's BPE with byte fallback, with what `pipeline`
accepts around them: a text is the concatenation of its tokens. Added tokens stand for their literal UTF-8.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

from zkllm.errors import TokenizerError, ZkllmWarning
from zkllm.files import JsonObject
from zkllm.model.alignment import Alignment, Beside, align
from zkllm.model.pipeline import Pipeline, Prefix, byte_alphabet, parse_pipeline
from zkllm.requirements import install

if TYPE_CHECKING:
    from tokenizers import Tokenizer

T = TypeVar("T")

# the fields of a BPE model, as GPT-2 has them
BPE_DEFAULTS = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
                "ignore_merges": False}  # fmt: skip


class ByteLevelTokenizer:
    """`encode` and `decode` of a checked tokenizer; `token_bytes[i]` is what id i stands for.

    Ids of the model without a token (a padded embedding) stand for no bytes. What the tokenizer puts around a
    text (a token of the beginning, say) is part of what `encode` gives.
    """

    def __init__(self, definition: str, vocab_size: int, source: str = "tokenizer.json"):
        self.definition = definition
        try:
            data = json.loads(definition)
        except (ValueError, RecursionError):
            raise TokenizerError(f"{source}: is not JSON; download it again") from None
        self._pipeline = parse_definition(data, source)
        added = {token["content"]: token["id"] for token in data.get("added_tokens") or []}
        self.token_bytes = _token_bytes(data, added, vocab_size, self._pipeline, source)
        self.added_ids = set(added.values())
        self._beside = {
            token["id"]: Beside.of(token, self.token_bytes[token["id"]], self._pipeline)
            for token in data.get("added_tokens") or []
            if token["id"] < vocab_size
        }
        self.prefix_space = self._pipeline.prefix is not Prefix.NEVER
        self._before, self._after = added_around(data.get("post_processor"), source)
        self._tokenizer: Tokenizer | None = None  # made for the first text: reading bytes needs no library
        self._source = source
        self._require([*self._before, *self._after])

    def _require(self, ids: list[int]) -> None:
        if beyond := [i for i in ids if not 0 <= i < len(self.token_bytes)]:
            raise TokenizerError(f"{self._source}: gives token id {beyond[0]}, which the model does not have")

    def encode(self, text: str, bare: bool = False) -> list[int]:
        """The ids of `text`, and of what is put around it unless it is to be `bare`. Raises TokenizerError
        where they do not stand for it: a vocabulary may have no token for some bytes. White space that added
        tokens take is warned of."""
        ids, swallowed = self.counted(text, bare)
        warn_of_swallowed(swallowed)
        return ids

    def counted(self, text: str, bare: bool = False) -> tuple[list[int], int]:
        """The same ids, and how many characters of white space the added tokens in the text take."""
        try:
            data = self._pipeline.canonical(text).encode("utf-8")
        except UnicodeEncodeError:
            raise TokenizerError("the text is not valid Unicode (lone surrogates)") from None
        if self._tokenizer is None:
            make = lambda tokenizers: tokenizers.Tokenizer.from_str(self.definition)
            self._tokenizer = _guarded(self._source, make)
        tokenizer = self._tokenizer
        result = _guarded(self._source, lambda _: tokenizer.encode(text, add_special_tokens=False))
        ids: list[int] = result.ids
        self._require(ids)
        found = self.aligned(ids, text)
        if (lost := found.lost) is not None:
            part = data[lost : lost + 8].decode("utf-8", errors="ignore") or data[lost : lost + 1].hex()
            raise TokenizerError(
                f"{self._source}: the vocabulary cannot write the text: {part!r} at byte {lost} is lost"
            )
        return ids if bare else [*self._before, *ids, *self._after], found.swallowed

    def aligned(self, ids: list[int], text: str) -> Alignment:
        """How the ids stand for the text."""
        found = align(ids, text, self.token_bytes, self._beside, self._pipeline)
        if found.lost is not None and self._is_composed(ids, text):
            return Alignment(None)
        return found

    def _is_composed(self, ids: list[int], text: str) -> bool:
        """Whether the ids stand for all of `text` in another of Unicode's equivalent forms: what is composed
        is each part between two added tokens, and by the library's version of Unicode."""
        if not self._pipeline.composed or self.prefix_space:
            return False
        try:
            told = self.decode_bytes(ids).decode("utf-8")
        except UnicodeDecodeError:
            return False
        return self._pipeline.canonical(told) == self._pipeline.canonical(text)

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        return b"".join(self.token_bytes[i] for i in ids)

    def decode(self, ids: Iterable[int]) -> str:
        """For display: bytes that are not UTF-8 become replacement characters."""
        return self.decode_bytes(ids).decode("utf-8", errors="replace")


def swallowing(count: int) -> str:
    """What is told of them. What is proved of a prompt is its ids, whose bytes they are not among."""
    signs = "a character" if count == 1 else f"{count:,} characters"
    return (
        f"the model's tokenizer swallows {signs} of white space beside special tokens: the prompt that is "
        "proved is without"
    )


def warn_of_swallowed(count: int) -> None:
    """Where there are any."""
    if count:
        warnings.warn(swallowing(count), ZkllmWarning, stacklevel=3)


def _guarded(source: str, call: Callable[[ModuleType], T]) -> T:
    """Calls into the tokenizers library, whose panics are not of class Exception."""
    try:
        import tokenizers
    except ImportError:
        raise TokenizerError(f"encoding text needs more: {install('tokenizers')}") from None
    try:
        return call(tokenizers)
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:
        reason = " ".join(str(error).split())[:120]
        raise TokenizerError(f"{source}: the tokenizers library refuses it ({reason})") from None


def parse_definition(data: object, source: str) -> Pipeline:
    """Raises TokenizerError unless `data`, in the format of tokenizer.json, is BPE whose ids are bytes."""
    if not isinstance(data, dict) or not isinstance(data.get("model"), dict):
        raise TokenizerError(f"{source}: has no model")
    model = data["model"]
    if model.get("type", "BPE") != "BPE" or not isinstance(model.get("vocab"), dict):
        raise TokenizerError(
            f"{source}: model type {str(model.get('type'))[:40]!r} is neither byte-level BPE nor "
            "SentencePiece's"
        )
    if not isinstance(model.get("merges"), list):
        raise TokenizerError(f"{source}: merges is not a list")
    pipeline = parse_pipeline(data, source)
    refused = ("dropout", "continuing_subword_prefix", "end_of_word_suffix")
    for option in (*refused, *(("byte_fallback",) if pipeline.byte_level else ())):
        if model.get(option):
            raise TokenizerError(f"{source}: {option} is refused")
    added = data.get("added_tokens") or []
    if not isinstance(added, list):
        raise TokenizerError(f"{source}: added_tokens is not a list")
    for token in added:
        if (
            not isinstance(token, dict)
            or type(token.get("content")) is not str
            or type(token.get("id")) is not int
        ):
            raise TokenizerError(f"{source}: an added token is damaged")
    return pipeline


def assigned_ids(vocabulary: dict[str, int], added: Iterable[str]) -> dict[str, int]:
    """The ids that the tokenizers library gives to added tokens: that of the vocabulary, or the next."""
    ids: dict[str, int] = {}
    highest = -1
    for content in added:
        following = highest + 1 if highest >= len(vocabulary) else len(vocabulary)
        ids[content] = vocabulary.get(content, following)
        highest = max(highest, ids[content])
    return ids


def added_around(post_processor: JsonObject | None, source: str) -> tuple[list[int], list[int]]:
    """The ids that a post-processor puts before and after every text; what else it might do is refused."""
    if post_processor is None:
        return [], []
    try:
        kind = post_processor["type"]
        before: list[int] = []
        after: list[int] = []
        if kind in ("BertProcessing", "RobertaProcessing"):
            before, after = [post_processor["cls"][1]], [post_processor["sep"][1]]
        elif kind == "Sequence":
            inner = [part for part in post_processor["processors"] if part["type"] != "ByteLevel"]
            if len(inner) > 1:  # the second would work on each part that the first has made
                raise TokenizerError(f"{source}: a sequence of post-processors is refused")
            before, after = added_around(inner[0], source) if inner else ([], [])
        elif kind == "TemplateProcessing":
            before, after = _around_sequence(post_processor)
        elif kind != "ByteLevel":
            raise TokenizerError(f"{source}: post-processor {str(kind)[:40]!r} is refused")
    except (TypeError, KeyError, IndexError, ValueError, AttributeError):
        raise TokenizerError(f"{source}: damaged post-processor") from None
    if any(type(i) is not int for i in [*before, *after]):
        raise TokenizerError(f"{source}: damaged post-processor")
    return before, after


def _around_sequence(template: JsonObject) -> tuple[list[int], list[int]]:
    sides: list[list[int]] = [[]]
    for piece in template["single"]:
        if "Sequence" in piece:
            sides.append([])
        else:
            sides[-1] += template["special_tokens"][piece["SpecialToken"]["id"]]["ids"]
    before, after = sides  # the text stands there once
    return before, after


def template(before: list[int], after: list[int]) -> JsonObject | None:
    """The post-processor that puts these ids before and after every text."""
    sides = {name: ids for name, ids in (("before", before), ("after", after)) if ids}
    text = {"Sequence": {"id": "A", "type_id": 0}}
    place = lambda name: [{"SpecialToken": {"id": name, "type_id": 0}}] if name in sides else []
    tokens = {name: {"id": name, "ids": ids, "tokens": [name] * len(ids)} for name, ids in sides.items()}
    pieces = [*place("before"), text, *place("after")]
    pair = [text, {"Sequence": {"id": "B", "type_id": 1}}]
    whole = {"type": "TemplateProcessing", "single": pieces, "pair": pair, "special_tokens": tokens}
    return whole if sides else None


def _token_bytes(
    data: JsonObject, added: dict[str, int], vocab_size: int, pipeline: Pipeline, source: str
) -> list[bytes]:
    """Bytes of every id below `vocab_size`. Added tokens may lie beyond: they are never given."""
    pieces: dict[str, int] = data["model"]["vocab"]
    for content, i in assigned_ids(pieces, added).items():
        if type(added[content]) is not int or added[content] != i:
            raise TokenizerError(
                f"{source}: the added token {content[:40]!r} has id {str(added[content])[:20]}, but is given "
                f"{i}; save the tokenizer again"
            )
    out, taken = [b""] * vocab_size, set[int]()
    for token, i in pieces.items():
        if type(i) is not int or not 0 <= i < vocab_size:
            raise TokenizerError(
                f"{source}: token {token[:40]!r} has id {str(i)[:20]}, the model has ids below {vocab_size}"
            )
        if i in taken:
            raise TokenizerError(f"{source}: token id {i} is given twice")
        taken.add(i)
        out[i] = pipeline.added(token, source) if token in added else pipeline.piece(token, source)
        written = token in added and pipeline.byte_level and set(token) <= byte_alphabet().keys()
        if written and out[i] != pipeline.piece(token, source):
            raise TokenizerError(f"{source}: the added token {token[:40]!r} is a piece of other bytes too")
    for token, i in added.items():
        if token in pieces:
            continue
        if i in taken:
            raise TokenizerError(f"{source}: token id {i} is given twice")
        taken.add(i)
        if i < vocab_size:
            out[i] = pipeline.added(token, source)
    return out
