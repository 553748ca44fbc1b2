"""What goes between the coordinator and its workers: commands and answers, as bytes that are counted.

Integers and field elements travel as they lie in memory, beside the message and never copied into it.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import numpy as np

from ..kernels.native import FrVec

ELEMENT = 32
"""Bytes of a field element."""


class Message(NamedTuple):
    """A pickle, and the memory that it refers to."""

    text: bytes
    buffers: tuple[np.ndarray, ...]  # uint8

    @property
    def bytes(self) -> int:
        return len(self.text) + sum(b.nbytes for b in self.buffers)


@dataclass(frozen=True)
class Ref:
    """What a worker keeps under this number."""

    number: int


@dataclass(frozen=True)
class View:
    """A part of an array of the model that a worker has mapped by its name: bytes from its start on."""

    name: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Ints:
    """Entries [start, stop) of an array in row-major order; they are copied when they are sent."""

    array: np.ndarray
    start: int
    stop: int

    def taken(self) -> np.ndarray:
        """One axis, contiguous."""
        if self.array.flags.c_contiguous:
            return self.array.reshape(-1)[self.start : self.stop]
        return flat(self.array, self.start, self.stop)


@dataclass(frozen=True, eq=False)
class Joined:
    """Ranges of an array's entries in row-major order, one after the other."""

    array: np.ndarray
    runs: tuple[tuple[int, int], ...]

    def taken(self) -> np.ndarray:
        """One axis, contiguous."""
        if len(self.runs) == 1:
            return Ints(self.array, *self.runs[0]).taken()
        entries = np.ascontiguousarray(self.array).reshape(-1)
        return np.concatenate([entries[start:stop] for start, stop in self.runs])


def flat(array: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Entries [start, stop) in row-major order, without a copy of the others."""
    if array.ndim == 1:
        return np.ascontiguousarray(array[start:stop])
    row = array[0].size
    first, last = start // row, -(-stop // row)
    if last - first == 1:
        return flat(array[first], start - first * row, stop - first * row)
    return np.ascontiguousarray(array[first:last]).reshape(-1)[start - first * row : stop - first * row]


class Elements(NamedTuple):
    """A vector's canonical bytes."""

    data: np.ndarray


Argument: TypeAlias = object
"""Numbers, texts, arrays, vectors, `Ref`, `View`, `Ints`, `Joined`, None, and tuples and lists of them."""


@dataclass(frozen=True, eq=False)
class Command:
    """A call: of a kernel, or of a method of what is kept under `on`. The answer is kept under `keep`, or
    returned. A `lasting` command changes what is kept: it is repeated in a worker that starts anew."""

    method: str
    arguments: tuple[Argument, ...] = ()
    on: int | None = None
    keep: int | None = None
    lasting: bool = False


@dataclass
class Tally:
    """Bytes of one direction by what they are."""

    integers: int = 0  # of tensors
    elements: int = 0  # of vectors
    other: int = 0  # commands, scalars, points

    def __iadd__(self, more: Tally) -> Tally:
        self.integers += more.integers
        self.elements += more.elements
        self.other += more.other
        return self

    @property
    def bytes(self) -> int:
        return self.integers + self.elements + self.other


@dataclass
class Traffic:
    """Of one stage, all workers together. `again`: bytes sent to workers in the place of lost ones."""

    calls: int = 0
    sent: Tally = field(default_factory=Tally)
    received: Tally = field(default_factory=Tally)
    again: int = 0


def _within(value: Argument, change: Callable[[Argument], Argument]) -> Argument:
    """A tuple, which may be a named one, or a list of what its entries become; all else as it is."""
    if isinstance(value, list):
        return [change(entry) for entry in value]
    if not isinstance(value, tuple):
        return value
    kind: Callable[..., Argument] = type(value)
    entries = [change(entry) for entry in value]
    return kind(*entries) if hasattr(value, "_fields") else tuple(entries)


def _plain(value: Argument, tally: Tally) -> Argument:
    if isinstance(value, Ints | Joined):
        value = value.taken()
    if isinstance(value, np.ndarray):
        tally.integers += value.nbytes
        return np.ascontiguousarray(value)
    if isinstance(value, FrVec):
        data = np.frombuffer(value.to_bytes(), np.uint8)
        tally.elements += data.nbytes
        return Elements(data)
    return _within(value, lambda entry: _plain(entry, tally))


def pack(value: Argument) -> tuple[Message, Tally]:
    tally, buffers = Tally(), list[pickle.PickleBuffer]()
    text = pickle.dumps(_plain(value, tally), protocol=5, buffer_callback=buffers.append)
    message = Message(text, tuple(np.frombuffer(b.raw(), np.uint8) for b in buffers))
    tally.other = message.bytes - tally.integers - tally.elements
    return message, tally


_PARTS_OF_ARRAYS = ("dtype", "ndarray", "_frombuffer", "_reconstruct", "scalar")
"""Of numpy, by which its arrays and numbers are made again."""


class _Reader(pickle.Unpickler):
    """Knows the few types that messages have, and nothing else that could be called."""

    def find_class(self, module: str, name: str) -> object:
        package = module.partition(".")[0]
        if package == "numpy" and name in _PARTS_OF_ARRAYS or (module, name) == ("builtins", "slice"):
            return super().find_class(module, name)
        if package == "zkllm" and "." not in name:
            found: object = super().find_class(module, name)
            if found in (Ref, View) or isinstance(found, type) and issubclass(found, tuple):
                return found
        raise pickle.UnpicklingError(f"a message names {module}.{name}")


def unpack(message: Message) -> Argument:
    """Vectors are made of their bytes, references are left."""
    return resolved(_Reader(io.BytesIO(message.text), buffers=message.buffers).load(), lambda value: value)


def resolved(value: Argument, resolve: Callable[[Ref | View], Argument]) -> Argument:
    """With what references refer to in their place."""
    if isinstance(value, Elements):
        return FrVec.from_bytes(value.data.tobytes())
    if isinstance(value, Ref | View):
        return resolve(value)
    return _within(value, lambda entry: resolved(entry, resolve))


def pack_commands(commands: Sequence[Command]) -> tuple[Message, Tally]:
    return pack([(c.method, c.arguments, c.on, c.keep) for c in commands])
