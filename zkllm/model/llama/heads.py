"""Scales of queries, keys and values, and the exponents of pairs that are turned.

Rounding a query moves a score by as much as the keys are large, and the other way round; rounding weights
does the same. Words suit exponents that give queries and keys the same size, e = round(log2 sqrt(k / q)),
since all channels share a step. Where some are massive, as biases make them of keys, words are too short for
either side: both are wide then, at a second lookup for each of their values. Exponents may now leave room for
the weights, too, whose step the largest of them sets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from zkllm.bits import ceil_log2
from zkllm.model.llama.architecture import LlamaArchitecture
from zkllm.model.llama.calibrate import LlamaRanges
from zkllm.model.llama.equalise import balance
from zkllm.model.llama.folding import Lines
from zkllm.model.predicates import ACCUMULATOR_BITS
from zkllm.model.quantize import QuantizerOptions, fit, fit_weight

MOST_GAIN = 16  # log2 of what multiplies a layer's products
PARTS = ("q", "k", "v")
_HARDLY = 1.1  # times the noise
_PARTS_OF_ACTIVATIONS = (1.0, 0.75, 0.5, 0.25, 0.0)


@dataclass(frozen=True)
class HeadScales:
    """`bits`: of all that heads read. `turned`: exponents by layer and pair. `made`: scales of what the
    matrix makes in each layer, by part; `shifts`: by which it is rounded. q and k (of each layer): of what is
    turned, which is the same where heads have no norms."""

    bits: int
    turned: tuple[tuple[int, ...], ...]
    made: tuple[Mapping[str, int], ...]
    shifts: tuple[int, ...]
    q: tuple[int, ...]
    k: tuple[int, ...]


def common_shift(natural: Sequence[int], limb: int, y: int, width: int) -> int:
    """One shift for a matrix' outputs, at most a limb, from those that the finest of each part want.

    A part that wants a larger one gets coarser weights, one that wants a smaller one coarser outputs. In
    units of its own step an output's rounding is 1, that of its weights sqrt(width) 2^(y - shift): the sum of
    both decides, relative to each part's finest step.
    """

    def noise(shift: int) -> float:
        return sum(4.0 ** max(0, shift - own) for own in natural) * (1 + width * 4.0 ** (y - shift))

    least = min(natural)
    return min(range(least, max(least, min(limb, max(natural))) + 1), key=noise)


@dataclass(frozen=True)
class LayerScales:
    """Scales of one layer, as in `HeadScales`. `noise`: about the standard deviation of a score, over
    sqrt(score divisor), from what rounding does to queries and keys; `finest`: scales of each part's products
    with its finest weights."""

    noise: float
    turned: tuple[int, ...]
    finest: Mapping[str, int]
    made: Mapping[str, int]
    q: int
    k: int


@dataclass(frozen=True)
class LayerRanges:
    """What the scales of a layer are chosen from. float64, by head of keys and pair: largest magnitudes of
    queries and keys, and of the rows of their matrices; largest of the rows of W_v, equalised, and of v.
    `raw`: the largest of queries and keys before their norms, where they have these. `y`: the scale of what
    the matrix reads."""

    a: LlamaArchitecture
    q: np.ndarray
    k: np.ndarray
    w_q: np.ndarray
    w_k: np.ndarray
    w_v: float
    v: float
    raw: Mapping[str, float]
    y: int

    def in_words(self, options: QuantizerOptions) -> LayerScales:
        """With queries and keys of the same size, whose channels share a step."""
        return self.with_exponents(self._exponents(1.0), options.act_bits, options)

    def widened(self, bits: int, options: QuantizerOptions) -> LayerScales:
        """With as few bits more than a word as leave the scores exact enough, or hardly less exact than all
        but one of `bits` do: that one is headroom. With the exponents of least noise."""
        found = [self._least_noise(own, options) for own in range(options.act_bits + 1, bits)]
        enough = max(2.0**-options.score_bits, _HARDLY * found[-1].noise)
        return next(layer for layer in found if layer.noise <= enough)

    def _least_noise(self, bits: int, options: QuantizerOptions) -> LayerScales:
        """Where heads are normed exponents move gains, not weights."""
        parts = (1.0,) if self.raw else _PARTS_OF_ACTIVATIONS
        found = [self.with_exponents(self._exponents(part), bits, options) for part in parts]
        return min(found, key=lambda of: of.noise)

    def _exponents(self, part: float) -> tuple[int, ...]:
        """That balance activations, this part of them, and for the rest weights."""
        of, against = self.k**part, self.q**part
        if part < 1:
            of, against = of * self.w_k ** (1 - part), against * self.w_q ** (1 - part)
        return balance(of, against, centred=False)

    def with_exponents(self, turned: tuple[int, ...], bits: int, options: QuantizerOptions) -> LayerScales:
        """Of queries and keys of so many bits."""
        a, word, e = self.a, options.act_bits, np.array(turned)
        largest = {"q": np.ldexp(self.q, e), "k": np.ldexp(self.k, -e)}
        most = {name: float(of.max()) for name, of in largest.items()}
        moved = 0 if self.raw else e
        weights = {"q": np.ldexp(self.w_q, moved).max(), "k": np.ldexp(self.w_k, -moved).max(), "v": self.w_v}
        finest = {name: self.y + fit_weight(float(of)) for name, of in weights.items()}  # of products

        room = 2.0 ** max(0, options.headroom_bits - 1)
        # values stay words, since what attention makes of them is one
        made_of = {"q": bits, "k": bits, "v": word}
        outputs = {**most, **self.raw, "v": self.v}
        made = {name: min(fit(made_of[name], room * outputs[name]), finest[name] - 1) for name in PARTS}
        natural = {name: finest[name] - made[name] for name in PARTS}
        limb = options.limb_bits or word
        shift = common_shift(list(natural.values()), limb, self.y, a.d_model)
        made = {name: made[name] - max(0, shift - natural[name]) for name in PARTS}
        shift = _shift(finest, made, limb)
        q, k = (fit(bits, room * most[name]) if self.raw else made[name] for name in "qk")
        return LayerScales(self._noise(largest, made, shift, {"q": q, "k": k}), turned, finest, made, q, k)

    def _noise(
        self,
        largest: Mapping[str, np.ndarray],
        made: Mapping[str, int],
        shift: int,
        turned: Mapping[str, int],
    ) -> float:
        """As in `LayerScales`. `largest`: equalised queries and keys; `made`, `turned`: scales."""
        a, variance = self.a, 0.0
        for name, other in (("q", "k"), ("k", "q")):
            # y has mean square 1, and a weight's step is 2^(y - made - shift)
            squares = 4.0 ** -made[name] * (1 + a.d_model * 4.0 ** (self.y - shift))
            if self.raw:  # a norm makes of it as much as it makes of the row's largest
                grown = float(largest[name].max()) / self.raw[name] if self.raw[name] else 0.0
                squares = 4.0 ** -turned[name] + grown**2 * squares
            squares += 4.0 ** -turned[name]  # rounded again once turned
            variance += squares / 12 * float((largest[other] ** 2).mean())
        return sqrt(a.head_dim * variance / a.score_divisor)


def _shift(finest: Mapping[str, int], made: Mapping[str, int], limb: int) -> int:
    """By which a layer's products are rounded."""
    return max(1, min(limb, *(finest[name] - made[name] for name in PARTS)))


def layer_ranges(
    a: LlamaArchitecture,
    lines: Sequence[Mapping[str, Lines]],
    ranges: LlamaRanges,
    values: Sequence[Sequence[int]],
    y: int,
) -> list[LayerRanges]:
    """From calibrated channels and each layer's largest weights. `values`: exponents of features of v, by
    layer; `y`: the scale of what the matrix reads."""
    largest = {name: ranges.largest(name) for name in PARTS}
    found = []
    for l, layer in enumerate(lines):
        rows = layer["qkv"].outputs
        by_pair = (
            rows[:-1].reshape(-1, a.n_kv_head, 2, a.head_dim // 2).max(axis=2).reshape(len(rows) - 1, -1)
        )
        moved = -np.array(values[l])
        found.append(
            LayerRanges(
                a,
                q=largest["q"][l],
                k=largest["k"][l],
                w_q=by_pair[:-1].max(axis=0),
                w_k=by_pair[-1],
                w_v=float(np.ldexp(rows[-1], moved).max()),
                v=float(np.ldexp(largest["v"][l], moved).max()),
                raw={name: ranges.channels[f"raw_{name}"][l][0] for name in "qk" if a.head_norm},
                y=y,
            )
        )
    return found


def choose_heads(
    a: LlamaArchitecture, layers: Sequence[LayerRanges], options: QuantizerOptions
) -> HeadScales:
    """In words, but for the layers whose scores these do not leave exact to `score_bits`."""
    word = bits = options.act_bits
    chosen = [layer.in_words(options) for layer in layers]
    wide, enough = options.head_bits - 16 + word, 2.0**-options.score_bits
    if wide > word + 1 and any(layer.noise > enough for layer in chosen):
        bits = wide
        chosen = [
            layer.widened(bits, options) if own.noise > enough else own
            for layer, own in zip(layers, chosen, strict=True)
        ]
    # scores are traced as 64-bit integers, their gains included
    most_gain = min(MOST_GAIN, max(0, ACCUMULATOR_BITS - 1 - 2 * (bits - 1) - ceil_log2(a.head_dim)))
    least = min(layer.q + layer.k for layer in chosen)
    q = tuple(min(layer.q, least + most_gain - layer.k) for layer in chosen)
    made = [layer.made for layer in chosen]
    if not a.head_norm:
        made = [{**own, "q": of_q} for own, of_q in zip(made, q, strict=True)]
    return HeadScales(
        bits,
        tuple(layer.turned for layer in chosen),
        tuple(made),
        tuple(
            _shift(layer.finest, own, options.limb_bits or word)
            for layer, own in zip(chosen, made, strict=True)
        ),
        q,
        tuple(layer.k for layer in chosen),
    )
