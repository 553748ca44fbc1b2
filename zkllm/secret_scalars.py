"""Files that hold one secret scalar for their owner alone: a line of 0x and 64 digits. Pure Python."""

from __future__ import annotations

import re
from pathlib import Path

from zkllm.errors import ZkllmError
from zkllm.field import R, random_scalar
from zkllm.files import read_private, write_private


def read_scalar(path: Path, what: str, kind: type[ZkllmError]) -> int:
    """Raises an error of that kind, which does not repeat what is in the file."""
    text = read_private(path, what, kind).strip()
    if not re.fullmatch("0x[0-9a-f]{64}", text) or int(text, 16) >= R:
        raise kind(f"the {what} {path} does not hold 0x and 64 hexadecimal digits of a number below r")
    return int(text, 16)


def make_scalar(path: Path, what: str, kind: type[ZkllmError]) -> int:
    """A fresh one, which is on disk when this returns. No file is written over."""
    scalar = random_scalar()
    write_private(path, f"0x{scalar:064x}\n", what, kind)
    return scalar
