"""Byte-level BPE tokenizers, and the bytes that each token id stands for.

Only byte-level BPE (GPT-2's kind) is accepted, since there each id stands for fixed bytes and a text is the
concatenation of its tokens. Special tokens stand for their literal UTF-8.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from zkllm.errors import TokenizerError

_MAX_BYTES = 1 << 28


@cache
def byte_alphabet() -> dict[str, int]:
    """GPT-2's printable stand-ins of the 256 bytes."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    alphabet = {chr(b): b for b in printable}
    others = [b for b in range(256) if b not in set(printable)]
    alphabet.update({chr(256 + i): b for i, b in enumerate(others)})
    return alphabet


class ByteLevelTokenizer:
    """`encode` and `decode` of a checked tokenizer; `token_bytes[i]` is what id i stands for.

    Ids of the model without a token (a padded embedding) stand for no bytes.
    """

    def __init__(self, definition: str, vocab_size: int, source: str = "tokenizer.json"):
        self.definition = definition
        data = _parse(definition, source)
        self.token_bytes = _token_bytes(data, vocab_size, source)
        self._tokenizer: Any = None  # made when a text is first encoded: reading bytes needs no library
        self._source = source

    def encode(self, text: str) -> list[int]:
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise TokenizerError("the text is not valid Unicode (lone surrogates)") from None
        if self._tokenizer is None:
            make = lambda tokenizers: tokenizers.Tokenizer.from_str(self.definition)
            self._tokenizer = _guarded(self._source, make)
        result = _guarded(self._source, lambda _: self._tokenizer.encode(text, add_special_tokens=False))
        ids: list[int] = result.ids
        if any(i >= len(self.token_bytes) for i in ids):
            raise TokenizerError(f"{self._source}: gives token id {max(ids)}, which the model does not have")
        if self.decode_bytes(ids) != text.encode("utf-8"):
            raise TokenizerError(f"{self._source}: the text does not survive encoding; is it byte-level BPE?")
        return ids

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        return b"".join(self.token_bytes[i] for i in ids)

    def decode(self, ids: Iterable[int]) -> str:
        """For display: bytes that are not UTF-8 become replacement characters."""
        return self.decode_bytes(ids).decode("utf-8", errors="replace")


def _guarded(source: str, call: Any) -> Any:
    """Calls into the tokenizers library, whose panics are not of class Exception."""
    try:
        import tokenizers
    except ImportError:
        raise TokenizerError("encoding text needs the tokenizers package: pip install tokenizers") from None
    try:
        return call(tokenizers)
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:
        reason = " ".join(str(error).split())[:120]
        raise TokenizerError(f"{source}: the tokenizers library refuses it ({reason})") from None


def _parse(definition: str, source: str) -> dict[str, Any]:
    try:
        data = json.loads(definition)
    except (ValueError, RecursionError):
        raise TokenizerError(f"{source}: is not JSON") from None
    if not isinstance(data, dict) or not isinstance(data.get("model"), dict):
        raise TokenizerError(f"{source}: has no model")
    model = data["model"]

    def kind(part: str) -> Any:
        value = data.get(part)
        return value.get("type") if isinstance(value, dict) else value

    if model.get("type", "BPE") != "BPE" or not isinstance(model.get("vocab"), dict):
        raise TokenizerError(f"{source}: model type {str(model.get('type'))[:40]!r} is not byte-level BPE")
    if kind("pre_tokenizer") != "ByteLevel" or kind("decoder") != "ByteLevel":
        raise TokenizerError(f"{source}: pre-tokenizer and decoder must be ByteLevel (byte-level BPE)")
    if data["pre_tokenizer"].get("add_prefix_space"):
        raise TokenizerError(f"{source}: add_prefix_space changes the text and is refused")
    if data.get("normalizer") is not None:
        raise TokenizerError(f"{source}: a normalizer changes the text and is refused")
    if kind("post_processor") not in (None, "ByteLevel"):
        raise TokenizerError(f"{source}: post-processor {str(kind('post_processor'))[:40]!r} is refused")
    if data.get("truncation") is not None or data.get("padding") is not None:
        raise TokenizerError(f"{source}: truncation and padding are refused")
    for option in ("dropout", "byte_fallback", "continuing_subword_prefix", "end_of_word_suffix"):
        if model.get(option):
            raise TokenizerError(f"{source}: {option} is refused")
    return data


def _token_bytes(data: dict[str, Any], vocab_size: int, source: str) -> list[bytes]:
    """Bytes of every id below `vocab_size`."""
    alphabet, out = byte_alphabet(), [b""] * vocab_size
    literal: dict[str, int] = {}
    added = data.get("added_tokens") or []
    if not isinstance(added, list):
        raise TokenizerError(f"{source}: added_tokens is not a list")
    for token in added:
        if not isinstance(token, dict) or not isinstance(token.get("content"), str):
            raise TokenizerError(f"{source}: an added token is damaged")
        if token.get("lstrip") or token.get("rstrip"):
            raise TokenizerError(
                f"{source}: added token {token['content'][:40]!r} swallows spaces and is refused"
            )
        literal[token["content"]] = token.get("id", -1)
    taken: set[int] = set()
    for token, i in [*data["model"]["vocab"].items(), *literal.items()]:
        if type(i) is not int or not 0 <= i < vocab_size:
            raise TokenizerError(
                f"{source}: token {token[:40]!r} has id {str(i)[:20]}, the model has ids below {vocab_size}"
            )
        if token in literal and literal[token] != i or i in taken and token not in literal:
            raise TokenizerError(f"{source}: token id {i} is given twice")
        try:
            out[i] = token.encode("utf-8") if token in literal else bytes(alphabet[c] for c in token)
        except KeyError as error:
            raise TokenizerError(
                f"{source}: token {token[:40]!r} has {error}, outside the byte alphabet"
            ) from None
        except UnicodeEncodeError:
            raise TokenizerError(f"{source}: token {i} is not valid Unicode") from None
        if not out[i]:
            raise TokenizerError(f"{source}: token {i} is empty")
        taken.add(i)
    if len(set(literal.values())) != len(literal):
        raise TokenizerError(f"{source}: two added tokens share an id")
    return out


def load_tokenizer(folder: Path, vocab_size: int) -> ByteLevelTokenizer:
    """From tokenizer.json, or from GPT-2's older pair vocab.json and merges.txt."""
    path = folder / "tokenizer.json"
    try:
        if path.exists():
            if path.stat().st_size > _MAX_BYTES:
                raise TokenizerError(f"{path}: is too large for a tokenizer")
            return ByteLevelTokenizer(path.read_text(encoding="utf-8"), vocab_size, str(path))
        vocab = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
        merges = (folder / "merges.txt").read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        raise TokenizerError(f"{folder}: no tokenizer.json, and no vocab.json with merges.txt") from None
    except (OSError, ValueError, RecursionError):
        raise TokenizerError(f"{folder}: damaged tokenizer files; download them again") from None
    return ByteLevelTokenizer(definition_from_files(vocab, merges), vocab_size, str(folder / "vocab.json"))


def definition_from_files(vocab: Any, merges: list[str]) -> str:
    """tokenizer.json's content for GPT-2's vocab.json and merges.txt."""
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    rules = [line for line in merges if line and not line.startswith("#version")]
    special = "<|endoftext|>"
    added = []
    if isinstance(vocab, dict) and special in vocab:
        added = [{"id": vocab[special], "content": special, "special": True, "single_word": False,
                  "lstrip": False, "rstrip": False, "normalized": False}]  # fmt: skip
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
             "end_of_word_suffix": None, "fuse_unk": False, "vocab": vocab, "merges": rules}  # fmt: skip
    return json.dumps(
        {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
         "pre_tokenizer": level, "post_processor": None, "decoder": level, "model": model},
        ensure_ascii=False,
    )  # fmt: skip
