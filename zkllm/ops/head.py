"""The final LayerNorm's gain and bias, the tied head over every real id, and the argmax.

On the certified rows: 2^s y_f + R - 2^(s-1) = gain y + beta. With L the logit of the certified id,
D(i, v) = L_i - logit_i[v] - [v < id_i] >= 0 for every real id v and D(i, id_i) = 0: the argmax, the lowest id
winning ties. On packed slots, id = slot J + v':

    sum_j y_f(r_i, j) P(r_v, j) = sum_c 2^(c K) real(c, v') (L_i - D - [v < id_i]).
"""

from __future__ import annotations

from collections.abc import Mapping

from ..model.config import ProgramConfig
from ..protocol import weights as W
from ..protocol.algebra import Point, Scalar, eq_index, less, mass
from ..protocol.forms import At, Form, Until, index
from ..protocol.manifest import WIDTH, Manifest
from ..protocol.public import last_block
from ..protocol.sumcheck import Instance, SumcheckPoint
from .base import Equation, Part, Run

CERTIFIED = ("i", *WIDTH)


class FinalNorm(Part):
    relations = ("final norm",)

    def declare(self, m: Manifest, c: ProgramConfig) -> None:
        m.fixed("gain", *WIDTH)
        m.fixed("beta", *WIDTH)
        m.value("yf", *CERTIFIED, bits=c.act_bits, limb_bits=c.limb_bits, signed=True)
        m.value("yf_rem", *CERTIFIED, bits=c.final_shift, limb_bits=c.limb_bits)

    def equations(self, run: Run) -> list[Equation]:
        c, s = run.config, run.config.final_shift
        gain = run.factor("gain", run.tensor("gain"), WIDTH)
        y = run.factor(
            "final y",
            run.tensor("y", index(2 * c.n_layer, run.axes["n"]), run.statement.certified_rows(), *WIDTH),
            CERTIFIED,
        )
        linear = (1 << s) * run.tensor("yf") + run.tensor("yf_rem") - (1 << s - 1) - run.tensor("beta")
        return [Equation(self.relations[0], CERTIFIED, [(-1, [gain, y])], linear)]


class Head(Part):
    relations = ("head", "head: D at id")

    def declare(self, m: Manifest, c: ProgramConfig) -> None:
        m.value("logit", "i", bits=c.logit_bits, limb_bits=c.limb_bits, signed=True)
        m.value("diff", "i", "w", "v", bits=c.diff_bits, limb_bits=c.limb_bits)

    def products(self, run: Run, point: SumcheckPoint) -> list[Instance]:
        c, shape = run.config, run.party.protocol.shape
        at = point.of(run.axes, ("i", "v"))
        powers = [1 << c.vocab_slot_bits * s for s in range(c.vocab_slots)]
        rest = last_block(shape)
        full, partial = mass(0, c.vocab_block, at["v"]), mass(0, rest, at["v"])
        real = sum(powers[:-1]) * full + powers[-1] * partial

        below: Scalar = 0  # [v < id] on the packed slots: whole slots, and a prefix of the id's own
        for i, token in enumerate(run.statement.certified):
            whole: Scalar = 0
            own: Scalar = 0
            for s, hot in enumerate(token.slot):
                whole = whole + sum(powers[:s]) * hot
                own = own + powers[s] * hot
            below = below + eq_index(i, at["i"]) * (whole * full + own * less(at["v"], token.bits))

        last = c.vocab_slots - 1
        front = At(W.Listed({s: p for s, p in enumerate(powers[:-1])}, c.vocab_slots))
        parts: list[tuple[Scalar, Form, Mapping[str, Point]]] = [
            (-powers[-1], run.tensor("diff", "i", index(last, c.vocab_slots), Until("v", rest)), at),
            (real, run.tensor("logit"), {"i": at["i"]}),
            (-below, Form((), ()) + 1, {}),
        ]
        if last:
            parts.append((-1, run.tensor("diff", "i", front, "v"), at))
        value = run.party.open("head: Z", parts)
        y = run.factor("yf", run.tensor("yf"), WIDTH, {"i": at["i"]})
        p = run.factor("P", run.tensor("P_wte"), WIDTH, {"v": at["v"]})
        return [Instance(self.relations[0], WIDTH, [(1, [y, p])], value)]

    def claims(self, run: Run, point: SumcheckPoint) -> list[str]:
        c, k = run.config, run.axes["i"]
        at = point.of(run.axes, ("i",))["i"]
        parts: list[tuple[Scalar, Form, Mapping[str, Point]]] = []
        for i, token in enumerate(run.statement.certified):
            slot = At(W.Listed(dict(enumerate(token.slot)), c.vocab_slots))
            here = At(W.Eq(tuple(token.bits), c.vocab_block))
            parts.append((eq_index(i, at), run.tensor("diff", index(i, k), slot, here), {}))
        run.party.claim(self.relations[1], parts, 0)
        return [self.relations[1]]
