"""Records as JSON: dataclasses of numbers, booleans, text, bytes (in lower-case hexadecimal), tuples, lists,
dictionaries by name, and records. What is read has every field, of its type, and no other; a record has one
canonical encoding. Pure Python.

A field that came later may be declared `ABSENT`: where it has its default it is left out, so that records
without it keep their encoding, and their digests.
"""

from __future__ import annotations

import json
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from zkllm.errors import Malformed, ZkllmError, reason
from zkllm.files import JsonObject, canonical_json

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Record = TypeVar("Record", bound=DataclassInstance)

ABSENT = {"absent": True}
"""Metadata of a field that is left out of the encoding where it has its default."""

_PLAIN = (int, float, bool, str)
"""What JSON holds as it is."""

_HEXADECIMAL = re.compile(r"(?:[0-9a-f]{2})*\Z")


@dataclass(frozen=True)
class Text:
    """How bytes are written that are not plain hexadecimal, as an annotation: Annotated[bytes, Text(..)].
    `read` raises an error of ours for what is no such text."""

    write: Callable[[bytes], str]
    read: Callable[[str], bytes]


def encode(record: DataclassInstance) -> bytes:
    """The record's one encoding."""
    return canonical_json(to_data(record))


def decode(cls: type[Record], raw: bytes, what: str) -> Record:
    """The record of `encode`'s output; Malformed, which names `what`, for any other bytes."""
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"{what}: {reason(error)}") from None
    record = from_data(cls, data, what)
    if encode(record) != raw:
        raise Malformed(f"{what} is not in canonical form")
    return record


def to_data(record: DataclassInstance) -> JsonObject:
    """For JSON."""
    absent = _absent(type(record))
    return {
        name: _written(kind, getattr(record, name))
        for name, kind in _kinds(type(record)).items()
        if name not in absent or getattr(record, name) != absent[name]
    }


def from_data(cls: type[Record], data: object, what: str, *, defaults: bool = False) -> Record:
    """The record of what JSON holds; Malformed, which names `what`, where it is none. `defaults`: a field
    that has one may be left out."""
    kinds = _kinds(cls)
    if type(data) is not dict:
        raise Malformed(f"{what} is not an object")
    absent = _absent(cls)
    needed = {f.name for f in fields(cls) if not defaults or f.default is MISSING} - set(absent)
    if wrong := sorted(needed - set(data)):
        raise Malformed(f"{what} lacks {wrong[0]!r}")
    if wrong := sorted(set(data) - set(kinds)):
        raise Malformed(f"{what} has an unknown field {wrong[0][:60]!r}")
    read = {name: _read(kinds[name], value, f"{what}: {name}") for name, value in data.items()}
    if wrong := [name for name in absent if name in read and read[name] == absent[name]]:
        raise Malformed(f"{what} says {wrong[0]!r}, which is left out where it has its default")
    return cls(**read)


@cache
def _absent(cls: type[DataclassInstance]) -> Mapping[str, object]:
    """Defaults of the fields that are left out where they have them."""
    return {f.name: f.default for f in fields(cls) if f.metadata.get("absent")}


@cache
def _kinds(cls: type[DataclassInstance]) -> Mapping[str, object]:
    """Its fields' types, by name."""
    hints = get_type_hints(cls, include_extras=True)
    return {f.name: hints[f.name] for f in fields(cls)}


def _written(kind: object, value: object) -> object:
    if kind is Any:
        return value
    if get_origin(kind) in (Union, types.UnionType) and value is not None:
        return _written(_present(kind), value)
    if get_origin(kind) is Annotated:
        return get_args(kind)[1].write(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple | list):
        if _endless(kind) and get_args(kind)[0] in _PLAIN:  # a million of a package's exponents and ranges
            return list(value)
        return [_written(k, v) for k, v in zip(_items(kind, len(value)), value, strict=True)]
    if isinstance(value, dict):
        return {name: _written(get_args(kind)[1], v) for name, v in value.items()}
    return to_data(value) if is_dataclass(value) and not isinstance(value, type) else value


def _read(kind: object, value: object, what: str) -> object:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return None if value is None else _read(_present(kind), value, what)
    if origin is Annotated and type(value) is str:
        try:
            return arguments[1].read(value)
        except (ValueError, ZkllmError) as error:
            raise Malformed(f"{what}: {reason(error)}") from None
    if origin in (tuple, list) and type(value) is list:
        if _endless(kind) and arguments[0] in _PLAIN and set(map(type, value)) <= {arguments[0]}:
            return origin(value)
        kinds = _items(kind, len(value))
        if len(kinds) == len(value):
            return origin(_read(k, v, what) for k, v in zip(kinds, value, strict=True))
    if origin is dict and type(value) is dict:
        return {name: _read(arguments[1], v, f"{what}: {name}") for name, v in value.items()}
    if kind is bytes and type(value) is str and _HEXADECIMAL.match(value):
        return bytes.fromhex(value)
    if is_dataclass(kind) and isinstance(kind, type):
        return from_data(kind, value, what)
    if kind is Any or kind in _PLAIN and type(value) is kind:
        return value
    if kind is float and type(value) is int:
        return value
    raise Malformed(f"{what} is not what it should be")


def _present(kind: object) -> object:
    """X of `X | None`."""
    (present,) = (k for k in get_args(kind) if k is not types.NoneType)
    return present


def _endless(kind: object) -> bool:
    """Whether it is a list's or a tuple's type of as many items as there are, all of one type."""
    return get_origin(kind) is list or get_args(kind)[1:] == (...,)


def _items(kind: object, length: int) -> tuple[object, ...]:
    """The types of a tuple's or a list's items."""
    arguments = get_args(kind)
    return arguments[:1] * length if _endless(kind) else arguments
