"""The verifying key of a shape (N, k) of a model. Pure Python: no native code, no numpy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import ClassVar

from zkllm.errors import PackageError, reason
from zkllm.field import root_of_unity
from zkllm.files import read_text, reading
from zkllm.hashing import keccak256
from zkllm.limits import MAX_CIRCUIT_LOG2, MAX_MU, MAX_POSITIONS, MAX_VOCABULARY
from zkllm.outer.opening import Domain
from zkllm.outer.transcript import body_bytes, encode_scalar, public_input_names
from zkllm.pcs.curve import decode_g1, decode_g2
from zkllm.pcs.development import SRS_KINDS, development_g2_tau
from zkllm.records import decode, encode
from zkllm.shape_id import ShapeId
from zkllm.statement import num_words

VERSION = 2
VERIFIER_TAG = keccak256(b"zkllm.v2.verifier")


@dataclass(frozen=True)
class VerifyingKey:
    """Everything that a verifier needs besides the statement and the proof."""

    VERSION: ClassVar[int] = VERSION

    version: int
    N: int
    k: int
    sealed: bool  # of whose statements the prompt is sealed
    n_log2: int  # circuit rows
    num_words: int  # of a statement
    num_witness_columns: int
    fixed_commitments: tuple[bytes, ...]  # G1, once per model
    c0: bytes  # G1, the 13 preprocessed polynomials
    mu: int  # columns have 2^mu coefficients
    b_log2: int  # of them, the low part of the index: u_col has b_log2 coordinates
    vocab_size: int
    pad_id: int
    n_ctx: int
    model_id: bytes
    config_digest: bytes
    vocabulary_root: bytes
    srs_kind: str
    srs_digest: bytes
    g2_tau: bytes  # [tau]_2
    g2_tau_b: bytes  # [tau^b]_2, b = 2^b_log2

    @property
    def shape(self) -> ShapeId:
        return ShapeId(self.N, self.k, self.sealed)

    @property
    def development_srs(self) -> bool:
        """Whether anyone can forge under it."""
        return self.srs_kind == "development"

    @property
    def domain(self) -> Domain:
        return Domain(self.n_log2, root_of_unity(self.n_log2))

    @property
    def public_input_names(self) -> tuple[str, ...]:
        return public_input_names(self.num_words)

    @property
    def num_public(self) -> int:
        return len(self.public_input_names)

    @property
    def body_bytes(self) -> int:
        return body_bytes(self.num_witness_columns)

    @property
    def verifier_id(self) -> bytes:
        """keccak256 of the tag, the integers as 32-byte words in this order, the digests and the points."""
        integers = (
            self.version,
            self.N,
            self.k,
            int(self.sealed),
            self.n_log2,
            self.num_words,
            self.num_witness_columns,
            self.mu,
            self.b_log2,
            self.vocab_size,
            self.pad_id,
            self.n_ctx,
            SRS_KINDS.index(self.srs_kind),
            len(self.fixed_commitments),
        )
        return keccak256(
            VERIFIER_TAG,
            *map(encode_scalar, integers),
            self.model_id,
            self.config_digest,
            self.vocabulary_root,
            self.srs_digest,
            self.g2_tau,
            self.g2_tau_b,
            self.c0,
            *self.fixed_commitments,
        )

    def check(self) -> None:
        """Ranges, lengths and encodings; raises PackageError."""
        integers = {f.name: getattr(self, f.name) for f in fields(self) if f.type == "int"}
        if not all(type(v) is int and 0 <= v < 1 << 32 for v in integers.values()):
            raise PackageError(f"verifying key: integers out of range: {integers}")
        for name, holds in self._conditions():
            if not holds:
                raise PackageError(f"verifying key: {name} is out of range")
        try:
            for point in (self.c0, *self.fixed_commitments):
                decode_g1(point)
            for point in (self.g2_tau, self.g2_tau_b):
                decode_g2(point)
        except ValueError as error:
            raise PackageError(f"verifying key: {reason(error)}") from None

    def _conditions(self) -> Iterator[tuple[str, bool]]:
        """In an order in which each one bounds what the later ones compute."""
        yield "1 <= k <= N <= n_ctx < 2^16", 1 <= self.k <= self.N <= self.n_ctx <= MAX_POSITIONS
        yield "num_words", self.num_words == num_words(self.N, self.k, self.sealed)
        yield "vocab_size", 0 <= self.pad_id < self.vocab_size <= MAX_VOCABULARY
        yield "mu", 0 < self.b_log2 < self.mu <= MAX_MU and self.n_log2 <= MAX_CIRCUIT_LOG2
        yield "rows", self.num_public < 1 << self.n_log2
        columns = (self.num_witness_columns, len(self.fixed_commitments))
        yield "columns", all(1 <= n <= 1 << 8 for n in columns)
        yield "version", self.version == self.VERSION
        yield "srs_kind", self.srs_kind in SRS_KINDS
        disguised = not self.development_srs and self.g2_tau == development_g2_tau()
        yield "srs_kind (a development SRS that calls itself a ceremony's)", not disguised
        yield "digests", {len(getattr(self, name)) for name in DIGESTS} == {32}

    def to_json(self) -> str:
        """Canonical: sorted keys, lower-case hexadecimal, one trailing newline."""
        return encode(self).decode()

    @classmethod
    def from_json(cls, text: str) -> VerifyingKey:
        try:
            key = decode(cls, text.encode(), "verifying key")
        except ValueError as error:
            raise PackageError(f"{reason(error)}; set the model up again") from None
        key.check()
        return key

    def save(self, path: Path) -> None:
        path.write_text(self.to_json(), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> VerifyingKey:
        with reading(path, "verifying key", PackageError):
            text = read_text(path)
        try:
            return cls.from_json(text)
        except PackageError as error:
            raise PackageError(f"{path}: {error}") from None


DIGESTS = ("model_id", "config_digest", "vocabulary_root", "srs_digest")
