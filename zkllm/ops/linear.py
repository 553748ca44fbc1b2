"""Linear layers, all layers of a kind at once: Z = 2^gain A W + b, Y = round(Z / 2^s).

Thaler's matrix product (CRYPTO 2013) at a random output point, on packed weights P = sum_c 2^(c K) W_c: since
all slots share the input row,

    sum_{l,k} eq(r_l, l) 2^gain(l) A(l, r_t, k) P(l, k, r_j)
        = sum_c 2^(c K) (2^s Y_c + R_c - 2^(s-1) - b_c) (r).

gain(l) is public: layers of massive activations have scales of their own.

The package's predicates bound the true and the claimed slots, so equality holds slot by slot.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ..protocol.forms import AxisMap, Form, slots
from ..protocol.manifest import Held, Lookup, Manifest
from ..protocol.operation import Operation, Run, Work
from ..protocol.relations import Instance, Term
from ..protocol.sources import Array, Dim, Joined, Packing, Traced, axes_of, largest
from ..protocol.sumcheck import SumcheckPoint
from .axes import INNER

Maps = tuple[AxisMap | str, ...]


@dataclass(frozen=True)
class Kind:
    """One matrix of every layer."""

    name: str
    part: str  # of the model
    shift: int  # s
    source: str  # A
    source_maps: Maps  # over (l, t, inputs)
    inputs: tuple[str, ...]  # summed axes
    output_dims: tuple[Dim, ...]
    packing: Packing  # which of the output axes, at K bits a slot
    point: tuple[str, ...]  # output axes that have coordinates of their own at the output point
    target: str  # Y
    layer: AxisMap | str  # Y's first axis over l
    remainder: str  # R
    bits: int | None = None  # of Y, where no other operation declares it
    gains: tuple[int, ...] = ()  # log2, of each layer; 0 where there are none
    biased: bool = True  # whether there is a b

    @property
    def relation(self) -> str:
        return f"linear {self.name}"

    @property
    def weights(self) -> str:
        return f"P_{self.name}"

    @property
    def bias(self) -> str:
        return f"b_{self.name}"

    @property
    def outputs(self) -> tuple[str, ...]:
        return axes_of(self.output_dims)

    @property
    def packed_outputs(self) -> tuple[str, ...]:
        """Output axes of the packed weights."""
        return tuple(a for a in self.outputs if a != self.packing.slot)

    def claimed(self, run: Run) -> Form:
        """sum_c 2^(c K) (2^s Y_c + R_c - b_c - 2^(s-1)) over (l, t, packed outputs)."""
        s, slot, bits = self.shift, self.packing.slot, self.packing.bits
        count = run.axes[slot]
        out: Maps = tuple(slots(bits, count) if a == slot else a for a in self.outputs)
        half = (1 << s - 1) * sum(1 << bits * c for c in range(count))
        output = (1 << s) * run.tensor(self.target, self.layer, "t", *out)
        output = output + run.tensor(self.remainder, "l", "t", *out)
        return (output - run.tensor(self.bias, "l", *out) if self.biased else output) - half

    def instance(self, run: Run, point: SumcheckPoint) -> Instance:
        at = point.of(run.manifest, ("l", "t", *self.point))
        out = {a: at[a] for a in ("l", "t", *self.packed_outputs)}
        value = run.party.open(f"{self.relation}: Z", [(1, self.claimed(run), out)])
        axes = ("l", *self.inputs)
        source = run.factor("A", run.tensor(self.source, *self.source_maps), axes, {"t": out["t"]})
        weights = run.factor("P", run.tensor(self.weights), axes, {a: out[a] for a in self.packed_outputs})
        layer = run.eq("l", out["l"], [1 << g for g in self.gains])
        terms: list[Term] = [(1, [layer, source, weights])]
        return Instance(self.relation, axes, terms, value)


@dataclass(frozen=True)
class Linear(Operation):
    kinds: tuple[Kind, ...]

    @property
    def relations(self) -> tuple[str, ...]:
        return tuple(kind.relation for kind in self.kinds)

    def declare(self, m: Manifest) -> None:
        for kind in self.kinds:
            array = Array(f"w_{kind.name}", "int16", ("l", kind.inputs, *kind.output_dims))
            with m.of({kind.part: 1.0}):
                m.fixed(kind.weights, held=Held(array, kind.packing), layered=True)
        for kind in (kind for kind in self.kinds if kind.biased):
            with m.of({kind.part: 1.0}):
                m.fixed(kind.bias, held=Held(Array(kind.bias, "int64", ("l", *kind.output_dims))))
        for kind in self.kinds:
            out = ("l", "t", *kind.output_dims)
            with m.of({kind.part: 1.0}):
                if kind.bits is not None:
                    made = Traced.signed(kind.bits)
                    m.value(kind.target, *out, bits=kind.bits, signed=True, made=made, watch=largest)
                m.value(kind.remainder, *out, bits=kind.shift, made=Traced("int32"))

    def work(self, m: Manifest) -> Work:
        products, folded = Counter[str](), 0
        for kind in self.kinds:
            inputs = m.count_over(("l", "t", *kind.inputs))
            products[kind.part] += inputs * m.count_over(kind.outputs)
            folded += inputs
        return Work(products, folded)

    def products(self, run: Run, point: SumcheckPoint) -> list[Instance]:
        return [kind.instance(run, point) for kind in self.kinds]


@dataclass(frozen=True)
class Gelu(Operation):
    """g = gelu(f), one lookup in the table of the layer's class that also binds both ranges."""

    bits: int  # of f
    layer_class: tuple[int, ...]  # of each layer
    classes: int

    def declare(self, m: Manifest) -> None:
        tables = [f"gelu.{p}" for p in range(self.classes)]
        for p, name in enumerate(tables):
            m.fixed(name, held=Held(Array("gelu", "int32", (Joined((), self.classes), "gelu")), row=p))
            m.table(name, "gelu", -(1 << self.bits - 1), name)
        lookup = Lookup(tuple(tables[p] for p in self.layer_class), 0, "g")
        m.free("g", "l", "t", INNER, note="gelu lookup", made=Traced("int16"))
        m.looked_up("f", "l", "t", INNER, lookup=lookup, made=Traced("int16"), watch=largest)
