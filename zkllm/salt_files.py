"""Files with the salt that a prompt was sealed with: one line, for its owner alone. Pure Python."""

from __future__ import annotations

import re
from pathlib import Path

from zkllm.errors import StatementError
from zkllm.field import R, random_scalar
from zkllm.files import read_private, write_private

WHAT = "salt file"


def read_salt(path: Path) -> int:
    """Raises StatementError, which does not repeat what is in the file."""
    text = read_private(path, WHAT, StatementError).strip()
    if not re.fullmatch("0x[0-9a-f]{64}", text) or int(text, 16) >= R:
        raise StatementError(
            f"the salt file {path} does not hold 0x and 64 hexadecimal digits of a number below r"
        )
    return int(text, 16)


def make_salt(path: Path) -> int:
    """A fresh one, which is in the file when this returns: who loses it cannot show what he asked. One that
    serves twice tells equal prompts."""
    salt = random_scalar()
    write_private(path, f"0x{salt:064x}\n", WHAT, StatementError)
    return salt
