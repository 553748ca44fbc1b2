"""The MLP between its matrices: a = act(f) by a lookup that ranges f, which is all where there is no gate;
and the gated MLP's product, g = round(2^gain(l) a up / 2^s):

    2^s g + g_rem - 2^(s-1) - 2^gain(l) a up = 0,    0 <= g_rem < 2^s.

gain(l) is public: up has a scale of its own in each layer, and one shift and one remainder width serve all.
Which table a layer's f is looked up in is public too: layers of massive gates have one of their own.

f and up are what the gate's and the up projection's linear layers make; g, which the down projection reads,
is wider than a word (a massive channel is what makes the product large), so that it is held in limbs.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..protocol.manifest import Held, Lookup, Manifest
from ..protocol.operation import Operation, Run, Work
from ..protocol.relations import Equation, Factor
from ..protocol.sources import Array, Joined, Traced, largest
from .axes import INNER

PRODUCTS = ("l", "t", *INNER)


@dataclass(frozen=True)
class Activated(Operation):
    """a = act(f), one lookup in the table of the layer's class."""

    table_bits: int  # of f
    layer_class: tuple[int, ...]  # of each layer: which table
    classes: int

    def declare(self, m: Manifest) -> None:
        dims = ("l", "t", INNER)
        tables = [f"act.{p}" for p in range(self.classes)]
        for p, name in enumerate(tables):
            m.fixed(name, held=Held(Array("act", "int32", (Joined((), self.classes), "act")), row=p))
            m.table(name, "act", -(1 << self.table_bits - 1), name)
        lookup = Lookup(tuple(tables[p] for p in self.layer_class), 0, "a")
        m.free("a", *dims, note="activation lookup", made=Traced("int32"))
        m.looked_up("f", *dims, lookup=lookup, made=Traced("int16"), watch=largest)


@dataclass(frozen=True)
class GatedProduct(Activated):
    shift: int  # s
    bits: int  # of g
    gains: tuple[int, ...]  # log2, of each layer

    product = "gated product"
    relations = (product,)

    def declare(self, m: Manifest) -> None:
        super().declare(m)
        dims = ("l", "t", INNER)
        m.value("g", *dims, bits=self.bits, signed=True, made=Traced("int32"), watch=largest)
        m.value("g_rem", *dims, bits=self.shift, made=Traced("int32"))

    def work(self, m: Manifest) -> Work:
        return Work(checked=m.count_over(PRODUCTS))

    def equations(self, run: Run) -> list[Equation]:
        s = self.shift
        a, up = run.factor("a", run.tensor("a"), PRODUCTS), run.factor("up", run.tensor("up"), PRODUCTS)
        linear = (1 << s) * run.tensor("g") + run.tensor("g_rem") - (1 << s - 1)
        gains: list[Factor] = [run.listed("l", [1 << k for k in self.gains])] if any(self.gains) else []
        return [Equation(self.product, PRODUCTS, [(-1, [*gains, a, up])], linear)]
