"""What an examination found, and its cure: the form of `zkllm doctor` and `zkllm settle doctor`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    level: str  # "ok", "warning" or "wrong"
    about: str
    text: str
    cure: str = ""
