"""Seconds of a proof that is not made: the work of each stage, at this machine's rates, times how far a
measured proof was from them.

A stage's processor seconds are predicted as (operations counted by `profiling.stage_counts`, at the rates of
the kernels alone) x (its `Pace`: what the same stage of a measured proof took over that). Of these, the share
that was serial in the measured proof stays on one core, the rest is divided by the cores:

    wall = serial + (processor - serial) / cores

Paces are those of `MEASURED`, or of a profile that `zkllm prove --profile` wrote on this machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from zkllm.files import JsonObject
from zkllm.measure.profiling import Sizes, predicted, stage_counts
from zkllm.timings import available_cores


@dataclass(frozen=True)
class Pace:
    """Of one stage. `factor`: processor seconds over those of its counted operations; where it has none
    (`UNITS`), nanoseconds of processor a unit. `serial`: the share of these of one core. `start`: seconds of
    one core that a proof of any size takes."""

    factor: float
    serial: float
    start: float = 0.0


UNITS = {"keys": "circuit", "witness": "witness", "circuit": "circuit"}
"""Stages without counted operations, and the size that they grow with. Others take no time to speak of."""

SOURCE = "GPT-2 XL, N = 16, mu = 24 (docs/benchmarks.md)"
MEASURED: Mapping[str, Pace] = {
    "keys": Pace(600, 1.0, 0.01),
    "trace": Pace(1.10, 0.12, 0.008),
    "witness": Pace(4, 0.33, 0.008),
    "commit witness": Pace(0.97, 0.15, 0.05),
    "lookups": Pace(1.30, 0.05, 0.06),
    "zero-check": Pace(1.03, 0.6, 0.01),
    "product sums": Pace(3.4, 0.11, 0.015),
    "reduction": Pace(1.47, 0.15, 0.05),
    "circuit": Pace(1700, 0.5, 0.02),
    "combine columns": Pace(1.16, 0.1, 0.01),
    "fold h": Pace(0.5, 0.1),
    "open q, g": Pace(0.97, 0.02, 0.05),
    "open S, D": Pace(1.4, 0.1),
    "wires": Pace(1.4, 0.1),
    "quotients": Pace(0.9, 0.05, 0.05),
    "evaluate": Pace(5.0, 0.1),
    "opening W": Pace(1.2, 0.06),
    "opening W'": Pace(1.1, 0.04),
}
"""Of `SOURCE`, two cores, `avx512ifma`, alone on the machine; starts are those of the demo model's proof."""
LEAST_S = 0.02
"""Of one core: where a stage's counted operations take less, a profile says more of its start than of its
pace, and the one of `MEASURED` stays."""


def _leaves(stages: list[JsonObject]) -> Iterator[JsonObject]:
    for stage in stages:
        yield from _leaves(stage["stages"]) if stage.get("stages") else (stage,)


def paces_of(profile: JsonObject, nanoseconds: Mapping[str, float]) -> dict[str, Pace]:
    """Of a proof's profile, at the rates of the machine that made it."""
    cores, sizes, found = profile["cores"], profile["sizes"], dict(MEASURED)
    for stage in _leaves(profile["stages"]):
        name, processor, serial = stage["name"], stage["processor_s"], stage["serial_s"]
        if name not in MEASURED or processor <= 0:
            continue
        share = MEASURED[name].serial if serial is None else min(1.0, serial / processor)
        if name in UNITS:
            found[name] = Pace(1e9 * processor / sizes[UNITS[name]], share)
        elif (counted := cores * predicted(stage["counts"], nanoseconds)) >= LEAST_S:
            found[name] = Pace(processor / counted, share)
    return found


@dataclass(frozen=True)
class StageTime:
    """Seconds of processor, of these of one core, and of these before any work. None depends on the cores."""

    name: str
    processor: float
    serial: float
    start: float = 0.0

    def on(self, cores: float) -> float:
        """Wall clock."""
        return self.serial + (self.processor - self.serial) / cores


@dataclass(frozen=True)
class Forecast:
    stages: tuple[StageTime, ...]

    @property
    def processor(self) -> float:
        return sum(stage.processor for stage in self.stages)

    @property
    def serial(self) -> float:
        return sum(stage.serial for stage in self.stages)

    def on(self, cores: float) -> float:
        return sum(stage.on(cores) for stage in self.stages)

    def to_dict(self) -> JsonObject:
        return {
            "processor_s": self.processor,
            "serial_s": self.serial,
            "stages": [asdict(stage) for stage in self.stages],
        }


def forecast(
    sizes: Sizes,
    nanoseconds: Mapping[str, float],
    paces: Mapping[str, Pace] = MEASURED,
    tabled: bool = False,
) -> Forecast:
    """Of one proof. `nanoseconds`: by kind, of all of this machine's cores together."""
    cores, counts, found = available_cores(), stage_counts(sizes, tabled), []
    for name, pace in paces.items():
        if name in counts:
            processor = pace.factor * cores * predicted(counts[name], nanoseconds)
        elif name in UNITS:
            processor = 1e-9 * pace.factor * getattr(sizes, UNITS[name])
        else:
            continue
        serial = pace.serial * processor + pace.start
        found.append(StageTime(name, processor + pace.start, serial, pace.start))
    return Forecast(tuple(found))
