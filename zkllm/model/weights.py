"""The quantised model: what the integer program computes with.

Every array is an integer array; together with `ProgramConfig` they determine the program. Nothing here
depends on torch, and all arrays may be memory-mapped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod

import numpy as np

from zkllm.errors import Malformed, PackageError
from zkllm.files import JsonObject
from zkllm.gpt2.config import ProgramConfig
from zkllm.model.activations import ACTIVATIONS, GELU
from zkllm.records import from_data, to_data

# name -> (dtype, shape). d = width, in the checkpoint's order head * head_dim + e; ff = d_inner.
ARRAYS: dict[str, tuple[str, Callable[[ProgramConfig], tuple[int, ...]]]] = {
    "wte": ("int16", lambda c: (c.vocab_size, c.width)),
    "wpe": ("int16", lambda c: (c.n_ctx, c.width)),
    "w_qkv": ("int16", lambda c: (c.n_layer, c.width, 3, c.width)),  # (layer, in, q|k|v, out)
    "b_qkv": ("int64", lambda c: (c.n_layer, 3, c.width)),  # biases at the accumulator's scale
    "w_o": ("int16", lambda c: (c.n_layer, c.width, c.width)),
    "b_o": ("int64", lambda c: (c.n_layer, c.width)),
    "w_fc1": ("int16", lambda c: (c.n_layer, c.width, c.d_inner)),
    "b_fc1": ("int64", lambda c: (c.n_layer, c.d_inner)),
    "w_fc2": ("int16", lambda c: (c.n_layer, c.d_inner, c.width)),
    "b_fc2": ("int64", lambda c: (c.n_layer, c.width)),
    "gain": ("int32", lambda c: (c.width,)),  # final LayerNorm
    "beta": ("int64", lambda c: (c.width,)),
    # a table for each class of layers; signed input i at index i + 2^(gelu_bits - 1)
    "gelu": ("int32", lambda c: (c.mlp_classes, 1 << c.gelu_bits)),
    "exp": ("int32", lambda c: (1 << c.exp_bits,)),
}


def array_bytes(name: str, config: ProgramConfig) -> int:
    dtype, shape = ARRAYS[name]
    return prod(shape(config)) * np.dtype(dtype).itemsize


@dataclass(frozen=True)
class TableSpec:
    """What the tables contain, in integers, so that anyone can recompute them exactly.

    exp[i] = round(exp_top * exp(-i * 2^exp_step_log2 / sqrt(score_divisor))), its last entry 0;
    gelu[p][i] = round(2^gelu_out_log2[p] * activation(i / 2^gelu_in_log2[p])), p a class of layers.
    """

    exp_top: int
    exp_step_log2: int
    score_divisor: int  # head_dim, or 1 when scores are not scaled
    gelu_in_log2: tuple[int, ...]
    gelu_out_log2: tuple[int, ...]
    activation: str = GELU.name

    def to_dict(self) -> JsonObject:
        """Digests are of this: the GELU, which was the only activation once, goes without saying."""
        data = to_data(self)
        if self.activation == GELU.name:
            del data["activation"]
        return data

    @classmethod
    def from_dict(cls, data: JsonObject) -> TableSpec:
        spec = from_data(cls, data, "table specification", defaults=True)
        if spec.activation not in ACTIVATIONS or spec.to_dict() != data:
            raise Malformed("table specification: an unknown activation, or one that goes without saying")
        if not 0 < spec.exp_top < 1 << 30 or not 0 < spec.score_divisor < 1 << 30:
            raise Malformed("table specification: exp_top or score_divisor out of range")
        scales = (spec.exp_step_log2, *spec.gelu_in_log2, *spec.gelu_out_log2)
        if any(abs(scale) > 100 for scale in scales):
            raise Malformed("table specification: a scale out of range")
        return spec


@dataclass(frozen=True)
class QuantizedModel:
    """`config`, `tables` and the arrays of `ARRAYS`, checked for dtype and shape."""

    config: ProgramConfig
    tables: TableSpec
    wte: np.ndarray
    wpe: np.ndarray
    w_qkv: np.ndarray
    b_qkv: np.ndarray
    w_o: np.ndarray
    b_o: np.ndarray
    w_fc1: np.ndarray
    b_fc1: np.ndarray
    w_fc2: np.ndarray
    b_fc2: np.ndarray
    gain: np.ndarray
    beta: np.ndarray
    gelu: np.ndarray
    exp: np.ndarray

    def __post_init__(self) -> None:
        for name, (dtype, shape) in ARRAYS.items():
            array = getattr(self, name)
            if array.dtype != np.dtype(dtype) or array.shape != shape(self.config):
                raise PackageError(
                    f"array {name}: expected {dtype} {shape(self.config)}, got {array.dtype} {array.shape}"
                )
            if not array.flags.c_contiguous:
                raise PackageError(f"array {name} is not C-contiguous")

    @property
    def traced_weights(self) -> int:
        """By which the time of an execution is guessed at."""
        return self.w_qkv.size + 2 * self.w_fc1.size + self.wte.size

    def arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        for name in ARRAYS:
            yield name, getattr(self, name)
