"""X_0[t] = 2^e wte[x_t] + 2^e' wpe[t]: two linear claims, no message. The ids are public, so the one-hots are
weights. A model that rotates its queries and keys has no wpe.

An embedding that is scaled by a number which is no power of two has a public factor c and one rounding,

    2^s X_0 + x0_rem - 2^(s-1) = c 2^e wte[x_t],    0 <= x0_rem < 2^s, X_0 ranged;

s = 0: there is none, and X_0 needs no range.

The rows of the packed embedding in use are unpacked into range-checked slots; the slot axis s = (t, slot).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..protocol import functionals as F
from ..protocol.algebra import eq_index
from ..protocol.forms import At, First
from ..protocol.manifest import Held, Manifest
from ..protocol.operation import Operation, Run
from ..protocol.party import Summand
from ..protocol.shape import Vocabulary
from ..protocol.sources import Array, Derived, Joined, Material, Packing, Traced, largest
from ..protocol.sumcheck import SumcheckPoint
from .axes import WIDTH

STREAM_BITS = 32
"""Of X_0, as it is traced."""


@dataclass(frozen=True)
class Embedding(Operation):
    vocabulary: Vocabulary
    slot_bits: int
    bits: int  # of an entry of wte, whose unpacked rows are ranged
    token_shift: int  # e
    position_shift: int | None  # e'; None: no positions are added
    width_axes: tuple[str, ...] = WIDTH
    factor: int = 1  # c
    rounding: int = 0  # s

    rows = "embedding: rows"
    sums = "embedding: X0"
    relations = (rows, sums)

    def declare(self, m: Manifest) -> None:
        ids, width = Joined(("w", "v"), self.vocabulary.size), self.width_axes
        m.fixed("P_wte", held=Held(Array("wte", "int16", (ids, width)), Packing("w", self.slot_bits)))
        if self.position_shift is not None:
            m.fixed("wpe", held=Held(Array("wpe", "int16", ("pos", width))))
        if self.rounding:
            m.value("x0", "t", width, bits=STREAM_BITS, signed=True, made=Traced("int32"), watch=largest)
            m.value("x0_rem", "t", width, bits=self.rounding, made=Traced("int64"))
        else:
            m.free("x0", "t", width, note=self.sums, made=Traced("int32"))
        m.value("slot", "s", width, bits=self.bits, signed=True, made=Derived(self.unpacked))

    def unpacked(self, of: Material) -> np.ndarray:
        """int64[t, slot, d]: the rows of wte that a packed row in use is made of."""
        wte, ids, vocabulary = of.model["wte"], of.ids[:-1], self.vocabulary
        rows = np.zeros((len(ids), vocabulary.slots, wte.shape[1]), dtype=np.int64)
        for t, token in enumerate(ids):
            for row in range(token % vocabulary.block, vocabulary.size, vocabulary.block):
                rows[t, row // vocabulary.block] = wte[row]
        return rows

    def claims(self, run: Run, point: SumcheckPoint) -> list[str]:
        slots = self.vocabulary.slots
        axes = self.width_axes
        at = point.of(run.manifest, ("t", *axes))
        width = {a: at[a] for a in axes}
        tokens = run.statement.ids[: run.axes["t"]]
        rows = [eq_index(t, at["t"]) for t in range(len(tokens))]
        hots = F.OneHots(
            tuple((r, tuple(token.bits)) for r, token in zip(rows, tokens, strict=True)), run.axes["v"]
        )
        packed, selected = {}, {}
        for t, (r, token) in enumerate(zip(rows, tokens, strict=True)):
            for slot, hot in enumerate(token.slot):
                packed[t * slots + slot] = (1 << self.slot_bits * slot) * r
                selected[t * slots + slot] = r * hot
        size = run.axes["s"]
        run.party.claim(
            self.rows,
            [
                (1, run.tensor("P_wte", At(hots), *axes), width),
                (-1, run.tensor("slot", At(F.Listed(packed, size)), *axes), width),
            ],
            0,
        )
        x0 = run.tensor("x0")
        if self.rounding:
            x0 = (1 << self.rounding) * x0 + run.tensor("x0_rem") - (1 << self.rounding - 1)
        summands: list[Summand] = [
            (-1, x0, at),
            (self.factor << self.token_shift, run.tensor("slot", At(F.Listed(selected, size)), *axes), width),
        ]
        if self.position_shift is not None:
            summands.append((1 << self.position_shift, run.tensor("wpe", First("t"), *axes), at))
        run.party.claim(self.sums, summands, 0)
        return list(self.relations)
