"""What a long job has finished, so that a killed one can go on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from zkllm.files import JsonObject

from .files import canonical_json, is_own, remember_own, write_atomically

_KIND = b"journal"


class Resumable:
    """Finished results by name, in a file that is replaced at each entry.

    The file belongs to the inputs that it names, and to the user who wrote it: results of other inputs,
    damaged files, and files that came with a folder from elsewhere, count as nothing.
    """

    def __init__(self, path: Path, inputs: JsonObject):
        self._path, self._inputs = path, json.loads(canonical_json(inputs))
        self._results: JsonObject = {}
        self.resumed = False
        """Whether the file held results of these inputs."""
        try:
            raw = path.read_bytes()
            data: JsonObject = json.loads(raw)
            if is_own(_KIND, raw) and data["inputs"] == self._inputs:
                self._results, self.resumed = dict(data["results"]), bool(data["results"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            pass

    def get(self, name: str) -> Any:
        """The result, None where there is none."""
        return self._results.get(name)

    def put(self, name: str, result: object) -> None:
        self._results[name] = result
        # on one line, which is much faster to write: calibrated channels are a million numbers
        results = dict(sorted(self._results.items()))  # the same file in whatever order they came
        raw = json.dumps({"inputs": self._inputs, "results": results}).encode()
        remember_own(_KIND, raw)  # first: a kill in between leaves the last file, which is noted too
        write_atomically(self._path, raw)
