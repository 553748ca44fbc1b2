"""The arrays of one execution of the integer program, and the rules that every execution keeps.

`zkllm.model.reference` and `zkllm.model.execution` fill the same arrays, bit for bit.
"""

from __future__ import annotations

import numpy as np

from zkllm.errors import QuantizationRangeError, StatementError
from zkllm.families import Config, declared


class Trace(dict[str, np.ndarray]):
    """Arrays by name, as the operations declare them, and what was executed: `ids` (rows + 1 of them), `T`,
    `k`, `rows`."""

    def __init__(self, config: Config, ids: list[int], k: int, T: int):
        super().__init__()
        self.config, self.ids, self.k, self.T, self.rows = config, list(ids), k, T, len(ids) - 1
        manifest = declared(config, self.rows, k)
        for name, array in manifest.traced().items():
            self[name] = np.zeros(array.shape(manifest.axes), dtype=array.dtype)

    def __getattr__(self, name: str) -> np.ndarray:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def check_statement(config: Config, ids: list[int], k: int, T: int, padded: bool = True) -> None:
    """1 <= k <= T <= N <= n_ctx, every id in the vocabulary, and the pad id after x_T: what the program is
    defined for, so that a prover is told before it starts."""
    n = len(ids) - 1
    if not 1 <= k <= T <= n <= config.n_ctx:
        raise StatementError(f"k = {k}, T = {T}, N = {n} do not satisfy 1 <= k <= T <= N <= {config.n_ctx}")
    for t, x in enumerate(ids):
        if not 0 <= x < config.vocab_size:
            raise StatementError(f"token id {x} at position {t} is not below {config.vocab_size}")
    if padded and any(x != config.pad_id for x in ids[T + 1 :]):
        raise StatementError(f"every id after position {T} must be the pad id {config.pad_id}")


class RangeGuard:
    """Raises when a value leaves its declared width; without `check`, only when the array cannot hold it."""

    def __init__(self, check: bool):
        self.check = check

    def signed(self, tensor: str, value: int, bits: int, storage: int) -> int:
        bound = 1 << (self.bits(bits, storage) - 1)
        if not -bound <= value < bound:
            raise QuantizationRangeError(tensor, bound, value)
        return value

    def unsigned(self, tensor: str, value: int, bits: int, storage: int) -> int:
        bound = 1 << self.bits(bits, storage)
        if not 0 <= value < bound:
            raise QuantizationRangeError(tensor, bound, value)
        return value

    def signed_array(self, tensor: str, values: np.ndarray, bits: int, storage: int) -> np.ndarray:
        """Of several values outside, the first one is named."""
        bound = 1 << (self.bits(bits, storage) - 1)
        outside = (values < -bound) | (values >= bound)
        if outside.any():
            raise QuantizationRangeError(tensor, bound, int(values[outside][0]))
        return values

    def bits(self, declared: int, storage: int) -> int:
        return declared if self.check else storage


def check_certified(trace: Trace, guard: RangeGuard) -> None:
    """Each certified id is the argmax of its row (the lowest id wins ties): no entry of `diff` but its own
    may be negative, and its own is 0. Then the widths of `logit` and `diff`."""
    c = trace.config
    for t, diff in enumerate(trace["diff"], trace.T - trace.k + 1):
        worst = int(diff.argmin())
        if int(diff[worst]) < 0:
            raise StatementError(
                f"token id {trace.ids[t]} at position {t} is not the model's answer: id {worst} wins"
            )
    for logit, diff in zip(trace["logit"], trace["diff"], strict=True):
        guard.signed("logit", int(logit), c.logit_bits, 64)
        guard.unsigned("diff", int(diff.max()), c.diff_bits, 63)
