"""How near the traced values come to their declared ranges."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import inf, log2
from typing import Any

import numpy as np

from zkllm.gpt2.config import ProgramConfig
from zkllm.model.trace import Trace


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

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def declared_bounds(c: ProgramConfig) -> dict[str, int]:
    """Bound of each traced tensor that has a width of its own."""
    act = 1 << (c.act_bits - 1)
    return {
        "rho": 1 << c.rho_bits, "u": 1 << c.norm_bits, "v": 1 << c.norm_bits, "y": act, "qkv": act, "o": act,
        "over": 1 << c.over_bits, "div": 1 << c.div_bits, "write": 1 << (c.write_bits - 1),
        "f": 1 << (c.gelu_bits - 1), "yf": act, "logit": 1 << (c.logit_bits - 1), "diff": 1 << c.diff_bits,
    }  # fmt: skip


def _largest(trace: Trace, name: str) -> tuple[int, int | None]:
    """(largest magnitude, index of its leading axis)."""
    if name in ("rho", "u", "v"):
        # 16-bit words, least significant first: the top word that is set anywhere decides
        words = trace[name].reshape(len(trace[name]), -1, trace[name].shape[-1])
        values = [max(int.from_bytes(w.astype("<u2").tobytes(), "little") for w in rows) for rows in words]
        return max(values), int(np.argmax([float(v) for v in values]))
    if name == "logit":
        return int(np.abs(trace["logits"]).max()), None
    if name == "diff":  # whatever id were certified
        logits = trace["logits"]
        return int((logits.max(axis=1) - logits.min(axis=1)).max()) + 1, None
    if name == "div":  # w and w' = 2 M - 1 - w share the bound
        return int(2 * trace["e"].sum(axis=-1, dtype=np.int64).max()) - 1, None
    array = trace[name]
    if array.size == 0:
        return 0, None
    by_layer = np.maximum(array.max(axis=tuple(range(1, array.ndim))).astype(np.int64),
                          -array.min(axis=tuple(range(1, array.ndim))).astype(np.int64))  # fmt: skip
    where = None if name == "yf" else int(by_layer.argmax())
    return int(by_layer.max()), where


class RangeReport:
    """The largest values over any number of traces."""

    def __init__(self, config: ProgramConfig):
        self._bounds = declared_bounds(config)
        self._seen: dict[str, tuple[int, int | None]] = {}
        self.tokens = 0

    def observe(self, trace: Trace) -> None:
        self.tokens += trace.rows
        for name in self._bounds:
            value, layer = _largest(trace, name)
            if name not in self._seen or value > self._seen[name][0]:
                self._seen[name] = (value, layer)

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
