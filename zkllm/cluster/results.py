"""What a run over a file of prompts has made: proofs, salts, and a line of JSON for each that ended.

    NAME.zkllm        a proof; it appears complete or not at all
    NAME.zkllm.salt   of a sealed prompt
    results.jsonl     a line for each prompt, in the order in which they ended; a later line replaces an
                      earlier one of the same name

A line is appended with one write and synchronised; one that a power failure cut off counts as nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from zkllm.cluster.prompts import Task
from zkllm.cluster.prover import Order
from zkllm.cluster.returned import require_answer, require_proof
from zkllm.errors import PathError, ProofError
from zkllm.files import JsonObject, write_atomically
from zkllm.outer.keys import VerifyingKey
from zkllm.proof import Proof
from zkllm.salt_files import make_salt, read_salt
from zkllm.shape_id import ShapeId
from zkllm.statement import Context

RESULTS = "results.jsonl"


class Results:
    """In a folder, of proofs for one context by these keys."""

    def __init__(self, folder: Path, keys: Mapping[ShapeId, VerifyingKey], context: Context):
        self._folder, self._keys, self._context = folder, keys, context
        self._lines = _read(folder / RESULTS)

    def proof_file(self, task: Task) -> Path:
        return self._folder / f"{task.name}.zkllm"

    def salt_file(self, task: Task) -> Path:
        return self._folder / f"{task.name}.zkllm.salt"

    def finished(self, task: Task) -> bool:
        """Whether its proof is there. Raises PathError where what is there is of another question, model,
        shape or context. A proof that no line tells of is verified, and gets its line."""
        path = self.proof_file(task)
        if not path.exists():
            return False
        try:
            proof = Proof.load(path)
            if task.shape.sealed and not self.salt_file(task).exists():
                raise ProofError("the salt of its prompt is gone")
            require_answer(proof, self.order(task), self._keys[task.shape])
            if self._lines.get(task.name, {}).get("sha256") != _digest(proof.to_bytes()):
                proof.verify(self._keys[task.shape])
                self.note(task, self._line(proof, task))
        except ProofError as error:
            raise PathError(
                f"{path}, which is there already, does not prove line {task.line}: {error}; move it away, or "
                "give another --out"
            ) from None
        return True

    def salt(self, task: Task) -> int | None:
        """Of a sealed prompt: the one that is kept, or a fresh one."""
        if not task.shape.sealed:
            return None
        path = self.salt_file(task)
        return read_salt(path) if path.exists() else make_salt(path)

    def order(self, task: Task) -> Order:
        return Order(task.ids, task.shape, self._context, self.salt(task))

    def keep(self, task: Task, data: bytes, more: JsonObject) -> None:
        """A proof that another process made. Raises ProofError where it is not of what was asked, or does not
        verify."""
        proof = require_proof(data, self.order(task), self._keys[task.shape])
        write_atomically(self.proof_file(task), data)
        self.note(task, self._line(proof, task) | more)

    def note(self, task: Task, line: JsonObject) -> None:
        data = {"id": task.name, "line": task.line} | line
        self._lines[task.name] = data
        descriptor = os.open(self._folder / RESULTS, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(descriptor, _encoded(data))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def tidy(self) -> None:
        """The file anew, with the last line of each name, whole."""
        if self._lines:
            write_atomically(self._folder / RESULTS, b"".join(map(_encoded, self._lines.values())))

    def _line(self, proof: Proof, task: Task) -> JsonObject:
        key, data = self._keys[task.shape], proof.to_bytes()
        return {
            "ok": True,
            "proof": self.proof_file(task).name,
            "sha256": _digest(data),
            "claim_id": "0x" + proof.statement(key).claim_id().hex(),
            "model_id": "0x" + key.model_id.hex(),
            "N": proof.N,
            "k": proof.k,
            "sealed": proof.sealed,
            "answer_ids": list(proof.answer),
        }


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _encoded(data: JsonObject) -> bytes:
    return json.dumps(data, ensure_ascii=False).encode() + b"\n"


def _read(path: Path) -> dict[str, JsonObject]:
    """Lines by name; what is no line of ours counts as nothing."""
    lines: dict[str, JsonObject] = {}
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return lines
    for line in raw.split(b"\n"):
        try:
            data = json.loads(line)
            if isinstance(data, dict) and isinstance(data["id"], str):
                lines[data["id"]] = data
        except (ValueError, KeyError, RecursionError):
            continue
    return lines
