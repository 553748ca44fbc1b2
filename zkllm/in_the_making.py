"""Files and folders that a process is making or removing, and those that one left that was killed.

Who makes one holds a lock on it, which ends with its process. Process ids would tell nothing between
containers that share a folder, nor of a process that has the id of one that has ended.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

_BESIDE = re.compile(r"\..+\.[0-9a-f]{8}\.part", re.DOTALL)


def beside(path: Path) -> Path:
    """What `path` is called while it is made or removed: by another name each time, on whatever machine."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")


def is_beside(path: Path) -> bool:
    """Whether it has such a name."""
    return _BESIDE.fullmatch(path.name) is not None


def hold(descriptor: int) -> None:
    """Until it is closed, with its duplicates. What has just got its name may have been removed before: see
    whether it is there."""
    with suppress(OSError):  # a file system without locks: nobody removes it then
        fcntl.flock(descriptor, fcntl.LOCK_SH)


@contextmanager
def abandoned(path: Path) -> Iterator[bool]:
    """Whether nobody holds it, and it can be locked; another user's cannot. Others find it held meanwhile."""
    with ExitStack() as opened:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            opened.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            left = False
        else:
            left = True
        yield left
