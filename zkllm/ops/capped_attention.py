"""Attention whose scores are held below a bound before the exponential, by a table.

With I the mask of `Attention`, Z = 2^gain(l) Q K^T, and cap a table that never falls:

    I (2^s z + cap_rem - 2^(s-1) - Z) = 0     0 <= cap_rem < 2^s where u <= t: z = round(Z / 2^s)
    (z, c) is a row of cap                    where u <= t
    I (idx - score_max + c) = 0               idx >= 0 is the distance to score_max itself, e = exp[idx]
    sel idx = 0, sum_u sel = 1                score_max is attained

The table of exponentials has a row for every distance that there is, so that nothing lies beyond it. The rest
is `Attention`'s.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..protocol.manifest import Held, Lookup, Manifest
from ..protocol.operation import Run
from ..protocol.relations import Equation, Factor
from ..protocol.sources import Array, Dim, Traced, largest
from .grouped_attention import GroupedAttention


@dataclass(frozen=True)
class CappedAttention(GroupedAttention):
    """`shift` and `over_bits` are not used."""

    cap_shift: int = 0  # s
    cap_bits: int = 0  # of z: signed

    distance = "attention: distance"

    @property
    def relations(self) -> tuple[str, ...]:
        plain = super().relations
        return (plain[0], self.distance, *(name for name in plain[1:] if name != self.saturation))

    def declare_scores(self, m: Manifest, *scores: Dim) -> None:
        below, causal = self.triangular, not self.triangular
        m.fixed("cap", held=Held(Array("cap", "int32", ("cap",))))
        m.table("cap", "cap", -(1 << self.cap_bits - 1), "cap")
        m.free("cap_c", *scores, note="cap lookup", made=Traced("int32"), triangular=below)
        cap = Lookup(("cap",), 0, "cap_c", causal=causal)
        m.looked_up(
            "cap_z", *scores, lookup=cap, made=Traced("int32"), triangular=below, watch=largest
        )  # fmt: skip
        made = Traced("int64")
        m.value("cap_rem", *scores, bits=self.cap_shift, causal=causal, triangular=below, made=made)

    def score_equations(
        self, run: Run, mask: Factor, z: Factor, top: Factor, sel: Factor, e: Factor
    ) -> list[Equation]:
        scores, s = self.score_axes, self.cap_shift
        rounded = (1 << s) * run.tensor("cap_z") + run.tensor("cap_rem") - (1 << s - 1)
        value = run.factor("rounded", rounded, scores)
        c, idx = (run.factor(name, run.tensor(name), scores) for name in ("cap_c", "idx"))
        return [
            Equation(self.scores, scores, [(1, [mask, value]), (-1, [mask, z])]),
            Equation(self.distance, scores, [(1, [mask, idx]), (-1, [mask, top]), (1, [mask, c])]),
            Equation(self.maximum, scores, [(1, [sel, idx])]),
        ]
