"""The integer program of a Llama, written to be read: plain Python integers, one row at a time.

The authority on what is proved. `zkllm.model.llama.execution` is its fast twin. Notation of
`docs/protocol.md`, section 2; `round_s(z) = floor((z + 2^(s-1)) / 2^s)`.
"""

from __future__ import annotations

from math import isqrt

from zkllm.model.llama.weights import LlamaModel
from zkllm.model.reference import (
    Index,
    Rows,
    TracePut,
    continued,
    entry,
    linear,
    norm_and_score_widths,
    traced,
)
from zkllm.model.trace import RangeGuard, Trace
from zkllm.protocol.sources import held_bits


class LlamaExecution:
    """One execution. Each value goes through `put` where it is computed, and what that returns flows on.

    Beside the values of a witness these are x (the stream), Q, Z (scores), M and n, which no trace has.
    """

    def __init__(self, model: LlamaModel, ids: list[int], k: int, T: int):
        self.c, self.ids, self.k, self.T, self.rows = model.config, ids, k, T, len(ids) - 1
        self.m = {name: array.tolist() for name, array in model.arrays()}
        self.m["head"] = model.head.tolist()

    def put(self, name: str, *at: int, value: int) -> int:
        return value

    def visible(self, t: int) -> int:
        """Behind the last position that row t attends to."""
        return t + 1

    def first(self, l: int, t: int) -> int:
        """The first one, which in some layers is that of a window."""
        return self.c.first_seen(l, t)

    def position(self, t: int) -> int:
        """Whose angles row t is turned by."""
        return t

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

    def table(self, l: int) -> list[int]:
        """Of a layer's activation."""
        table: list[int] = self.m["act"][self.c.act_class[l]]
        return table

    def gain(self, kind: str, l: int) -> int:
        """log2 of what multiplies a layer's products."""
        return self.c.gains(kind)[l]

    def accumulated(self, kind: str, l: int, row: list[int], part: int | None = None) -> list[int]:
        """2^gain sum_k row[k] weights[k][j] + bias[j]; `part`: of the outputs of q k v."""
        weights = self.m[f"w_{kind}"][l]
        if part is not None:
            weights = [by_part[part] for by_part in weights]
        bias = [0] * len(weights[0])
        if f"b_{kind}" in self.m:
            bias = self.m[f"b_{kind}"][l] if part is None else self.m[f"b_{kind}"][l][part]
        return linear(row, weights, bias, self.gain(kind, l))

    def embedding(self) -> Rows:
        """X_0[t] = round(wte_factor 2^wte_shift wte[x_t])."""
        return [[self.x0(t, j, x) for j, x in enumerate(self.token(t))] for t in range(self.rows)]

    def x0(self, t: int, j: int, x: int) -> int:
        z = self.c.wte_factor * x << self.c.wte_shift
        if self.c.x0_shift:
            return self.rounded("x0", (t, j), "x0_rem", (t, j), z, self.c.x0_shift)
        return self.put("x0", t, j, value=z)

    def rho(self, tag: str, at: Index, row: list[int], kappa: int, eps: int) -> int:
        """Q = sum D^2 + eps; rho = floor(sqrt(d 2^(2 kappa) / Q)). `tag`: which kind of normalisation."""
        q = self.put(f"{tag}Q", *at, value=sum(d * d for d in row) + eps)
        target = len(row) << (2 * kappa)
        rho = self.put(f"{tag}rho", *at, value=isqrt(target // q))
        u = self.put(f"{tag}u", *at, value=target - rho * rho * q)
        self.put(f"{tag}v", *at, value=(2 * rho + 1) * q - u - 1)
        return rho

    def norm(self, n: int, xs: Rows) -> Rows:
        """y = round(D rho), D the stream's row X, or d X - S where its mean is taken off."""
        c, ys = self.c, []
        for t, row in enumerate(xs):
            x = [self.put("x", n, t, j, value=value) for j, value in enumerate(row)]
            d = [len(x) * xj - sum(x) for xj in x] if c.centred else x
            rho = self.rho("", (n, t), d, c.kappa, c.eps_int)
            at = lambda j: (n, t, j)  # noqa: B023 (used in this turn of the loop)
            ys.append(
                [self.rounded("y", at(j), "y_rem", at(j), dj * rho, c.norm_shift) for j, dj in enumerate(d)]
            )
        return ys

    def query_key_value(self, l: int, ys: Rows) -> list[Rows]:
        """Of each row: the queries of each member of the groups, the keys, and the values, over (head of
        keys, feature)."""
        parts, shift = self.c.group + 2, self.c.qkv_shift

        def part(t: int, p: int) -> list[int]:
            sums = enumerate(self.accumulated("qkv", l, ys[t], p))
            return [self.rounded("qkv", (l, t, p, j), "qkv_rem", (l, t, p, j), z, shift) for j, z in sums]

        return [[part(t, p) for p in range(parts)] for t in range(len(ys))]

    def normed(self, l: int, t: int, x: int, plain: list[int]) -> list[int]:
        """round(gain D rho) of each head of keys, or of the queries that belong to it, over its features."""
        c, norm = self.c, self.c.head_norm
        if norm is None:
            return plain
        kind = self.gain_of(x)
        eps, out = (norm.query_eps, norm.key_eps)[kind][l], []
        for b in range(c.n_kv_head):
            head = plain[b * c.head_dim : (b + 1) * c.head_dim]
            rho = self.rho("head_", (l, t, x, b), head, norm.kappa, eps)
            for i, (gain, d) in enumerate(zip(self.m["head_gain"][l][kind], head, strict=True)):
                at = (l, t, x, b * c.head_dim + i)
                out.append(self.rounded("normed", at, "normed_rem", at, gain * d * rho, norm.shift))
        return out

    def gain_of(self, x: int) -> int:
        """0: the queries', 1: the key's."""
        return int(x == self.c.group)

    def angles(self, l: int, t: int) -> tuple[list[int], list[int]]:
        """Cosines and sines of a row's position, of the layer's table."""
        cos, sin = self.m["cos"], self.m["sin"]
        if self.c.angles:
            cos, sin = cos[self.c.angles[l]], sin[self.c.angles[l]]
        return cos[self.position(t)], sin[self.position(t)]

    def turned(self, l: int, t: int, x: int, plain: list[int]) -> list[int]:
        """Feature j of a head's first half with feature j of its second: by the angle of position and j.
        Where not all pairs are turned, the first are, and rot has these alone."""
        c, half = self.c, self.c.half
        cos, sin = self.angles(l, t)
        plain, out = self.normed(l, t, x, plain), []
        for i, q in enumerate(plain):
            half_head, j = divmod(i, half)
            if j >= c.pairs:
                out.append(q)
                continue
            second = half_head % 2
            other = plain[i - half] if second else plain[i + half]
            z = cos[j] * q + (sin[j] if second else -sin[j]) * other
            at = (l, t, x, half_head * c.pairs + j)
            out.append(self.rounded("rot", at, "rot_rem", at, z, c.rotary_shift))
        return out

    def attention(self, l: int, qkv: list[Rows]) -> Rows:
        """Causal softmax attention of every head, before the output projection."""
        c = self.c
        turned = [[self.turned(l, t, x, row[x]) for x in range(c.group + 1)] for t, row in enumerate(qkv)]
        values = [row[c.group + 1] for row in qkv]
        return [
            [o for h in range(c.n_head) for o in self.head_row(l, t, h, turned, values)]
            for t in range(self.rows)
        ]

    def capped(self, at: Index, z: int) -> int:
        """A score as the table holds it below its bound."""
        cap = self.c.cap
        assert cap is not None
        value = self.rounded("cap_z", at, "cap_rem", at, z, cap.shift)
        return self.put("cap_c", *at, value=entry(self.m["cap"], value + (1 << cap.bits - 1)))

    def shared_head(self, l: int, h: int) -> int:
        """Whose keys and values a head of queries attends to."""
        return h // self.c.group

    def head_row(self, l: int, t: int, h: int, turned: list[Rows], values: Rows) -> list[int]:
        """One row of one head. Positions that it does not attend to have weight 0."""
        c, begin, visible = self.c, self.first(l, t), self.visible(t)
        own = slice(h // c.group * c.head_dim, (h // c.group + 1) * c.head_dim)
        start = self.shared_head(l, h) * c.head_dim
        part = slice(start, start + c.head_dim)
        query, scores = turned[t][h % c.group][own], []
        for u in range(self.rows):
            z = sum(a * b for a, b in zip(query, turned[u][c.group][part], strict=True))
            z = self.put("Z", l, t, h, u, value=z << self.gain("score", l))
            scores.append(self.capped((l, t, h, u), z) if c.cap and u < visible else z)
        attained = max(scores[begin:visible])
        first = scores.index(attained, begin)
        top = self.put("score_max", l, t, h, value=attained)
        weights = []
        for u, z in enumerate(scores):
            seen = begin <= u < visible
            delta = top - z if seen else 0
            steps = delta >> c.exp_shift  # which is 0 where scores are capped
            if u < begin:  # looked up, with a weight of 0
                steps = (1 << c.exp_bits) - 1
            self.put("sel", l, t, h, u, value=int(u == first))
            idx = self.put("idx", l, t, h, u, value=max(0, min(steps, (1 << c.exp_bits) - 1)))
            if not c.cap:
                self.put("over", l, t, h, u, value=steps - idx)
                self.put("rem", l, t, h, u, value=delta - (steps << c.exp_shift) if seen else 0)
            weight = entry(self.m["exp"], idx) if seen else 0
            weights.append(self.put("e", l, t, h, u, value=weight))
        total = self.put("M", l, t, h, value=sum(weights))
        row = []
        for i in range(c.head_dim):
            j, v = h * c.head_dim + i, start + i
            n = self.put("n", l, t, j, value=sum(e * values[u][v] for u, e in enumerate(weights)))
            o = self.put("o", l, t, j, value=(2 * n + total) // (2 * total))
            w = self.put("div", l, t, j, value=2 * n + total - 2 * total * o)
            self.put("div_rest", l, t, j, value=2 * total - 1 - w)
            row.append(o)
        return row

    def write(self, m: int, inputs: Rows, kind: str, shift: int, xs: Rows) -> None:
        """A linear layer whose rounded output, or what its norm makes of it, is added to the residual stream
        (in place)."""
        l, rem, name = m // 2, f"{kind}_rem", "out" if self.c.post_norm else "write"
        for t, row in enumerate(inputs):
            sums = enumerate(self.accumulated(kind, l, row))
            out = [self.rounded(name, (m, t, j), rem, (l, t, j), z, shift) for j, z in sums]
            for j, value in enumerate(self.post_normed(m, t, out)):
                xs[t][j] += value

    def post_normed(self, m: int, t: int, out: list[int]) -> list[int]:
        """round(gain out rho)."""
        norm = self.c.post_norm
        if norm is None:
            return out
        rho, writes = self.rho("post_", (m, t), out, norm.kappa, norm.eps[m]), []
        for j, (gain, value) in enumerate(zip(self.m["post_gain"][m], out, strict=True)):
            at = (m, t, j)
            writes.append(self.rounded("write", at, "write_rem", at, gain * value * rho, norm.shift))
        return writes

    def inner(self, l: int, ys: Rows) -> Rows:
        """What down reads: a = act(f), a table's output, or with a gate g = round(2^gain a up)."""
        c, offset, table, rows = self.c, 1 << (self.c.gate_bits - 1), self.table(l), []
        for t, y in enumerate(ys):
            row = []
            ups = self.accumulated("up", l, y) if c.gated else []
            for j, gate in enumerate(self.accumulated("gate", l, y)):
                at = (l, t, j)
                f = self.rounded("f", at, "gate_rem", at, gate, c.gate_shift)
                other = self.rounded("up", at, "up_rem", at, ups[j], c.up_shift) if c.gated else 0
                a = self.put("a", *at, value=entry(table, f + offset))
                if c.gated:
                    z = a * other << self.gain("product", l)
                    a = self.rounded("g", at, "g_rem", at, z, c.product_shift)
                row.append(a)
            rows.append(row)
        return rows

    def layers(self) -> Rows:
        """All rows through all layers; what the head reads."""
        c, xs = self.c, self.embedding()
        for l in range(c.n_layer):
            before = [list(row) for row in xs]
            qkv = self.query_key_value(l, self.norm(2 * l, xs))
            self.write(2 * l, self.attention(l, qkv), "o", c.o_shift, xs)
            ys = self.norm(2 * l + 1, self.read_by_mlp(before, xs))
            self.write(2 * l + 1, self.inner(l, ys), "down", c.down_shift, xs)
        return self.norm(2 * c.n_layer, xs)

    def read_by_mlp(self, before: Rows, after: Rows) -> Rows:
        """The stream before attention, or after it."""
        return before if self.c.parallel else after

    def head(self, y: Rows) -> None:
        """Final gain, head, and the certified ids' lead over every other id."""
        c = self.c
        for i in range(self.k):
            t = self.T - self.k + i
            yf = []
            for j, gain in enumerate(self.m["gain"]):
                z = gain * y[t][j] + (self.m["beta"][j] if c.centred else 0)
                yf.append(self.rounded("yf", (i, j), "yf_rem", (i, j), z, c.final_shift))
            logits = [sum(a * b for a, b in zip(yf, row, strict=True)) for row in self.m["head"]]
            certified = self.ids[t + 1]
            top = self.put("logit", i, value=logits[certified])
            for v, z in enumerate(logits):
                self.put("logits", i, v, value=z)
                self.put("diff", i, v, value=top - z - (v < certified))


class LlamaTracing(LlamaExecution):
    """Fills the arrays of a trace."""

    def __init__(self, model: LlamaModel, trace: Trace, guard: RangeGuard):
        super().__init__(model, trace.ids, trace.k, trace.T)
        c = model.config
        # f has no other range than its table
        signed = {
            **{"x0": (32, 32), "write": (c.write_bits, 32), "f": (c.gate_bits, c.gate_bits)},
            **dict.fromkeys(("y", "o"), (c.act_bits, 16)),
            **dict.fromkeys(("qkv", "normed", "rot"), (c.read_bits, held_bits(c.read_bits))),
            "yf": (c.final_bits, held_bits(c.final_bits)),
        }
        if c.gated:
            signed |= {"up": (c.up_bits, held_bits(c.up_bits)), "g": (c.product_bits, 32)}
        unsigned = norm_and_score_widths(c)
        for tag, norm in (("head_", c.head_norm), ("post_", c.post_norm)):
            if norm is not None:
                unsigned |= {f"{tag}rho": (norm.rho_bits, 128)}
                unsigned |= dict.fromkeys((f"{tag}u", f"{tag}v"), (norm.norm_bits, 128))
        if c.cap is not None:
            signed["cap_z"] = (c.cap.bits, c.cap.bits)  # no other range than its table
        if c.post_norm is not None:
            signed["out"] = (c.post_norm.out_bits, 32)
        self.into = TracePut(trace, guard, signed, unsigned, c.div_bits)

    def put(self, name: str, *at: int, value: int) -> int:
        self.into.put(name, at, value)
        return value


def trace_reference(model: LlamaModel, ids: list[int], k: int, T: int, check: bool = True) -> Trace:
    """As `zkllm.model.reference.trace_reference`."""

    def execute(trace: Trace, guard: RangeGuard) -> None:
        run = LlamaTracing(model, trace, guard)
        run.head(run.layers())

    return traced(model.config, ids, k, T, check, execute)


def generate_reference(model: LlamaModel, prompt: list[int], k: int, rows: int) -> tuple[list[int], int]:
    """As `zkllm.model.reference.generate_reference`."""
    trace = lambda ids, T: trace_reference(model, ids, 1, T, check=False)
    return continued(model.config, prompt, k, rows, trace)
