"""The three parts of a decoder block, each provable alone, for benchmarks and comparisons.

The relations, lookups, transcript and outer proof are the model's; what a part reads and what it hands on are
committed tensors, ranged where they come in. Nothing ties such a proof to a model: its key is of another
version, its configuration digest and model_id have tags of their own, the transcript's IV names the part, and
no contract is generated for it.

    attention     X_0 -> write:  LayerNorm, q k v, attention, output projection
    fc1-gelu      y -> g:        first linear layer and GELU
    fc2-residual  g, X_0 -> X_1: second linear layer and the residual addition
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np

from zkllm.commitments import commit_columns
from zkllm.errors import PackageError
from zkllm.field import R
from zkllm.gpt2 import description as gpt2
from zkllm.gpt2.config import ProgramConfig
from zkllm.hashing import keccak256
from zkllm.kernels.native import NATIVE
from zkllm.model.predicates import (
    NORM_BITS,
    TRACED_BITS,
    check_predicates,
    largest_sum,
    max_abs,
    residual_bound,
    slot_bounds,
    square_sum_bound,
)
from zkllm.model.trace import Trace
from zkllm.model.weights import QuantizedModel
from zkllm.ops.boundary import GivenFeatures, GivenInner, GivenStream, StreamAfter
from zkllm.ops.linear import Linear
from zkllm.outer.keys import VerifyingKey
from zkllm.outer.setup import KeyFields, ProvingKey, setup_outer
from zkllm.outer.verifier import verify
from zkllm.pcs.srs import Srs, srs_powers_needed
from zkllm.protocol.circuit import build_circuit
from zkllm.protocol.data import Packed, ProverData
from zkllm.protocol.description import Description, Program
from zkllm.protocol.masks import require_hiding
from zkllm.protocol.operation import Operation
from zkllm.protocol.shape import Shape
from zkllm.protocol.witness import fixed_tensors, prover_data
from zkllm.prover import prove_data
from zkllm.statement import pack_words
from zkllm.timings import Timings

from ..protocol.column_sizes import ColumnSizes, chosen_sizes

NAMES = ("attention", "fc1-gelu", "fc2-residual")
CONFIG_TAG = keccak256(b"zkllm.v1.sub-block.config")
MODEL_TAG = keccak256(b"zkllm.v1.sub-block")
CONTEXT = keccak256(b"zkllm.v1.sub-block.context")
_MLP = {"attention": 0, "fc1-gelu": 1, "fc2-residual": 1}  # which LayerNorm and write of a layer


@dataclass(frozen=True)
class SubBlockKey(VerifyingKey):
    """A verifying key that no model's key equals and no loader of keys accepts."""

    VERSION: ClassVar[int] = 0x5B10C


def sub_program(name: str, c: ProgramConfig, rows: int, stream_bits: int) -> Program:
    """`c`: of a model of one layer; `stream_bits`: width of the residual stream that comes in."""
    first = {kind.name: kind for kind in gpt2.linear_kinds(c, mlp=0)}
    stream, residual = GivenStream(stream_bits), gpt2.residual(c)
    layer_norm, attention = gpt2.layer_norm(c), gpt2.attention(c)
    operations: dict[str, tuple[Operation, ...]] = {
        "attention": (stream, residual, layer_norm, Linear((first["qkv"], first["o"])), attention),
        "fc1-gelu": (GivenFeatures(c.act_bits), Linear((first["fc1"],)), gpt2.gelu(c)),
        "fc2-residual": (GivenInner(c.act_bits), stream, residual, Linear((first["fc2"],)), StreamAfter()),
    }
    axes = tuple(replace(a, size=1) if a.name in "lnm" else a for a in gpt2.axes(c, rows, 1))
    outputs = frozenset(["g"]) if name == "fc1-gelu" else frozenset()
    return Program(axes, operations[name], gpt2.POINTS, f"sub-block {name}", outputs)


@dataclass(frozen=True)
class SubBlock:
    """A part of one layer of a model, at N rows."""

    name: str
    model: QuantizedModel
    layer: int
    rows: int
    mu: int | None = None  # None: one column of each group

    @property
    def stream_bits(self) -> int:
        """The range check holds whatever the model's own bound on the stream allows."""
        return residual_bound(self.model).bit_length() + 1

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        kinds = {"attention": ("qkv", "o"), "fc1-gelu": ("fc1",), "fc2-residual": ("fc2",)}[self.name]
        arrays = [getattr(self.model, f"{part}_{kind}") for kind in kinds for part in "wb"]
        return sum(int(a[0].size) for a in arrays)

    @property
    def layer_config(self) -> ProgramConfig:
        """Of the layer alone, without a vocabulary."""
        own = self.model.config.one_layer(self.layer)
        return replace(own, vocab_size=1, vocab_slots=1, pad_id=0)

    @cached_property
    def config(self) -> ProgramConfig:
        """The same with the size of the columns."""
        wide = self._with_columns(ColumnSizes.full(40))
        return self.layer_config.with_columns(chosen_sizes(wide, self.mu))

    @cached_property
    def protocol(self) -> Description:
        """The statement is empty."""
        c = self.config
        return self._with_columns(ColumnSizes(c.mu, c.fixed_mu, c.witness_mu))

    def _with_columns(self, sizes: ColumnSizes) -> Description:
        c = self.layer_config.with_columns(sizes)
        return Description(Shape(c, self.rows, 1), sub_program(self.name, c, self.rows, self.stream_bits))

    def check(self) -> None:
        """The model's own predicates, and those at the widths of what comes in: no slot borrows, no equation
        wraps."""
        check_predicates(self.model)
        c, x = self.model.config, 1 << self.stream_bits - 1
        q_bits = square_sum_bound(self.model, x).bit_length()
        fc2 = next(s for s in slot_bounds(self.model) if s.kind == "fc2")
        inner = fc2.true_max // max(1, max_abs(self.model.gelu)) * (1 << c.act_bits - 1) + fc2.claimed_max
        holds = {
            "packing fc2": inner.bit_length() <= c.slot_bits,
            "width of Q": 2 * c.rho_bits + q_bits <= NORM_BITS and q_bits <= TRACED_BITS,
            **{name: bound < R for name, bound in largest_sum(self.model, x).items()},
        }
        failed = [name for name, good in holds.items() if not good]
        if failed:
            raise PackageError(f"sub-block {self.name} is unsound: " + ", ".join(failed))

    @cached_property
    def fixed(self) -> dict[str, np.ndarray | Packed]:
        return fixed_tensors(self.protocol.manifest, self)

    def arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        """The model's, cut to the layer: what `fixed_tensors` reads."""
        own = self.model.config.mlp_class[self.layer]
        for held in self.protocol.manifest.held.values():
            array = getattr(self.model, held.array.name)
            if held.array.dims[0] == "l":
                yield held.array.name, array[self.layer : self.layer + 1]
            elif held.row is not None:
                yield held.array.name, array[own : own + 1]
            else:
                yield held.array.name, array

    def excerpt(self, trace: Trace) -> Excerpt:
        """The layer of an execution of the model, and the stream as it comes in."""
        place = 2 * self.layer + _MLP[self.name]
        start = {"l": self.layer, "n": place, "m": place}
        arrays = {
            name: trace[name][first : first + 1].astype(np.int64)
            for name, array in self.protocol.manifest.traced().items()
            if (first := start.get(str(array.dims[0]))) is not None
        }
        stream = trace["x0"].astype(np.int64) + trace["write"][:place].sum(axis=0, dtype=np.int64)
        return Excerpt(trace.ids, arrays | {"x0": stream})

    def data(self, trace: Trace) -> ProverData:
        """The tensors of this part in an execution of the model."""
        return prover_data(self.protocol, self, self.excerpt(trace), NATIVE, self.fixed)


@dataclass(frozen=True)
class Excerpt:
    """Some of a trace's arrays."""

    ids: list[int]
    arrays: dict[str, np.ndarray]

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[name]


def identities(block: SubBlock, commitments: list[bytes]) -> tuple[bytes, bytes]:
    """config_digest and model_id, under tags that no model uses."""
    data: dict[str, object] = {"sub_block": block.name, "stream_bits": block.stream_bits}
    data |= {"config": block.protocol.shape.config.to_dict(), "tables": block.model.tables.to_dict()}
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    digest = keccak256(CONFIG_TAG, text.encode())
    return digest, keccak256(MODEL_TAG, digest, *commitments)


@dataclass(frozen=True)
class SubBlockProof:
    key: SubBlockKey
    body: bytes

    def verify(self) -> None:
        """Raises ProofError unless the proof holds. Pure Python."""
        verify(self.key, CONTEXT, empty_words(self.key.N), self.body)


def empty_words(rows: int) -> list[int]:
    """The statement of a part without tokens: T = N, and the one id of the vocabulary."""
    return pack_words(rows, [0] * (rows + 1), rows)


def setup(
    block: SubBlock, open_srs: Callable[[int], Srs], timings: Timings
) -> tuple[ProvingKey, SubBlockKey, Srs]:
    """Commits to the weights and makes the keys; `open_srs`: at least so many powers -> SRS."""
    block.check()
    config = block.protocol.shape.config
    require_hiding(NATIVE, block.protocol.masks, block.protocol.mu)
    with timings.stage("circuit"):
        circuit = build_circuit(block.protocol)
    with timings.stage("SRS"):
        srs = open_srs(srs_powers_needed(circuit.log2_size, config.mu))
    with timings.stage("commit weights") as report:
        commitments = commit_columns(srs, block.protocol.fixed, block.fixed, report)
    with timings.stage("keys"):
        config_digest, model_id = identities(block, commitments)
        fields: KeyFields = {
            "version": SubBlockKey.VERSION,
            "N": block.rows,
            "k": 1,
            "sealed": False,
            "vocab_size": 1,
            "pad_id": 0,
            "n_ctx": config.n_ctx,
            "model_id": model_id,
            "config_digest": config_digest,
            "vocabulary_root": bytes(32),
        }
        pk, vk = setup_outer(
            circuit,
            srs,
            NATIVE,
            commitments,
            block.protocol.witness.num_columns,
            config.mu,
            fields,
            SubBlockKey,
        )
    assert isinstance(vk, SubBlockKey)
    return pk, vk, srs


def prove(block: SubBlock, trace: Trace, pk: ProvingKey, srs: Srs, timings: Timings) -> SubBlockProof:
    """A proof of this part of a traced execution of the model."""
    with timings.stage("witness"):
        data = block.data(trace)
    ids = [0] * (block.rows + 1)
    body = prove_data(block.protocol, data, ids, block.rows, pk, srs, CONTEXT, timings)
    assert isinstance(pk.vk, SubBlockKey)
    return SubBlockProof(pk.vk, body)
