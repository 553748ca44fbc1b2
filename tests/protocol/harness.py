"""Runs honest and cheating provers against the interpreted verifier, and names what fires.

A direct comparison of the columns at the reduction's point stands for the polynomial commitment.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from testkit.blinding import seeded
from zkllm.blinding import Blinding
from zkllm.errors import ProofError
from zkllm.families import describe
from zkllm.field import R
from zkllm.kernels.interface import Kernels, Vector
from zkllm.model.llama.reference import generate_reference as generate_llama
from zkllm.model.llama.weights import LlamaModel
from zkllm.model.models import Model
from zkllm.model.reference import generate_reference
from zkllm.naive import NAIVE
from zkllm.ops.attention import TRIANGULAR_ROWS
from zkllm.outer.rows import Circuit
from zkllm.protocol.circuit import build_circuit
from zkllm.protocol.columns import kernel_pieces, mask_pieces
from zkllm.protocol.data import ProverData
from zkllm.protocol.description import Description
from zkllm.protocol.diagnosis import diagnose
from zkllm.protocol.layout import Layout
from zkllm.protocol.manifest import Manifest
from zkllm.protocol.party import Verifier
from zkllm.protocol.program import InnerStatement, run_inner
from zkllm.protocol.reduction import ReductionResult
from zkllm.protocol.witness import count_multiplicities, fixed_tensors, store
from zkllm.statement import pack_words

from .bending import VIRTUAL, Bending, Bends, BentOperation, Values, bent
from .lying import HONEST, Lies, LyingProver, LyingVerifier


def column_table(data: ProverData, mu: int, layout: Layout, g: int) -> Vector:
    """A column, masks included, as a vector of 2^mu field elements."""
    pieces = [*kernel_pieces(data, layout, g), *mask_pieces(data, layout, g)]
    return data.kernels.sum_tables(1 << mu, pieces)


@dataclass
class Case:
    """A model, a shape and an honest statement."""

    model: Model
    rows: int
    certified: int
    ids: list[int]
    T: int
    triangular_from: int = TRIANGULAR_ROWS
    protocol: Description = field(init=False)
    fixed: dict[str, Any] = field(init=False)
    blinding: Blinding = field(init=False)

    def __post_init__(self) -> None:
        self.protocol = describe(
            self.model.config, self.rows, self.certified, triangular_from=self.triangular_from
        )
        self.blinding = seeded(self.protocol.masks)
        self.fixed = fixed_tensors(self.manifest, self.model)
        self.fixed_columns = self.columns(self.fixed, True)

    @cached_property
    def circuit(self) -> Circuit:
        return build_circuit(self.protocol)

    @property
    def manifest(self) -> Manifest:
        return self.protocol.manifest

    def columns(self, tensors: dict[str, Any], fixed: bool) -> list[list[int]]:
        """The columns of one group."""
        empty = {
            t.name: np.zeros(self.manifest.sizes(t.name), np.int64) for t in self.manifest.tensors.values()
        }
        data = ProverData(self.manifest, NAIVE, {**empty, **tensors}, self.blinding)
        layout = self.protocol.fixed if fixed else self.protocol.witness
        return [column_table(data, self.protocol.mu, layout, g) for g in range(layout.num_columns)]

    def trace(
        self,
        bends: Bends | None = None,
        *,
        ids: list[int] | None = None,
        model: Model | None = None,
        leak: bool = False,
        shift: int = 0,
    ) -> Bending:
        return bent(model or self.model, ids or self.ids, self.certified, self.T, bends, leak, shift)

    def tensors(
        self, values: Values, off: Iterable[str] = (), change: Callable[[dict[str, Any]], None] | None = None
    ) -> dict[str, Any]:
        """Fixed tensors, the witness in slots and limbs (`change` may alter them), and its multiplicities."""
        witness: dict[str, Any] = {}
        for name, array in values.items():
            if name not in VIRTUAL:
                store(self.manifest, witness, name, array, NAIVE)
        for name, array in witness.items():
            if array.dtype == object and max(map(abs, array.reshape(-1)), default=0) < 1 << 62:
                witness[name] = array.astype(np.int64)
        tensors = {**self.fixed, **witness}
        if change:
            change(tensors)
        self.count(tensors, off)
        return tensors

    def count(self, tensors: dict[str, Any], off: Iterable[str] = ()) -> None:
        """Adds the multiplicities of the lookups that are on."""
        m = self.manifest
        left = {n: replace(t, lookup=None) if f"lookup {n}" in off else t for n, t in m.tensors.items()}
        count_multiplicities(Manifest(m.axes, left, m.tables, m.wide), tensors, NAIVE)


@dataclass
class Proof:
    """What a prover hands over, and its witness for the diagnosis."""

    ids: list[int]
    T: int
    messages: list[int]
    witness_columns: list[list[int]]
    data: ProverData
    result: ReductionResult
    seed: int
    inputs: list[int]  # of the circuit
    lied_in: str  # the part of the protocol that a lie belongs to
    drawn: list[int]  # every challenge


def seed_of(ids: Sequence[int], T: int, columns: list[list[int]]) -> int:
    """Stands for the outer transcript: binds the statement and the witness commitments."""
    flat = b"".join(x.to_bytes(32, "big") for c in columns for x in c if x)
    return int.from_bytes(hashlib.sha256(repr((list(ids), T)).encode() + flat).digest(), "big") >> 8


def words_of(case: Case, ids: Sequence[int], T: int) -> list[int]:
    return pack_words(T, list(ids), case.rows)


def bent_protocol(protocol: Description, values: Values) -> Description:
    """The protocol as a prover runs it whose virtual tensors are those of the bent program."""
    bent = copy(protocol)
    bent.operations = tuple(BentOperation(op, values) for op in protocol.operations)
    return bent


def prove(
    case: Case,
    tensors: dict[str, Any],
    *,
    ids: list[int] | None = None,
    T: int | None = None,
    off: Iterable[str] = (),
    lies: Lies = HONEST,
    virtual: Values | None = None,
    kernels: Kernels = NAIVE,
) -> Proof:
    ids, T = ids or case.ids, case.T if T is None else T
    data = ProverData(case.manifest, kernels, tensors, case.blinding)
    witness = case.columns({n: x for n, x in tensors.items() if not case.manifest.tensors[n].fixed}, False)
    seed = seed_of(ids, T, witness)
    protocol = case.protocol if virtual is None else bent_protocol(case.protocol, virtual)
    prover = LyingProver(protocol, seed, data, frozenset(off))
    prover.follow(lies)
    result = run_inner(protocol, prover, words_of(case, ids, T), InnerStatement(T, ids))
    return Proof(
        list(ids),
        T,
        prover.messages,
        witness,
        data,
        result,
        seed,
        prover.inputs,
        prover.lied_in,
        prover.drawn,
    )


@dataclass
class Verdict:
    failed: list[str]
    verifier: Verifier
    result: ReductionResult | None

    @property
    def accepted(self) -> bool:
        return not self.failed


def verify(
    case: Case,
    proof: Proof,
    *,
    messages: list[int] | None = None,
    ids: list[int] | None = None,
    T: int | None = None,
    columns: list[list[int]] | None = None,
    words: list[int] | None = None,
    same_seed: bool = False,
    off: Iterable[str] = (),
    lies: Lies = HONEST,
) -> Verdict:
    """Runs the interpreted verifier on a proof, or on what is said instead; names every check that fires.

    `same_seed`: as if the outer transcript did not bind what is changed. `lies`: the prover's, as far as they
    are about advice and challenges.
    """
    ids, T = ids or proof.ids, proof.T if T is None else T
    messages = proof.messages if messages is None else messages
    columns = proof.witness_columns if columns is None else columns
    seed = proof.seed if same_seed else seed_of(ids, T, columns)
    verifier = LyingVerifier(case.protocol, seed, messages, frozenset(off))
    verifier.follow(lies)
    try:
        result = run_inner(case.protocol, verifier, words or words_of(case, ids, T), InnerStatement(T, ids))
    except ProofError as error:
        return Verdict([*verifier.failed, str(error)], verifier, None)
    failed = list(dict.fromkeys(verifier.failed))
    if verifier.position != len(messages):
        failed.append("inner proof: too long")
    e = NAIVE.eq_table([int(x) for x in result.point])
    for g, (column, value) in enumerate(zip([*case.fixed_columns, *columns], result.columns, strict=True)):
        if NAIVE.inner(column, e) != int(value) % R:
            failed.append(f"opening of column {g}")
    return Verdict(failed, verifier, result)


def named(case: Case, proof: Proof, verdict: Verdict) -> list[str]:
    return diagnose(verdict.verifier, proof.data, verdict.failed)


def answered(model: Model, prompt: list[int], k: int, rows: int) -> tuple[list[int], int]:
    """The reference program's greedy continuation."""
    if isinstance(model, LlamaModel):
        return generate_llama(model, prompt, k, rows)
    return generate_reference(model, prompt, k, rows)


def generated(model: Model, rows: int, certified: int, prompt: list[int]) -> Case:
    ids, T = answered(model, prompt, certified, rows)
    return Case(model, rows, certified, list(ids), T)
