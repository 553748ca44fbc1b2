"""The integer program by kernels: bit-identical to `zkllm.model.reference`.

Kernels do a layer's work for several rows, from the scales and widths that the operations declare. A trace is
filled row by row (the program is causal), so that greedy generation and the trace of the result are one pass:
earlier rows are never computed again.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from zkllm.gpt2.description import attention, layer_norm, linear_kinds, residual
from zkllm.kernels.interface import Kernels, NormRows, NormScales
from zkllm.kernels.native import NATIVE
from zkllm.model.kernel_rows import KernelRows, Progress
from zkllm.model.llama.execution import LlamaExecution
from zkllm.model.llama.weights import LlamaModel
from zkllm.model.models import Model
from zkllm.model.trace import RangeGuard, Trace, check_certified, check_statement
from zkllm.model.weights import QuantizedModel


class KernelExecution(KernelRows):
    """Of a GPT-2: fills a trace, some rows at a time."""

    def __init__(self, model: QuantizedModel, trace: Trace, check: bool, kernels: Kernels):
        super().__init__(trace, check, kernels)
        c = model.config
        self.c, self.model = c, model
        self.norm_scales, self.attention_scales = layer_norm(c), attention(c)
        self.kinds = {kind.name: kind for kind in linear_kinds(c)}
        self.target_bits = {
            "qkv": self.guard.bits(c.act_bits, 16),
            "write": self.guard.bits(residual(c).bits, 32),
            "f": c.gelu_bits,  # checked or not: the table has no other entry
        }

    def rows(self, start: int, stop: int, progress: Progress | None = None) -> None:
        if start == stop:
            return
        at, layers = slice(start, stop), self.c.n_layer
        x = self.embed(at)
        for l in range(layers):
            self.norm(2 * l, at, x)
            self.linear("qkv", l, at, self.trace["y"][2 * l, at], "qkv", l)
            self.attend(l, at)
            x += self.linear("o", l, at, self.trace["o"][l, at], "write", 2 * l)
            self.norm(2 * l + 1, at, x)
            f = self.linear("fc1", l, at, self.trace["y"][2 * l + 1, at], "f", l)
            table = self.model.gelu[self.c.mlp_class[l]]
            self.trace["g"][l, at] = table[f.astype(np.int64) + len(table) // 2]
            x += self.linear("fc2", l, at, self.trace["g"][l, at], "write", 2 * l + 1)
            if progress is not None:
                progress(l + 1, layers)
        self.norm(2 * layers, at, x)

    def embed(self, at: slice) -> np.ndarray:
        """X_0, the residual stream before the first write."""
        c, ids = self.c, self.trace.ids[at]
        token = self.model.wte[ids].astype(np.int64) << c.wte_shift
        x = token + (self.model.wpe[at].astype(np.int64) << c.wpe_shift)
        self.trace["x0"][at] = self.guard.signed_array("x0", x, 32, 32)
        return x

    def norm(self, n: int, at: slice, x: np.ndarray) -> None:
        op, bits = self.norm_scales, self.guard.bits
        arrays = ("rho", "u", "v", "y", "y_rem")
        scales = NormScales(
            kappa=op.kappa,
            shift=op.shift,
            eps=op.eps,
            rho_bits=bits(op.rho_bits, 128),
            norm_bits=bits(op.norm_bits, 128),
            y_bits=bits(op.bits, 16),
            names=(f"rho[{n}]", f"u[{n}]", f"v[{n}]", f"y[{n}]"),
        )
        self.kernels.norm(x, NormRows(*(self.trace[name][n, at] for name in arrays)), scales)

    def linear(self, name: str, l: int, at: slice, a: np.ndarray, target: str, index: int) -> np.ndarray:
        """Fills rows of `target`, and returns them."""
        weights, bias = (getattr(self.model, f"{part}_{name}")[l] for part in "wb")
        return self.fill_linear(self.kinds[name], l, at, a, weights, bias, index, self.target_bits[target])

    def attend(self, l: int, at: slice) -> None:
        self.fill_attention(self.attention_scales, l, at, self.trace["qkv"][l], self.model.exp)

    def head(self, i: int, t: int, count: int) -> None:
        c, here = self.c, slice(i, i + count)
        y = self.trace["y"][2 * c.n_layer, t : t + count].astype(np.int64)
        z = self.model.gain.astype(np.int64) * y + self.model.beta + (1 << c.final_shift - 1)
        yf = self.guard.signed_array("yf", z >> c.final_shift, c.act_bits, 16)
        self.trace["yf"][here], self.trace["yf_rem"][here] = yf, z & ((1 << c.final_shift) - 1)
        self.kernels.scores(self.trace["yf"][here], self.model.wte, self.trace["logits"][here])


def _execution(model: Model, trace: Trace, check: bool, kernels: Kernels) -> KernelRows:
    if isinstance(model, LlamaModel):
        return LlamaExecution(model, trace, check, kernels)
    return KernelExecution(model, trace, check, kernels)


def _certify(model: Model, trace: Trace, check: bool) -> None:
    """`logit` and `diff` of every certified row, with their widths and the argmax rule."""
    c, guard = model.config, RangeGuard(check)
    for i in range(trace.k):
        certified = trace.ids[trace.T - trace.k + i + 1]
        logits = trace["logits"][i]
        trace["logit"][i] = logits[certified]
        trace["diff"][i] = logits[certified] - logits - (np.arange(c.vocab_size) < certified)
    if check:
        check_certified(trace, guard)


def trace(
    model: Model,
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
    execution = _execution(model, out, check, kernels)
    execution.rows(0, out.rows, progress)
    execution.head(0, T - k, k)
    _certify(model, out, check)
    return out


def generate_trace(
    model: Model,
    prompt: list[int],
    k: int,
    rows: int,
    progress: Progress | None = None,
    kernels: Kernels = NATIVE,
    tell: Callable[[int], None] = lambda token: None,
) -> Trace:
    """Greedy continuation of `prompt` by k tokens, and its trace with `rows` rows; the pad id after x_T.
    `tell`: takes each token as soon as it is known."""
    T = len(prompt) - 1 + k
    ids = list(prompt) + [model.config.pad_id] * (rows + 1 - len(prompt))
    check_statement(model.config, ids, k, T, padded=False)
    out = Trace(model.config, ids, k, T)
    execution = _execution(model, out, True, kernels)
    start = 0
    for i in range(k):
        stop = len(prompt) + i
        execution.rows(start, stop, progress)
        execution.head(i, stop - 1, 1)
        out.ids[stop] = int(out["logits"][i].argmax())  # the lowest id wins ties
        tell(out.ids[stop])
        start = stop
    execution.rows(start, rows, progress)
    _certify(model, out, True)
    return out


def generate(model: Model, prompt: list[int], k: int, rows: int) -> tuple[list[int], int]:
    """(the N + 1 ids of a greedy continuation, T)."""
    out = generate_trace(model, prompt, k, rows)
    return out.ids, out.T
