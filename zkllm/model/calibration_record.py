"""What a package's scales were chosen from, so that anyone can choose them again: calibration.json."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from hashlib import sha256
from math import isfinite
from typing import Any

from zkllm.files import canonical_json
from zkllm.model.calibrate import FloatRanges
from zkllm.model.quantize import QuantizerOptions


@dataclass(frozen=True)
class CalibrationRecord:
    """The ranges that the float model took, on which text, and what the quantiser was told."""

    ranges: FloatRanges
    options: QuantizerOptions
    seed: int  # of the random ids
    text: str  # sha256

    @classmethod
    def of(cls, ranges: FloatRanges, options: QuantizerOptions, seed: int, text: str) -> CalibrationRecord:
        """mu is not part of it: it says how the program is committed to, not what it computes."""
        return cls(ranges, replace(options, mu=None), seed, text_digest(text))

    def to_bytes(self) -> bytes:
        data = {"ranges": self.ranges.to_dict(), "options": asdict(self.options)}
        return canonical_json({**data, "seed": self.seed, "text": self.text})

    @classmethod
    def from_bytes(cls, raw: bytes) -> CalibrationRecord:
        """Raises ValueError, KeyError or TypeError where it is not what `to_bytes` writes."""
        data = json.loads(raw)
        _check_numbers(data["ranges"])
        options = data["options"]
        if set(options) != {f.name for f in fields(QuantizerOptions)}:
            raise ValueError("calibration: wrong options")
        record = cls(
            FloatRanges.from_dict(data["ranges"]), QuantizerOptions(**options), data["seed"], data["text"]
        )
        if type(record.text) is not str or record.to_bytes() != raw:
            raise ValueError("calibration: not in canonical form")
        return record


def text_digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _check_numbers(data: Any) -> None:
    """Nested dicts and lists of numbers that are finite and not negative."""
    if isinstance(data, dict | list):
        for value in data.values() if isinstance(data, dict) else data:
            _check_numbers(value)
    elif type(data) not in (int, float) or not isfinite(data) or data < 0:
        raise ValueError("calibration: a range that is no number, negative or not finite")
