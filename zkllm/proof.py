"""The proof file: a statement, the context it is bound to, and the proof's body. Pure Python.

All integers are big-endian. One proof has one encoding: the length is exact, and every byte is either checked
here or authenticated by the proof.

    bytes  field
    6      magic "zkLLM", 0
    2      format version
    2      flags: 1 where the SRS is a development one, plus 2 where the prompt is sealed
    32     VERIFIER_ID
    8      chain id         | the context; all zero: no chain
    20     contract         |
    20     sender           |
    32     request id       |
    4 4    N, k
    32 each the statement's words: T and x_0..x_N, or P and the answered ids (`zkllm.statement`)
    4      length of the body
    ..     body (`zkllm.outer.transcript.body_elements`)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from zkllm.errors import ProofError, StatementError
from zkllm.files import read_bytes, reading, write_atomically
from zkllm.limits import MAX_POSITIONS
from zkllm.outer.keys import VERSION, VerifyingKey
from zkllm.outer.transcript import SCALAR_BYTES, encode_scalar
from zkllm.outer.verifier import Equation, Observer, equation, require_pairing
from zkllm.shape_id import ShapeId
from zkllm.statement import (
    DIGEST_BYTES,
    Context,
    SealedStatement,
    Statement,
    num_words,
    statement_of,
)

MAGIC = b"zkLLM\0"
FORMAT_VERSION = 2
DEVELOPMENT_SRS, SEALED = 1, 2
MOST_BYTES = 1 << 20
"""More than a proof of the most rows and columns has."""

_HEAD = struct.Struct(">6sHH32sQ20s20s32sII")
_LENGTH = struct.Struct(">I")


@dataclass(frozen=True)
class Proof:
    """words: the statement as the verifier takes it."""

    verifier_id: bytes
    development_srs: bool
    context: Context
    N: int
    k: int
    sealed: bool
    words: tuple[int, ...]
    body: bytes

    def to_bytes(self) -> bytes:
        head = _HEAD.pack(
            MAGIC,
            FORMAT_VERSION,
            DEVELOPMENT_SRS * self.development_srs | SEALED * self.sealed,
            self.verifier_id,
            self.context.chain_id,
            self.context.contract,
            self.context.sender,
            self.context.request_id,
            self.N,
            self.k,
        )
        return b"".join([head, *map(encode_scalar, self.words), _LENGTH.pack(len(self.body)), self.body])

    @classmethod
    def from_bytes(cls, data: bytes) -> Proof:
        if data[: len(MAGIC)] != MAGIC:
            raise ProofError("proof file: it does not start with the mark of a proof of this project")
        if len(data) < _HEAD.size:
            raise ProofError("proof file: it is cut off")
        _, version, flags, verifier_id, chain_id, contract, sender, request_id, N, k = _HEAD.unpack_from(data)
        if version != FORMAT_VERSION:
            raise ProofError(
                f"proof file: format version {version} is not {FORMAT_VERSION}; use a matching release"
            )
        if flags & ~(DEVELOPMENT_SRS | SEALED):
            raise ProofError(f"proof file: unknown flags {flags:#x}")
        if not 1 <= k <= N <= MAX_POSITIONS:
            raise ProofError(f"proof file: need 1 <= k <= N < 2^16, got k={k} N={N}")
        sealed = bool(flags & SEALED)
        places = range(_HEAD.size, _HEAD.size + SCALAR_BYTES * num_words(N, k, sealed), SCALAR_BYTES)
        body_start = places.stop + _LENGTH.size
        if len(data) < body_start:
            raise ProofError("proof file: it is cut off")
        words = tuple(int.from_bytes(data[at : at + SCALAR_BYTES], "big") for at in places)
        (length,) = _LENGTH.unpack_from(data, body_start - _LENGTH.size)
        if len(data) != body_start + length:
            raise ProofError(f"proof file: {len(data)} bytes, its header says {body_start + length}")
        context = Context(chain_id, contract, sender, request_id)
        development = bool(flags & DEVELOPMENT_SRS)
        proof = cls(verifier_id, development, context, N, k, sealed, words, data[body_start:])
        try:
            proof._statement(bytes(DIGEST_BYTES))
        except StatementError as error:
            raise ProofError(f"proof file: {error}") from None
        return proof

    def save(self, path: Path) -> None:
        write_atomically(path, self.to_bytes())

    @classmethod
    def load(cls, path: Path) -> Proof:
        with reading(path, "proof", ProofError):
            data = read_bytes(path, MOST_BYTES)
        try:
            return cls.from_bytes(data)
        except ProofError as error:
            raise ProofError(f"{path}: {error}") from None

    @property
    def shape(self) -> ShapeId:
        return ShapeId(self.N, self.k, self.sealed)

    def statement(self, vk: VerifyingKey) -> Statement | SealedStatement:
        """What the words say of the key's model."""
        return self._statement(vk.model_id)

    def _statement(self, model_id: bytes) -> Statement | SealedStatement:
        """Raises StatementError where the words say nothing."""
        return statement_of(self.words, model_id, self.N, self.k, self.sealed)

    @property
    def answer(self) -> tuple[int, ...]:
        return self._statement(bytes(DIGEST_BYTES)).answer

    @property
    def prompt(self) -> tuple[int, ...] | None:
        """None where it is sealed."""
        statement = self._statement(bytes(DIGEST_BYTES))
        return statement.prompt if isinstance(statement, Statement) else None

    @property
    def sealed_prompt(self) -> int | None:
        """P; None where the prompt is not sealed."""
        statement = self._statement(bytes(DIGEST_BYTES))
        return statement.sealed_prompt if isinstance(statement, SealedStatement) else None

    @property
    def T(self) -> int | None:
        """None where the prompt is sealed."""
        return None if self.prompt is None else len(self.prompt) + self.k - 1

    def verify(self, vk: VerifyingKey, trace: Observer | None = None) -> None:
        """Raises ProofError unless the proof holds for this verifying key."""
        require_pairing(self.equation(vk, trace).pairs)

    def equation(self, vk: VerifyingKey, trace: Observer | None = None) -> Equation:
        """All that `verify` checks but the pairing, which is left."""
        if vk.version != VERSION:
            raise ProofError("verifying key: it is not that of a model")
        if self.verifier_id != vk.verifier_id:
            raise ProofError("verifier id: the proof was made for another model, shape or SRS than this key")
        if self.development_srs != vk.development_srs:
            raise ProofError("flags: the proof and the key disagree about a development SRS")
        if self.shape != vk.shape:
            raise ProofError(f"shape: the proof has {self.shape}, the key {vk.shape}")
        return equation(vk, self.context.digest(), list(self.words), self.body, trace)
