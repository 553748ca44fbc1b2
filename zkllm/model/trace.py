"""The arrays of one execution of the integer program, and the rules that every execution keeps.

`zkllm.model.reference` and `zkllm.model.program` fill the same arrays, bit for bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from zkllm.errors import QuantizationRangeError, StatementError
from zkllm.gpt2.config import ProgramConfig

WORDS = 8  # rho, U and V are stored as 8 little-endian words of 16 bits

# name -> (dtype, axes). n: LayerNorms (2l before attention, 2l + 1 before the MLP, 2L final), m: residual
# writes (2l attention, 2l + 1 MLP), t and u: rows, i: certified rows, d: width, h: head, f: inner width.
TRACE_ARRAYS: dict[str, tuple[str, str]] = {
    "x0": ("int32", "td"),  # embedding, the residual stream before the first write
    "rho": ("uint16", "ntw"),
    "u": ("uint16", "ntw"),  # d 2^(2 kappa) - rho^2 Q
    "v": ("uint16", "ntw"),  # (2 rho + 1) Q - u - 1
    "y": ("int16", "ntd"),
    "y_rem": ("int64", "ntd"),  # in [0, 2^ln_shift)
    "qkv": ("int16", "lt3d"),
    "qkv_rem": ("int32", "lt3d"),
    "score_max": ("int64", "lth"),
    "sel": ("int8", "lthu"),  # one-hot at the first u <= t that attains the maximum
    "idx": ("int32", "lthu"),  # delta = 2^exp_shift (idx + over) + rem; 0 above the diagonal
    "over": ("int32", "lthu"),
    "rem": ("int32", "lthu"),
    "e": ("int32", "lthu"),
    "o": ("int16", "ltd"),
    "div": ("int64", "ltd"),  # w = 2 n + M - 2 M o, in [0, 2 M)
    "write": ("int32", "mtd"),
    "o_rem": ("int32", "ltd"),
    "fc2_rem": ("int32", "ltd"),
    "f": ("int16", "ltf"),
    "f_rem": ("int32", "ltf"),
    "g": ("int16", "ltf"),  # GELU output
    "yf": ("int16", "id"),
    "yf_rem": ("int32", "id"),
    "logit": ("int64", "i"),  # of the certified id
    "diff": ("int64", "iv"),  # logit - logits[v] - [v < id]
    "logits": ("int64", "iv"),
}


def axis_sizes(config: ProgramConfig, rows: int, k: int) -> dict[str, int]:
    c = config
    return {
        "l": c.n_layer, "n": 2 * c.n_layer + 1, "m": 2 * c.n_layer, "t": rows, "u": rows, "i": k, "3": 3,
        "d": c.width, "h": c.n_head, "f": c.d_inner, "v": c.vocab_size, "w": WORDS,
    }  # fmt: skip


class Trace(dict[str, np.ndarray]):
    """Arrays by name (`TRACE_ARRAYS`), and what was executed: `ids` (rows + 1 of them), `T`, `k`, `rows`."""

    def __init__(self, config: ProgramConfig, ids: list[int], k: int, T: int):
        super().__init__()
        self.config, self.ids, self.k, self.T, self.rows = config, list(ids), k, T, len(ids) - 1
        sizes = axis_sizes(config, self.rows, k)
        for name, (dtype, axes) in TRACE_ARRAYS.items():
            self[name] = np.zeros([sizes[a] for a in axes], dtype=dtype)

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def check_statement(config: ProgramConfig, ids: list[int], k: int, T: int, padded: bool = True) -> None:
    """1 <= k <= T <= N <= n_ctx, every id in the vocabulary, and the pad id after x_T."""
    n = len(ids) - 1
    if not 1 <= k <= T <= n <= config.n_ctx:
        raise StatementError(f"k = {k}, T = {T}, N = {n} do not satisfy 1 <= k <= T <= N <= {config.n_ctx}")
    for t, x in enumerate(ids):
        if not 0 <= x < config.vocab_size:
            raise StatementError(f"token id {x} at position {t} is not below {config.vocab_size}")
    if padded and any(x != config.pad_id for x in ids[T + 1 :]):
        raise StatementError(f"every id after position {T} must be the pad id {config.pad_id}")


def check_argmax(config: ProgramConfig, ids: list[int], k: int, T: int, diff: np.ndarray) -> None:
    """Each certified id is the argmax of its row (the lowest id wins ties): no entry of `diff` but its own
    may be negative, and its own is 0."""
    for i in range(k):
        worst = int(diff[i].argmin())
        if int(diff[i, worst]) < 0:
            raise StatementError(
                f"token id {ids[T - k + i + 1]} at position {T - k + i + 1} is not the model's answer: "
                f"id {worst} wins"
            )


class RangeGuard:
    """Raises when a value leaves its declared width; without `check`, only when the array cannot hold it."""

    def __init__(self, check: bool):
        self.check = check

    def signed(self, tensor: str, value: int, bits: int, storage: int) -> int:
        bound = 1 << ((bits if self.check else storage) - 1)
        if not -bound <= value < bound:
            raise QuantizationRangeError(tensor, bound, value)
        return value

    def unsigned(self, tensor: str, value: int, bits: int, storage: int) -> int:
        bound = 1 << (bits if self.check else storage)
        if not 0 <= value < bound:
            raise QuantizationRangeError(tensor, bound, value)
        return value
