"""What of the prover's arrays workers have: the model's by layer, mapped and never sent; others as they are
sent, each part once for as long as it is kept."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..protocol.algebra import dyadic_blocks
from .cuts import layer_axis
from .pool import Kept, Pool
from .wire import Command, Ints, View

Sent = dict[tuple[object, ...], tuple[np.ndarray, Kept]]
"""Parts of arrays that workers have."""


@dataclass(frozen=True)
class Mapped:
    """An array of the model. Its first axis is the layers where `layers` says so."""

    name: str
    array: np.memmap
    layers: bool

    @property
    def start(self) -> int:
        return int(self.array.__array_interface__["data"][0])


def owner(layer: int, layers: int, workers: int) -> int:
    """The worker of a layer: that of the layer's place in a layered column, whose top bits are the layer's in
    its dyadic block."""
    first, bits = next((o, k) for o, k in dyadic_blocks(0, layers) if layer < o + (1 << k))
    # the last worker whose range begins at or below the layer's
    return next(w for w in reversed(range(workers)) if (w << bits) <= (layer - first) * workers)


class Placed:
    """`model`: arrays by name, mapped from files that every worker can open."""

    def __init__(self, pool: Pool, model: Mapping[str, np.ndarray], layered: Iterable[str]):
        self.pool = pool
        by_layer = set(layered)
        files = [Mapped(n, a, n in by_layer) for n, a in model.items() if isinstance(a, np.memmap)]
        self._files = sorted(files, key=lambda m: m.start)
        self._starts = [m.start for m in self._files]
        for m in self._files:
            path = str(Path(str(m.array.filename)).resolve())
            arguments = (m.name, path, m.array.dtype.str, int(m.array.offset), m.array.shape)
            pool.all("map", *arguments, lasting=True)
        self._sent: Sent = {}
        self._read = False

    # ---- the model's

    def mapped(self, array: np.ndarray) -> tuple[Mapped, int] | None:
        """The array of the model that this is a view of, and where in it it starts, in bytes."""
        at = int(array.__array_interface__["data"][0])
        i = bisect_right(self._starts, at) - 1
        if i < 0:
            return None
        base = self._files[i]
        inside = 0 <= at - base.start < base.array.nbytes
        return (base, at - base.start) if inside and all(s >= 0 for s in array.strides) else None

    def view(self, array: np.ndarray) -> View | None:
        found = self.mapped(array)
        if found is None or found[0].array.dtype != array.dtype:
            return None
        self._read = True
        return View(found[0].name, found[1], array.shape, array.strides)

    def layers(self, array: np.ndarray) -> tuple[int | None, list[tuple[int, int, int]]] | None:
        """(the axis of the layers, runs (worker, start, stop) on it), or (None, the one worker) for a part of
        one layer; None for what has no layers."""
        found = self.mapped(array)
        if found is None or not found[0].layers:
            return None
        base, offset = found
        count, stride = base.array.shape[0], base.array.strides[0]
        first, axis = offset // stride, layer_axis(array, stride)
        others = [
            (n - 1) * s for i, (n, s) in enumerate(zip(array.shape, array.strides, strict=True)) if i != axis
        ]
        if offset % stride + sum(others) >= stride:
            return None  # it is of several layers, but not along an axis
        if axis is None or array.shape[axis] == 1:
            return axis, [(owner(first, count, len(self.pool)), 0, 1)]
        runs: list[tuple[int, int, int]] = []
        for i in range(array.shape[axis]):
            worker = owner(first + i, count, len(self.pool))
            if runs and runs[-1][0] == worker:
                runs[-1] = (worker, runs[-1][1], i + 1)
            else:
                runs.append((worker, i, i + 1))
        return axis, runs

    # ---- others

    def hold(
        self,
        worker: int,
        array: np.ndarray,
        start: int,
        stop: int,
        batch: list[Command],
        own: Sent | None = None,
    ) -> Kept:
        """Entries of an array in row-major order, as a piece of one layer and one slot. The command that
        sends them is added to the batch where the worker lacks them. They stay until `forget`, or as long as
        `own`.
        """
        shape = [(n, s) for n, s in zip(array.shape, array.strides, strict=True) if n > 1]
        at = array.__array_interface__["data"][0]
        key = (worker, at, array.dtype.str, tuple(shape), start, stop)
        if key in self._sent:
            return self._sent[key][1]
        sent = self._sent if own is None else own
        if key not in sent:
            kept, command = self.pool.keep(worker, "hold", Ints(array, start, stop))
            sent[key] = array, kept  # the array lives on, so that its address is nobody else's
            batch.append(command)
        return sent[key][1]

    def forget(self) -> None:
        """Workers need not keep what they were sent."""
        self._sent.clear()

    def release(self) -> None:
        """What workers have read of the model since the last time need not stay resident."""
        if self._read:
            self.pool.all("release")
        self._read = False
