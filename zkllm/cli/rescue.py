"""A finished proof is never thrown away."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from zkllm.cache import PROOFS
from zkllm.errors import PathError, reason
from zkllm.files import write_atomically

if TYPE_CHECKING:
    from zkllm.proof import Proof


MEMORY = Path("/dev/shm")


def save_proof(proof: Proof, path: Path) -> None:
    """Writes a proof. Where that fails, it is kept elsewhere, and the PathError says where."""
    try:
        proof.save(path)
    except (OSError, PathError) as error:
        why, data = reason(error), proof.to_bytes()
    else:
        return
    kept = keep(f"proof-{hashlib.sha256(data).hexdigest()[:32]}.zkllm", data)
    where = f"is kept as {kept}" if kept else f"is this in hexadecimal (xxd -r -p): {data.hex()}"
    raise PathError(f"{path}: cannot be written: {why}; the finished proof {where}")


def keep(name: str, data: bytes) -> Path | None:
    """Where the data could be written, or None."""
    elsewhere = (Path(tempfile.gettempdir()), Path.home(), MEMORY)
    for path in (PROOFS.path(name), *(folder / name for folder in elsewhere)):
        try:
            write_atomically(path, data)
            if path.read_bytes() == data:
                return path
        except (OSError, PathError):
            pass
    return None
