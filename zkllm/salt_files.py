"""Files with the salt that a prompt was sealed with. Pure Python."""

from __future__ import annotations

from pathlib import Path

from zkllm.errors import StatementError
from zkllm.secret_scalars import make_scalar, read_scalar

WHAT = "salt file"


def read_salt(path: Path) -> int:
    """Raises StatementError, which does not repeat what is in the file."""
    return read_scalar(path, WHAT, StatementError)


def make_salt(path: Path) -> int:
    """A fresh one, which is in the file when this returns: who loses it cannot show what he asked. One that
    serves twice tells equal prompts."""
    return make_scalar(path, WHAT, StatementError)
