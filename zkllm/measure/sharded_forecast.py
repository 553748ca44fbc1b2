"""Seconds of one proof that is cut over workers (`zkllm prove --shards`), at best: each worker does an equal
share of what is cut, the coordinator what is not, and bytes and messages cross its link.

Bytes are the closed forms of docs/sharding.md, with the bytes a value that proofs of GPT-2 were counted to
send (`PER_..`); every message waits for its answer before the next one is sent.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import isqrt, prod

from zkllm.bits import ceil_log2
from zkllm.files import JsonObject
from zkllm.measure.forecast import Forecast
from zkllm.measure.profiling import Sizes
from zkllm.pcs.mercury import column_bits
from zkllm.protocol.description import Description

ELEMENT = 32
PER_COMMITTED, PER_LOOKED_UP, PER_CHECKED, PER_FOLDED = 2.3, 3.3, 12, 2.3
"""Bytes of a witness value, of a lookup's integers, of an equation's index, of an activation in a product."""
PER_INPUT, PER_OUTPUT = 2, 7
"""Bytes of an activation that goes to a layer's owner, and of what comes back: output and remainder."""


Traffic = dict[str, tuple[float, int]]
"""(bytes, messages) of the stages that are cut."""


@dataclass(frozen=True)
class Link:
    """From the coordinator to all its workers. `bandwidth`: bytes a second; `latency`: seconds of a message
    and its answer."""

    bandwidth: float
    latency: float


@dataclass(frozen=True)
class ShardedStage:
    """`alone`: seconds of the coordinator. `serial`, `parallel`: processor seconds that workers share, of one
    core of each and of all. `sent`: bytes over the link, both ways; `messages`: one after the other."""

    name: str
    alone: float
    serial: float
    parallel: float
    sent: float
    messages: int

    def on(self, workers: int, cores: float, link: Link) -> float:
        link_s = self.sent / link.bandwidth + self.messages * link.latency
        return self.alone + self.share(workers, cores) + link_s

    def share(self, workers: int, cores: float) -> float:
        """Seconds of one worker."""
        return (self.serial + self.parallel / cores) / workers


@dataclass(frozen=True)
class ShardedForecast:
    workers: int
    stages: tuple[ShardedStage, ...]

    @property
    def sent(self) -> float:
        return sum(stage.sent for stage in self.stages)

    def on(self, cores: float, link: Link) -> float:
        """`cores`: of each worker, and of the coordinator."""
        return sum(stage.on(self.workers, cores, link) for stage in self.stages)

    def to_dict(self) -> JsonObject:
        return {"workers": self.workers, "bytes": self.sent, "stages": [asdict(s) for s in self.stages]}


def sharded(forecast: Forecast, crossing: Traffic, workers: int, cores: float) -> ShardedForecast:
    """The forecast's proof over so many workers, with this `traffic`. `cores`: of the coordinator."""
    stages = []
    for stage in forecast.stages:
        if stage.name in crossing:
            sent, messages = crossing[stage.name]
            parallel, serial = stage.processor - stage.serial, stage.serial - stage.start
            made = ShardedStage(stage.name, stage.start, serial, parallel, sent, messages)
        else:
            made = ShardedStage(stage.name, stage.on(cores), 0.0, 0.0, 0.0, 0)
        stages.append(made)
    return ShardedForecast(workers, tuple(stages))


def traffic(protocol: Description, s: Sizes, vocabulary: int, workers: int) -> Traffic:
    m, mu = protocol.manifest, s.mu
    packed = [h.array for name, h in m.held.items() if h.packing is not None and m.tensors[name].layered]
    shapes = [array.shape(m.axes) for array in packed]
    inputs, outputs = sum(shape[1] for shape in shapes), sum(prod(shape[2:]) for shape in shapes)
    own = [h.array for name, h in m.held.items() if h.packing is not None and not m.tensors[name].layered]
    shared = sum(array.bytes(m.axes) for array in own)
    witness, row = PER_COMMITTED * s.witness, 1 << column_bits(mu)
    lacking = witness * (1 - 1 / workers) + shared
    depth = ceil_log2(s.witness)
    elements = lambda count: float(ELEMENT * count)
    return {
        "trace": (s.rows * s.layers * (PER_INPUT * inputs + PER_OUTPUT * outputs), len(shapes) * s.layers),
        "commit witness": (witness, 2),
        "lookups": (
            PER_LOOKED_UP * s.lookups + elements(8 * isqrt(s.witness * workers)),
            depth * (depth + 1) // 2,
        ),
        "zero-check": (float(PER_CHECKED * s.checked), 100),
        "product sums": (
            PER_FOLDED * s.activations + elements(workers * outputs + s.layers * inputs),
            50,
        ),
        "reduction": (lacking + elements(workers * vocabulary), 2 * mu),
        "combine columns": (float(shared), 2),
        "fold h": (elements(workers * row), 2),
        "open q, g": (elements(3 * workers * row), 4),
    }
