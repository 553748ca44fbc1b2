"""Equalising: powers of two that move between two matrices channel by channel, the function left as it is.

A massive channel of the gated product would set the scale of all of them. With p the largest magnitude that a
channel takes and w that of the weights which read it, 2^-e on the one and 2^e on the other, e = round(log2
sqrt(p / w)) less the layer's median, give both the same size: 16-bit weights have bits to spare, the product
has not. Pairs of queries and keys that are turned together are `heads`'.

Of the MLP that is where `least_noise` begins. Rounding up, g and both matrices, each to the step that its
largest channel wants, leaves in the MLP's write a noise that is known from the calibration: some of it goes
with 4^e, the rest with 4^-e. The exponent that balances the two in a channel follows, the steps follow from
the exponents, and of a few turns the exponents of least noise are taken. Scales of g and of W_down together
are finer than that of their products by one lookup's remainder at most, so that a word of g that is too wide
leaves W_down too coarse: the bits of g are tried, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from zkllm.model.llama.architecture import LlamaArchitecture
from zkllm.model.llama.calibrate import LlamaRanges
from zkllm.model.llama.folding import Lines, head_columns
from zkllm.model.llama.scales import CLAMP, Exponents
from zkllm.model.quantize import fit

_PEAK = 4.0  # a weight's largest magnitude, by its root mean square
_TURNS = 8
_HARDLY = 0.02  # of the noise


def balance(of: np.ndarray, against: np.ndarray, centred: bool) -> tuple[int, ...]:
    """e by channel; 0 where one of both is nothing."""
    known = (of > 0) & (against > 0)
    ratio = np.ones_like(of)
    np.divide(of, against, out=ratio, where=known)
    e = np.log2(ratio) / 2
    if centred and known.any():
        e = e - np.median(e[known])
    chosen = np.where(known, np.clip(np.rint(e), -CLAMP, CLAMP), 0)
    return tuple(chosen.astype(int).tolist())


@dataclass(frozen=True)
class Words:
    """Bits of up and of g (at least, at most), and by how much their scales leave room above the largest."""

    up: int
    g: tuple[int, int]
    room: float
    wide_room: float

    def product_scale(self, bits: int, most: float) -> int:
        """Fractional bits of g in a word of `bits`."""
        return fit(bits, self.wide_room * most)


@dataclass(frozen=True)
class Channels:
    """Of a layer's MLP, float64[inner width] each: largest magnitudes of up and g, of the rows of W_up and of
    W_down; mean squares of a and g, and of 1 (float64[1]), in units of the stream's. `width`: of the stream.
    """

    up: np.ndarray
    g: np.ndarray
    w_up: np.ndarray
    w_down: np.ndarray
    a_squares: np.ndarray
    g_squares: np.ndarray
    one_squares: np.ndarray
    width: int

    def noise(
        self, exponents: np.ndarray, bits: int, words: Words, together: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Of each channel, up to a factor: what grows with 4^e, and what with 4^-e, without these. `bits`: of
        g; `together`: the fractional bits that scales of g and W_down may have between them."""
        up, g, w_up = (np.ldexp(of, -exponents).max() for of in (self.up, self.g, self.w_up))
        w_down = np.ldexp(self.w_down, exponents).max()
        product = words.product_scale(bits, g)
        steps = {name: 4.0**-scale for name, scale in (
            ("up", fit(words.up, words.room * up)), ("g", product), ("w_up", fit(16, w_up)),
            ("w_down", min(fit(16, w_down), together - product)))}  # fmt: skip
        # a row of W_down is some four times smaller than its largest entry; y has mean square 1
        read = self.width * (self.w_down / _PEAK) ** 2
        of_up = self.a_squares * (steps["up"] + self.width * steps["w_up"])
        grows = read * (self.one_squares * steps["g"] + of_up)
        return grows, self.width * steps["w_down"] * self.g_squares


def least_noise(channels: Channels, words: Words, together: int) -> tuple[tuple[int, ...], int]:
    """(e by channel, bits of g) of an MLP. Of bits whose noise hardly differs, the most: what the calibration
    says of noise is no more exact, and more bits round less."""
    found = []
    least, most = words.g
    for bits in range(most, least - 1, -1):
        turns = []
        exponents = np.array(balance(channels.g, channels.w_down, centred=True))
        for _ in range(_TURNS):
            grows, falls = channels.noise(exponents, bits, words, together)
            total = float((np.ldexp(grows, 2 * exponents) + np.ldexp(falls, -2 * exponents)).sum())
            turns.append((total, tuple(exponents.tolist())))
            known = (grows > 0) & (falls > 0)
            ratio = np.ones_like(grows)
            np.divide(falls, grows, out=ratio, where=known)
            exponents = np.clip(np.rint(np.log2(ratio) / 4), -CLAMP, CLAMP).astype(int)
        found.append((*min(turns), bits))
    enough = (1 + _HARDLY) * min(total for total, _, _ in found)
    return next((exponents, bits) for total, exponents, bits in found if total <= enough)


def value_exponents(
    a: LlamaArchitecture, lines: Sequence[Mapping[str, Lines]], ranges: LlamaRanges
) -> tuple[tuple[int, ...], ...]:
    """Exponents of the features of values, by layer, from calibrated channels and the largest weights."""
    v = ranges.largest("v")
    outs = [head_columns(layer["o"].inputs, a.n_kv_head, a.head_dim) for layer in lines]
    return tuple(balance(v[l], out, centred=True) for l, out in enumerate(outs))


def mlp_exponents(
    a: LlamaArchitecture,
    lines: Sequence[Mapping[str, Lines]],
    ranges: LlamaRanges,
    words: Words,
    together: Sequence[int],
) -> list[tuple[tuple[int, ...], int]]:
    """(exponents of the inner channels, bits of g) of each layer, where there is a gate. `together`: of each
    layer, as in `Channels.noise`."""
    up, g = (ranges.largest(name) for name in ("up", "g"))
    a_squares, g_squares, one = (ranges.mean_squares(name) for name in ("a", "g", "one"))
    mlp = []
    for l in range(a.n_layer):
        rows, columns = lines[l]["up"].outputs[0], lines[l]["down"].inputs
        channels = Channels(up[l], g[l], rows, columns, a_squares[l], g_squares[l], one[l], a.d_model)
        mlp.append(least_noise(channels, words, together[l]))
    return mlp


def largest_after(ranges: LlamaRanges, exponents: Exponents) -> dict[str, list[float]]:
    """The largest magnitudes of the channels' tensors, equalised, of each layer."""
    mlp, values, turned = (np.array(e) for e in (exponents.mlp, exponents.values, exponents.turned))
    moved = {"v": -values, "k": -turned, "q": turned, **({"up": -mlp, "g": -mlp} if exponents.mlp else {})}
    return {name: np.ldexp(ranges.largest(name), e).max(axis=1).tolist() for name, e in moved.items()}
