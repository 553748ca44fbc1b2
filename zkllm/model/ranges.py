"""How near the traced values come to their declared ranges."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log2

from zkllm.families import Config, declared
from zkllm.model.trace import Trace
from zkllm.protocol.manifest import TOKEN
from zkllm.protocol.sources import Seen
from zkllm.records import to_data


@dataclass(frozen=True)
class RangeRow:
    """One tensor: the bound that tracing enforces, the largest magnitude seen, and where."""

    tensor: str
    bound: int
    seen: int
    layer: int | None  # LayerNorm, write or block of the maximum

    @property
    def headroom_bits(self) -> float:
        return log2(self.bound) - log2(self.seen) if self.seen else inf

    def to_dict(self) -> dict[str, object]:
        return to_data(self)


class RangeReport:
    """The largest values over any number of traces, of each value that an operation watches."""

    def __init__(self, config: Config):
        manifest = declared(config, 1, 1)
        self._watched = [v for v in manifest.values.values() if v.watch is not None]
        self._bounds = {v.name: manifest.interval(v.name)[1] for v in self._watched}
        self._by_layer = {v.name for v in self._watched if manifest.pool(str(v.dims[0])) != TOKEN}
        self._seen: dict[str, Seen] = {}
        self.tokens = 0

    def observe(self, trace: Trace) -> None:
        self.tokens += trace.rows
        for value in self._watched:
            name, array, watch = value.name, value.array, value.watch
            assert array is not None and watch is not None
            most, layer = watch(array, trace)
            if name not in self._seen or most > self._seen[name][0]:
                self._seen[name] = (most, layer if name in self._by_layer else None)

    def rows(self) -> list[RangeRow]:
        """The tensors nearest to their bounds first."""
        rows = [
            RangeRow(name, bound, *self._seen.get(name, (0, None))) for name, bound in self._bounds.items()
        ]
        return sorted(rows, key=lambda row: row.headroom_bits)


def format_rows(rows: list[RangeRow]) -> str:
    """A table for people."""
    lines = [f"{'tensor':8} {'bound':>40} {'largest seen':>40} {'layer':>6} {'headroom bits':>14}"]
    for row in rows:
        layer = "-" if row.layer is None else str(row.layer)
        lines.append(f"{row.tensor:8} {row.bound:>40} {row.seen:>40} {layer:>6} {row.headroom_bits:>14.2f}")
    lines.append("y cannot exceed the square root of the width, so it needs no headroom")
    return "\n".join(lines)
