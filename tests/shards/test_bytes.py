"""What crosses the network in each stage, against closed forms: docs/sharding.md has them as a table.

Integers and field elements are exact. All else (commands, scalars, points) is bounded by the number of
commands and of the pieces that they name: a vector among them would be far beyond.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import pytest

from testkit import whole
from testkit.blinding import seeded
from testkit.shards import Cuttable
from zkllm.bits import ceil_log2
from zkllm.kernels.interface import Factor, Piece, Segment, Sumcheck, Weight
from zkllm.kernels.native import FrVec
from zkllm.pcs.curve import G1_BYTES
from zkllm.protocol.columns import column_slabs
from zkllm.protocol.witness import prover_data
from zkllm.shards.cuts import stripes
from zkllm.shards.kernels import ShardedKernels
from zkllm.shards.sums import CutReduction, CutSumcheck
from zkllm.shards.vectors import Summed
from zkllm.shards.wire import ELEMENT, Traffic

PER_COMMAND = 250
PER_PIECE = 260
"""Bytes of a command, and of each part of an array, with its factor, that one names."""
COUNTS = [2, 3, 5]


class Recorder:
    """What of a proof's calls decides the bytes that are sent."""

    def __init__(self, kernels: ShardedKernels, monkeypatch: pytest.MonkeyPatch):
        self.kernels, self.sums, self.reductions, self.segments = kernels, list[int](), list[int](), 0
        self.masks = 0
        self.pieces = 0
        own_sumcheck, own_tree = ShardedKernels.sumcheck, ShardedKernels.logup_tree
        own_reduction = ShardedKernels.reduction
        self.by_stage: dict[str, int] = {}
        self.copied: dict[str, int] = {}

        def sumcheck(
            k: ShardedKernels, sizes: Sequence[int], factors: Sequence[Factor[FrVec]], *more: object
        ) -> Sumcheck:
            made = own_sumcheck(k, sizes, factors, *more)
            if isinstance(made, CutSumcheck):
                last, count = len(sizes) - 1, 1 << made.bits
                padded = {last: -(-sizes[last] // count) * count}
                for axes, table in factors:
                    if not isinstance(table, np.ndarray):  # of other axes: every class has it
                        self.copied[k.pool.stage] = self.copied.get(k.pool.stage, 0) + len(table) * count
                        continue
                    entries = prod(padded.get(a, sizes[a]) for a in axes)
                    copies = 1 if last in axes else count
                    stage = k.pool.stage
                    sent = self.by_stage.get(stage, 0)
                    self.by_stage[stage] = sent + table.itemsize * entries * copies
            return made

        def tree(k: ShardedKernels, total: int, segments: Sequence[Segment], *more: int) -> object:
            self.leaves = total
            for _, _, numerator, values, output in segments:
                self.segments += values.nbytes + (output.nbytes if output is not None else 0)
                self.segments += (
                    numerator.size * numerator.itemsize if isinstance(numerator, np.ndarray) else 0
                )
            return own_tree(k, total, segments, *more)

        def reduction(
            k: ShardedKernels,
            mu: int,
            columns: Sequence[tuple[Sequence[Weight[FrVec]], Sequence[Piece[FrVec]]]],
        ) -> Sumcheck:
            made = own_reduction(k, mu, columns)
            assert isinstance(made, CutReduction)
            elements = 0
            for numbers in made.columns:
                vectors = {id(v): len(v) for g in numbers for _, _, vs in columns[g][0] for v in vs}
                elements += sum(vectors.values())
            for _, pieces in columns:  # masks
                tables = [table for *_, table in pieces if not isinstance(table, np.ndarray)]
                elements += sum(len(t) for t in tables if not isinstance(t, Summed))
            self.reductions.append(elements)
            return made

        monkeypatch.setattr(ShardedKernels, "sumcheck", sumcheck)
        monkeypatch.setattr(ShardedKernels, "logup_tree", tree)
        monkeypatch.setattr(ShardedKernels, "reduction", reduction)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Cuttable:
    return Cuttable.make(tmp_path_factory.mktemp("layered"), mu=7, layers=2)


@pytest.mark.parametrize("count", COUNTS)
def test_bytes_of_every_stage(made: Cuttable, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = made.kernels(count)
    seen = Recorder(kernels, monkeypatch)
    assert made.prove(kernels) == made.body
    traffic = kernels.pool.traffic
    protocol, config = made.whole.protocol, made.model.config
    rows, layers, width, inner = whole.ROWS, config.n_layer, config.width, config.d_inner
    matrices = [(width, 3 * width, 2), (width, width, 4), (width, inner, 2), (inner, width, 4)]
    size, row = kernels.columns or (0, 0)
    data = prover_data(
        protocol, made.model, made.whole.trace, made.whole.kernels, blinding=seeded(protocol.masks)
    )
    witness = sum(
        values.size * values.itemsize
        for column in range(protocol.witness.num_columns)
        for *_, values in column_slabs(protocol.witness, data.tensors, column)
    )
    # the embeddings are laid out anew, so that they are the coordinator's and no file's
    fixed = sum(
        values.size * values.itemsize
        for column in range(protocol.fixed.num_columns)
        for *_, values in column_slabs(protocol.fixed, data.tensors, column)
        if kernels.placed.view(values) is None
    )
    ranges = kernels.ranges(size)
    busy = [w for w in range(count) if len(set(ranges.of(w))) == 2]

    integers = lambda stage: (traffic[stage].sent.integers, traffic[stage].received.integers)
    elements = lambda stage: (traffic[stage].sent.elements, traffic[stage].received.elements)

    # trace: a layer's inputs there, its outputs and remainders back
    there = sum(2 * rows * inputs * layers for inputs, _, _ in matrices)
    back = sum((y + 4) * rows * outputs * layers for _, outputs, y in matrices)
    assert integers("trace") == (there, back) and elements("trace") == (0, 0)

    # commitments: every integer of the witness once; a point a worker and slot
    assert integers("commit witness") == (witness, 0) and elements("commit witness") == (0, 0)
    slots = sum(1 for _ in range(protocol.witness.num_columns))
    assert traffic["commit witness"].received.other <= (G1_BYTES + PER_COMMAND) * slots * len(busy)

    # lookups: every looked-up integer once, then rounds; 4 elements a node where the stripes end
    cut = stripes(seen.leaves, count)
    assert cut is not None
    nodes = cut.classes * (
        (1 << cut.high - 1) + sum(1 << cut.low - height for height in range(1, cut.low + 1))
    )
    assert integers("lookups") == (seen.segments, 0) and elements("lookups") == (0, 4 * ELEMENT * nodes)

    # zero-check and product sums: tables of integers once; the layers' inputs from their owners
    assert integers("zero-check") == (seen.by_stage["zero-check"], 0)
    assert elements("zero-check") == (ELEMENT * seen.copied.get("zero-check", 0), 0)
    runs = [{w for w, _, _ in kernels.placed.layers(a)[1]} for n, a in made.model.arrays() if n[:2] == "w_"]  # type: ignore[index]
    owners = len(runs[0])
    outputs = sum(outputs for _, outputs, _ in matrices)
    assert integers("product sums") == (seen.by_stage.get("product sums", 0), 0)
    assert elements("product sums") == (
        ELEMENT * (owners * outputs + seen.copied.get("product sums", 0)),
        ELEMENT * layers * sum(inputs for inputs, _, _ in matrices),
    )

    # the columns' combination: what workers lack, and the masks
    masks = sum(map(len, protocol.masks))
    assert integers("combine columns") == (fixed, 0) and elements("combine columns") == (ELEMENT * masks, 0)

    # the opening: a row there and its values back; a row of remainders, and of what lies above
    assert elements("fold h") == (ELEMENT * row * len(busy), ELEMENT * (size // row + len(busy)))
    assert elements("open q, g") == (
        ELEMENT * (size // row + len(busy) + row * len(busy)),
        ELEMENT * row * len(busy),
    )

    # the reduction: weights of the tensors' axes; an element a layer and slot
    layer_weights, layer_sums = _layered(made, kernels)
    assert elements("reduction")[0] == ELEMENT * (sum(seen.reductions) + layer_weights)
    assert elements("reduction")[1] == ELEMENT * layer_sums
    assert integers("reduction")[0] <= witness + fixed

    for stage, own in traffic.items():
        _assert_small(stage, own)


def _layered(made: Cuttable, kernels: ShardedKernels) -> tuple[int, int]:
    """(elements sent, received) while the layers are bound, for each block of weights: the weights of its
    entries, and a sum for each layer and slot; then eq of the layers, for each slot."""
    sent = received = 0
    layout, tensors = made.whole.protocol.fixed, dict(made.model.arrays())
    data = prover_data(
        made.whole.protocol,
        made.model,
        made.whole.trace,
        made.whole.kernels,
        blinding=seeded(made.whole.protocol.masks),
    )
    for column in range(layout.num_columns):
        if not layout.outer_of(column):
            continue
        for *_, values in column_slabs(layout, data.tensors, column):
            owned = kernels.placed.layers(values)
            assert owned is not None
            sent += prod(values.shape[2:]) * len(owned[1]) + prod(values.shape[:2])
            received += prod(values.shape[:2])
    del tensors
    return sent, received


def _assert_small(stage: str, traffic: Traffic) -> None:
    """Of commands, scalars and points."""
    most = PER_COMMAND * traffic.calls
    pieces = {"reduction": 8, "combine columns": 400, "lookups": 3, "commit witness": 1}.get(stage, 1)
    assert traffic.sent.other <= most + PER_PIECE * traffic.calls * pieces, (stage, traffic)
    assert traffic.received.other <= most, (stage, traffic)


def test_a_vector_that_is_shipped_shows(made: Cuttable, monkeypatch: pytest.MonkeyPatch) -> None:
    """The counts see what is not in the table."""
    kernels = made.kernels(2)
    own = ShardedKernels.fold

    def shipped(k: ShardedKernels, f: FrVec, weights: FrVec) -> FrVec:
        k.pool.all("hold", k.from_list([1] * 100))
        return own(k, f, weights)

    monkeypatch.setattr(ShardedKernels, "fold", shipped)
    assert made.prove(kernels) == made.body
    size, row = kernels.columns or (0, 0)
    assert kernels.pool.traffic["fold h"].sent.elements == ELEMENT * (2 * row + 200)
    assert ceil_log2(size) == 7
