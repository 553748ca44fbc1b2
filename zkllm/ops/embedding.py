"""X_0[t] = 2^e wte[x_t] + 2^e' wpe[t]: two linear claims, no message. The ids are public, so the one-hots are
weights.

The rows of the packed embedding in use are unpacked into range-checked slots; the slot axis s = (t, slot).
"""

from __future__ import annotations

from ..model.config import ProgramConfig
from ..protocol import weights as W
from ..protocol.algebra import eq_index
from ..protocol.forms import At, First
from ..protocol.manifest import WIDTH, Manifest
from ..protocol.sumcheck import SumcheckPoint
from .base import Part, Run


class Embedding(Part):
    relations = ("embedding: rows", "embedding: X0")

    def declare(self, m: Manifest, c: ProgramConfig) -> None:
        m.fixed("P_wte", "v", *WIDTH)
        m.fixed("wpe", "pos", *WIDTH)
        m.free("x0", "t", *WIDTH, note="embedding: X0")
        m.value("slot", "s", *WIDTH, bits=c.act_bits, limb_bits=c.limb_bits, signed=True)

    def claims(self, run: Run, point: SumcheckPoint) -> list[str]:
        c = run.config
        at = point.of(run.axes, ("t", *WIDTH))
        width = {a: at[a] for a in WIDTH}
        tokens = run.statement.ids[: run.axes["t"]]
        rows = [eq_index(t, at["t"]) for t in range(len(tokens))]
        hots = W.OneHots(
            tuple((r, tuple(token.bits)) for r, token in zip(rows, tokens, strict=True)), run.axes["v"]
        )
        packed, selected = {}, {}
        for t, (r, token) in enumerate(zip(rows, tokens, strict=True)):
            for slot, hot in enumerate(token.slot):
                packed[t * c.vocab_slots + slot] = (1 << c.vocab_slot_bits * slot) * r
                selected[t * c.vocab_slots + slot] = r * hot
        size = run.axes["s"]
        run.party.claim(
            self.relations[0],
            [
                (1, run.tensor("P_wte", At(hots), *WIDTH), width),
                (-1, run.tensor("slot", At(W.Listed(packed, size)), *WIDTH), width),
            ],
            0,
        )
        run.party.claim(
            self.relations[1],
            [
                (-1, run.tensor("x0"), at),
                (1 << c.wte_shift, run.tensor("slot", At(W.Listed(selected, size)), *WIDTH), width),
                (1 << c.wpe_shift, run.tensor("wpe", First("t"), *WIDTH), at),
            ],
            0,
        )
        return list(self.relations)
