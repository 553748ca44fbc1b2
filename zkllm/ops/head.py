"""The final normalisation's gain and bias, the head over every real id, and the argmax.

The head is the embedding, or a matrix of its own, packed alike. On the certified rows: 2^s yf + yf_rem -
2^(s-1) = gain y + beta, without beta after an RMSNorm. With logit_i that of the certified id,
diff(i, v) = logit_i - logits_i[v] - [v < id_i] >= 0 for every real id v and diff(i, id_i) = 0: the argmax,
the lowest id winning ties. On packed slots, id = slot J + v':

    sum_j yf(r_i, j) P(r_v, j) = sum_w 2^(w K) real(w, v') (logit_i - diff - [v < id_i]).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..protocol import functionals as F
from ..protocol.algebra import Scalar, eq_index, less, mass
from ..protocol.forms import At, Form, Until, index
from ..protocol.manifest import Held, Manifest
from ..protocol.operation import Operation, Run, Work
from ..protocol.party import Summand
from ..protocol.relations import Equation, Instance
from ..protocol.shape import Vocabulary
from ..protocol.sources import Array, Joined, Named, Packing, Seen, Traced, largest
from ..protocol.sumcheck import SumcheckPoint
from .axes import WIDTH


def largest_logit(array: Array, trace: Named) -> Seen:
    """Whatever id were certified."""
    return int(np.abs(trace["logits"]).max()), None


def largest_lead(array: Array, trace: Named) -> Seen:
    """The same."""
    logits = trace["logits"]
    return int((logits.max(axis=1) - logits.min(axis=1)).max()) + 1, None


@dataclass(frozen=True)
class FinalNorm(Operation):
    shift: int
    bits: int  # of yf
    biased: bool = True  # whether there is a beta
    width_axes: tuple[str, ...] = WIDTH

    @property
    def certified(self) -> tuple[str, ...]:
        return ("i", *self.width_axes)

    affine = "final norm"
    relations = (affine,)

    def declare(self, m: Manifest) -> None:
        width, own = self.width_axes, Traced.signed(self.bits)
        m.fixed("gain", held=Held(Array("gain", "int32", (width,))))
        if self.biased:
            m.fixed("beta", held=Held(Array("beta", "int64", (width,))))
        m.value("yf", "i", width, bits=self.bits, signed=True, made=own, watch=largest)
        m.value("yf_rem", "i", width, bits=self.shift, made=Traced("int32"))

    def work(self, m: Manifest) -> Work:
        return Work(checked=m.count_over(self.certified))

    def equations(self, run: Run) -> list[Equation]:
        s, norms = self.shift, run.axes["n"]
        width, certified = self.width_axes, self.certified
        gain = run.factor("gain", run.tensor("gain"), width)
        y = run.factor(
            "final y",
            run.tensor("y", index(norms - 1, norms), run.statement.certified_rows(), *width),
            certified,
        )
        linear = (1 << s) * run.tensor("yf") + run.tensor("yf_rem") - (1 << s - 1)
        if self.biased:
            linear = linear - run.tensor("beta")
        return [Equation(self.affine, certified, [(-1, [gain, y])], linear)]


@dataclass(frozen=True)
class Head(Operation):
    vocabulary: Vocabulary
    slot_bits: int
    logit_bits: int
    diff_bits: int
    own_matrix: bool = False  # else the head is the embedding
    width_axes: tuple[str, ...] = WIDTH

    @property
    def weights(self) -> str:
        return "P_head" if self.own_matrix else "P_wte"

    logits = "head"
    certified = "head: D at id"
    relations = (logits, certified)

    def declare(self, m: Manifest) -> None:
        ids = Joined(("w", "v"), self.vocabulary.size)
        if self.own_matrix:
            packing = Packing("w", self.slot_bits)
            m.fixed(self.weights, held=Held(Array("head", "int16", (ids, self.width_axes)), packing))
        own = Traced("int64")
        m.value("logit", "i", bits=self.logit_bits, signed=True, made=own, watch=largest_logit)
        m.value("diff", "i", ids, bits=self.diff_bits, made=own, watch=largest_lead)
        m.keep("logits", "i", ids, dtype="int64")

    def work(self, m: Manifest) -> Work:
        return Work(dict.fromkeys(self.parts, self.vocabulary.size * m.count_over(("i", *self.width_axes))))

    def products(self, run: Run, point: SumcheckPoint) -> list[Instance]:
        slots, rest = self.vocabulary.slots, self.vocabulary.last_block
        at = point.of(run.manifest, ("i", "v"))
        powers = [1 << self.slot_bits * s for s in range(slots)]
        full, partial = mass(0, self.vocabulary.block, at["v"]), mass(0, rest, at["v"])
        real = sum(powers[:-1]) * full + powers[-1] * partial

        below: Scalar = 0  # [v < id] on the packed slots: whole slots, and a prefix of the id's own
        for i, token in enumerate(run.statement.certified):
            whole: Scalar = 0
            own: Scalar = 0
            for s, hot in enumerate(token.slot):
                whole = whole + sum(powers[:s]) * hot
                own = own + powers[s] * hot
            below = below + eq_index(i, at["i"]) * (whole * full + own * less(at["v"], token.bits))

        last = slots - 1
        front = At(F.Listed({s: p for s, p in enumerate(powers[:-1])}, slots))
        summands: list[Summand] = [
            (-powers[-1], run.tensor("diff", "i", index(last, slots), Until("v", rest)), at),
            (real, run.tensor("logit"), {"i": at["i"]}),
            (-below, Form((), ()) + 1, {}),
        ]
        if last:
            summands.append((-1, run.tensor("diff", "i", front, "v"), at))
        value = run.party.open("head: Z", summands)
        width = self.width_axes
        y = run.factor("yf", run.tensor("yf"), width, {"i": at["i"]})
        p = run.factor("P", run.tensor(self.weights), width, {"v": at["v"]})
        return [Instance(self.logits, width, [(1, [y, p])], value)]

    def claims(self, run: Run, point: SumcheckPoint) -> list[str]:
        k, vocabulary = run.axes["i"], self.vocabulary
        at = point.of(run.manifest, ("i",))["i"]
        summands: list[Summand] = []
        for i, token in enumerate(run.statement.certified):
            slot = At(F.Listed(dict(enumerate(token.slot)), vocabulary.slots))
            here = At(F.Eq(tuple(token.bits), vocabulary.block))
            summands.append((eq_index(i, at), run.tensor("diff", index(i, k), slot, here), {}))
        run.party.claim(self.certified, summands, 0)
        return [self.certified]
