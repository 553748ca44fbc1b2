"""API keys. The node's file has a line for each, `NAME DIGEST [settle]`: the key itself is told once, when it
is made, and kept nowhere. Keys are random, so that a plain SHA-256 of them tells nothing.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from zkllm.errors import ZkllmError, reason
from zkllm.files import read_private, write_durably

PREFIX = "zkllm-"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_LINE = re.compile(rf"({_NAME.pattern}) ([0-9a-f]{{64}})( settle)?")


class KeysError(ZkllmError):
    """The file of API keys is damaged, or others can read it."""


@dataclass(frozen=True)
class Client:
    """Who asks. `may_settle`: at the node's expense."""

    name: str
    may_settle: bool


ANYONE = Client("anyone", True)
"""Of this machine, where the node is reached from nowhere else and has no keys: its operator."""


def digest_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def load_keys(path: Path) -> dict[str, Client]:
    """Clients by their keys' digests."""
    found: dict[str, Client] = {}
    for number, line in enumerate(read_private(path, "file of API keys", KeysError).splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = _LINE.fullmatch(line.strip())
        if parts is None:  # not repeated: it may be a key
            raise KeysError(f"{path}: line {number} is not NAME DIGEST [settle]; make keys with --new-key")
        if any(client.name == parts[1] for client in found.values()):
            raise KeysError(f"{path}: line {number}: there is a key of the name {parts[1]} already")
        found[parts[2]] = Client(parts[1], parts[3] is not None)
    if not found:
        raise KeysError(f"{path} has no key; make one with zkllm serve --new-key NAME --keys {path}")
    return found


def add_key(path: Path, name: str, may_settle: bool = False) -> str:
    """A new key, whose digest is in the file when this returns."""
    if not _NAME.fullmatch(name) or name == ANYONE.name:
        raise KeysError("a key's name has letters, digits, and . _ - after the first, at most 40")
    there = read_private(path, "file of API keys", KeysError) if os.path.lexists(path) else ""
    if any(line.split(" ")[0] == name for line in there.splitlines()):
        raise KeysError(f"{path} has a key of the name {name} already; delete its line to end it")
    key = PREFIX + secrets.token_urlsafe(32)
    if there and not there.endswith("\n"):
        there += "\n"
    line = f"{name} {digest_of(key)}{' settle' if may_settle else ''}\n"
    try:
        write_durably(path, (there + line).encode())
    except OSError as error:
        raise KeysError(f"cannot write the file of API keys {path}: {reason(error)}") from None
    return key
