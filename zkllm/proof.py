"""The proof file: a statement, the context it is bound to, and the proof's body. Pure Python.

All integers are big-endian. One proof has one encoding: the length is exact, and every byte is either checked
here or authenticated by the proof.

    bytes  field
    6      magic "zkLLM", 0
    2      format version
    2      flags: 1 where the SRS is a development one, else 0
    32     VERIFIER_ID
    8      chain id         | the context; all zero: no chain
    20     contract         |
    20     sender           |
    32     request id       |
    4 4 4  N, k, T
    2 each ids x_0..x_N (the pad id after x_T)
    4      length of the body
    ..     body (`zkllm.outer.transcript.body_elements`)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from zkllm.errors import ProofError
from zkllm.files import read_bytes, reading, write_atomically
from zkllm.limits import MAX_POSITIONS
from zkllm.outer.keys import VERSION, VerifyingKey
from zkllm.outer.verifier import Equation, Observer, equation, require_pairing
from zkllm.statement import Context, Statement, answer_of, pack_words, prompt_of

MAGIC = b"zkLLM\0"
FORMAT_VERSION = 1
DEVELOPMENT_SRS = 1
MOST_BYTES = 1 << 20
"""More than a proof of the most rows and columns has."""

_HEAD = struct.Struct(">6sHH32sQ20s20s32sIII")
_LENGTH = struct.Struct(">I")


@dataclass(frozen=True)
class Proof:
    """ids: x_0..x_N with padding."""

    verifier_id: bytes
    development_srs: bool
    context: Context
    N: int
    k: int
    T: int
    ids: tuple[int, ...]
    body: bytes

    def to_bytes(self) -> bytes:
        head = _HEAD.pack(
            MAGIC,
            FORMAT_VERSION,
            DEVELOPMENT_SRS if self.development_srs else 0,
            self.verifier_id,
            self.context.chain_id,
            self.context.contract,
            self.context.sender,
            self.context.request_id,
            self.N,
            self.k,
            self.T,
        )
        ids = struct.pack(f">{self.N + 1}H", *self.ids)
        return head + ids + _LENGTH.pack(len(self.body)) + self.body

    @classmethod
    def from_bytes(cls, data: bytes) -> Proof:
        if data[: len(MAGIC)] != MAGIC:
            raise ProofError("proof file: it does not start with the mark of a proof of this project")
        if len(data) < _HEAD.size:
            raise ProofError("proof file: it is cut off")
        _, version, flags, verifier_id, chain_id, contract, sender, request_id, N, k, T = _HEAD.unpack_from(
            data
        )
        if version != FORMAT_VERSION:
            raise ProofError(
                f"proof file: format version {version} is not {FORMAT_VERSION}; use a matching release"
            )
        if flags not in (0, DEVELOPMENT_SRS):
            raise ProofError(f"proof file: unknown flags {flags:#x}")
        if not 1 <= k <= T <= N <= MAX_POSITIONS:
            raise ProofError(f"proof file: need 1 <= k <= T <= N < 2^16, got k={k} T={T} N={N}")
        body_start = _HEAD.size + 2 * (N + 1) + _LENGTH.size
        if len(data) < body_start:
            raise ProofError("proof file: it is cut off")
        ids = struct.unpack_from(f">{N + 1}H", data, _HEAD.size)
        (length,) = _LENGTH.unpack_from(data, body_start - _LENGTH.size)
        if len(data) != body_start + length:
            raise ProofError(f"proof file: {len(data)} bytes, its header says {body_start + length}")
        context = Context(chain_id, contract, sender, request_id)
        return cls(verifier_id, flags == DEVELOPMENT_SRS, context, N, k, T, ids, data[body_start:])

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
    def words(self) -> list[int]:
        """The statement as the verifier's words."""
        return pack_words(self.T, list(self.ids), self.N)

    @property
    def prompt(self) -> tuple[int, ...]:
        return prompt_of(self.ids, self.T, self.k)

    @property
    def answer(self) -> tuple[int, ...]:
        return answer_of(self.ids, self.T, self.k)

    def statement(self, vk: VerifyingKey) -> Statement:
        return Statement(vk.model_id, self.k, self.ids[: self.T + 1])

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
        if (self.N, self.k) != (vk.N, vk.k):
            raise ProofError(f"shape: the proof has N={self.N} k={self.k}, the key N={vk.N} k={vk.k}")
        return equation(vk, self.context.digest(), self.words, self.body, trace)
