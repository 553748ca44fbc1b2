"""A Llama's float model in its program's terms: gains folded, channels equalised, and any tensor rounded as
the program rounds it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zkllm.model.calibrate import float_type
from zkllm.model.checkpoint import Checkpoint
from zkllm.model.llama.float_model import Layer, LlamaFloat, Watch, read_layer
from zkllm.model.llama.folding import STORED, Folded, head_gains, kinds
from zkllm.model.llama.scales import LlamaScales
from zkllm.model.llama.tensors import AFTER_ATTENTION, AFTER_MLP, HEAD_NORMS, norm_before
from zkllm.model.llama.weights import LlamaModel
from zkllm.model.noise import NOTHING, Block, Exponentials, Rounded, real, round_to

_ACTIVATIONS = ("y", "q", "k", "v", "o", "write", "f", "a", "yf")
_GATED = ("up", "g")
_TABLES = ("rho", "exp", "cos sin")
_SCALES = {"o": "v", "write": "residual", "x0": "residual"}
"""Activations with the scale of another tensor."""


class RoundedLlama(LlamaFloat):
    """`tensors`: activations (q and k: as they come, or are normed, and turned; raw_q, raw_k and out: what
    norms with gains read); rho, by which every row is normalised; the table of exponentials; cosines and
    sines; matrices of each kind, embedding and head; gains."""

    def __init__(self, checkpoint: Checkpoint, model: LlamaModel, scales: LlamaScales):
        super().__init__(checkpoint, float_type(checkpoint))
        self.model, self.scales, self.layers = model, scales, checkpoint.llama.n_layer
        head = () if self.a.tied_head else ("head",)
        own: tuple[str, ...] = ("x0",) if model.config.x0_shift else ()
        own += ("raw_q", "raw_k", "head_gain") if self.a.head_norm else ()
        own += ("out", "post_gain") if self.a.post_norm else ()
        own += ("cap",) if self.a.cap else ()
        self.kinds, activations = kinds(self.a), _ACTIVATIONS + (_GATED if self.a.gated else ())
        weights = (f"w_{kind}" for kind in self.kinds)
        self.tensors = (*activations, *own, *_TABLES, *weights, "wte", *head, "gain")
        self._scales = {name: getattr(scales, _SCALES.get(name, name)) for name in (*activations, "x0")}
        self._kappas = {"residual": model.config.kappa}
        if (heads := scales.head_norm) and model.config.head_norm:
            self._scales |= {"raw_q": heads.query, "raw_k": heads.key}
            self._kappas |= dict.fromkeys(("raw_q", "raw_k"), model.config.head_norm.kappa)
        if (after := scales.post_norm) and model.config.post_norm:
            self._scales["out"], self._kappas["out"] = after.out, model.config.post_norm.kappa
        spec = model.tables
        step = 2.0**spec.exp_step_log2 / np.sqrt(1 if spec.cap else spec.score_divisor)
        self._exponentials = Exponentials(model["exp"], spec.exp_top, step)
        self._rounded = NOTHING

    # ---- as `zkllm.model.noise` runs it

    def embedded(self, ids: np.ndarray, rounded: Rounded) -> np.ndarray:
        x = self.embed(ids)
        if "wte" in rounded:
            x = self._real(self.model["wte"][ids], self.scales.wte) * self.dtype(self.a.embedding_scale)
        if "x0" in rounded:
            round_to(x, self.scales.residual)
        return x

    def read(self, l: int) -> Block:
        exact, integers = self._layer(l), {f"w_{kind}": self._integers(l, kind) for kind in self.kinds}
        integers |= self._gains(l)

        def block(x: np.ndarray, rounded: Rounded) -> np.ndarray:
            layer = dict(exact)
            for name in integers.keys() & rounded:
                layer |= integers[name]
            self._rounded = rounded
            return self.block(layer, x, self._round, l)

        return block

    def logits_of(self, x: np.ndarray, rounded: Rounded) -> np.ndarray:
        self._rounded = rounded
        return self.head(x, self._round)

    # ---- what is rounded

    def normalise(self, x: np.ndarray, name: str = "residual", at: int = 0) -> np.ndarray:
        normal = super().normalise(x, name, at)
        if "rho" in self._rounded:
            mean = (x * x).mean(axis=-1, keepdims=True) + self.a.norm_eps
            rho = 2.0 ** (self._kappas[name] - self._scale(name, at)) / np.sqrt(mean)
            if self.a.centred and name == "residual":  # D is d times as large
                rho /= self.a.d_model
            normal = (normal * (np.floor(rho) / rho)).astype(self.dtype)
        return normal

    def angles(self, rows: int, l: int) -> tuple[np.ndarray, np.ndarray]:
        if "cos sin" not in self._rounded:
            return super().angles(rows, l)
        c = self.model.config
        cos, sin = (
            self.model[name][c.angles[l]] if c.angles else self.model[name] for name in ("cos", "sin")
        )
        return self._real(cos[:rows], c.rotary_shift), self._real(sin[:rows], c.rotary_shift)

    def attend(self, layer: Layer, y: np.ndarray, watch: Watch, l: int) -> np.ndarray:
        o = super().attend(layer, y, watch, l)
        self._round("o", l, o)
        return o

    def last_gain(self) -> np.ndarray:
        if "gain" in self._rounded:
            return self._real(self.model["gain"], self.scales.gain)
        return super().last_gain()

    def head_blocks(self) -> Iterator[np.ndarray]:
        if ("wte" if self.a.tied_head else "head") in self._rounded:
            yield self._real(self.model.head, self.scales.head)
        else:
            yield from super().head_blocks()

    def _round(self, name: str, l: int, array: np.ndarray) -> None:
        """In place."""
        if name in ("scores", "capped") and "cap" in self._rounded and self.model.tables.cap:
            cap, divisor = self.model.tables.cap, self.model.tables.score_divisor
            unit = 2.0**cap.out_log2 if name == "capped" else 2.0**cap.in_log2 * np.sqrt(divisor)
            array[...] = np.floor(array * unit + 0.5) / unit
        elif name == "delta" and "exp" in self._rounded:
            self._exponentials.round(array)
        elif name in self._rounded:
            round_to(array, self._scale(name, l))

    def _scale(self, name: str, at: int) -> int:
        scale = self.scales.residual if name == "residual" else self._scales[name]
        return scale[at] if isinstance(scale, tuple) else scale

    # ---- weights

    def _real(self, integers: np.ndarray, scale: int) -> np.ndarray:
        return real(integers, scale, self.dtype)

    def _layer(self, l: int) -> Layer:
        layer = read_layer(self.checkpoint, l, self.dtype)
        for norm in map(norm_before, [self.a] * len(self.kinds), self.kinds):
            if norm is not None:  # folded
                layer[norm] = np.ones_like(layer[norm])
                layer |= {f"{norm}.bias": np.zeros_like(layer[norm])} if self.a.centred else {}
        if self.a.head_norm:
            gains: np.ndarray = head_gains(self.checkpoint, l, self.scales.exponents).astype(self.dtype)
            layer |= dict(zip(HEAD_NORMS, gains, strict=True))
        for kind in self.kinds:
            folded = Folded.read(self.checkpoint, l, kind, self.scales.exponents)
            layer |= self._stored(kind, folded.folded())
            if folded.bias is not None:
                biases = self._stored(kind, folded.bias[None])
                layer |= {f"{name}.bias": bias[:, 0] for name, bias in biases.items()}
        return layer

    def _gains(self, l: int) -> dict[str, Layer]:
        """Of norms whose gains are not folded, as integers."""
        found: dict[str, Layer] = {}
        if heads := self.scales.head_norm:
            of_kind = zip(
                HEAD_NORMS, self.model["head_gain"][l], (heads.query_gain[l], heads.key_gain[l]), strict=True
            )
            found["head_gain"] = {name: self._real(gain, scale) for name, gain, scale in of_kind}
        if after := self.scales.post_norm:
            gains = zip((AFTER_ATTENTION, AFTER_MLP), self.model["post_gain"][2 * l : 2 * l + 2], strict=True)
            found["post_gain"] = {name: self._real(gain, after.gain) for name, gain in gains}
        return found

    def _integers(self, l: int, kind: str) -> Layer:
        scales = [getattr(self.scales, f"w_{kind}")[l]]
        if kind == "qkv":
            ((q, k, v),) = scales
            scales = [q] * self.a.group + [k, v]
        weight = self.model[f"w_{kind}"][l]
        weight = weight.reshape(len(weight), len(scales), -1)
        return self._stored(kind, real(weight, np.array(scales)[:, None], self.dtype))

    def _stored(self, kind: str, weight: np.ndarray) -> Layer:
        """(in, parts, out) by the names that the checkpoint has, as (out, in)."""
        names = STORED[kind]
        if kind != "qkv":
            (name,) = names
            return {name: np.ascontiguousarray(weight[:, 0].T, self.dtype)}
        inputs, g, shared, e = len(weight), self.a.group, self.a.n_kv_head, self.a.head_dim
        queries = weight[:, :g].reshape(inputs, g, shared, e).transpose(0, 2, 1, 3)
        by_name = zip(names, (queries, weight[:, g], weight[:, g + 1]), strict=True)
        return {name: np.ascontiguousarray(of.reshape(inputs, -1).T, self.dtype) for name, of in by_name}
