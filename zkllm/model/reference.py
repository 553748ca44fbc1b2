"""The integer program, written to be read: plain Python integers, one row at a time.

The authority on what is proved. `zkllm.model.program` is its fast twin. Notation of `docs/protocol.md`,
section 2; `round_s(z) = floor((z + 2^(s-1)) / 2^s)`.
"""

from __future__ import annotations

from math import isqrt

from zkllm.model.trace import RangeGuard, Trace, check_argmax, check_statement
from zkllm.model.weights import QuantizedModel
from zkllm.protocol.sources import WORDS

Rows = list[list[int]]


def words(x: int) -> list[int]:
    """A non-negative integer below 2^128 as little-endian 16-bit words."""
    return [(x >> (16 * i)) & 0xFFFF for i in range(WORDS)]


def round_shift(z: int, shift: int) -> tuple[int, int]:
    """(round_s(z), remainder): 2^s y + remainder - 2^(s-1) = z, 0 <= remainder < 2^s."""
    z += 1 << (shift - 1)
    return z >> shift, z & ((1 << shift) - 1)


def linear(row: list[int], weights: Rows, bias: list[int], gain: int = 0) -> list[int]:
    """Accumulators of one row: 2^gain sum_k row[k] weights[k][j] + bias[j]."""
    return [
        b + (sum(x * w[j] for x, w in zip(row, weights, strict=True)) << gain) for j, b in enumerate(bias)
    ]


class Execution:
    """One execution. Methods fill the arrays of `trace` and return the values that flow on."""

    def __init__(self, model: QuantizedModel, trace: Trace, guard: RangeGuard):
        self.c, self.trace, self.guard = model.config, trace, guard
        self.m = {name: array.tolist() for name, array in model.arrays()}

    def embedding(self) -> Rows:
        """X_0[t] = 2^wte_shift wte[x_t] + 2^wpe_shift wpe[t]."""
        c, wte, wpe = self.c, self.m["wte"], self.m["wpe"]
        for t in range(self.trace.rows):
            for j in range(c.width):
                x = (wte[self.trace.ids[t]][j] << c.wte_shift) + (wpe[t][j] << c.wpe_shift)
                self.trace["x0"][t, j] = self.guard.signed("x0", x, 32, 32)
        rows: Rows = self.trace["x0"].tolist()
        return rows

    def layer_norm(self, n: int, xs: Rows) -> Rows:
        """D = d X - S, Q = sum D^2 + eps; rho = floor(sqrt(d 2^(2 kappa) / Q)); y = round(D rho)."""
        c, d, guard = self.c, self.c.width, self.guard
        for t, x in enumerate(xs):
            total = sum(x)
            centred = [d * xj - total for xj in x]
            q = sum(dj * dj for dj in centred) + c.eps_int
            target = d << (2 * c.kappa)
            rho = isqrt(target // q)
            u = target - rho * rho * q
            v = (2 * rho + 1) * q - u - 1
            self.trace["rho"][n, t] = words(guard.unsigned(f"rho[{n}]", rho, c.rho_bits, 128))
            self.trace["u"][n, t] = words(guard.unsigned(f"u[{n}]", u, c.norm_bits, 128))
            self.trace["v"][n, t] = words(guard.unsigned(f"v[{n}]", v, c.norm_bits, 128))
            for j, dj in enumerate(centred):
                y, rem = round_shift(dj * rho, c.ln_shift)
                self.trace["y"][n, t, j] = guard.signed(f"y[{n}]", y, c.act_bits, 16)
                self.trace["y_rem"][n, t, j] = rem
        rows: Rows = self.trace["y"][n].tolist()
        return rows

    def query_key_value(self, l: int, ys: Rows) -> list[Rows]:
        """Rows of (q, k, v), each of the full width."""
        c = self.c
        for t, y in enumerate(ys):
            for p in range(3):
                weights = [row[p] for row in self.m["w_qkv"][l]]
                for j, z in enumerate(linear(y, weights, self.m["b_qkv"][l][p])):
                    value, rem = round_shift(z, c.qkv_shift)
                    self.trace["qkv"][l, t, p, j] = self.guard.signed(f"qkv[{l}]", value, c.act_bits, 16)
                    self.trace["qkv_rem"][l, t, p, j] = rem
        rows: list[Rows] = self.trace["qkv"][l].tolist()
        return rows

    def attention(self, l: int, qkv: list[Rows]) -> Rows:
        """Causal softmax attention of every head, before the output projection."""
        c, tr = self.c, self.trace
        last = (1 << c.exp_bits) - 1
        for t in range(tr.rows):
            for h in range(c.n_head):
                part = slice(h * c.head_dim, (h + 1) * c.head_dim)
                q = qkv[t][0][part]
                scores = [sum(a * b for a, b in zip(q, qkv[u][1][part], strict=True)) for u in range(t + 1)]
                top = max(scores)
                tr["score_max"][l, t, h] = top
                tr["sel"][l, t, h, scores.index(top)] = 1
                weights = []
                for u, z in enumerate(scores):
                    steps, rem = (top - z) >> c.exp_shift, (top - z) & ((1 << c.exp_shift) - 1)
                    idx = min(steps, last)
                    over = self.guard.unsigned(f"over[{l}]", steps - idx, c.over_bits, 31)
                    weights.append(self.m["exp"][idx])
                    tr["idx"][l, t, h, u], tr["over"][l, t, h, u], tr["rem"][l, t, h, u] = idx, over, rem
                    tr["e"][l, t, h, u] = weights[u]
                total = sum(weights)
                self.guard.unsigned(f"div[{l}]", 2 * total - 1, c.div_bits, 62)
                for j in range(part.start, part.stop):
                    n = 2 * sum(e * qkv[u][2][j] for u, e in enumerate(weights)) + total
                    o = n // (2 * total)
                    tr["o"][l, t, j] = self.guard.signed(f"o[{l}]", o, c.act_bits, 16)
                    tr["div"][l, t, j] = n - 2 * total * o
        rows: Rows = tr["o"][l].tolist()
        return rows

    def write(self, m: int, inputs: Rows, kind: str, shift: int, xs: Rows) -> None:
        """A linear layer whose rounded output is added to the residual stream (in place)."""
        l, rem_name = m // 2, f"{kind}_rem"
        gain = self.c.gains(kind)[l] if kind == "fc2" else 0
        for t, row in enumerate(inputs):
            for j, z in enumerate(linear(row, self.m[f"w_{kind}"][l], self.m[f"b_{kind}"][l], gain)):
                value, rem = round_shift(z, shift)
                self.trace["write"][m, t, j] = self.guard.signed(f"write[{m}]", value, self.c.write_bits, 32)
                self.trace[rem_name][l, t, j] = rem
                xs[t][j] += value

    def inner(self, l: int, ys: Rows) -> Rows:
        """First MLP layer and the GELU table of its class."""
        c, half, gain = self.c, 1 << (self.c.gelu_bits - 1), self.c.gains("fc1")[l]
        table = self.m["gelu"][c.mlp_class[l]]
        for t, y in enumerate(ys):
            for j, z in enumerate(linear(y, self.m["w_fc1"][l], self.m["b_fc1"][l], gain)):
                f, rem = round_shift(z, c.fc1_shift)
                self.guard.signed(f"f[{l}]", f, c.gelu_bits, c.gelu_bits)  # the table has no other entry
                self.trace["f"][l, t, j], self.trace["f_rem"][l, t, j] = f, rem
                self.trace["g"][l, t, j] = table[f + half]
        rows: Rows = self.trace["g"][l].tolist()
        return rows

    def layers(self) -> Rows:
        """All rows through all layers; what the head reads."""
        c, xs = self.c, self.embedding()
        for l in range(c.n_layer):
            qkv = self.query_key_value(l, self.layer_norm(2 * l, xs))
            self.write(2 * l, self.attention(l, qkv), "o", c.o_shift, xs)
            self.write(2 * l + 1, self.inner(l, self.layer_norm(2 * l + 1, xs)), "fc2", c.fc2_shift, xs)
        return self.layer_norm(2 * c.n_layer, xs)

    def head(self, y: Rows) -> None:
        """Final gain and bias, tied head, and the certified ids' lead over every other id."""
        c, tr, guard = self.c, self.trace, self.guard
        for i in range(tr.k):
            t = tr.T - tr.k + i
            for j, gain in enumerate(self.m["gain"]):
                value, rem = round_shift(gain * y[t][j] + self.m["beta"][j], c.final_shift)
                tr["yf"][i, j] = guard.signed("yf", value, c.act_bits, 16)
                tr["yf_rem"][i, j] = rem
            yf = tr["yf"][i].tolist()
            logits = [sum(a * b for a, b in zip(yf, row, strict=True)) for row in self.m["wte"]]
            certified = tr.ids[t + 1]
            tr["logits"][i], tr["logit"][i] = logits, logits[certified]
            tr["diff"][i] = [logits[certified] - z - (v < certified) for v, z in enumerate(logits)]


def trace_reference(model: QuantizedModel, ids: list[int], k: int, T: int, check: bool = True) -> Trace:
    """Executes the program on `ids` (N + 1 of them; row t reads ids[t]).

    With `check`, raises QuantizationRangeError when a value leaves its declared width and StatementError
    when a certified id is not the argmax of its row.
    """
    c = model.config
    check_statement(c, ids, k, T, padded=check)
    trace, guard = Trace(c, ids, k, T), RangeGuard(check)
    run = Execution(model, trace, guard)
    run.head(run.layers())
    if check:
        check_argmax(c, ids, k, T, trace["diff"])
        for i in range(k):
            guard.signed("logit", int(trace["logit"][i]), c.logit_bits, 64)
            guard.unsigned("diff", int(trace["diff"][i].max()), c.diff_bits, 63)
    return trace


def generate_reference(model: QuantizedModel, prompt: list[int], k: int, rows: int) -> tuple[list[int], int]:
    """Greedy continuation of `prompt` by k tokens: (N + 1 ids with the pad id after x_T, T)."""
    c = model.config
    T = len(prompt) - 1 + k
    ids = list(prompt) + [c.pad_id] * (rows + 1 - len(prompt))
    check_statement(c, ids, k, T, padded=False)
    for i in range(k):
        at = len(prompt) + i
        logits = trace_reference(model, ids, 1, at, check=False)["logits"][0].tolist()
        ids[at] = logits.index(max(logits))
    return ids, T
