"""The quantised model of a Llama: what its integer program computes with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import prod

import mpmath
import numpy as np

from zkllm.errors import Malformed, PackageError
from zkllm.files import JsonObject
from zkllm.llama.config import LlamaConfig
from zkllm.llama.description import linear_kinds
from zkllm.model.activations import GATES
from zkllm.model.llama.rotary import Rotary, rotary_tables
from zkllm.model.rounding import rounded
from zkllm.model.tables import exp_entries
from zkllm.records import ABSENT, from_data, to_data

Shape = tuple[int, ...]


def arrays(c: LlamaConfig) -> dict[str, tuple[str, Shape]]:
    """name -> (dtype, shape). Weights are (layer, in, out); q k v (layer, in, part, head and feature), the
    parts the queries' heads of a shared head, its key and its value."""
    l, d, ff, parts, kv = c.n_layer, c.d_model, c.d_inner, c.group + 2, c.n_kv_head * c.head_dim
    outputs: dict[str, tuple[int, Shape]] = {
        "qkv": (d, (parts, kv)), "o": (c.attended, (d,)), "gate": (d, (ff,)), "up": (d, (ff,)),
        "down": (ff, (d,)),
    }  # fmt: skip
    found: dict[str, tuple[str, Shape]] = {"wte": ("int16", (c.vocab_size, d))}
    if not c.tied_head:
        found["head"] = ("int16", (c.vocab_size, d))
    for kind in linear_kinds(c):
        inputs, out = outputs[kind.name]
        found[f"w_{kind.name}"] = ("int16", (l, inputs, *out))
        if kind.biased:
            found[kind.bias] = ("int64", (l, *out))  # at the accumulator's scale
    if c.head_norm:
        found["head_gain"] = ("int32", (l, 2, c.head_dim))  # of queries, of keys
    if c.post_norm:
        found["post_gain"] = ("int32", (2 * l, d))  # of each write
    angles: Shape = (max(c.angles) + 1,) if c.angles else ()
    if c.centred:
        found["beta"] = ("int64", (d,))  # of the last norm, at the scale of gain y
    if c.cap:
        found["cap"] = ("int32", (1 << c.cap.bits,))  # signed input i at index i + 2^(bits - 1)
    return {
        **found,
        "gain": ("int32", (d,)),  # of the last norm
        # a table for each class of layers; signed input i at index i + 2^(gate_bits - 1)
        "act": ("int32", (c.act_classes, 1 << c.gate_bits)),
        "exp": ("int32", (1 << c.exp_bits,)),
        "cos": ("int32", (*angles, c.n_ctx, c.pairs)),
        "sin": ("int32", (*angles, c.n_ctx, c.pairs)),
    }


def array_bytes(name: str, c: LlamaConfig) -> int:
    dtype, shape = arrays(c)[name]
    return prod(shape) * np.dtype(dtype).itemsize


@dataclass(frozen=True)
class CapTable:
    """cap[i] = round(2^out_log2 bound tanh(i 2^-in_log2 / (sqrt(score_divisor) bound)))."""

    bound: float
    in_log2: int
    out_log2: int

    def entries(self, divisor: int, bits: int) -> np.ndarray:
        """int32[2^bits]."""
        return _cap_entries(self, divisor, bits).copy()


@lru_cache(maxsize=4)
def _cap_entries(cap: CapTable, divisor: int, bits: int) -> np.ndarray:
    half = 1 << bits - 1
    i = np.arange(-half, half)
    scores = np.ldexp(i.astype(np.float64), -cap.in_log2) / np.sqrt(divisor)
    values = np.ldexp(cap.bound * np.tanh(scores / cap.bound), cap.out_log2)

    def exact(at: int) -> mpmath.mpf:
        score = mpmath.ldexp(at - half, -cap.in_log2) / mpmath.sqrt(divisor)
        return mpmath.ldexp(mpmath.mpf(cap.bound) * mpmath.tanh(score / mpmath.mpf(cap.bound)), cap.out_log2)

    return rounded(values, exact)


@dataclass(frozen=True)
class LlamaTables:
    """What the tables contain, so that anyone can recompute them exactly.

    exp[i] = round(exp_top * exp(-i * 2^exp_step_log2 / sqrt(score_divisor))), its last entry 0, without the
    divisor where there is a cap, which is before it;
    act[p][i] = round(2^act_out_log2[p] * activation(i / 2^act_in_log2[p])), p a class of layers; cos and sin
    are `rotary`'s, and after it those of `more_rotaries`, where layers differ.
    """

    exp_top: int
    exp_step_log2: int
    score_divisor: int  # head_dim, but where a checkpoint says something else
    act_in_log2: tuple[int, ...]
    act_out_log2: tuple[int, ...]
    activation: str
    rotary: Rotary
    more_rotaries: tuple[Rotary, ...] = field(default=(), metadata=ABSENT)
    cap: CapTable | None = field(default=None, metadata=ABSENT)

    @property
    def rotaries(self) -> tuple[Rotary, ...]:
        return (self.rotary, *self.more_rotaries)

    def to_dict(self) -> JsonObject:
        return to_data(self)

    @classmethod
    def from_dict(cls, data: JsonObject) -> LlamaTables:
        spec = from_data(cls, data, "table specification")
        for rotary in spec.rotaries:
            rotary.check()
        if not len(spec.act_in_log2) == len(spec.act_out_log2) > 0:
            raise Malformed("table specification: scales of the activation for each class of layers")
        if spec.activation not in GATES:
            raise Malformed("table specification: an unknown activation")
        if not 0 < spec.exp_top < 1 << 30 or not 0 < spec.score_divisor < 1 << 30:
            raise Malformed("table specification: exp_top or score_divisor out of range")
        if any(abs(scale) > 100 for scale in (spec.exp_step_log2, *spec.act_in_log2, *spec.act_out_log2)):
            raise Malformed("table specification: a scale out of range")
        if spec.cap and not (
            type(spec.cap.bound) is float
            and 2.0**-10 <= spec.cap.bound <= 2.0**20
            and abs(spec.cap.in_log2) <= 100
            and -40 <= spec.cap.out_log2 <= 40
        ):
            raise Malformed("table specification: cap out of range")
        return spec


def tables_of(spec: LlamaTables, c: LlamaConfig) -> dict[str, np.ndarray]:
    """The arrays that a specification determines, by name."""
    pairs = [rotary_tables(rotary, 2 * c.pairs, c.n_ctx, c.rotary_shift) for rotary in spec.rotaries]
    cos, sin = map(np.stack, zip(*pairs, strict=True)) if c.angles else pairs[0]
    own = {"cap": spec.cap.entries(spec.score_divisor, c.cap.bits)} if spec.cap and c.cap else {}
    divisor = 1 if spec.cap else spec.score_divisor
    return {
        **own,
        "exp": exp_entries(spec.exp_top, spec.exp_step_log2, divisor, c.exp_bits),
        "act": act_table(spec, c.gate_bits),
        "cos": cos,
        "sin": sin,
    }


def act_table(spec: LlamaTables, bits: int) -> np.ndarray:
    """int32[classes, 2^bits]: the activation of each class of layers."""
    table, scales = GATES[spec.activation].table, zip(spec.act_in_log2, spec.act_out_log2, strict=True)
    return np.stack([table(f, a, bits) for f, a in scales])


@dataclass(frozen=True)
class LlamaModel:
    """`config`, `tables` and the arrays of `arrays`, checked for dtype and shape."""

    config: LlamaConfig
    tables: LlamaTables
    held: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        known = arrays(self.config)
        if set(known) != set(self.held):
            raise PackageError(f"arrays that are missing, or too many: {sorted(set(known) ^ set(self.held))}")
        for name, (dtype, shape) in known.items():
            array = self.held[name]
            if array.dtype != np.dtype(dtype) or array.shape != shape:
                raise PackageError(f"array {name}: expected {dtype} {shape}, got {array.dtype} {array.shape}")
            if not array.flags.c_contiguous:
                raise PackageError(f"array {name} is not C-contiguous")

    def __getitem__(self, name: str) -> np.ndarray:
        return self.held[name]

    def bias(self, kind: str, l: int) -> np.ndarray:
        """int64[outputs] of a layer; zeros where the kind has none."""
        if f"b_{kind}" in self.held:
            return self.held[f"b_{kind}"][l].reshape(-1)
        return np.zeros(prod(self.held[f"w_{kind}"].shape[2:]), np.int64)

    @property
    def head(self) -> np.ndarray:
        """The matrix of the head: its own, or the embedding."""
        return self.held["wte" if self.config.tied_head else "head"]

    @property
    def traced_weights(self) -> int:
        """By which the time of an execution is guessed at."""
        return sum(a.size for name, a in self.held.items() if name.startswith("w_")) + self.head.size

    def arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        for name in arrays(self.config):
            yield name, self.held[name]

    def with_arrays(self, **changed: np.ndarray) -> LlamaModel:
        return replace(self, held={**self.held, **changed})
