"""The integer program of `zkllm.model.reference`, bent: a cheat changes a value where it is computed and the
program goes on honestly.

Values are Python integers in object arrays, so a bent value may be negative, huge or a field element.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from zkllm.families import declared
from zkllm.kernels.interface import Table
from zkllm.model.llama.reference import LlamaExecution
from zkllm.model.llama.weights import LlamaModel
from zkllm.model.models import Model
from zkllm.model.reference import Execution
from zkllm.protocol.data import ProverData
from zkllm.protocol.operation import Operation, Run
from zkllm.protocol.relations import Equation, Instance, VirtualFactor
from zkllm.protocol.sources import axes_of
from zkllm.protocol.sumcheck import SumcheckPoint

Values = dict[str, np.ndarray]
Bend = Callable[[int], int]
Bends = Mapping[tuple, Bend]  # (tensor, index..) -> what becomes of the value
VIRTUAL = {"Q": "rho", "head_Q": "head_rho", "post_Q": "post_rho", "Z": "e", "n": "o", "x": "y"}
"""Values that are not committed and can be bent, too, with a value of the same axes."""


def add(k: int) -> Bend:
    return lambda x: x + k


def to(k: int) -> Bend:
    return lambda x: k


class Bending:
    """What bends an execution of a family's program. `values` has every witness value but the multiplicities,
    and the virtual ones, over the axes of the trace's arrays; `slot` over [t, w, d]."""

    c: Any
    m: dict[str, Any]
    ids: list[int]
    rows: int
    layers: Callable[[], list[list[int]]]
    head: Callable[[list[list[int]]], None]

    def __init__(
        self,
        model: Any,
        ids: list[int],
        k: int,
        T: int,
        bends: Bends | None = None,
        leak: bool = False,
        shift: int = 0,
    ):
        super().__init__(model, ids, k, T)  # type: ignore[call-arg]
        self.leak = leak
        self.bends, self.unused = dict(bends or {}), set(bends or {})
        m = declared(self.c, self.rows, k)
        shapes = {
            name: tuple(prod(m.axes[a] for a in axes_of((dim,))) for dim in value.dims)
            for name, value in m.values.items()
        }
        shapes["slot"] = (self.rows, self.c.vocab_slots, self.c.width)
        shapes |= {name: shapes[like] for name, like in VIRTUAL.items() if like in shapes}
        self.values = {name: np.zeros(shape, object) for name, shape in shapes.items()}
        self.logits = [[0] * self.c.vocab_size for _ in range(k)]
        y = self.layers()
        self.head(y[shift:] + y[:shift])  # the certified rows are others
        assert not self.unused, f"these bends change nothing: {sorted(self.unused)}"

    def put(self, name: str, *at: int, value: int) -> int:
        key = (name, *at)
        if key in self.bends:
            value = self.bends[key](value)
            self.unused.discard(key)
        if name in self.values:
            self.values[name][at] = value
        elif name == "logits":
            self.logits[at[0]][at[1]] = value
        return value

    def visible(self, t: int) -> int:
        seen: int = super().visible(t)
        return self.rows if self.leak else seen

    def token(self, t: int) -> list[int]:
        """The packed row in use, unpacked: a real row in each slot, but in the last where it has none."""
        c, wte = self.c, self.m["wte"]
        own, index = divmod(self.ids[t], c.vocab_block)
        slots = []
        for w in range(c.vocab_slots):
            row = w * c.vocab_block + index
            real = wte[row] if row < c.vocab_size else [0] * c.width
            slots.append([self.put("slot", t, w, j, value=x) for j, x in enumerate(real)])
        return slots[own]


class BentProgram(Bending, Execution):
    """A GPT-2's."""


class BentLlama(Bending, LlamaExecution):
    """A Llama's."""


def bent(
    model: Model,
    ids: list[int],
    k: int,
    T: int,
    bends: Bends | None = None,
    leak: bool = False,
    shift: int = 0,
) -> Bending:
    """One execution of a model of whichever family."""
    program = BentLlama if isinstance(model, LlamaModel) else BentProgram
    return program(model, ids, k, T, bends, leak, shift)


@dataclass(frozen=True)
class BentOperation(Operation):
    """An operation whose virtual tensors are these values, whatever its definitions say."""

    honest: Operation
    values: Values

    def equations(self, run: Run) -> list[Equation]:
        equations = self.honest.equations(run)
        for factor in {f for e in equations for _, factors in e.terms for f in factors}:
            if isinstance(factor, VirtualFactor):
                factor.table = self._bent(factor.label, factor.table)
        return equations

    def _bent(self, label: str, true: Callable[[ProverData], Table]) -> Callable[[ProverData], Table]:
        return lambda data: self.values[label].reshape(np.shape(true(data)))

    def products(self, run: Run, point: SumcheckPoint) -> list[Instance]:
        return self.honest.products(run, point)

    def claims(self, run: Run, point: SumcheckPoint) -> list[str]:
        return self.honest.claims(run, point)
