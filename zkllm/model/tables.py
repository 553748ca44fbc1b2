"""The tables of activation and exponential, as a specification has them (`zkllm.model.rounding`)."""

from __future__ import annotations

from functools import lru_cache

import mpmath
import numpy as np

from zkllm.gpt2.config import ProgramConfig
from zkllm.model.activations import ACTIVATIONS
from zkllm.model.rounding import rounded
from zkllm.model.weights import TableSpec


@lru_cache(maxsize=8)
def _exp_table(top: int, step_log2: int, divisor: int, bits: int) -> np.ndarray:
    step = np.ldexp(1.0, step_log2) / np.sqrt(divisor)
    values = top * np.exp(-np.arange(1 << bits) * step)

    def exact(i: int) -> mpmath.mpf:
        scaled = i * mpmath.ldexp(1, step_log2) / mpmath.sqrt(divisor)
        return top * mpmath.exp(-scaled)

    out = rounded(values, exact)
    out[-1] = 0
    return out


def exp_entries(top: int, step_log2: int, divisor: int, bits: int) -> np.ndarray:
    """int32[2^bits]: round(top exp(-i 2^step_log2 / sqrt(divisor))), non-increasing, last entry 0."""
    return _exp_table(top, step_log2, divisor, bits).copy()


def exp_table(spec: TableSpec, bits: int) -> np.ndarray:
    """int32[2^bits], non-increasing, last entry 0."""
    return exp_entries(spec.exp_top, spec.exp_step_log2, spec.score_divisor, bits)


def tables_of(spec: TableSpec, c: ProgramConfig) -> dict[str, np.ndarray]:
    """The arrays that a specification determines, by name."""
    return {"exp": exp_table(spec, c.exp_bits), "gelu": gelu_table(spec, c.gelu_bits)}


def gelu_table(spec: TableSpec, bits: int) -> np.ndarray:
    """int32[classes, 2^bits]: the activation of each class of layers."""
    table = ACTIVATIONS[spec.activation].table
    scales = zip(spec.gelu_in_log2, spec.gelu_out_log2, strict=True)
    return np.stack([table(f, g, bits) for f, g in scales])
