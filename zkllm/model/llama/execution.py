"""The integer program of a Llama by kernels and numpy: bit-identical to `zkllm.model.llama.reference`.

What is heavy (linear layers, attention, sums of squares, the head) is kernels' work; the rest is a few exact
operations on 64-bit integers an entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

import numpy as np

from zkllm.kernels.interface import Kernels, LinearScales
from zkllm.llama.description import attention, head_norms, linear_kinds, post_norms, stream_norm
from zkllm.model.kernel_rows import KernelRows, Progress
from zkllm.model.llama.weights import LlamaModel
from zkllm.model.trace import Trace
from zkllm.ops.norm import RowNorm
from zkllm.protocol.sources import WORDS, held_bits

_LIMB = 15
"""Bits below the top limb of a wide input of a linear layer, whose kernel takes 16-bit integers."""
_HALVES = 16
"""Of an accumulator, as the linear kernel gives it: rounded to 32 bits, and what is left."""

Index = tuple[int, slice]


class LlamaExecution(KernelRows):
    """Fills a trace, some rows at a time."""

    def __init__(self, model: LlamaModel, trace: Trace, check: bool, kernels: Kernels):
        super().__init__(trace, check, kernels)
        c = model.config
        self.c, self.model = c, model
        self.norm_scales, self.attention_scales = stream_norm(c), attention(c, trace.rows)
        self.head_norms, self.post_norms = head_norms(c), post_norms(c)
        self.kinds = {kind.name: kind for kind in linear_kinds(c)}
        bits = self.guard.bits
        self.target_bits = {
            "qkv": bits(c.read_bits, held_bits(c.read_bits)),
            "write": bits(c.write_bits, 32),
            "out": bits(c.post_norm.out_bits if c.post_norm else 32, 32),
            "f": c.gate_bits,  # checked or not: the table has no other entry
            "up": bits(c.up_bits, held_bits(c.up_bits)),
        }

    def rows(self, start: int, stop: int, progress: Progress | None = None) -> None:
        if start == stop:
            return
        at, layers = slice(start, stop), self.c.n_layer
        x = self.embed(at)
        for l in range(layers):
            before = x.copy() if self.c.parallel else x
            self.norm(2 * l, at, x)
            self.linear("qkv", l, at, self.trace["y"][2 * l, at], l)
            self.turn(l, at)
            self.attend(l, at)
            out = self.linear("o", l, at, self.trace["o"][l, at], 2 * l)
            x += self.post_norm(2 * l, at, out)
            self.norm(2 * l + 1, at, before)
            x += self.post_norm(2 * l + 1, at, self.inner(l, at))
            if progress is not None:
                progress(l + 1, layers)
        self.norm(2 * layers, at, x)

    def embed(self, at: slice) -> np.ndarray:
        """X_0, the residual stream before the first write."""
        c = self.c
        x = self.model["wte"][self.trace.ids[at]].astype(np.int64) * c.wte_factor << c.wte_shift
        if c.x0_shift:
            x += 1 << c.x0_shift - 1
            self.trace["x0_rem"][at] = x & (1 << c.x0_shift) - 1
            x >>= c.x0_shift
        self.trace["x0"][at] = self.guard.signed_array("x0", x, 32, 32)
        return x

    def norm(self, n: int, at: slice, x: np.ndarray) -> None:
        """Of rows of the stream, int64; |D rho| is at most sqrt(d) 2^kappa, which fits."""
        op, trace = self.norm_scales, self.trace
        if self.c.centred:
            x = op.width * x - x.sum(axis=-1, keepdims=True)
        rho = self.rhos(op, n, (n, at), x, [op.eps] * len(x))
        z = x * rho[:, None] + (1 << op.shift - 1)
        trace["y"][n, at] = self.guard.signed_array(f"y[{n}]", z >> op.shift, op.bits, 16)
        trace["y_rem"][n, at] = z & (1 << op.shift) - 1

    def rhos(self, op: RowNorm, index: int, where: Index, x: np.ndarray, eps: Sequence[int]) -> np.ndarray:
        """Fills rho, u and v of rows int64 (rows, features), at `where` in their arrays; returns rho, int64.
        `index`: on their first axis."""
        target, made = op.width << 2 * op.kappa, list[list[int]]()
        for square, own in zip(self.kernels.square_sums(np.ascontiguousarray(x)), eps, strict=True):
            q = square + own
            rho = isqrt(target // q)
            u = target - rho * rho * q
            made.append([rho, u, (2 * rho + 1) * q - u - 1])
        for i, name in enumerate(("rho", "u", "v")):
            bits, values = op.rho_bits if name == "rho" else op.norm_bits, [row[i] for row in made]
            for value in values:
                self.guard.unsigned(f"{op.tag}{name}[{index}]", value, bits, 128)
            array = self.trace[op.tag + name][where]
            raw = b"".join(value.to_bytes(2 * WORDS, "little") for value in values)
            array[...] = np.frombuffer(raw, "<u2").reshape(array.shape)
        return np.array([rho for rho, _, _ in made], np.int64)

    def post_norm(self, m: int, at: slice, out: np.ndarray) -> np.ndarray:
        """What is added to the stream: `out` itself, or what its norm makes of it, which is traced."""
        for op in self.post_norms:
            x = out.astype(np.int64)
            rho = self.rhos(op, m, (m, at), x, [op.eps[m]] * len(x))
            z = self.model["post_gain"][m].astype(np.int64) * x * rho[:, None] + (1 << op.shift - 1)
            write = self.guard.signed_array(f"write[{m}]", z >> op.shift, self.c.write_bits, 32)
            self.trace["write"][m, at], self.trace["write_rem"][m, at] = write, z & (1 << op.shift) - 1
            return write
        return out

    def normed(self, l: int, at: slice) -> np.ndarray:
        """Queries and keys as they are turned (rows, parts, heads of keys and features)."""
        c, trace = self.c, self.trace
        plain: np.ndarray = trace["qkv"][l, at, : c.group + 1]
        for op in self.head_norms:
            shape = (at.stop - at.start, c.group + 1, c.n_kv_head, c.head_dim)
            x = plain.reshape(-1, c.head_dim).astype(np.int64)
            eps = [op.query_eps[l]] * c.group * c.n_kv_head + [op.key_eps[l]] * c.n_kv_head
            rho = self.rhos(op, l, (l, at), x, eps * shape[0]).reshape(*shape[:3], 1)
            kinds = [0] * c.group + [1]
            gains = self.model["head_gain"][l][kinds].astype(np.int64)[:, None]
            z = (gains * x.reshape(shape) * rho + (1 << op.shift - 1)).reshape(plain.shape)
            normed = self.guard.signed_array(f"normed[{l}]", z >> op.shift, op.bits, held_bits(op.bits))
            trace["normed"][l, at], trace["normed_rem"][l, at] = normed, z & (1 << op.shift) - 1
            plain = trace["normed"][l, at]
        return plain

    def linear(self, name: str, l: int, at: slice, a: np.ndarray, index: int) -> np.ndarray:
        """Fills rows of the target, and returns them."""
        kind, bits = self.kinds[name], self.target_bits[self.kinds[name].target]
        weights, bias = self.model[f"w_{name}"][l], self.model.bias(name, l)
        return self.fill_linear(kind, l, at, a, weights, bias, index, bits)

    def turn(self, l: int, at: slice) -> None:
        """Queries and keys, by the angles of their positions."""
        c, trace = self.c, self.trace
        count = at.stop - at.start
        heads = self.normed(l, at).reshape(count, c.group + 1, c.n_kv_head, 2, c.half)
        plain = heads[..., : c.pairs].astype(np.int64)
        table = (c.angles[l], at) if c.angles else (at,)
        cos, sin = (self.model[name][table].astype(np.int64)[:, None, None, None] for name in ("cos", "sin"))
        turned = np.stack([-1, 1]).astype(np.int64)[:, None] * sin * plain[..., ::-1, :]
        z = cos * plain + turned + (1 << c.rotary_shift - 1)
        shape = trace["rot"][l, at].shape
        rot = self.guard.signed_array(f"rot[{l}]", z >> c.rotary_shift, c.read_bits, held_bits(c.read_bits))
        trace["rot"][l, at] = rot.reshape(shape)
        trace["rot_rem"][l, at] = (z & (1 << c.rotary_shift) - 1).reshape(shape)

    def rotated(self, l: int, stop: int) -> np.ndarray:
        """Queries and keys of the first rows as scores are made of them (rows, part, head of keys,
        features): what was turned, and beside it what is not."""
        c = self.c
        turned = self.trace["rot"][l, :stop].reshape(stop, c.group + 1, c.n_kv_head, 2, c.pairs)
        left = self.trace["qkv"][l, :stop, : c.group + 1].reshape(*turned.shape[:-1], c.half)[..., c.pairs :]
        return np.concatenate([turned, left], axis=-1).reshape(*turned.shape[:-2], c.head_dim)

    def attend(self, l: int, at: slice) -> None:
        """By the kernel that knows no groups: each head of queries with its own copy of keys and values."""
        c, stop = self.c, at.stop
        rot = self.rotated(l, stop)
        values = self.trace["qkv"][l, :stop, c.group + 1].reshape(stop, c.n_kv_head, 1, c.head_dim)
        by_head = np.zeros((self.trace.rows, 3, c.n_kv_head, c.group, c.head_dim), rot.dtype)
        by_head[:stop, 0] = rot[:, : c.group].transpose(0, 2, 1, 3)
        by_head[:stop, 1] = rot[:, c.group][:, :, None]
        by_head[:stop, 2] = values
        qkv = by_head.reshape(self.trace.rows, 3, c.attended)
        if c.cap:
            self.attend_capped(l, at, qkv)
            return
        split = max(at.start, min(stop, c.window)) if c.window and c.sliding[l] else stop
        if at.start < split:
            self.fill_attention(self.attention_scales, l, slice(at.start, split), qkv, self.model["exp"])
        for t in range(split, stop):
            self.fill_windowed(self.attention_scales, l, t, c.window, qkv, self.model["exp"])

    def attend_capped(self, l: int, at: slice, qkv: np.ndarray) -> None:
        """Rows of heads whose scores a table caps; `qkv` (rows, 3, width)."""
        c, trace, stop = self.c, self.trace, at.stop
        cap = c.cap
        assert cap is not None
        heads = qkv.reshape(trace.rows, 3, c.n_head, c.head_dim)[:stop].astype(np.float64)
        q, k, v = (heads[:, i].transpose(1, 0, 2) for i in range(3))  # sums of products below 2^53 are exact
        z = (q[:, at] @ k.transpose(0, 2, 1)).astype(np.int64) << c.gains("score")[l]
        z = z.transpose(1, 0, 2) + (1 << cap.shift - 1)  # (row, head, column)
        rows, columns = np.arange(at.start, stop)[:, None, None], np.arange(stop)
        looked_up = columns <= rows
        begin = np.array([c.first_seen(l, t) for t in range(at.start, stop)])[:, None, None]
        seen = looked_up & (columns >= begin)
        z = np.where(looked_up, z, 1 << cap.shift - 1)
        held = self.guard.signed_array(f"cap_z[{l}]", z >> cap.shift, cap.bits, cap.bits)
        capped = self.model["cap"][held.astype(np.int64) + (1 << cap.bits - 1)].astype(np.int64)
        top = np.where(seen, capped, np.iinfo(np.int64).min).max(axis=-1)
        first = (seen & (capped == top[..., None])).argmax(axis=-1)
        last = (1 << c.exp_bits) - 1
        idx = np.where(seen, np.minimum(top[..., None] - capped, last), np.where(looked_up, last, 0))
        e = np.where(seen, self.model["exp"][idx], 0).astype(np.int64)
        total = e.sum(axis=-1)  # (row, head)
        doubled = 2 * (e.transpose(1, 0, 2).astype(np.float64) @ v).astype(np.int64).transpose(1, 0, 2)
        doubled += total[..., None]
        o = doubled // (2 * total[..., None])
        self.guard.unsigned(f"div[{l}]", int(2 * total.max()) - 1, c.div_bits, 62)
        made = {"cap_z": held, "cap_rem": z & (1 << cap.shift) - 1, "cap_c": capped, "idx": idx, "e": e,
                "sel": columns == first[..., None]}  # fmt: skip
        for name, values in made.items():
            trace[name][l, at] = 0
            trace[name][l, at, :, :stop] = np.where(looked_up, values, 0)
        trace["score_max"][l, at] = top
        flat = (at.stop - at.start, c.attended)
        trace["o"][l, at] = self.guard.signed_array(f"o[{l}]", o, c.act_bits, 16).reshape(flat)
        trace["div"][l, at] = (doubled - 2 * total[..., None] * o).reshape(flat)

    def inner(self, l: int, at: slice) -> np.ndarray:
        """The MLP; returns what it puts out."""
        c, trace = self.c, self.trace
        y = trace["y"][2 * l + 1, at]
        f = self.linear("gate", l, at, y, l)
        table = self.model["act"][c.act_class[l]]
        a = table[f.astype(np.int64) + len(table) // 2].astype(np.int64)
        trace["a"][l, at] = a
        if not c.gated:
            return self.down(l, at, a)
        up = self.linear("up", l, at, y, l).astype(np.int64)
        z = (a * up << c.gains("product")[l]) + (1 << c.product_shift - 1)
        g = self.guard.signed_array(f"g[{l}]", z >> c.product_shift, c.product_bits, 32)
        trace["g"][l, at], trace["g_rem"][l, at] = g, z & (1 << c.product_shift) - 1
        return self.down(l, at, g)

    def down(self, l: int, at: slice, g: np.ndarray) -> np.ndarray:
        """The down projection of what is wider than its kernel takes."""
        kind, trace = self.kinds["down"], self.trace
        z = self._accumulate(g, self.model["w_down"][l]) << kind.gains[l]
        z += self.model.bias("down", l)
        z += 1 << kind.shift - 1
        index, name = 2 * l + 1, kind.target
        bits = self.target_bits[name]
        trace[name][index, at] = self.guard.signed_array(f"{name}[{index}]", z >> kind.shift, bits, 32)
        trace[kind.remainder][l, at] = z & (1 << kind.shift) - 1
        out: np.ndarray = trace[name][index, at]
        return out

    def _accumulate(self, a: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """a W, int64, of integers a of up to 31 bits."""
        shape = (2 * len(a), weights.shape[1])
        y, rem = np.empty(shape, np.int32), np.empty(shape, np.int32)
        scales = LinearScales(0, _HALVES, 32, "accumulator")
        self.kernels.linear(_limbs(a), weights, np.zeros(shape[1], np.int64), y, rem, scales)
        sums = (y.astype(np.int64) << _HALVES) + rem - (1 << _HALVES - 1)
        return _joined(sums)

    def head(self, i: int, t: int, count: int) -> None:
        c, here = self.c, slice(i, i + count)
        y = self.trace["y"][2 * c.n_layer, t : t + count].astype(np.int64)
        z = self.model["gain"].astype(np.int64) * y + (1 << c.final_shift - 1)
        z += self.model["beta"] if c.centred else 0
        yf = self.guard.signed_array("yf", z >> c.final_shift, c.final_bits, 32 if c.final_bits > 16 else 16)
        self.trace["yf"][here], self.trace["yf_rem"][here] = yf, z & ((1 << c.final_shift) - 1)
        logits = np.empty((2 * count, c.vocab_size), np.int64)
        self.kernels.scores(_limbs(yf), self.model.head, logits)
        self.trace["logits"][here] = _joined(logits)


def _limbs(a: np.ndarray) -> np.ndarray:
    """Rows of integers of up to 31 bits as kernels take them, int16: all lower limbs, then all upper ones,
    so that the weights, which take longer to read than to multiply by, are read once."""
    return np.concatenate([a & (1 << _LIMB) - 1, a >> _LIMB]).astype(np.int16)


def _joined(sums: np.ndarray) -> np.ndarray:
    """What the rows of `_limbs` sum up to."""
    lower, upper = np.split(sums, 2)
    joined: np.ndarray = lower + (upper << _LIMB)
    return joined
