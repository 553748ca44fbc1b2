"""The integer program, in native code: bit-identical to `zkllm.model.reference`.

A trace is filled row by row (the program is causal), so that greedy generation and the trace of the result
are one pass: earlier rows are never computed again.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from zkllm.kernels.interface import Kernels
from zkllm.kernels.native import NATIVE
from zkllm.model.trace import RangeGuard, Trace, check_argmax, check_statement
from zkllm.model.weights import QuantizedModel

Progress = Callable[[int, int], None]


def _certify(model: QuantizedModel, trace: Trace, check: bool) -> None:
    """`logit` and `diff` of every certified row, with their widths and the argmax rule."""
    c, guard = model.config, RangeGuard(check)
    for i in range(trace.k):
        certified = trace.ids[trace.T - trace.k + i + 1]
        logits = trace["logits"][i]
        trace["logit"][i] = logits[certified]
        trace["diff"][i] = logits[certified] - logits - (np.arange(c.vocab_size) < certified)
    if check:
        check_argmax(c, trace.ids, trace.k, trace.T, trace["diff"])
        for i in range(trace.k):
            guard.signed("logit", int(trace["logit"][i]), c.logit_bits, 64)
            guard.unsigned("diff", int(trace["diff"][i].max()), c.diff_bits, 63)


def trace(
    model: QuantizedModel,
    ids: list[int],
    k: int,
    T: int,
    check: bool = True,
    progress: Progress | None = None,
    kernels: Kernels = NATIVE,
) -> Trace:
    """Executes the program on `ids` (N + 1 of them; row t reads ids[t]).

    With `check`, raises QuantizationRangeError when a value leaves its declared width and StatementError
    when a certified id is not the argmax of its row.
    """
    check_statement(model.config, ids, k, T, padded=check)
    out = Trace(model.config, ids, k, T)
    kernels.trace_rows(model, out, out.ids, 0, out.rows, check, progress)
    kernels.trace_head(model, out, 0, T - k, k, check)
    _certify(model, out, check)
    return out


def generate_trace(
    model: QuantizedModel,
    prompt: list[int],
    k: int,
    rows: int,
    progress: Progress | None = None,
    kernels: Kernels = NATIVE,
) -> Trace:
    """Greedy continuation of `prompt` by k tokens, and its trace with `rows` rows; the pad id after x_T."""
    T = len(prompt) - 1 + k
    ids = list(prompt) + [model.config.pad_id] * (rows + 1 - len(prompt))
    check_statement(model.config, ids, k, T, padded=False)
    out = Trace(model.config, ids, k, T)
    start = 0
    for i in range(k):
        stop = len(prompt) + i
        kernels.trace_rows(model, out, out.ids, start, stop, True, progress)
        kernels.trace_head(model, out, i, stop - 1, 1, True)
        out.ids[stop] = int(out["logits"][i].argmax())  # the lowest id wins ties
        start = stop
    kernels.trace_rows(model, out, out.ids, start, rows, True, progress)
    _certify(model, out, True)
    return out


def generate(model: QuantizedModel, prompt: list[int], k: int, rows: int) -> tuple[list[int], int]:
    """(the N + 1 ids of a greedy continuation, T)."""
    out = generate_trace(model, prompt, k, rows)
    return out.ids, out.T
