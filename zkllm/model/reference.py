"""The integer program, written to be read: plain Python integers, one row at a time.

The authority on what is proved. `zkllm.model.execution` is its fast twin. Notation of `docs/protocol.md`,
section 2; `round_s(z) = floor((z + 2^(s-1)) / 2^s)`.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isqrt

from zkllm.families import Config
from zkllm.model.trace import RangeGuard, Trace, check_certified, check_statement
from zkllm.model.weights import QuantizedModel
from zkllm.protocol.sources import WORDS

Rows = list[list[int]]
Index = tuple[int, ...]
Widths = dict[str, tuple[int, int]]


def words(x: int) -> list[int]:
    """A non-negative integer below 2^128 as little-endian 16-bit words."""
    return [(x >> (16 * i)) & 0xFFFF for i in range(WORDS)]


def linear(row: list[int], weights: Rows, bias: list[int], gain: int = 0) -> list[int]:
    """Accumulators of one row: 2^gain sum_k row[k] weights[k][j] + bias[j]."""
    return [
        b + (sum(x * w[j] for x, w in zip(row, weights, strict=True)) << gain) for j, b in enumerate(bias)
    ]


def entry(table: list[int], index: int) -> int:
    """Every index that the program looks up is in its table; one that was bent gets the nearest entry."""
    return table[max(0, min(index, len(table) - 1))]


class Execution:
    """One execution. Each value goes through `put` where it is computed, and what that returns flows on.

    Beside the values of a witness these are x (the stream), Q, Z (scores), M and n, which no trace has.
    """

    def __init__(self, model: QuantizedModel, ids: list[int], k: int, T: int):
        self.c, self.ids, self.k, self.T, self.rows = model.config, ids, k, T, len(ids) - 1
        self.m = {name: array.tolist() for name, array in model.arrays()}

    def put(self, name: str, *at: int, value: int) -> int:
        return value

    def visible(self, t: int) -> int:
        """How many positions row t attends to."""
        return t + 1

    def token(self, t: int) -> list[int]:
        """wte[x_t]."""
        row: list[int] = self.m["wte"][self.ids[t]]
        return row

    def rounded(self, name: str, at: Index, rem: str, rem_at: Index, z: int, shift: int) -> int:
        """y = round_s(z) and its remainder: 2^s y + rem - 2^(s-1) = z, 0 <= rem < 2^s."""
        z += 1 << (shift - 1)
        y = self.put(name, *at, value=z >> shift)
        self.put(rem, *rem_at, value=z - (y << shift))
        return y

    def embedding(self) -> Rows:
        """X_0[t] = 2^wte_shift wte[x_t] + 2^wpe_shift wpe[t]."""
        c, xs = self.c, []
        for t in range(self.rows):
            both = zip(self.token(t), self.m["wpe"][t], strict=True)
            sums = [(x << c.wte_shift) + (p << c.wpe_shift) for x, p in both]
            xs.append([self.put("x0", t, j, value=x) for j, x in enumerate(sums)])
        return xs

    def layer_norm(self, n: int, xs: Rows) -> Rows:
        """D = d X - S, Q = sum D^2 + eps; rho = floor(sqrt(d 2^(2 kappa) / Q)); y = round(D rho)."""
        c, d, ys = self.c, self.c.width, []
        for t, row in enumerate(xs):
            x = [self.put("x", n, t, j, value=value) for j, value in enumerate(row)]
            total = sum(x)
            centred = [d * xj - total for xj in x]
            q = self.put("Q", n, t, value=sum(dj * dj for dj in centred) + c.eps_int)
            target = d << (2 * c.kappa)
            rho = self.put("rho", n, t, value=isqrt(target // q))
            u = self.put("u", n, t, value=target - rho * rho * q)
            self.put("v", n, t, value=(2 * rho + 1) * q - u - 1)
            ys.append(
                [
                    self.rounded("y", (n, t, j), "y_rem", (n, t, j), dj * rho, c.ln_shift)
                    for j, dj in enumerate(centred)
                ]
            )
        return ys

    def query_key_value(self, l: int, ys: Rows) -> list[Rows]:
        """Rows of (q, k, v), each of the full width."""
        weights = [[row[p] for row in self.m["w_qkv"][l]] for p in range(3)]
        biases, shift = self.m["b_qkv"][l], self.c.qkv_shift

        def part(t: int, p: int) -> list[int]:
            sums = enumerate(linear(ys[t], weights[p], biases[p]))
            return [self.rounded("qkv", (l, t, p, j), "qkv_rem", (l, t, p, j), z, shift) for j, z in sums]

        return [[part(t, p) for p in range(3)] for t in range(len(ys))]

    def attention(self, l: int, qkv: list[Rows]) -> Rows:
        """Causal softmax attention of every head, before the output projection."""
        return [
            [o for h in range(self.c.n_head) for o in self.head_row(l, t, h, qkv)] for t in range(self.rows)
        ]

    def head_row(self, l: int, t: int, h: int, qkv: list[Rows]) -> list[int]:
        """One row of one head. Positions that it does not attend to have weight 0."""
        c, visible = self.c, self.visible(t)
        part = slice(h * c.head_dim, (h + 1) * c.head_dim)
        scores = []
        for u in range(self.rows):
            z = sum(a * b for a, b in zip(qkv[t][0][part], qkv[u][1][part], strict=True))
            scores.append(self.put("Z", l, t, h, u, value=z))
        attained = max(scores[:visible])
        first = scores.index(attained)
        top = self.put("score_max", l, t, h, value=attained)
        weights = []
        for u, z in enumerate(scores):
            delta = top - z if u < visible else 0
            steps = delta >> c.exp_shift
            self.put("sel", l, t, h, u, value=int(u == first))
            idx = self.put("idx", l, t, h, u, value=max(0, min(steps, (1 << c.exp_bits) - 1)))
            self.put("over", l, t, h, u, value=steps - idx)
            self.put("rem", l, t, h, u, value=delta - (steps << c.exp_shift))
            weight = entry(self.m["exp"], idx) if u < visible else 0
            weights.append(self.put("e", l, t, h, u, value=weight))
        total = self.put("M", l, t, h, value=sum(weights))
        row = []
        for j in range(part.start, part.stop):
            n = self.put("n", l, t, j, value=sum(e * qkv[u][2][j] for u, e in enumerate(weights)))
            o = self.put("o", l, t, j, value=(2 * n + total) // (2 * total))
            w = self.put("div", l, t, j, value=2 * n + total - 2 * total * o)
            self.put("div_rest", l, t, j, value=2 * total - 1 - w)
            row.append(o)
        return row

    def write(self, m: int, inputs: Rows, kind: str, shift: int, xs: Rows) -> None:
        """A linear layer whose rounded output is added to the residual stream (in place)."""
        l, rem = m // 2, f"{kind}_rem"
        gain = self.c.gains(kind)[l] if kind == "fc2" else 0
        for t, row in enumerate(inputs):
            for j, z in enumerate(linear(row, self.m[f"w_{kind}"][l], self.m[f"b_{kind}"][l], gain)):
                xs[t][j] += self.rounded("write", (m, t, j), rem, (l, t, j), z, shift)

    def inner(self, l: int, ys: Rows) -> Rows:
        """First MLP layer and the GELU table of its class."""
        c, half, gain = self.c, 1 << (self.c.gelu_bits - 1), self.c.gains("fc1")[l]
        table, rows = self.m["gelu"][c.mlp_class[l]], []
        for t, y in enumerate(ys):
            row = []
            for j, z in enumerate(linear(y, self.m["w_fc1"][l], self.m["b_fc1"][l], gain)):
                f = self.rounded("f", (l, t, j), "f_rem", (l, t, j), z, c.fc1_shift)
                row.append(self.put("g", l, t, j, value=entry(table, f + half)))
            rows.append(row)
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
        c, affine = self.c, list(zip(self.m["gain"], self.m["beta"], strict=True))
        for i in range(self.k):
            t = self.T - self.k + i
            yf = []
            for j, (gain, beta) in enumerate(affine):
                z = gain * y[t][j] + beta
                yf.append(self.rounded("yf", (i, j), "yf_rem", (i, j), z, c.final_shift))
            logits = [sum(a * b for a, b in zip(yf, row, strict=True)) for row in self.m["wte"]]
            certified = self.ids[t + 1]
            top = self.put("logit", i, value=logits[certified])
            for v, z in enumerate(logits):
                self.put("logits", i, v, value=z)
                self.put("diff", i, v, value=top - z - (v < certified))


class TracePut:
    """Fills the arrays of a trace, whose widths are held as values are put."""

    def __init__(self, trace: Trace, guard: RangeGuard, signed: Widths, unsigned: Widths, div_bits: int):
        """(bits, those of the array) by name."""
        self.trace, self.guard, self.div_bits = trace, guard, div_bits
        self.signed, self.unsigned = signed, unsigned

    def put(self, name: str, at: Index, value: int) -> None:
        where = name if name in ("x0", "yf") else f"{name}[{at[0]}]"
        if name in self.signed:
            self.guard.signed(where, value, *self.signed[name])
        elif name in self.unsigned:
            self.guard.unsigned(where, value, *self.unsigned[name])
        elif name == "M":  # w and w' are below 2 M
            self.guard.unsigned(f"div[{at[0]}]", 2 * value - 1, self.div_bits, 62)
        array = self.trace.get(name)
        if array is not None:
            array[at] = words(value) if array.ndim > len(at) else value


class Tracing(Execution):
    """Fills the arrays of a trace."""

    def __init__(self, model: QuantizedModel, trace: Trace, guard: RangeGuard):
        super().__init__(model, trace.ids, trace.k, trace.T)
        c = model.config
        # f has no other range than its table
        signed = {
            **{"x0": (32, 32), "write": (c.write_bits, 32), "f": (c.gelu_bits, c.gelu_bits)},
            **dict.fromkeys(("y", "qkv", "o", "yf"), (c.act_bits, 16)),
        }
        self.into = TracePut(trace, guard, signed, norm_and_score_widths(c), c.div_bits)

    def put(self, name: str, *at: int, value: int) -> int:
        self.into.put(name, at, value)
        return value


def norm_and_score_widths(c: Config) -> Widths:
    """Of the unsigned values."""
    norm = {"rho": (c.rho_bits, 128), "u": (c.norm_bits, 128), "v": (c.norm_bits, 128)}
    return {**norm, "over": (c.over_bits, 31)}


def traced(
    c: Config, ids: list[int], k: int, T: int, check: bool, execute: Callable[[Trace, RangeGuard], None]
) -> Trace:
    """What `execute` fills; the checks are `trace_reference`'s."""
    check_statement(c, ids, k, T, padded=check)
    trace, guard = Trace(c, ids, k, T), RangeGuard(check)
    execute(trace, guard)
    if check:
        check_certified(trace, guard)
    return trace


def continued(
    c: Config, prompt: list[int], k: int, rows: int, trace: Callable[[list[int], int], Trace]
) -> tuple[list[int], int]:
    """`generate_reference`, by unchecked traces of (ids, T) for one certified token."""
    T = len(prompt) - 1 + k
    ids = list(prompt) + [c.pad_id] * (rows + 1 - len(prompt))
    check_statement(c, ids, k, T, padded=False)
    for i in range(k):
        at = len(prompt) + i
        logits = trace(ids, at)["logits"][0].tolist()
        ids[at] = logits.index(max(logits))
    return ids, T


def trace_reference(model: QuantizedModel, ids: list[int], k: int, T: int, check: bool = True) -> Trace:
    """Executes the program on `ids` (N + 1 of them; row t reads ids[t]).

    With `check`, raises QuantizationRangeError when a value leaves its declared width and StatementError
    when a certified id is not the argmax of its row.
    """

    def execute(trace: Trace, guard: RangeGuard) -> None:
        run = Tracing(model, trace, guard)
        run.head(run.layers())

    return traced(model.config, ids, k, T, check, execute)


def generate_reference(model: QuantizedModel, prompt: list[int], k: int, rows: int) -> tuple[list[int], int]:
    """Greedy continuation of `prompt` by k tokens: (N + 1 ids with the pad id after x_T, T)."""
    trace = lambda ids, T: trace_reference(model, ids, 1, T, check=False)
    return continued(model.config, prompt, k, rows, trace)
