"""Equalising: powers of two that move between two matrices channel by channel, the function left as it is.

A massive channel of the gated product would set the scale of all of them. With p the largest magnitude that a
channel takes and w that of the weights which read it, 2^-e on the one and 2^e on the other, e = round(log2
sqrt(p / w)) less the layer's median, give both the same size: 16-bit weights have bits to spare, the product
has not. Queries and keys balance one another: e = round(log2 sqrt(k / q)), in the gains of their RMSNorms
where they have these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from zkllm.model.llama.architecture import LlamaArchitecture
from zkllm.model.llama.calibrate import LlamaRanges
from zkllm.model.llama.folding import Lines, head_columns
from zkllm.model.llama.scales import CLAMP, Exponents


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


def choose_exponents(
    a: LlamaArchitecture, lines: Sequence[Mapping[str, Lines]], ranges: LlamaRanges
) -> Exponents:
    """From calibrated channels, and the largest weights of every layer."""
    g, v, q, k = (ranges.largest(name) for name in ("g", "v", "q", "k"))
    mlp, values, turned = [], [], []
    for l in range(a.n_layer):
        mlp.append(balance(g[l], lines[l]["down"].inputs, centred=True))
        out = head_columns(lines[l]["o"].inputs, a.n_kv_head, a.head_dim)
        values.append(balance(v[l], out, centred=True))
        turned.append(balance(k[l], q[l], centred=False))
    return Exponents(tuple(mlp), tuple(values), tuple(turned))


def largest_after(ranges: LlamaRanges, exponents: Exponents) -> dict[str, list[float]]:
    """The largest magnitudes of the channels' tensors, equalised, of each layer."""
    mlp, values, turned = (np.array(e) for e in (exponents.mlp, exponents.values, exponents.turned))
    moved = {"up": -mlp, "g": -mlp, "v": -values, "k": -turned, "q": turned}
    return {name: np.ldexp(ranges.largest(name), e).max(axis=1).tolist() for name, e in moved.items()}
