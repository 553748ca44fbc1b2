"""A GPT-2's float model in its program's terms: any tensor rounded as the program rounds it."""

from __future__ import annotations

import numpy as np

from zkllm.model.calibrate import float_type
from zkllm.model.checkpoint import Checkpoint
from zkllm.model.float_model import FloatModel, Layer
from zkllm.model.folding import LINEARS, FoldedLinear
from zkllm.model.noise import NOTHING, Block, Exponentials, Rounded, real, round_to
from zkllm.model.quantize import Scales
from zkllm.model.weights import QuantizedModel


class RoundedGpt2(FloatModel):
    """`tensors`: activations; rho, by which every row is normalised; the table of exponentials; matrices of
    each kind, embeddings, and the last gain."""

    tensors = ("y", "q", "k", "v", "o", "write", "f", "g", "yf", "rho", "exp",
               *(f"w_{kind}" for kind in LINEARS), "wte", "wpe", "gain")  # fmt: skip

    def __init__(self, checkpoint: Checkpoint, model: QuantizedModel, scales: Scales):
        super().__init__(checkpoint, float_type(checkpoint))
        self.model, self.scales, self.layers = model, scales, checkpoint.gpt2.n_layer
        spec = model.tables
        step = 2.0**spec.exp_step_log2 / np.sqrt(spec.score_divisor)
        self._exponentials = Exponentials(model.exp, spec.exp_top, step)
        self._rounded = NOTHING

    # ---- as `zkllm.model.noise` runs it

    def embedded(self, ids: np.ndarray, rounded: Rounded) -> np.ndarray:
        x, at = self.embed(ids), {"wte": ids, "wpe": np.arange(ids.shape[1])}
        for name in at.keys() & rounded:
            stored, scale = self.checkpoint.stored(f"{name}.weight"), getattr(self.scales, name)
            x = x + (real(getattr(self.model, name)[at[name]], scale, self.dtype) - stored[at[name]])
        return x.astype(self.dtype)

    def read(self, l: int) -> Block:
        exact = {kind: FoldedLinear.read(self.checkpoint, l, kind) for kind in LINEARS}
        integers = {kind: self._integers(exact[kind], kind, l) for kind in LINEARS}

        def block(x: np.ndarray, rounded: Rounded) -> np.ndarray:
            self._rounded = rounded
            layer: Layer = {k: integers[k] if f"w_{k}" in rounded else exact[k] for k in LINEARS}
            return self.block(layer, x, self._round, l)

        return block

    def logits_of(self, x: np.ndarray, rounded: Rounded) -> np.ndarray:
        self._rounded = rounded
        return self.head(x, self._round)

    # ---- what is rounded

    def stored(self, name: str) -> np.ndarray:
        short = {"ln_f.weight": "gain"}.get(name, name.removesuffix(".weight"))
        if short in self._rounded:
            return real(getattr(self.model, short), getattr(self.scales, short), self.dtype)
        return super().stored(name)

    def normalise(self, x: np.ndarray) -> np.ndarray:
        normal = super().normalise(x)
        if "rho" in self._rounded:
            deviation = np.sqrt(x.var(axis=-1, keepdims=True) + self.architecture.layer_norm_epsilon)
            rho = 2.0 ** (self.model.config.kappa - self.scales.residual) / (x.shape[-1] * deviation)
            normal = (normal * (np.floor(rho) / rho)).astype(self.dtype)
        return normal

    def activated(self, f: np.ndarray, l: int) -> np.ndarray:
        g = super().activated(f, l)
        self._round("g", l, g)
        return g

    def _round(self, name: str, l: int, array: np.ndarray) -> None:
        """In place."""
        if name == "delta" and "exp" in self._rounded:
            self._exponentials.round(array)
        elif name in self._rounded:
            scale = getattr(self.scales, {"o": "v", "write": "residual"}.get(name, name))
            by_class = self.model.config.mlp_class
            round_to(array, scale[by_class[l]] if isinstance(scale, tuple) else scale)

    def _integers(self, linear: FoldedLinear, kind: str, l: int) -> FoldedLinear:
        scale = np.array(getattr(self.scales, f"w_{kind}"))
        if kind != "qkv" and scale.ndim:
            scale = scale[self.model.config.mlp_class[l]]
        integers = getattr(self.model, f"w_{kind}")[l]
        weight = real(integers, scale[:, None] if scale.ndim else scale, self.dtype)
        parts = len(linear.divisors)
        return FoldedLinear(
            linear.name, weight.reshape(len(weight), -1), linear.folded_bias().reshape(-1), None, None,
            [1.0] * parts,
        )  # fmt: skip
