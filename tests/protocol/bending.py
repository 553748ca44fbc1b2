"""The integer program once more, with hooks: a cheat bends a value where it is computed and goes on honestly.

Without bends it agrees with `zkllm.model.reference` (tested). Values are Python integers in object arrays, so
a bent value may be negative, huge or a field element.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isqrt

import numpy as np

from zkllm.model.weights import QuantizedModel

Bend = Callable[[int], int]
Bends = Mapping[tuple, Bend]  # (tensor, index..) -> what becomes of the value


def add(k: int) -> Bend:
    return lambda x: x + k


def to(k: int) -> Bend:
    return lambda x: k


class BentProgram:
    """One execution. `values` has every witness value but the multiplicities, over natural axes:

    x0 [t, d]; slot [t, w, d]; rho, u, v [n, t]; y, y_rem [n, t, d]; qkv, qkv_rem [l, t, 3, d];
    score_max [l, t, H]; sel, idx, over, rem, e [l, t, H, u]; o, div, div_rest, o_rem, fc2_rem [l, t, d];
    write [m, t, d]; f, f_rem, g [l, t, ff]; yf, yf_rem [i, d]; logit [i]; diff [i, w J].
    Virtual values that can be bent, too: Q [n, t], Z [l, t, H, u], n [l, t, d], x (the stream) [n, t, d].
    """

    def __init__(
        self,
        model: QuantizedModel,
        ids: list[int],
        k: int,
        T: int,
        bends: Bends | None = None,
        leak: bool = False,
        shift: int = 0,
    ):
        self.c = c = model.config
        self.m = {name: array.tolist() for name, array in model.arrays()}
        self.ids, self.k, self.T, self.rows, self.leak = ids, k, T, len(ids) - 1, leak
        self.shift = shift  # of the certified rows
        self.bends, self.unused = dict(bends or {}), set(bends or {})
        self.logits: list[list[int]] = []
        N, L, d, ff = self.rows, c.n_layer, c.width, c.d_inner
        shapes: dict[str, tuple[int, ...]] = {
            "x0": (N, d),
            "slot": (N, c.vocab_slots, d),
            "write": (2 * L, N, d),
        }
        shapes |= dict.fromkeys(("rho", "u", "v", "Q"), (2 * L + 1, N))
        shapes |= dict.fromkeys(("y", "y_rem", "x"), (2 * L + 1, N, d))
        shapes |= dict.fromkeys(("qkv", "qkv_rem"), (L, N, 3, d))
        shapes |= {"score_max": (L, N, c.n_head)}
        shapes |= dict.fromkeys(("sel", "idx", "over", "rem", "e", "Z"), (L, N, c.n_head, N))
        shapes |= dict.fromkeys(("o", "div", "div_rest", "o_rem", "fc2_rem", "n"), (L, N, d))
        shapes |= dict.fromkeys(("f", "f_rem", "g"), (L, N, ff))
        shapes |= dict.fromkeys(("yf", "yf_rem"), (k, d))
        shapes |= {"logit": (k,), "diff": (k, c.vocab_slots * c.vocab_block)}
        self.values = {name: np.zeros(shape, object) for name, shape in shapes.items()}
        self._run()
        assert not self.unused, f"these bends change nothing: {sorted(self.unused)}"

    def put(self, name: str, *at: int, value: int) -> int:
        key = (name, *at)
        if key in self.bends:
            value = self.bends[key](value)
            self.unused.discard(key)
        self.values[name][at] = value
        return value

    def rounded(
        self,
        name: str,
        rem: str,
        at: tuple[int, ...],
        z: int,
        shift: int,
        rem_at: tuple[int, ...] | None = None,
    ) -> int:
        z += 1 << shift - 1
        y = self.put(name, *at, value=z >> shift)
        self.put(rem, *(rem_at or at), value=z - (y << shift))
        return y

    def _run(self) -> None:
        c, m = self.c, self.m
        xs = self._embedding()
        for l in range(c.n_layer):
            self._write(2 * l, self._attention(l, self._norm(2 * l, xs)), "o", c.o_shift, xs)
            y = self._norm(2 * l + 1, xs)
            half, g, gelu = 1 << c.gelu_bits - 1, [], m["gelu"][c.mlp_class[l]]
            for t in range(self.rows):
                row = []
                for j in range(c.d_inner):
                    z = sum(a * w[j] for a, w in zip(y[t], m["w_fc1"][l], strict=True)) << c.gains("fc1")[l]
                    z += m["b_fc1"][l][j]
                    f = self.rounded("f", "f_rem", (l, t, j), z, c.fc1_shift)
                    row.append(self.put("g", l, t, j, value=gelu[max(-half, min(half - 1, f)) + half]))
                g.append(row)
            self._write(2 * l + 1, g, "fc2", c.fc2_shift, xs)
        self._head(self._norm(2 * c.n_layer, xs))

    def _embedding(self) -> list[list[int]]:
        c, m = self.c, self.m
        xs = []
        for t in range(self.rows):
            slot, index = divmod(self.ids[t], c.vocab_block)
            row = []
            for j in range(c.width):
                values = []
                for w in range(c.vocab_slots):
                    token = w * c.vocab_block + index
                    real = m["wte"][token][j] if token < c.vocab_size else 0
                    values.append(self.put("slot", t, w, j, value=real))
                row.append(
                    self.put(
                        "x0", t, j, value=(values[slot] << c.wte_shift) + (m["wpe"][t][j] << c.wpe_shift)
                    )
                )
            xs.append(row)
        return xs

    def _norm(self, n: int, xs: list[list[int]]) -> list[list[int]]:
        c, d, out = self.c, self.c.width, []
        for t in range(self.rows):
            x = [self.put("x", n, t, j, value=v) for j, v in enumerate(xs[t])]
            centred = [d * v - sum(x) for v in x]
            q = self.put("Q", n, t, value=sum(v * v for v in centred) + c.eps_int)
            target = d << 2 * c.kappa
            rho = self.put("rho", n, t, value=isqrt(target // q))
            u = self.put("u", n, t, value=target - rho * rho * q)
            self.put("v", n, t, value=(2 * rho + 1) * q - u - 1)
            out.append(
                [self.rounded("y", "y_rem", (n, t, j), v * rho, c.ln_shift) for j, v in enumerate(centred)]
            )
        return out

    def _attention(self, l: int, y: list[list[int]]) -> list[list[int]]:
        c, m, N = self.c, self.m, self.rows
        qkv = [
            [
                [
                    self.rounded(
                        "qkv",
                        "qkv_rem",
                        (l, t, p, j),
                        sum(a * w[p][j] for a, w in zip(y[t], m["w_qkv"][l], strict=True))
                        + m["b_qkv"][l][p][j],
                        c.qkv_shift,
                    )
                    for j in range(c.width)
                ]
                for p in range(3)
            ]
            for t in range(N)
        ]
        last, out = (1 << c.exp_bits) - 1, [[0] * c.width for _ in range(N)]
        for h in range(c.n_head):
            cut = slice(h * c.head_dim, (h + 1) * c.head_dim)
            for t in range(N):
                seen = N if self.leak else t + 1
                scores = [
                    self.put(
                        "Z",
                        l,
                        t,
                        h,
                        u,
                        value=sum(a * b for a, b in zip(qkv[t][0][cut], qkv[u][1][cut], strict=True)),
                    )
                    for u in range(N)
                ]
                top = max(scores[:seen])
                first = scores.index(top)
                top = self.put("score_max", l, t, h, value=top)
                e = []
                for u in range(N):
                    delta = top - scores[u] if u < seen else 0
                    steps = delta >> c.exp_shift
                    self.put("sel", l, t, h, u, value=int(u == first))
                    idx = self.put("idx", l, t, h, u, value=max(0, min(steps, last)))
                    self.put("over", l, t, h, u, value=steps - idx)
                    self.put("rem", l, t, h, u, value=delta - (steps << c.exp_shift))
                    row = m["exp"][max(0, min(idx, last))] if u < seen else 0
                    e.append(self.put("e", l, t, h, u, value=row))
                total = sum(e)
                for j in range(cut.start, cut.stop):
                    n = self.put("n", l, t, j, value=sum(w * qkv[u][2][j] for u, w in enumerate(e)))
                    o = self.put("o", l, t, j, value=(2 * n + total) // (2 * total))
                    div = self.put("div", l, t, j, value=2 * n + total - 2 * total * o)
                    self.put("div_rest", l, t, j, value=2 * total - 1 - div)
                    out[t][j] = o
        return out

    def _write(self, i: int, rows: list[list[int]], kind: str, shift: int, xs: list[list[int]]) -> None:
        weights, bias, l = self.m[f"w_{kind}"][i // 2], self.m[f"b_{kind}"][i // 2], i // 2
        gain = self.c.gains("fc2")[l] if kind == "fc2" else 0
        for t, row in enumerate(rows):
            for j in range(self.c.width):
                z = (sum(a * w[j] for a, w in zip(row, weights, strict=True)) << gain) + bias[j]
                xs[t][j] += self.rounded("write", f"{kind}_rem", (i, t, j), z, shift, (l, t, j))

    def _head(self, y: list[list[int]]) -> None:
        c, m = self.c, self.m
        for i in range(self.k):
            t = self.T - self.k + i
            yf = [
                self.rounded(
                    "yf", "yf_rem", (i, j), gain * y[t + self.shift][j] + m["beta"][j], c.final_shift
                )
                for j, gain in enumerate(m["gain"])
            ]
            logits = [sum(a * b for a, b in zip(yf, row, strict=True)) for row in m["wte"]]
            certified = self.ids[t + 1]
            top = self.put("logit", i, value=logits[certified])
            for v, z in enumerate(logits):
                self.put("diff", i, v, value=top - z - (v < certified))
            self.logits.append(logits)
