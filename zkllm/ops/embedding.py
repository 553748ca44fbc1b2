"""X_0[t] = 2^e wte[x_t] + 2^e' wpe[t]: two linear claims, no message. The ids are public, so the one-hots are
weights.

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
from ..protocol.shape import Vocabulary
from ..protocol.sources import Array, Derived, Joined, Material, Packing, Traced
from ..protocol.sumcheck import SumcheckPoint
from .axes import WIDTH


@dataclass(frozen=True)
class Embedding(Operation):
    vocabulary: Vocabulary
    slot_bits: int
    bits: int  # of an entry of wte, whose unpacked rows are ranged
    token_shift: int  # e
    position_shift: int  # e'

    rows = "embedding: rows"
    sums = "embedding: X0"
    relations = (rows, sums)

    def declare(self, m: Manifest) -> None:
        ids = Joined(("w", "v"), self.vocabulary.size)
        m.fixed("P_wte", held=Held(Array("wte", "int16", (ids, WIDTH)), Packing("w", self.slot_bits)))
        m.fixed("wpe", held=Held(Array("wpe", "int16", ("pos", WIDTH))))
        m.free("x0", "t", WIDTH, note=self.sums, made=Traced("int32"))
        m.value("slot", "s", WIDTH, bits=self.bits, signed=True, made=Derived(self.unpacked))

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
        at = point.of(run.manifest, ("t", *WIDTH))
        width = {a: at[a] for a in WIDTH}
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
                (1, run.tensor("P_wte", At(hots), *WIDTH), width),
                (-1, run.tensor("slot", At(F.Listed(packed, size)), *WIDTH), width),
            ],
            0,
        )
        run.party.claim(
            self.sums,
            [
                (-1, run.tensor("x0"), at),
                (1 << self.token_shift, run.tensor("slot", At(F.Listed(selected, size)), *WIDTH), width),
                (1 << self.position_shift, run.tensor("wpe", First("t"), *WIDTH), at),
            ],
            0,
        )
        return list(self.relations)
