"""What a long job has finished, so that a killed one can go on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from .files import canonical_json, write_atomically


class Journal:
    """Finished results by name, in a file that is replaced at each entry.

    The file belongs to the inputs that it names and carries a checksum: results of other inputs, and damaged
    files, count as nothing.
    """

    def __init__(self, path: Path, inputs: dict[str, Any]):
        self._path, self._inputs = path, json.loads(canonical_json(inputs))
        self._results: dict[str, Any] = {}
        self.resumed = False
        """Whether the file held results of these inputs."""
        try:
            data = json.loads(path.read_bytes())
            checksum = data.pop("checksum")
            if checksum == self._checksum(data) and data["inputs"] == self._inputs:
                self._results, self.resumed = dict(data["results"]), bool(data["results"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            pass

    @staticmethod
    def _checksum(data: dict[str, Any]) -> str:
        return hashlib.sha256(canonical_json(data)).hexdigest()

    def get(self, name: str) -> Any:
        """The result, None where there is none."""
        return self._results.get(name)

    def put(self, name: str, result: Any) -> None:
        self._results[name] = result
        data = {"inputs": self._inputs, "results": self._results}
        write_atomically(self._path, canonical_json({**data, "checksum": self._checksum(data)}))
