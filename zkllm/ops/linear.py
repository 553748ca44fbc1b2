"""The four kinds of linear layer, all layers at once: Z = 2^g A W + b, Y = round(Z / 2^s).

Thaler's matrix product (CRYPTO 2013) at a random output point, on packed weights P = sum_c 2^(c K) W_c: since
all slots share the input row,

    sum_{l,k} eq(r_l, l) 2^g(l) A(l, r_t, k) P(l, k, r_j)
        = sum_c 2^(c K) (2^s Y_c + R_c - 2^(s-1) - b_c) (r).

The gain g(l) is public, and 0 but in the MLP: layers of massive activations have scales of their own.

The package's predicates bound the true and the claimed slots, so equality holds slot by slot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..model.config import ProgramConfig
from ..protocol.forms import Along, Alternate, AxisMap, Form, slots
from ..protocol.manifest import WIDTH, WIDTH_IN, Lookup, Manifest
from ..protocol.sumcheck import Instance, SumcheckPoint, Term
from .base import Part, Run

INNER = ("fc", "f")


@dataclass(frozen=True)
class Kind:
    name: str
    shift: Callable[[ProgramConfig], int]
    inputs: tuple[str, ...]  # summed axes
    outputs: tuple[str, ...]  # output axes without the slot
    source: Callable[[Run], Form]  # A over (l, t, inputs)
    target: str  # Y
    target_maps: tuple[AxisMap | str, ...]  # up to the slot axis
    inner: bool = False  # the output is the MLP's inner width
    gains: Callable[[ProgramConfig], tuple[int, ...]] | None = None  # log2, of each layer

    @property
    def relation(self) -> str:
        return f"linear {self.name}"


def _source(tensor: str, *maps: AxisMap | str) -> Callable[[Run], Form]:
    return lambda run: run.tensor(tensor, *maps)


IN_MAPS = tuple(Along(a) for a in WIDTH_IN)


def linear_kinds(mlp: int = 1) -> tuple[Kind, ...]:
    """`mlp`: the place of the MLP's LayerNorm and write among a layer's, 0 where there are no others."""
    return (
        Kind(
            "qkv",
            lambda c: c.qkv_shift,
            WIDTH_IN,
            ("q", "h", "e"),
            _source("y", Alternate("l", 0), "t", *IN_MAPS),
            "qkv",
            ("l", "t", "q"),
        ),
        Kind(
            "o",
            lambda c: c.o_shift,
            WIDTH_IN,
            ("h", "e"),
            _source("o", "l", "t", *IN_MAPS),
            "write",
            (Alternate("l", 0), "t"),
        ),
        Kind(
            "fc1",
            lambda c: c.fc1_shift,
            WIDTH_IN,
            ("f",),
            _source("y", Alternate("l", mlp), "t", *IN_MAPS),
            "f",
            ("l", "t"),
            inner=True,
            gains=lambda c: c.gains("fc1"),
        ),
        Kind(
            "fc2",
            lambda c: c.fc2_shift,
            INNER,
            ("h", "e"),
            _source("g", "l", "t", *INNER),
            "write",
            (Alternate("l", mlp), "t"),
            gains=lambda c: c.gains("fc2"),
        ),
    )


KINDS = linear_kinds()
REMAINDERS = {"qkv": "qkv_rem", "o": "o_rem", "fc1": "f_rem", "fc2": "fc2_rem"}
BIASES = {"qkv": ("l", "q", *WIDTH), "o": ("l", *WIDTH), "fc1": ("l", *INNER), "fc2": ("l", *WIDTH)}


class Linear(Part):
    def __init__(self, kinds: tuple[Kind, ...] = KINDS):
        self.kinds = kinds
        self.relations = tuple(kind.relation for kind in kinds)

    def declare(self, m: Manifest, c: ProgramConfig) -> None:
        for kind in self.kinds:
            m.fixed(f"P_{kind.name}", "l", *kind.inputs, *kind.outputs, layered=True)
        for kind in self.kinds:
            m.fixed(f"b_{kind.name}", *BIASES[kind.name])
        for kind in self.kinds:
            axes = (BIASES[kind.name][0], "t", *BIASES[kind.name][1:])
            if kind.name == "qkv":
                m.value("qkv", *axes, bits=c.act_bits, limb_bits=c.limb_bits, signed=True)
            m.value(REMAINDERS[kind.name], *axes, bits=kind.shift(c), limb_bits=c.limb_bits)

    def claimed(self, run: Run, kind: Kind) -> Form:
        """sum_c 2^(c K) (2^s Y_c + R_c - b_c - 2^(s-1)) over (l, t, outputs)."""
        c, s = run.config, kind.shift(run.config)
        count, bits = (c.inner_slots, c.inner_slot_bits) if kind.inner else (c.slots, c.slot_bits)
        tail: tuple[AxisMap | str, ...] = (slots(bits, count), *(a for a in kind.outputs if a != "q"))
        head: tuple[AxisMap | str, ...] = ("l", "t", "q") if "q" in kind.outputs else ("l", "t")
        half = (1 << s - 1) * sum(1 << bits * slot for slot in range(count))
        return (
            (1 << s) * run.tensor(kind.target, *kind.target_maps, *tail)
            + run.tensor(REMAINDERS[kind.name], *head, *tail)
            - run.tensor(f"b_{kind.name}", *(a for a in head if a != "t"), *tail)
            - half
        )

    def products(self, run: Run, point: SumcheckPoint) -> list[Instance]:
        instances = []
        base = point.of(run.axes, ("l", "t", *WIDTH))
        base["f"] = point.of(run.axes, ("f",))["f"]
        base["q"] = run.extra["q"]
        for kind in self.kinds:
            out = {a: base[a] for a in ("l", "t", *kind.outputs)}
            value = run.party.open(f"{kind.relation}: Z", [(1, self.claimed(run, kind), out)])
            source = run.factor("A", kind.source(run), ("l", *kind.inputs), {"t": out["t"]})
            weights = run.factor(
                "P", run.tensor(f"P_{kind.name}"), ("l", *kind.inputs), {a: out[a] for a in kind.outputs}
            )
            gains = kind.gains(run.config) if kind.gains else ()
            layer = run.eq("l", out["l"], [1 << g for g in gains])
            terms: list[Term] = [(1, [layer, source, weights])]
            instances.append(Instance(kind.relation, ("l", *kind.inputs), terms, value))
        return instances


def gelu_tables(c: ProgramConfig) -> tuple[str, ...]:
    """Of each class of layers."""
    return tuple(f"gelu.{p}" for p in range(c.mlp_classes))


class Gelu(Part):
    """G = gelu(f), one lookup in the table of the layer's class that also binds both ranges."""

    def declare(self, m: Manifest, c: ProgramConfig) -> None:
        names = gelu_tables(c)
        for name in names:
            m.fixed(name, "gelu")
            m.table(name, "gelu", -(1 << c.gelu_bits - 1), name)
        m.free("g", "l", "t", *INNER, note="gelu lookup")
        tables = tuple(names[p] for p in c.mlp_class)
        m.looked_up("f", "l", "t", *INNER, lookup=Lookup(tables, 0, "g"))
