"""Causal attention: scores, the attained row maximum, exponentials with exact saturation, and the division.

With I = [u <= t], Z = Q K^T, delta = 2^s (idx + over) + rem (all ranged where I):

    I (delta - score_max + Z) = 0  delta is the distance to score_max
    sel delta = 0, sum_u sel = 1   some position has distance zero: score_max is attained (sel may be no bit)
    over e = 0                     beyond the table only where e is 0 (the table never rises and ends in 0)
    (1 - I) sel = 0, (1 - I) e = 0
    2 n + M - 2 M o - div = 0      n = sum_u e V, M = sum_u e, 0 <= div, div_rest = 2 M - 1 - div >= 0

Z and n are virtual: two sums of products.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..protocol.algebra import causal_at
from ..protocol.data import ProverData
from ..protocol.forms import Along, Form, index, ones
from ..protocol.logup import causal_mask
from ..protocol.manifest import Held, Lookup, Manifest
from ..protocol.operation import Operation, Run, Work
from ..protocol.relations import Equation, Instance, PublicFactor, VirtualFactor
from ..protocol.sources import Array, Derived, Material, Named, Seen, Traced, largest
from ..protocol.sumcheck import SumcheckPoint
from .axes import HEADS, WIDTH

ROW = ("l", "t", *HEADS)
SCORES = (*ROW, "u")
OUTPUT = (*ROW, "e")
QUERY, KEY, VALUE = 0, 1, 2


def part_of_qkv(run: Run, which: int, token: str) -> Form:
    """Q, K or V over (l, token, c, h, e)."""
    return run.tensor("qkv", "l", Along(token), index(which, 3), *WIDTH)


@dataclass(frozen=True)
class Attention(Operation):
    shift: int  # exp_shift
    bits: int  # of o
    over_bits: int
    div_bits: int

    scores = "attention: scores"
    maximum = "attention: maximum"
    saturation = "attention: saturation"
    selector_mask = "attention: mask of the selector"
    exponentials_mask = "attention: mask of the exponentials"
    division = "attention: division"
    query_key = "attention: Q K"
    weighted_values = "attention: E V"
    one_maximum = "attention: one maximum"
    complement = "attention: complement"
    relations = (
        *(scores, maximum, saturation, selector_mask, exponentials_mask, division),
        *(query_key, weighted_values),
        *(one_maximum, complement),
    )

    def declare(self, m: Manifest) -> None:
        row, output = ("l", "t", HEADS), ("l", "t", WIDTH)
        scores = (*row, "u")
        m.fixed("exp", held=Held(Array("exp", "int32", ("exp",))))
        m.table("exp", "exp", 0, "exp")
        m.free("score_max", *row, note=f"{self.scores}, {self.maximum}", made=Traced("int64"))
        # one-hot at the first u <= t that attains the maximum
        m.free("sel", *scores, note=f"{self.one_maximum}, {self.maximum}", made=Traced("int8"))
        m.free("e", *scores, note=f"exp lookup, {self.exponentials_mask}", made=Traced("int32"))
        # idx, over and rem are 0 above the diagonal
        m.looked_up("idx", *scores, lookup=Lookup(("exp",), 0, "e", causal=True), made=Traced("int32"))
        m.value("over", *scores, bits=self.over_bits, causal=True, made=Traced("int32"), watch=largest)
        m.value("rem", *scores, bits=self.shift, causal=True, made=Traced("int32"))
        m.value("o", *output, bits=self.bits, signed=True, made=Traced("int16"), watch=largest)
        m.value("div", *output, bits=self.div_bits, made=Traced("int64"), watch=largest_modulus)
        m.value("div_rest", *output, bits=self.div_bits, made=Derived(division_rest))

    def work(self, m: Manifest) -> Work:
        """Q K and E V where u <= t."""
        scores, output = m.count_over(SCORES), m.count_over(OUTPUT)
        products = output * (m.axes["t"] + 1)
        return Work(dict.fromkeys(self.parts, products), folded=scores, checked=scores + output)

    def row_sum(self, run: Run) -> Form:
        """M over (l, t, c, h)."""
        return run.tensor("e", *ROW, ones(run.axes["u"]))

    def equations(self, run: Run) -> list[Equation]:
        rows = run.axes["t"]

        def score_products(data: ProverData) -> np.ndarray:
            q, k = (_heads(run, data, which) for which in (QUERY, KEY))
            return np.matmul(q, np.swapaxes(k, -1, -2)).transpose(0, 3, 1, 2, 4)

        def value_sums(data: ProverData) -> np.ndarray:
            e = _wide(data.array("e")).transpose(0, 2, 3, 1, 4)  # (l, c, h, t, u)
            return np.matmul(e, _heads(run, data, VALUE)).transpose(0, 3, 1, 2, 4)

        mask = PublicFactor(
            ("t", "u"), lambda data: causal_mask(rows), lambda env: causal_at(rows, env["t"], env["u"])
        )
        delta = run.factor(
            "delta",
            (1 << self.shift) * (run.tensor("idx") + run.tensor("over")) + run.tensor("rem"),
            SCORES,
        )
        over, sel, e = (run.factor(n, run.tensor(n), SCORES) for n in ("over", "sel", "e"))
        top = run.factor("score_max", run.tensor("score_max"), ROW)
        z, n = VirtualFactor("Z", SCORES, score_products), VirtualFactor("n", OUTPUT, value_sums)
        rest = self.row_sum(run).over("e") - run.tensor("div")
        m, o = run.factor("M", self.row_sum(run), ROW), run.factor("o", run.tensor("o"), OUTPUT)
        return [
            Equation(self.scores, SCORES, [(1, [mask, delta]), (-1, [mask, top]), (1, [mask, z])]),
            Equation(self.maximum, SCORES, [(1, [sel, delta])]),
            Equation(self.saturation, SCORES, [(1, [over, e])]),
            Equation(self.selector_mask, SCORES, [(1, [sel]), (-1, [mask, sel])]),
            Equation(self.exponentials_mask, SCORES, [(1, [e]), (-1, [mask, e])]),
            Equation(self.division, OUTPUT, [(2, [n]), (-2, [m, o])], rest),
        ]

    def products(self, run: Run, point: SumcheckPoint) -> list[Instance]:
        at, z = run.party.take("Z")
        q = run.factor("Q", part_of_qkv(run, QUERY, "t"), ("l", *WIDTH), {"t": at["t"]})
        k = run.factor("K", part_of_qkv(run, KEY, "u"), ("l", *WIDTH), {"u": at["u"]})
        heads = [run.eq(a, at[a]) for a in ("l", *HEADS)]
        scores = Instance(self.query_key, ("l", *WIDTH), [(1, [*heads, q, k])], z)
        at, n = run.party.take("n")
        axes = ("l", *HEADS, "u")
        e = run.factor("E", run.tensor("e"), axes, {"t": at["t"]})
        v = run.factor("V", part_of_qkv(run, VALUE, "u"), axes, {"e": at["e"]})
        heads = [run.eq(a, at[a]) for a in ("l", *HEADS)]
        return [scores, Instance(self.weighted_values, axes, [(1, [*heads, e, v])], n)]

    def claims(self, run: Run, point: SumcheckPoint) -> list[str]:
        row, output = (point.of(run.manifest, axes) for axes in (ROW, OUTPUT))
        run.party.claim(self.one_maximum, [(1, run.tensor("sel", *ROW, ones(run.axes["u"])) - 1, row)], 0)
        both = run.tensor("div") + run.tensor("div_rest") + 1 - 2 * self.row_sum(run)
        run.party.claim(self.complement, [(1, both, output)], 0)
        return [self.one_maximum, self.complement]


def largest_modulus(array: Array, trace: Named) -> Seen:
    """2 M - 1, which div and div_rest share as their bound."""
    return int(2 * trace["e"].sum(axis=-1, dtype=np.int64).max()) - 1, None


def division_rest(of: Material) -> np.ndarray:
    """2 M - 1 - div over (l, t, width)."""
    e, div = of.trace["e"], of.trace["div"]
    doubled = 2 * e.sum(axis=-1, dtype=np.int64)  # 2 M, (l, t, H)
    heads = div.reshape(*doubled.shape, -1)
    rest: np.ndarray = (doubled[..., None] - 1 - heads).reshape(div.shape)
    return rest


def _wide(array: np.ndarray) -> np.ndarray:
    return array if array.dtype == object else array.astype(np.int64)


def _heads(run: Run, data: ProverData, which: int) -> np.ndarray:
    """int64[l, c, h, t, e] of the queries, keys or values."""
    table = data.table(part_of_qkv(run, which, "t"), ("l", "t", *WIDTH), {})
    return _wide(np.asarray(table)).transpose(0, 2, 3, 1, 4)
