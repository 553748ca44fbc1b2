"""A memory-mapped reader of safetensors files, including bfloat16, which numpy does not have.

Format: u64 little-endian header length, a JSON header {name: {dtype, shape, data_offsets}}, the data.
Every offset is checked before a byte is read, so damage gives a CheckpointError.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from zkllm.errors import CheckpointError, Malformed, reason
from zkllm.files import JsonObject, reading

_FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
_MAX_HEADER = 100_000_000


def _floats(raw: np.ndarray, dtype: str) -> np.ndarray:
    if dtype == "BF16":  # the upper half of a float32
        wide = raw.astype(np.uint32)
        wide <<= 16
        raw = wide.view(np.float32)
    with np.errstate(invalid="ignore"):  # signalling NaNs
        return raw.astype(np.float64 if dtype == "F64" else np.float32, copy=False)


@dataclass(frozen=True)
class Entry:
    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


class SafetensorsFile:
    """Names, shapes and values of one file; values are read when asked for."""

    def __init__(self, path: Path):
        self.path = path
        with reading(path, "safetensors file", CheckpointError):
            if not path.stat().st_size:
                raise Malformed("it is empty")
            self._data = np.memmap(path, dtype=np.uint8, mode="r")
        self.entries = self._read_header()

    def _fail(self, what: str) -> CheckpointError:
        return CheckpointError(f"{self.path}: damaged safetensors file ({what}); download it again")

    def _read_header(self) -> dict[str, Entry]:
        if len(self._data) < 8:
            raise self._fail("shorter than its header length")
        length = int.from_bytes(self._data[:8].tobytes(), "little")
        if length > min(_MAX_HEADER, len(self._data) - 8):
            raise self._fail(f"header of {length} bytes in a file of {len(self._data)}")
        try:
            header = json.loads(self._data[8 : 8 + length].tobytes().decode("utf-8"))
        except (ValueError, RecursionError):
            raise self._fail("header is not JSON") from None
        if not isinstance(header, dict):
            raise self._fail("header is not a JSON object")
        base, size = 8 + length, len(self._data) - 8 - length
        return {n: self._entry(n, e, base, size) for n, e in header.items() if n != "__metadata__"}

    def _entry(self, name: str, entry: JsonObject, base: int, size: int) -> Entry:
        try:
            dtype, shape, (start, stop) = entry["dtype"], entry["shape"], entry["data_offsets"]
        except (TypeError, KeyError, ValueError):
            raise self._fail(f"entry {name[:80]!r} is incomplete") from None
        integers = isinstance(shape, list) and all(type(x) is int and x >= 0 for x in [*shape, start, stop])
        if not isinstance(dtype, str) or not integers or not 0 <= start <= stop <= size:
            raise self._fail(f"entry {name[:80]!r} has a bad dtype, shape or offset")
        if dtype in _FLOATS and prod(shape) * np.dtype(_FLOATS[dtype]).itemsize != stop - start:
            raise self._fail(f"entry {name[:80]!r} has a size that does not match its shape")
        return Entry(dtype, tuple(shape), base + start, base + stop)

    def require_float(self, name: str) -> None:
        """Integers, and floats of 8 bits and fewer, would need scales that a GPT-2 does not have."""
        if (dtype := self.entries[name].dtype) not in _FLOATS:
            raise CheckpointError(
                f"{self.path}: tensor {name} has dtype {dtype[:20]}; save it as one of {', '.join(_FLOATS)}"
            )

    def stored(self, name: str, rows: slice | None = None) -> np.ndarray:
        """The tensor, or some rows of it, as it is stored: float64, or float32 for all smaller floats, which
        loses nothing.

        NaN and infinity are not looked for.
        """
        self.require_float(name)
        entry = self.entries[name]
        kind, shape, start = np.dtype(_FLOATS[entry.dtype]), entry.shape, entry.start
        if rows is not None:
            first, last, _ = rows.indices(shape[0])
            start += first * prod(shape[1:]) * kind.itemsize
            shape = (max(0, last - first), *shape[1:])
        try:  # read, not mapped: pages that were read once do not stay resident
            raw = np.fromfile(self.path, dtype=kind, count=prod(shape), offset=start)
        except OSError as error:
            raise CheckpointError(f"{self.path}: cannot be read: {reason(error)}") from None
        if len(raw) != prod(shape):
            raise self._fail(f"tensor {name[:80]} is cut short")
        return _floats(raw, entry.dtype).reshape(shape)

    def picked(self, name: str, rows: np.ndarray) -> np.ndarray:
        """Rows by their indices, as `stored` gives them."""
        self.require_float(name)
        entry = self.entries[name]
        kind = np.dtype(_FLOATS[entry.dtype])
        raw = np.frombuffer(self._data[entry.start : entry.stop], np.uint8).view(kind).reshape(entry.shape)
        return _floats(raw[rows], entry.dtype)

    def tensor(self, name: str) -> np.ndarray:
        """The tensor in float64. NaN and infinity are refused too."""
        with np.errstate(invalid="ignore"):
            values = self.stored(name).astype(np.float64)
        if not np.isfinite(values).all():
            raise CheckpointError(f"{self.path}: tensor {name} has values that are not finite")
        return values
