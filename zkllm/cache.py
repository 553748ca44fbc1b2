"""The cache: what is in it, and by what each of it can be made again.

The folder is $ZKLLM_CACHE, by default ~/.cache/zkllm. Whoever keeps something there asks the kind for its
path, so that `cache_entries` knows all there is. Nothing in it is trusted because it is there.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

ENVIRONMENT = "ZKLLM_CACHE"


def cache_directory() -> Path:
    return Path(os.environ.get(ENVIRONMENT) or Path.home() / ".cache" / "zkllm")


@dataclass(frozen=True)
class Kind:
    """Files of the cache. `folder`: below the cache, "" for itself. `pattern`: names of entries; with
    `whole`, the folder is one entry. `again`: what makes an entry again, None where nothing does. `sourced`:
    only as long as what it was made from is there, unchanged."""

    name: str
    folder: str
    pattern: str
    what: str
    again: str | None
    sourced: bool = False
    whole: bool = False

    def owns(self, name: str) -> bool:
        return "/" not in name and fnmatchcase(name, self.pattern)

    def path(self, name: str) -> Path:
        """Where the entry of this name is, or will be."""
        if not self.owns(name):
            raise ValueError(f"{name}: no {self.name} of the cache")
        return cache_directory() / self.folder / name


DEVELOPMENT = Kind(
    "development SRS", "", "development-*.srs", "powers of the published tau", "any command that needs it"
)
PTAU = Kind(
    "imported SRS", "", "ptau-*.srs", "a ceremony's powers, checked and trimmed",
    "the command that was given the .ptau file", sourced=True,
)  # fmt: skip
TRANSFORMED = Kind(
    "transformed SRS", "", "transformed-*", "the SRS as opening tables are made with it", "zkllm precompute"
)
GGUF = Kind(
    "GGUF weights", "gguf", "*", "a GGUF file as a folder of float32 weights",
    "any command that is given the GGUF file", sourced=True,
)  # fmt: skip
MODELS = Kind(
    "model package", "models", "*", "a checkpoint that was set up on first use",
    "any command that is given the checkpoint", sourced=True,
)  # fmt: skip
CONTRACTS = Kind("contracts", "contracts", "*.json", "what solc made", "solc, in seconds", whole=True)
DIGESTS = Kind(
    "digests", "digests", "*.json", "what large files hash to", "reading the files again", whole=True
)
OWN = Kind("own notes", "own", "*", "which keys and journals are this user's own", None, whole=True)
PROOFS = Kind("rescued proof", "proofs", "*", "a proof that could not be written where it was to be", None)
SOURCES = Kind("sources", "sources", "*.json", "what entries were made from", None, whole=True)

KINDS = (DEVELOPMENT, PTAU, TRANSFORMED, GGUF, MODELS, CONTRACTS, DIGESTS, OWN, PROOFS, SOURCES)
