"""What a Ray of our own is started with: no more than tasks and actors of this machine take, and nothing of
it is left when it ends.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from zkllm.errors import ResourceError
from zkllm.files import JsonObject, require_room
from zkllm.in_the_making import abandoned, hold
from zkllm.memory import available_memory
from zkllm.timings import available_cores

SHARED_MEMORY = Path("/dev/shm")
STORE_BYTES = 128 << 20
"""Of the object store. Points, proofs and messages pass through it, never weights or tables."""
LEAST_STORE = 80 << 20
"""Ray has no smaller ones."""
_PREFIX = "zkllm-ray-"
_MOST_BASE = 15
"""Bytes of the path of the folder that it is in: a socket's has 107 in all, of which Ray takes the rest."""


@contextmanager
def session_folder() -> Iterator[Path]:
    """A folder for Ray's sockets and logs, removed at the end, with those of processes that were killed."""
    base = Path(tempfile.gettempdir())
    if len(os.fsencode(base)) > _MOST_BASE:
        base = Path("/tmp")
    for old in base.glob(f"{_PREFIX}*"):
        _remove_if_abandoned(old)
    folder, lock = _held_folder(base)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _held_folder(base: Path) -> tuple[Path, int]:
    """A new one, and the descriptor that holds it. Before it is held another process may take it for one that
    was left, and remove it: then there is another one."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
        with suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            hold(lock)
            if folder.is_dir():
                return folder, lock
            os.close(lock)


def _remove_if_abandoned(folder: Path) -> None:
    with abandoned(folder) as left:
        if left:
            shutil.rmtree(folder, ignore_errors=True)


def store_folder(store: int, folder: Path, shared: Path = SHARED_MEMORY) -> Path:
    """Where the object store lies: shared memory where so much of it is free, a file in `folder` elsewhere
    (containers have 64 MB by default), or a ResourceError."""
    if store < LEAST_STORE:
        raise ResourceError(f"an object store of {store} bytes; Ray takes {LEAST_STORE} at least")
    if shared.is_dir() and os.access(shared, os.W_OK) and shutil.disk_usage(shared).free >= store:
        return shared
    require_room(folder, store, "Ray's object store")
    return folder


def local_options(
    folder: Path, cores: int | None = None, memory: int | None = None, store: int = STORE_BYTES
) -> JsonObject:
    """Arguments of `ray.init` for a Ray of this machine alone, which offers so many cores and bytes."""
    if memory is None:
        known = available_memory()
        memory = None if known is None else max(0, known - store)
    options: JsonObject = {
        "address": "local",
        "num_cpus": available_cores() if cores is None else cores,
        "num_gpus": 0,
        "include_dashboard": False,
        "object_store_memory": store,
        "_plasma_directory": str(store_folder(store, folder)),
        "_temp_dir": str(folder),
        "_node_ip_address": "127.0.0.1",
    }
    return options if memory is None else options | {"_memory": memory}


def require_token() -> None:
    """Only this user's processes may talk to the Ray of this process: the token is in its environment, which
    others cannot read, and in no file. What the user has chosen for Ray stays."""
    if "RAY_AUTH_MODE" not in os.environ:
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
