"""A proof is the same to the byte however many workers it is cut over, and whichever of them are lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from testkit.blinding import weight_masks
from testkit.shards import STAGES, Cuttable, HereWorker
from zkllm.errors import QuantizationRangeError, ResourceError
from zkllm.field import R
from zkllm.kernels.interface import LinearScales
from zkllm.opening_table import Binding, OpeningTable, save_table
from zkllm.precompute import FixedColumns
from zkllm.protocol.witness import fixed_tensors
from zkllm.shards import pool as pools
from zkllm.shards.placed import owner
from zkllm.shards.shard import Shard
from zkllm.transformed_srs import root_of_blocks


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> Cuttable:
    """Three layers whose weights share columns with others."""
    made = Cuttable.make(tmp_path_factory.mktemp("ordinary"), mu=10, layers=3)
    assert not made.layered
    return made


@pytest.fixture(scope="module")
def layered(tmp_path_factory: pytest.TempPathFactory) -> Cuttable:
    """Columns of weights by layer, and many short witness columns."""
    made = Cuttable.make(tmp_path_factory.mktemp("layered"), mu=7, layers=2)
    assert made.layered
    return made


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("shape", ["ordinary", "layered"])
def test_any_number_of_workers(shape: str, count: int, request: pytest.FixtureRequest) -> None:
    made: Cuttable = request.getfixturevalue(shape)
    kernels = made.kernels(count)
    assert made.prove(kernels) == made.body
    busy = {stage for stage, traffic in kernels.pool.traffic.items() if traffic.calls}
    assert busy >= set(STAGES) and kernels.pool.lost == 0


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("how", ["before", "after"])
def test_workers_lost_in_each_stage(
    layered: Cuttable, first: int, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In every stage one in turn is lost, in the middle: before it has done what it is told, or before it has
    answered."""
    monkeypatch.setattr(pools, "MOST_LOSSES", len(STAGES))
    seen: dict[tuple[str, int], int] = {}
    doomed: set[str] = set()
    # in the middle of rounds, where there are any: what was bound has to be bound again
    at = {"lookups": 15, "zero-check": 6, "reduction": 6, "combine columns": 1, "fold h": 1}

    def doom(number: int) -> str | None:
        if not started:
            return None
        stage = started[0].pool.stage
        seen[stage, number] = seen.get((stage, number), 0) + 1
        turn = (STAGES.index(stage) + first) % 3 if stage in STAGES else None
        if stage in doomed or number != turn or seen[stage, number] < at.get(stage, 2):
            return None
        doomed.add(stage)
        return how

    started: list[pools.Pool | object] = []
    kernels = layered.kernels(3, lambda number: HereWorker(number, doom=doom))
    started.append(kernels)
    assert layered.prove(kernels) == layered.body
    assert kernels.pool.lost == len(doomed) >= 7, doomed
    assert sum(traffic.again for traffic in kernels.pool.traffic.values()) > 0


def test_too_many_losses_end_the_proof(layered: Cuttable) -> None:
    kernels = layered.kernels(2)
    kernels.pool._start = lambda number: HereWorker(number, doom=lambda number: "before")
    kernels.pool.workers[1].stop()
    with pytest.raises(ResourceError, match="workers were lost in one proof"):
        layered.prove(kernels)
    assert kernels.pool.lost == pools.MOST_LOSSES + 1


def test_layers_are_read_by_their_owners_alone(layered: Cuttable) -> None:
    """Each worker has other numbers in the place of layers that are not its own."""

    class Poisoned(Shard):
        def __init__(self, number: int):
            super().__init__()
            self.number = number

        def map(self, name: str, path: str, dtype: str, offset: int, shape: tuple[int, ...]) -> None:
            super().map(name, path, dtype, offset, shape)
            if name.startswith("w_"):
                self.arrays[name] = own = np.array(self.arrays[name])
                for layer in range(len(own)):
                    if owner(layer, len(own), 2) != self.number:
                        own[layer] = 1111

    kernels = layered.kernels(2, lambda number: HereWorker(number, Poisoned(number)))
    assert layered.prove(kernels) == layered.body


def opening_table(made: Cuttable, path: Path) -> Binding:
    """The model's, in a file."""
    whole, protocol = made.whole, made.whole.protocol
    binding, masks = Binding.of(whole.vk), weight_masks(protocol)
    tensors = fixed_tensors(protocol.manifest, whole.model)
    columns = FixedColumns(
        protocol.fixed, tensors, whole.vk.fixed_commitments, whole.srs, binding, whole.kernels, masks
    )
    b, root = 1 << binding.b_log2, pow(root_of_blocks(binding.rows), -1, R)
    transformed = whole.srs.points.transform(binding.rows, b, root, 0, b)
    points = [columns.points_of(g, transformed) for g in range(binding.columns)]
    save_table(path, binding, b"".join(points))
    return binding


def test_with_an_opening_table(layered: Cuttable, tmp_path: Path) -> None:
    """Weights are contracted by their owners, and the fixed columns never combined."""
    binding = opening_table(layered, tmp_path / "table")
    kernels = layered.kernels(3)
    table = OpeningTable.load(tmp_path / "table", binding, kernels.opaque)
    assert layered.prove(kernels, table) == layered.body


def test_of_a_hidden_model(tmp_path: Path) -> None:
    made = Cuttable.make(tmp_path, mu=7, layers=2, hidden=True)
    assert made.prove(made.kernels(3)) == made.body


def test_errors_of_workers_are_told_as_they_are(layered: Cuttable) -> None:
    kernels, weights = layered.kernels(2), dict(layered.model.arrays())["w_o"]
    inputs = weights[1].reshape(-1, np.prod(weights.shape[1:]) // 12)
    a = np.full((1, len(inputs)), 30000, np.int16)
    outputs = inputs.shape[1]
    y, rem = np.zeros((1, outputs), np.int16), np.zeros((1, outputs), np.int32)
    scales = LinearScales(0, 1, 8, "y[1]")
    with pytest.raises(QuantizationRangeError) as raised:
        kernels.linear(a, inputs, np.zeros(outputs, np.int64), y, rem, scales)
    assert raised.value.tensor == "y[1]" and raised.value.bound == 128
    assert kernels.pool.traffic, "it was a worker's"
