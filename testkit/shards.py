"""A tiny model's proof cut over workers in this process, which can be lost like others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from testkit import whole
from testkit.blinding import seeded, weight_masks
from testkit.whole import Whole
from zkllm.kernels.native import NATIVE
from zkllm.model.execution import generate_trace
from zkllm.model.weights import QuantizedModel
from zkllm.opening_table import OpeningTable
from zkllm.pcs.srs import Srs
from zkllm.prover import prove_trace
from zkllm.sharded import columns_of, layered_arrays
from zkllm.shards.kernels import EVERYTHING, ShardedKernels
from zkllm.shards.pool import Answer, Pool, Worker, WorkerLost
from zkllm.shards.shard import Shard
from zkllm.shards.wire import Message
from zkllm.timings import Timings

PROMPT = [3, 7]
STAGES = (
    "trace", "commit witness", "lookups", "zero-check", "product sums", "reduction", "combine columns",
    "fold h", "open q, g",
)  # fmt: skip
"""In which workers take part."""


class HereWorker:
    """A shard whose messages are the same bytes as to any other worker. `doom`: says of each message whether
    the worker is lost before it, or once it has done what the message says but has not answered."""

    def __init__(
        self, number: int, shard: Shard | None = None, doom: Callable[[int], str | None] = lambda number: None
    ):
        self.number, self.shard, self.doom = number, shard or Shard(), doom
        self.lost = False

    def start(self, message: Message) -> Callable[[], Answer]:
        doom = self.doom(self.number)
        self.lost |= doom == "before"
        if self.lost:
            raise WorkerLost
        answer = self.shard.run(message)
        self.lost |= doom == "after"

        def wait() -> Answer:
            if self.lost:
                raise WorkerLost
            return answer

        return wait

    def stop(self) -> None:
        self.lost = True


def mapped(folder: Path, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same arrays, in files."""
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        path = folder / f"{name}.bin"
        np.ascontiguousarray(array).tofile(path)
        found[name] = np.memmap(path, dtype=array.dtype, mode="r", shape=array.shape)
    return found


@dataclass(frozen=True)
class Cuttable:
    """A tiny model in files, what one process proves of it, and proofs by workers."""

    whole: Whole
    model: QuantizedModel
    srs: Path
    body: bytes

    @classmethod
    def make(cls, folder: Path, mu: int, layers: int, hidden: bool = False) -> Cuttable:
        made = Whole.make(NATIVE, mu, layers, hidden)
        srs = folder / "srs"
        made.srs.save(srs)
        arrays = mapped(folder / "weights", dict(made.model.arrays()))
        model = QuantizedModel(made.model.config, made.model.tables, **arrays)
        return cls(made, model, srs, made.prove(seeded(made.protocol.masks)))

    @property
    def layered(self) -> bool:
        """Whether its weights are in columns whose top bits are the layer's."""
        return any(b.outer for blocks in self.whole.protocol.fixed.blocks.values() for b in blocks)

    def kernels(self, count: int, start: Callable[[int], Worker] = HereWorker) -> ShardedKernels:
        protocol = self.whole.protocol
        arrays = dict(self.model.arrays())
        pool = Pool(count, start)
        return ShardedKernels(pool, arrays, layered_arrays(protocol), columns_of(protocol), EVERYTHING)

    def prove(self, kernels: ShardedKernels, table: OpeningTable | None = None) -> bytes:
        """The trace too is the workers'."""
        made, timings = self.whole, Timings(entered=kernels.enter)
        with timings.stage("trace"):
            trace = generate_trace(self.model, PROMPT, whole.CERTIFIED, whole.ROWS, kernels=kernels.opaque)
        return prove_trace(
            made.protocol,
            self.model,
            trace,
            made.pk,
            Srs.load(self.srs, kernels.opaque),
            whole.CONTEXT,
            kernels.opaque,
            timings,
            seeded(made.protocol.masks),
            table,
            fixed_masks=weight_masks(made.protocol),
        )
