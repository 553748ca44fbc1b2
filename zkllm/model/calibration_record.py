"""What a package's scales were chosen from, so that anyone can choose them again: calibration.json."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from math import isfinite
from typing import Any, Self

from zkllm.errors import Malformed
from zkllm.model.calibrate import FloatRanges
from zkllm.model.quantize import QuantizerOptions
from zkllm.records import decode, encode


@dataclass(frozen=True)
class CalibrationRecord:
    """The ranges that the float model took, on which text, and what the quantiser was told."""

    ranges: FloatRanges
    options: QuantizerOptions
    seed: int  # of the random ids
    text: str  # sha256

    @classmethod
    def of(cls, ranges: FloatRanges, options: QuantizerOptions, seed: int, text: str) -> Self:
        """Without columns' sizes: they say how the program is committed to, not what it computes."""
        return cls(ranges, replace(options, mu=None, witness_mu=None), seed, text_digest(text))

    def to_bytes(self) -> bytes:
        return encode(self)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Raises Malformed where it is not what `to_bytes` writes."""
        record = decode(cls, raw, "calibration")
        _check_numbers(record.ranges.to_dict())
        return record


def text_digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _check_numbers(data: Any) -> None:
    """Nested dicts and lists of numbers that are finite and not negative."""
    if isinstance(data, dict | list):
        for value in data.values() if isinstance(data, dict) else data:
            _check_numbers(value)
    elif not isfinite(data) or data < 0:
        raise Malformed("calibration: a range that is negative or not finite")
