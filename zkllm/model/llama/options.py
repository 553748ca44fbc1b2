"""Bounds and conditions of what only some of the Llama family have: norms with gains, several rotations, an
embedding that is scaled. What they read is ranged, so that no bound here needs the weights but for the gains.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from zkllm.llama.config import LlamaConfig, NormConfig
from zkllm.llama.description import head_norms, post_norms
from zkllm.model.predicates import TRACED_BITS, UNIQUE_BITS, WORD_BITS, Predicate
from zkllm.ops.embedding import STREAM_BITS
from zkllm.ops.head_norm import HeadNorm
from zkllm.ops.post_norm import PostNorm

MOST_FACTOR = 1 << 24
"""Above what the embedding is scaled by: a float32's significant bits."""


MOST_HEAD_BITS = 24
"""Of queries and keys: a score, a sum of their products, is traced as a 64-bit integer."""


@dataclass(frozen=True)
class GainedBounds:
    """Of a norm with gains."""

    name: str
    op: HeadNorm | PostNorm
    most: int  # |D|
    made: int  # |what is made of it|
    eps: int  # the largest

    @property
    def gain(self) -> str:
        """The array."""
        return f"{self.op.tag}gain"

    @property
    def squares(self) -> int:
        """Q."""
        return self.op.width * self.most**2 + self.eps

    @property
    def row_sum(self) -> int:
        """|left| + |right| of what fixes rho, as integers."""
        rho, norm, q = 1 << self.op.rho_bits, 1 << self.op.norm_bits, self.squares
        low = norm + rho * rho * q + (self.op.width << 2 * self.op.kappa)
        return max(low, 2 * norm + 1 + (2 * rho + 1) * q)

    def feature_sum(self, gain: int) -> int:
        """The same of what is made of D rho."""
        made = (self.made << self.op.shift) + (1 << self.op.shift)
        return made + gain * self.most * (1 << self.op.rho_bits)

    def traced_bits(self, gain: int) -> int:
        """Of gain D rho as it is traced: |D rho| is at most sqrt(d) 2^kappa."""
        return self.op.kappa + gain.bit_length() + (self.op.width.bit_length() + 1) // 2


def gained_norms(c: LlamaConfig) -> list[GainedBounds]:
    head, write = 1 << (c.read_bits - 1), 1 << (c.write_bits - 1)
    heads = [
        GainedBounds("head norm", op, head, head, max(op.query_eps + op.key_eps)) for op in head_norms(c)
    ]
    return heads + [
        GainedBounds("post-norm", op, 1 << (op.bits - 1), write, max(op.eps)) for op in post_norms(c)
    ]


def rounded_x0(c: LlamaConfig) -> int:
    """|2^s X_0 + x0_rem - 2^(s-1)|, as they are ranged; 0 where nothing is rounded."""
    return ((1 << STREAM_BITS - 1) << c.x0_shift) + (1 << c.x0_shift) if c.x0_shift else 0


def one_rho(of: str, width: int, norm: LlamaConfig | HeadNorm | PostNorm) -> Iterator[Predicate]:
    """Whatever the weights: docs/security.md has the argument."""
    bits = 2 * norm.rho_bits + norm.norm_bits + 2
    text = f"one value{of}: 2 rho_bits + norm_bits + 2 = {bits} <= {UNIQUE_BITS}"
    yield Predicate(f"one value: rho{of}", bits <= UNIQUE_BITS, text)
    root = (width << 2 * norm.kappa + norm.rho_bits + 1).bit_length()
    text = f"one value{of}: bits of d 2^(2 kappa + rho_bits + 1) = {root} <= {UNIQUE_BITS}"
    yield Predicate(f"one value: root{of}", root <= UNIQUE_BITS, text)


def option_conditions(c: LlamaConfig) -> Iterator[tuple[str, bool]]:
    """Of the configuration alone."""
    yield "wte_factor is odd, and below 2^24", c.wte_factor % 2 == 1 and 1 <= c.wte_factor < MOST_FACTOR
    yield (
        "0 <= x0_shift <= 30, 0 where wte_shift is not",
        0 <= c.x0_shift <= 30 and not c.x0_shift * c.wte_shift,
    )
    wider = c.act_bits < c.head_bits <= MOST_HEAD_BITS
    yield f"head_bits: none, or act_bits < head_bits <= {MOST_HEAD_BITS}", wider or c.head_bits == 0
    if c.angles:
        used = set(c.angles)
        yield "angles: one of each layer", len(c.angles) == c.n_layer
        counted = min(used) == 0 and max(used) + 1 == len(used) > 1
        yield "angles: several, counted from 0 and all used", counted
    if c.gated:
        yield "up_bits <= 24", 2 <= c.up_bits <= 24
        yield "product_bits <= 30", 2 <= c.product_bits <= 30
    else:
        unused = (c.up_bits, c.product_bits, c.up_shift, c.product_shift, c.up_gains, c.product_gains)
        yield "nothing of a gate where there is none", unused == (0, 0, 0, 0, (), ())
    if c.cap:
        yield "cap: 1 <= shift <= 40", 1 <= c.cap.shift <= 40
        yield "cap: 2 <= bits <= 20", 2 <= c.cap.bits <= 20
        yield "cap: no exp_shift, no over_bits", (c.exp_shift, c.over_bits) == (0, 0)
    else:
        yield "1 <= exp_shift <= 30", 1 <= c.exp_shift <= 30
        yield "over_bits <= 31", 1 <= c.over_bits <= 31
        yield "exp_shift is no less than a gain of scores", max(c.gains("score"), default=0) <= c.exp_shift
    if c.window or c.sliding:
        yield (
            "sliding: 0 or 1 for each layer, a 1 among them",
            (len(c.sliding) == c.n_layer and set(c.sliding) <= {0, 1} and any(c.sliding)),
        )
        yield "1 <= window < n_ctx", 1 <= c.window < c.n_ctx
    if c.turned:
        few = 0 < c.turned < c.head_dim and c.turned % 2 == 0
        yield "turned: an even number of a head's features, and not all", few
        yield "turned: head_slots divide half of them", c.pairs % c.head_slots == 0
        yield "turned: heads have no norms", c.head_norm is None
    if norm := c.head_norm:
        yield "head_norm: an eps of each layer", len(norm.query_eps) == len(norm.key_eps) == c.n_layer
        yield from _norm_conditions("head_norm", norm, c.head_dim, norm.query_eps + norm.key_eps)
    if after := c.post_norm:
        yield "post_norm: an eps of each write", len(after.eps) == 2 * c.n_layer
        yield "post_norm: 2 <= out_bits <= 32", 2 <= after.out_bits <= 32
        yield from _norm_conditions("post_norm", after, c.d_model, after.eps)


def _norm_conditions(
    name: str, norm: NormConfig, width: int, eps: tuple[int, ...]
) -> Iterator[tuple[str, bool]]:
    yield f"{name}: 1 <= shift <= 62", 1 <= norm.shift <= 62
    words = 1 <= norm.rho_bits <= WORD_BITS and 1 <= norm.norm_bits <= WORD_BITS
    yield f"{name}: rho_bits, norm_bits <= {WORD_BITS}", words
    fits = 1 <= norm.kappa and 2 * norm.kappa + width.bit_length() <= TRACED_BITS - 2
    yield f"{name}: 1 <= kappa, d 2^(2 kappa) <= 2^{TRACED_BITS - 2}", fits
    # Q is traced, too: d 2^62 for 32-bit rows leaves it room
    yield f"{name}: eps >= 1, and below 2^{TRACED_BITS - 1}", all(1 <= e < 1 << TRACED_BITS - 1 for e in eps)
