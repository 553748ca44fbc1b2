"""Causal attention: scores, the attained row maximum, exponentials with exact saturation, and the division.

With I = [u <= t], Z = 2^gain(l) Q K^T, delta = 2^s (idx + over) + rem (all ranged where I):

    I (delta - score_max + Z) = 0  delta is the distance to score_max
    sel delta = 0, sum_u sel = 1   some position has distance zero: score_max is attained (sel may be no bit)
    over e = 0                     beyond the table only where e is 0 (the table never rises and ends in 0)
    (1 - I) sel = 0, (1 - I) e = 0
    2 n + M - 2 M o - div = 0      n = sum_u e V, M = sum_u e, 0 <= div, div_rest = 2 M - 1 - div >= 0

Z and n are virtual: two sums of products. gain(l) is public: queries and keys may have scales of their own in
each layer, and one table of exponentials serves all.

Where some layers have a window of W positions, I = [u <= t] - [the layer slides][u + W <= t]: what lies
behind it has weight 0 by the same equations. It is looked up as all below the diagonal is, so that idx, over
and rem are what they like there, in their ranges, with e = 0.

Where the scores are triangular (`TRIANGULAR_ROWS`), sel, idx, over, rem and e have no coefficient above the
diagonal: they are 0 there by what a tensor is, so that the masks of sel and e need no equations (but behind
a window), and all that is laid out is looked up.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod

import numpy as np

from ..protocol.algebra import Point, Scalar, behind_at, causal_at, listed_at, ones_at
from ..protocol.data import ProverData
from ..protocol.forms import Along, Form, index, ones
from ..protocol.logup import causal_mask
from ..protocol.manifest import Held, Lookup, Manifest
from ..protocol.operation import Operation, Run, Work
from ..protocol.relations import Equation, Factor, Instance, PublicFactor, VirtualFactor
from ..protocol.sources import Array, Derived, Dim, Material, Named, Seen, Traced, largest
from ..protocol.sumcheck import SumcheckPoint
from ..timings import available_cores
from .axes import HEADS

QUERY, KEY, VALUE = 0, 1, 2
TRIANGULAR_ROWS = 128
"""From this many rows on the scores are triangular: more blocks for the verifier, half of the values."""
FLOATING = 1 << 15
"""Entries of a matrix from which on products are worth their conversion to floating point."""


@dataclass(frozen=True)
class Attention(Operation):
    shift: int  # exp_shift
    bits: int  # of o
    over_bits: int
    div_bits: int
    gains: tuple[int, ...] = ()  # log2, of each layer: Z = 2^gain Q K; 0 where there are none
    shared: tuple[str, ...] = HEADS  # axes of the heads that keys and values have,
    own: tuple[str, ...] = ()  # and those of the heads that share these, which queries have besides
    head: tuple[str, ...] = ("e",)  # of a head's features
    triangular: bool = False  # scores are laid out where u <= t alone
    window: int = 0  # positions that some layers see at most, the row's own included; 0: all do
    sliding: tuple[int, ...] = ()  # 1 for each layer that has the window, else 0

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

    @property
    def relations(self) -> tuple[str, ...]:
        masks = (self.selector_mask, self.exponentials_mask) if self.masked else ()
        return (
            *(self.scores, self.maximum, self.saturation, *masks, self.division),
            *(self.query_key, self.weighted_values),
            *(self.one_maximum, self.complement),
        )

    @property
    def masked(self) -> bool:
        """Whether equations say that sel and e are 0 where they are."""
        return not self.triangular or self.window > 0

    @property
    def heads(self) -> tuple[str, ...]:
        return (*self.shared, *self.own)

    @property
    def row_axes(self) -> tuple[str, ...]:
        return ("l", "t", *self.heads)

    @property
    def score_axes(self) -> tuple[str, ...]:
        return (*self.row_axes, "u")

    @property
    def output_axes(self) -> tuple[str, ...]:
        return (*self.row_axes, *self.head)

    def queries(self, run: Run) -> Form:
        """Over (l, t, heads, features)."""
        return self._part(run, QUERY, "t")

    def keys(self, run: Run, token: str) -> Form:
        """Over (l, token, shared heads, features)."""
        return self._part(run, KEY, token)

    def values(self, run: Run, token: str) -> Form:
        """Over (l, token, shared heads, features)."""
        return self._part(run, VALUE, token)

    def _part(self, run: Run, which: int, token: str) -> Form:
        return run.tensor("qkv", "l", Along(token), index(which, 3), *self.shared, *self.head)

    def declare(self, m: Manifest) -> None:
        row, output = ("l", "t", self.heads), ("l", "t", (*self.heads, *self.head))
        scores = (*row, "u")
        m.fixed("exp", held=Held(Array("exp", "int32", ("exp",))))
        m.table("exp", "exp", 0, "exp")
        m.free("score_max", *row, note=f"{self.scores}, {self.maximum}", made=Traced("int64"))
        # one-hot at the first u <= t that attains the maximum
        below, causal = self.triangular, not self.triangular
        note = f"{self.one_maximum}, {self.maximum}"
        m.free("sel", *scores, note=note, made=Traced("int8"), triangular=below)
        note = f"exp lookup, {self.exponentials_mask}" if self.masked else "exp lookup"
        m.free("e", *scores, note=note, made=Traced("int32"), triangular=below)
        # idx, over and rem are 0 above the diagonal
        exp = Lookup(("exp",), 0, "e", causal=causal)
        m.looked_up("idx", *scores, lookup=exp, made=Traced("int32"), triangular=below)
        self.declare_scores(m, *scores)
        m.value("o", *output, bits=self.bits, signed=True, made=Traced("int16"), watch=largest)
        m.value("div", *output, bits=self.div_bits, made=Traced("int64"), watch=largest_modulus)
        m.value("div_rest", *output, bits=self.div_bits, made=Derived(division_rest))

    def declare_scores(self, m: Manifest, *scores: Dim) -> None:
        """What a score is held in beside its index in the table of exponentials."""
        below, causal = self.triangular, not self.triangular
        made = Traced("int32")
        m.value(
            "over", *scores, bits=self.over_bits, causal=causal, triangular=below, made=made, watch=largest
        )
        m.value("rem", *scores, bits=self.shift, causal=causal, triangular=below, made=made)

    def work(self, m: Manifest) -> Work:
        """Q K and E V where u <= t, a window or not."""
        scores, output = m.count_over(self.score_axes), m.count_over(self.output_axes)
        products = output * (m.axes["t"] + 1)
        return Work(dict.fromkeys(self.parts, products), folded=scores, checked=scores + output)

    def row_sum(self, run: Run) -> Form:
        """M over (l, t, heads)."""
        return run.tensor("e", *self.row_axes, ones(run.axes["u"]))

    def equations(self, run: Run) -> list[Equation]:
        rows, row_axes, scores, output = run.axes["t"], self.row_axes, self.score_axes, self.output_axes
        sizes = lambda axes: [run.axes[a] for a in axes]

        def by_head(data: ProverData, form: Form, axes: tuple[str, ...]) -> np.ndarray:
            """int64[l, shared, own (1 where it has none), t, features]."""
            table = _wide(np.asarray(data.table(form, axes, {})))
            l, t, shared = run.axes["l"], rows, prod(sizes(self.shared))
            own = prod(sizes(axes[2:])) // (shared * prod(sizes(self.head)))
            return table.reshape(l, t, shared, own, -1).transpose(0, 2, 3, 1, 4)

        def score_products(data: ProverData) -> np.ndarray:
            q = by_head(data, self.queries(run), output)
            k = by_head(data, self.keys(run, "t"), ("l", "t", *self.shared, *self.head))
            z = _products(q, np.swapaxes(k, -1, -2)).reshape(sizes(scores))
            if not any(self.gains):
                return z
            return _wide(z) << np.array(self.gains).reshape(-1, *[1] * (z.ndim - 1))

        def value_sums(data: ProverData) -> np.ndarray:
            l, shared = run.axes["l"], prod(sizes(self.shared))
            e = data.array("e").reshape(l, rows, shared, -1, rows).transpose(0, 2, 3, 1, 4)
            v = by_head(data, self.values(run, "t"), ("l", "t", *self.shared, *self.head))
            return _products(e, v).reshape(sizes(output))

        mask = self._mask(run)
        sel, e = (run.factor(n, run.tensor(n), scores) for n in ("sel", "e"))
        top = run.factor("score_max", run.tensor("score_max"), row_axes)
        z, n = VirtualFactor("Z", scores, score_products), VirtualFactor("n", output, value_sums)
        rest = self.row_sum(run).over(*self.head) - run.tensor("div")
        m, o = run.factor("M", self.row_sum(run), row_axes), run.factor("o", run.tensor("o"), output)
        masked = [
            Equation(self.selector_mask, scores, [(1, [sel]), (-1, [mask, sel])]),
            Equation(self.exponentials_mask, scores, [(1, [e]), (-1, [mask, e])]),
        ]
        return [
            *self.score_equations(run, mask, z, top, sel, e),
            *(masked if self.masked else []),
            Equation(self.division, output, [(2, [n]), (-2, [m, o])], rest),
        ]

    def score_equations(
        self, run: Run, mask: Factor, z: Factor, top: Factor, sel: Factor, e: Factor
    ) -> list[Equation]:
        """From Z to the distance by which e is looked up, and that score_max is attained."""
        scores = self.score_axes
        delta = run.factor(
            "delta",
            (1 << self.shift) * (run.tensor("idx") + run.tensor("over")) + run.tensor("rem"),
            scores,
        )
        over = run.factor("over", run.tensor("over"), scores)
        return [
            Equation(self.scores, scores, [(1, [mask, delta]), (-1, [mask, top]), (1, [mask, z])]),
            Equation(self.maximum, scores, [(1, [sel, delta])]),
            Equation(self.saturation, scores, [(1, [over, e])]),
        ]

    def _mask(self, run: Run) -> PublicFactor:
        """I: over (t, u), or where only some layers have a window over (l, t, u)."""
        rows, layers, window, sliding = run.axes["t"], run.axes["l"], self.window, self.sliding

        def at(env: Mapping[str, Point]) -> Scalar:
            return causal_at(rows, env["t"], env["u"])

        def behind(env: Mapping[str, Point]) -> Scalar:
            return behind_at(rows, window, env["t"], env["u"])

        seen = causal_mask(rows)
        if not window:
            return PublicFactor(("t", "u"), lambda data: seen, at)
        band = seen - np.tril(seen, -window)
        if all(sliding):
            return PublicFactor(("t", "u"), lambda data: band, lambda env: at(env) - behind(env))
        by_layer = np.stack([band if slides else seen for slides in sliding])
        return PublicFactor(
            ("l", "t", "u"),
            lambda data: by_layer,
            lambda env: ones_at(layers, env["l"]) * at(env) - listed_at(sliding, env["l"]) * behind(env),
        )

    def products(self, run: Run, point: SumcheckPoint) -> list[Instance]:
        """Q and E alone have the axes of heads of their own: these are bound at the point."""
        shared = ("l", *self.shared)
        at, z = run.party.take("Z")
        axes = (*shared, *self.head)
        q = run.factor("Q", self.queries(run), axes, {a: at[a] for a in ("t", *self.own)})
        k = run.factor("K", self.keys(run, "u"), axes, {"u": at["u"]})
        gains = {"l": [1 << gain for gain in self.gains]}
        heads = [run.eq(a, at[a], gains.get(a, ())) for a in shared]
        scores = Instance(self.query_key, axes, [(1, [*heads, q, k])], z)
        at, n = run.party.take("n")
        axes = (*shared, "u")
        e = run.factor("E", run.tensor("e"), axes, {a: at[a] for a in ("t", *self.own)})
        v = run.factor("V", self.values(run, "u"), axes, {a: at[a] for a in self.head})
        heads = [run.eq(a, at[a]) for a in shared]
        return [scores, Instance(self.weighted_values, axes, [(1, [*heads, e, v])], n)]

    def claims(self, run: Run, point: SumcheckPoint) -> list[str]:
        row, output = (point.of(run.manifest, axes) for axes in (self.row_axes, self.output_axes))
        run.party.claim(
            self.one_maximum, [(1, run.tensor("sel", *self.row_axes, ones(run.axes["u"])) - 1, row)], 0
        )
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


def _products(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The matrices a b of each layer and head, over (l, t, shared, own, columns), of a type that surely holds
    them.

    Large ones in floating point where that is exact for certain: several times as fast as numpy's integers. A
    layer at a time, in memory that the next one takes over, and on all cores: to convert takes longer than to
    multiply.
    """
    layers, shared, own, rows, inner = a.shape
    most = _bound(a) * _bound(b) * inner
    wide = np.dtype(object if object in (a.dtype, b.dtype) else np.int64)
    exact = rows * inner >= FLOATING and most < 1 << 53
    kind = np.dtype(np.float64) if exact else wide
    held = np.dtype(np.int32) if exact and most < 1 << 31 else wide
    result = np.empty((layers, rows, shared, own, b.shape[-1]), held)
    workers = min(layers, available_cores())

    def multiply(first: int) -> None:
        left, right = np.empty(a.shape[1:], kind), np.empty(b.shape[1:], kind)
        product = np.empty((shared, own, rows, b.shape[-1]), kind)
        for l in range(first, layers, workers):
            left[...], right[...] = a[l], b[l]
            np.matmul(left, right, out=product)
            result[l] = product.transpose(2, 0, 1, 3)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(multiply, range(workers)))
    return result


def _bound(array: np.ndarray) -> int:
    """Of the magnitudes; of any size where they may not be machine integers."""
    return 1 << 64 if array.dtype == object else max(int(array.max(initial=0)), -int(array.min(initial=0)))


def _wide(array: np.ndarray) -> np.ndarray:
    return array if array.dtype == object else array.astype(np.int64)
