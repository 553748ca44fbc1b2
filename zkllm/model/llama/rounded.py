"""A Llama's float model in its program's terms: gains folded, channels equalised, and any tensor rounded as
the program rounds it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zkllm.model.calibrate import float_type
from zkllm.model.checkpoint import Checkpoint
from zkllm.model.llama.float_model import Layer, LlamaFloat, Watch, read_layer
from zkllm.model.llama.folding import KINDS, STORED, Folded
from zkllm.model.llama.scales import LlamaScales
from zkllm.model.llama.tensors import NORMS
from zkllm.model.llama.weights import LlamaModel
from zkllm.model.noise import NOTHING, Block, Exponentials, Rounded, real, round_to

_ACTIVATIONS = ("y", "q", "k", "v", "o", "write", "f", "a", "up", "g", "yf")
_TABLES = ("rho", "exp", "cos sin")


class RoundedLlama(LlamaFloat):
    """`tensors`: activations (q and k: as they come and turned); rho, by which every row is normalised; the
    table of exponentials; cosines and sines; matrices of each kind, embedding and head; the last gain."""

    def __init__(self, checkpoint: Checkpoint, model: LlamaModel, scales: LlamaScales):
        super().__init__(checkpoint, float_type(checkpoint))
        self.model, self.scales, self.layers = model, scales, checkpoint.llama.n_layer
        head = () if self.a.tied_head else ("head",)
        self.tensors = (*_ACTIVATIONS, *_TABLES, *(f"w_{kind}" for kind in KINDS), "wte", *head, "gain")
        spec = model.tables
        step = 2.0**spec.exp_step_log2 / np.sqrt(spec.score_divisor)
        self._exponentials = Exponentials(model["exp"], spec.exp_top, step)
        self._rounded = NOTHING

    # ---- as `zkllm.model.noise` runs it

    def embedded(self, ids: np.ndarray, rounded: Rounded) -> np.ndarray:
        return self._real(self.model["wte"][ids], self.scales.wte) if "wte" in rounded else self.embed(ids)

    def read(self, l: int) -> Block:
        exact, integers = self._layer(l), {f"w_{kind}": self._integers(l, kind) for kind in KINDS}

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

    def normalise(self, x: np.ndarray) -> np.ndarray:
        normal = super().normalise(x)
        if "rho" in self._rounded:
            mean = (x * x).mean(axis=-1, keepdims=True) + self.a.rms_norm_eps
            rho = 2.0 ** (self.model.config.kappa - self.scales.residual) / np.sqrt(mean)
            normal = (normal * (np.floor(rho) / rho)).astype(self.dtype)
        return normal

    def angles(self, rows: int) -> tuple[np.ndarray, np.ndarray]:
        if "cos sin" not in self._rounded:
            return super().angles(rows)
        shift = self.model.config.rotary_shift
        return self._real(self.model["cos"][:rows], shift), self._real(self.model["sin"][:rows], shift)

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
        if name == "delta" and "exp" in self._rounded:
            self._exponentials.round(array)
        elif name in self._rounded:
            scale = getattr(self.scales, {"o": "v", "write": "residual"}.get(name, name))
            round_to(array, scale[l] if isinstance(scale, tuple) else scale)

    # ---- weights

    def _real(self, integers: np.ndarray, scale: int) -> np.ndarray:
        return real(integers, scale, self.dtype)

    def _layer(self, l: int) -> Layer:
        layer = read_layer(self.checkpoint, l, self.dtype)
        for norm in NORMS.values():  # folded
            layer[norm] = np.ones_like(layer[norm])
        for kind in KINDS:
            folded = Folded.read(self.checkpoint, l, kind, self.scales.exponents)
            layer |= self._stored(kind, folded.folded())
            if folded.bias is not None:
                biases = self._stored(kind, folded.bias[None])
                layer |= {f"{name}.bias": bias[:, 0] for name, bias in biases.items()}
        return layer

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
